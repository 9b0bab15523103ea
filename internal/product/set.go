// SPDX-License-Identifier: Apache-2.0

package product

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/secret"
)

// Objects adds a set of Kubernetes objects as one node, applied server-side once the cluster and its pools are ready;
// objects that name no namespace go to the given one. Its output has the addresses of its load balancers.
func (j joint) Objects(id graph.ID, namespace string, objects []*unstructured.Unstructured, opts ...graph.Option) (graph.Value[kube.Output], error) {
	return j.Set(id, SetSpec{Namespace: namespace, Objects: objects}, opts...)
}

// SetSpec is a set of objects of the cluster.
type SetSpec struct {
	// Namespace is where objects go that name none.
	Namespace string
	Objects   []*unstructured.Unstructured
	// Derived are Secrets whose data come to be in the cluster, Sources the nodes that write what they are made of, where that can
	// be written anew.
	Derived []kube.Derived
	Sources []graph.ID
	// Turns are objects of it by which somebody signs in and that take turns.
	Turns []kube.Turn
	// Anchor is the trust anchor that it makes, or that signs something in it.
	Anchor *kube.Anchor
	// Foreign are fields that somebody else owns, beside those of DOKS's controllers.
	Foreign []kube.Foreign
	// Follows are Secrets that its pods read and start anew for when these hold something else.
	Follows []Follow
	// Guards refuse changes that what stands cannot follow.
	Guards []kube.Guard
	// Protected refuses to delete the set, whatever is asked. Something in it has to change with this, or a set that stands
	// does not learn of it.
	Protected bool

	standIn bool          // made from a footprint
	endings []kube.Ending // hooks that run when the set goes
	needs   []string      // sets that those stand on
}

// Follow is a Secret that pods start anew for.
type Follow struct {
	kube.Follow
	// By is the node that writes it.
	By graph.ID
}

// Set is Objects with all that a set can have. Policies that concern the entry's pods and namespaces are applied to them.
func (j joint) Set(id graph.ID, s SetSpec, opts ...graph.Option) (graph.Value[kube.Output], error) {
	f, err := j.foundation()
	if err != nil {
		return graph.Value[kube.Output]{}, err
	}
	set := kube.Set{Name: setName(id), Namespace: s.Namespace, Objects: s.Objects, Derived: s.Derived, Turns: s.Turns, Anchor: s.Anchor, Guards: s.Guards,
		Foreign: append(foreign(s.Objects), s.Foreign...), Known: map[string]string{"node": string(id)},
		Endings: s.endings, Needs: s.needs}
	if s.Protected {
		set.Known[kube.ProtectedKey] = "true"
	}
	after := append(j.govern(&set), j.ready(f)...)
	var made []graph.Value[kube.Output]
	for _, follow := range slices.Concat(s.Follows, j.follows(s.Objects)) {
		by, ok := j.c.outputs[follow.By]
		if !ok {
			return graph.Value[kube.Output]{}, fmt.Errorf("%s follows the Secret %s/%s of %s, which is not added yet", id, follow.Namespace, follow.Name, follow.By)
		}
		set.Follows, made = append(set.Follows, follow.Follow), append(made, by)
	}
	resource := j.Kube().Objects(f.Access, set)
	resource.Made = made
	for _, id := range s.Sources {
		by, ok := j.c.outputs[id]
		if !ok {
			return graph.Value[kube.Output]{}, fmt.Errorf("%s has Secrets made of those of %s, which is not added yet", set.Name, id)
		}
		resource.Sources = append(resource.Sources, by)
	}
	out := graph.Add(j.c.Graph, id, resource, append([]graph.Option{graph.After(after...)}, opts...)...)
	j.c.outputs[id] = out
	resource.StandsOn(j.standsOn(id)...)
	j.c.Sets = append(j.c.Sets, set)
	j.renders(Rendered{Namespace: s.Namespace, Objects: s.Objects, StandIn: s.standIn})
	return out, nil
}

