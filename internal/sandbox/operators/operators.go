// SPDX-License-Identifier: Apache-2.0

// Package operators plays the operators of the catalog's products in simulated clusters: it gives custom resources the
// workloads, Services, Secrets and status that the real operators give them, under the same names, after the time that they
// take in life. One file plays one operator, as functions from what is there to what should be there; a [Player] makes it so,
// in the real control plane and in memory alike.
//
// An operator acts only while its own controller is there and ready: it is known by its image, so that a platform that
// forgets an operator does not come up by magic. What DOKS itself runs is always there.
//
// What is simulated: no operator talks to what it runs (no cluster is formed, no topic made in a broker, no certificate
// asked of an authority on the Internet), and configuration files are written as far as clients of ours read them. Certificates,
// keys and passwords are real. Sidecars of Istio and Linkerd are injected in memory alone: they come from webhooks, and the real control
// plane calls none, so that there a pod in a mesh runs without its proxy. What a sidecar requests is not played.
//
// Three operators reach beyond the cluster: the snapshotter takes snapshots at the simulated cloud, see [Volumes], external-dns writes
// records there, see [Zones], and Velero keeps backups in the simulated Spaces. Schedules of snapshots are played for their containers, which do not run.
package operators

import (
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Object is an object of the cluster, or one that should be there.
type Object = *unstructured.Unstructured

type object = unstructured.Unstructured

// World is a cluster to be read. What it returns is shared and must not be changed.
type World interface {
	// Get returns an object, nil when it is not there. Without a namespace it is cluster-scoped.
	Get(resource schema.GroupResource, namespace, name string) Object
	// List returns all objects of a resource, in all namespaces, none when nothing serves it.
	List(resource schema.GroupResource) []Object
}

// Cluster is a cluster to be changed. Errors are those of the Kubernetes API.
type Cluster interface {
	World
	// Create, Update and UpdateStatus take the object over. manager is whose fields they are.
	Create(manager string, o Object) error
	Update(manager string, o Object) error
	UpdateStatus(manager string, o Object) error
	// Delete removes an object, and in the background what it owns.
	Delete(resource schema.GroupResource, namespace, name string) error
}

// Operator is one controller and what it looks after.
type Operator struct {
	Name  string
	Image string // the last elements of its image's repository, by which its workload is known; empty with Beside
	// Beside is whether it is always looked at: DOKS runs it, or it runs beside each thing that it looks after and finds out itself.
	Beside bool
	Kinds  []Kind
	Reads  []schema.GroupVersionResource // what else it looks at, besides its kinds and the usual ones (see Watches)
	// When is a custom resource without which there is no such operator, for those that look after Kubernetes' own kinds alone.
	When schema.GroupResource
	// Inject changes a pod that is about to be made, as the operator's webhook does; nil where it has none.
	Inject func(w World, controller, pod Object)
	// Within says in which namespaces a controller looks, by its workload; all true when nil.
	Within func(controller Object, namespace string) bool
}

// Kind is one kind of object that an operator looks after.
type Kind struct {
	Resource schema.GroupResource
	Version  string // of Kubernetes' own kinds; empty: a custom resource, in the version its definition stores
	Only     func(Object) bool
	Play     func(*Scene) Outcome // nil: it is only looked at
	// Bury is asked in Play's place once the object is being deleted. Nil: nothing is to be done but what owner references do.
	Bury func(*Scene) Outcome
}

// Scene is one object and what is around it.
type Scene struct {
	World
	Object     Object
	Controller Object            // the operator's workload; nil where DOKS runs it
	Now        time.Time         // in model time, by which delays are counted
	Wall       time.Time         // in the machine's time, which objects show
	Since      time.Time         // in model time: since when the operator has known this generation of the object
	volumes    Volumes           // the cloud's; nil without a cloud
	zones      Zones             // the cloud's; nil without a cloud
	spaces     http.RoundTripper // the way to the cloud's Spaces; nil without them
	sight      *sight
	again      time.Time
	refused    []error
}

// failed keeps what kept the operator from acting, such as that no key could be made. It is told like a refusal of the cluster's,
// and the object is looked at again.
func (s *Scene) failed(err error) Outcome {
	s.refused = append(s.refused, err)
	return Outcome{}
}

// Ripe is whether a span of model time has passed since the operator saw the object as it is now. If not, it is looked at
// again when it has.
func (s *Scene) Ripe(delay time.Duration) bool {
	due := s.Since.Add(delay)
	if !s.Now.Before(due) {
		return true
	}
	s.Again(due)
	return false
}

// Again asks to be looked at again at a time of the model's. What changes in the cluster is looked at without asking.
func (s *Scene) Again(at time.Time) {
	if s.again.IsZero() || at.Before(s.again) {
		s.again = at
	}
}

// Every is whether a span of model time has passed since it was last true for this generation of the object; the first time at once.
// The object is looked at again when it has.
func (s *Scene) Every(span time.Duration) bool {
	if s.sight.turn.IsZero() {
		s.sight.turn = s.Now.Add(-span)
	}
	return s.Turn(func(last time.Time) time.Time { return last.Add(span) })
}

// Turn is whether a time of the model's has come: the next after it was last true for this generation of the object, or after that
// was first looked at. The object is looked at again when it comes.
func (s *Scene) Turn(next func(last time.Time) time.Time) bool {
	if s.sight.turn.IsZero() {
		s.sight.turn = s.Now
	}
	due := !s.Now.Before(next(s.sight.turn))
	if due {
		s.sight.turn = s.Now
	}
	s.Again(next(s.sight.turn))
	return due
}

// Outcome is what an operator wants of the world after one look.
type Outcome struct {
	Children []Object       // made, or brought in line where they differ in what is said here
	Gone     []Reference    // deleted if there
	Status   map[string]any // nil: left as it is
	Self     Object         // the object itself as it should be, but for its status; nil: as it is
}

// Reference names an object.
type Reference struct {
	Resource        schema.GroupResource
	Namespace, Name string
}

// All are the operators that are played.
func All() []*Operator {
	return []*Operator{certManager(), certManagerWebhook(), caInjector(), prometheusOperator(), strimzi(), strimziEntities(), eck(), cilium(), nginxIngress(), kongIngress(), istiod(), linkerd(), routingAgent(), snapshotter(), snapshotSchedules(), externalDNS(), velero()}
}

// usual are the resources of Kubernetes' own that operators make, or look for their controllers in.
var usual = []schema.GroupVersionResource{
	secrets.WithVersion("v1"), services.WithVersion("v1"), configMaps.WithVersion("v1"), pods.WithVersion("v1"), claims.WithVersion("v1"),
	namespaces.WithVersion("v1"), deployments.WithVersion("v1"), statefulSets.WithVersion("v1"), daemonSets.WithVersion("v1"), budgets.WithVersion("v1"),
}

// Watches says what has to be watched in a cluster that serves these custom resources, each in the version it is kept in.
func Watches(served map[schema.GroupResource]schema.GroupVersionResource) []schema.GroupVersionResource {
	var out []schema.GroupVersionResource
	for _, op := range All() {
		var own []schema.GroupVersionResource
		_, custom := served[op.When]
		for _, k := range op.Kinds {
			if k.Version != "" {
				own = append(own, k.Resource.WithVersion(k.Version))
			} else if gvr, ok := served[k.Resource]; ok {
				own, custom = append(own, gvr), true
			}
		}
		if custom {
			out = append(append(out, own...), op.Reads...)
		}
	}
	if len(out) > 0 {
		out = append(out, usual...)
	}
	return out
}