// Filled adds a Secret whose data other nodes make, as one node. The object it is given is the Secret without data.
func (j joint) Filled(id graph.ID, o *unstructured.Unstructured, data graph.Value[map[string]secret.Text], opts ...graph.Option) error {
	return j.FilledAgain(id, o, data, graph.Value[kube.Again]{}, opts...)
}

// FilledAgain is Filled where there is a way to what nobody shows any more.
func (j joint) FilledAgain(id graph.ID, o *unstructured.Unstructured, data graph.Value[map[string]secret.Text], again graph.Value[kube.Again], opts ...graph.Option) error {
	f, err := j.foundation()
	if err != nil {
		return err
	}
	set := kube.Set{Name: setName(id), Objects: []*unstructured.Unstructured{o}, Known: map[string]string{"node": string(id)}}
	resource := j.Kube().Filled(f.Access, set, data)
	resource.Again = again
	j.c.outputs[id] = graph.Add(j.c.Graph, id, resource, append([]graph.Option{graph.After(j.ready(f)...)}, opts...)...)
	j.c.Sets = append(j.c.Sets, set)
	return nil
}

// Patched adds an object of which other nodes make a part of the spec, as one node. In a namespaced kind it goes to the given
// namespace unless it names one.
func (j joint) Patched(id graph.ID, namespace string, o *unstructured.Unstructured, spec graph.Value[map[string]any], opts ...graph.Option) error {
	f, err := j.foundation()
	if err != nil {
		return err
	}
	set := kube.Set{Name: setName(id), Namespace: namespace, Objects: []*unstructured.Unstructured{o}, Known: map[string]string{"node": string(id)}}
	graph.Add(j.c.Graph, id, j.Kube().Patched(f.Access, set, spec), append([]graph.Option{graph.After(j.ready(f)...)}, opts...)...)
	j.c.Sets = append(j.c.Sets, set)
	j.renders(Rendered{Namespace: namespace, Objects: set.Objects})
	return nil
}

// standsOn names the sets that a node needs.
func (j joint) standsOn(id graph.ID) []string {
	needs := j.c.Graph.Needs(id)
	var names []string
	for _, s := range j.c.Sets {
		if slices.Contains(needs, graph.ID(s.Known["node"])) {
			names = append(names, s.Name)
		}
	}
	return names
}

// renders keeps objects for counting their pods, and for judging them.
func (j joint) renders(r Rendered) {
	r.For = string(j.at)
	for _, p := range j.policies() {
		r.CPU, r.Memory = r.CPU+p.Sidecar.CPU, r.Memory+p.Sidecar.Memory
	}
	j.c.Rendered = append(j.c.Rendered, r)
}

// setName is the name of a node's set: one DNS label, whatever the id.
func setName(id graph.ID) string {
	name := strings.NewReplacer("/", "-", ".", "-").Replace(strings.ToLower(string(id)))
	if len(name) <= 50 {
		return name
	}
	return fmt.Sprintf("%s-%x", strings.TrimRight(name[:41], "-"), sha256.Sum256([]byte(id)))[:50]
}

// foreign are the fields of objects that DOKS's controllers own: they write the load balancer's id back.
func foreign(objects []*unstructured.Unstructured) []kube.Foreign {
	var out []kube.Foreign
	for _, o := range objects {
		if o.GetKind() == "Service" {
			out = append(out, kube.Foreign{Kind: "Service", Name: o.GetName(), Fields: []string{"/metadata/annotations/kubernetes.digitalocean.com~1load-balancer-id"}})
		}
	}
	return out
}

// namespace is the namespace of an entry, labelled with its category so that network policies can name it.
func namespace(name, category string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": name, "labels": map[string]any{"k8or.io/category": category}},
	}}
}

// category is the entry's, as namespaces are labelled with: gateways, logging.
func (j joint) category() string {
	category, _, _ := strings.Cut(string(j.at), "/")
	return category
}

// dashed turns a path of the document into a name for Kubernetes.
func dashed(path string) string { return strings.ReplaceAll(path, "/", "-") }
