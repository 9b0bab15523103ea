// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"fmt"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/operators"
)

// operated plays, for one cluster, the operators of custom resources. It watches the definitions, and what an operator looks
// at once one of the operator's kinds is served, so that a cluster without operators costs one watch.
type operated struct {
	runtime *Runtime
	spec    digitalocean.ClusterSpec
	client  dynamic.Interface
	player  *operators.Player
	nudged  chan struct{} // holds one
	watched map[schema.GroupResource]*watched
	said    string
}

// watched is one resource that is being watched.
type watched struct {
	resource schema.GroupVersionResource
	informer cache.SharedIndexInformer
	stop     context.CancelFunc
}

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

func newOperated(r *Runtime, spec digitalocean.ClusterSpec, client dynamic.Interface) *operated {
	cloud := r.options.Cloud(spec.Team)
	return &operated{
		runtime: r, spec: spec, client: client, player: operators.NewPlayer(snapshots{api{&http.Client{Transport: cloud}}, spec.ID}, Zones(cloud), r.options.Spaces),
		nudged: make(chan struct{}, 1), watched: map[schema.GroupResource]*watched{},
	}
}

func (o *operated) nudge() {
	select {
	case o.nudged <- struct{}{}:
	default:
	}
}

// work passes whenever something changes, and when a pass asked for it.
func (o *operated) work(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	o.watch(ctx, definitions)
	passes(ctx, o.nudged, o.pass)
}

// pass watches what there is to watch, lets the operators look once, and says how long they want to wait, 0 for ever.
func (o *operated) pass(ctx context.Context) time.Duration {
	if !o.follow(ctx) {
		return 50 * time.Millisecond
	}
	clock := o.runtime.options.Clock
	now := clock.Now()
	again, err := o.player.Pass(world{o, ctx}, now, clock.Wall())
	if err != nil && ctx.Err() == nil && err.Error() != o.said {
		o.said = err.Error()
		o.runtime.options.Log("cluster %s refused the operators that are played in it: %v", o.spec.Name, err)
	}
	if again.IsZero() {
		return 0
	}
	return max(clock.Real(again.Sub(now)), time.Millisecond)
}

// follow starts and stops watches as definitions come and go. It is true once all that is watched has been listed.
func (o *operated) follow(ctx context.Context) bool {
	all := o.watched[definitions.GroupResource()]
	if !all.informer.HasSynced() {
		return false
	}
	served := map[schema.GroupResource]schema.GroupVersionResource{}
	for _, item := range all.informer.GetStore().List() {
		if gvr, ok := stored(item.(*unstructured.Unstructured)); ok {
			served[gvr.GroupResource()] = gvr
		}
	}
	wanted := map[schema.GroupResource]schema.GroupVersionResource{definitions.GroupResource(): definitions}
	for _, gvr := range operators.Watches(served) {
		wanted[gvr.GroupResource()] = gvr
	}
	for resource, w := range o.watched {
		if wanted[resource] != w.resource {
			w.stop()
			delete(o.watched, resource)
		}
	}
	listed := true
	for resource, gvr := range wanted {
		if o.watched[resource] == nil {
			o.watch(ctx, gvr)
		}
		listed = listed && o.watched[resource].informer.HasSynced()
	}
	return listed
}

// stored is the version in which a definition's objects are kept, once they are served.
func stored(definition *unstructured.Unstructured) (schema.GroupVersionResource, bool) {
	group, _, _ := unstructured.NestedString(definition.Object, "spec", "group")
	plural, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "plural")
	versions, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	conditions, _, _ := unstructured.NestedSlice(definition.Object, "status", "conditions")
	established := false
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == "Established" && c["status"] == "True" {
			established = true
		}
	}
	for _, v := range versions {
		if v, ok := v.(map[string]any); ok && v["storage"] == true && v["served"] == true {
			name, _ := v["name"].(string)
			return schema.GroupVersionResource{Group: group, Version: name, Resource: plural}, established && definition.GetDeletionTimestamp() == nil
		}
	}
	return schema.GroupVersionResource{}, false
}

func (o *operated) watch(ctx context.Context, gvr schema.GroupVersionResource) {
	ctx, stop := context.WithCancel(ctx)
	informer := dynamicinformer.NewFilteredDynamicInformer(o.client, gvr, metav1.NamespaceAll, 0, cache.Indexers{}, nil).Informer()
	informer.SetTransform(withoutManagers)                    //nolint:errcheck // it has not started
	informer.AddEventHandler(cache.ResourceEventHandlerFuncs{ //nolint:errcheck // it has not stopped
		AddFunc: func(any) { o.nudge() }, UpdateFunc: func(any, any) { o.nudge() }, DeleteFunc: func(any) { o.nudge() },
	})
	o.watched[gvr.GroupResource()] = &watched{gvr, informer, stop}
	go informer.RunWithContext(ctx)
}

// withoutManagers leaves out who owns which field: nobody reads it, and it is large. An update without it leaves it as it is.
func withoutManagers(item any) (any, error) {
	if o, ok := item.(*unstructured.Unstructured); ok {
		o.SetManagedFields(nil)
	}
	return item, nil
}

// world is the cluster for one pass.
type world struct {
	*operated
	ctx context.Context
}

var _ operators.Cluster = world{}

// Get reads what was last seen of an object.
func (w world) Get(resource schema.GroupResource, namespace, name string) *unstructured.Unstructured {
	seen := w.watched[resource]
	if seen == nil {
		return nil
	}
	key := name
	if namespace != "" {
		key = namespace + "/" + name
	}
	if item, ok, err := seen.informer.GetStore().GetByKey(key); err == nil && ok {
		return item.(*unstructured.Unstructured)
	}
	return nil
}

// List reads what was last seen of a resource.
func (w world) List(resource schema.GroupResource) []*unstructured.Unstructured {
	seen := w.watched[resource]
	if seen == nil {
		return nil
	}
	items := seen.informer.GetStore().List()
	out := make([]*unstructured.Unstructured, len(items))
	for i, item := range items {
		out[i] = item.(*unstructured.Unstructured)
	}
	return out
}

// at is where an object is written.
func (w world) at(gvr schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return w.client.Resource(gvr)
	}
	return w.client.Resource(gvr).Namespace(namespace)
}

// of is the resource of an object that operators make or look after.
func (w world) of(o *unstructured.Unstructured) (schema.GroupVersionResource, error) {
	gvk := o.GroupVersionKind()
	if gvr := operators.ResourceOf(o); gvr.Resource != "" {
		return gvr, nil
	}
	for _, seen := range w.watched {
		if seen.resource.GroupVersion() != gvk.GroupVersion() {
			continue
		}
		if item, ok, err := seen.informer.GetStore().GetByKey(keyOf(o)); err == nil && ok && item.(*unstructured.Unstructured).GetKind() == gvk.Kind {
			return seen.resource, nil
		}
	}
	return schema.GroupVersionResource{}, fmt.Errorf("nothing serves %s", gvk)
}

func keyOf(o *unstructured.Unstructured) string {
	if o.GetNamespace() == "" {
		return o.GetName()
	}
	return o.GetNamespace() + "/" + o.GetName()
}

// Create makes an object.
func (w world) Create(manager string, o *unstructured.Unstructured) error {
	gvr, err := w.of(o)
	if err != nil {
		return err
	}
	_, err = w.at(gvr, o.GetNamespace()).Create(w.ctx, o, metav1.CreateOptions{FieldManager: manager})
	return err
}

// Update replaces an object, but for its status.
func (w world) Update(manager string, o *unstructured.Unstructured) error {
	gvr, err := w.of(o)
	if err != nil {
		return err
	}
	_, err = w.at(gvr, o.GetNamespace()).Update(w.ctx, o, metav1.UpdateOptions{FieldManager: manager})
	return err
}

// UpdateStatus replaces an object's status. Where a definition keeps no status apart, as Velero's do, the status is a field like
// any other.
func (w world) UpdateStatus(manager string, o *unstructured.Unstructured) error {
	gvr, err := w.of(o)
	if err != nil {
		return err
	}
	if !w.statusApart(gvr) {
		return w.Update(manager, o)
	}
	_, err = w.at(gvr, o.GetNamespace()).UpdateStatus(w.ctx, o, metav1.UpdateOptions{FieldManager: manager})
	return err
}

// statusApart is whether a resource has its status as a subresource; those of Kubernetes' own have.
func (w world) statusApart(gvr schema.GroupVersionResource) bool {
	item, there, err := w.watched[definitions.GroupResource()].informer.GetStore().GetByKey(gvr.Resource + "." + gvr.Group)
	if err != nil || !there {
		return true
	}
	versions, _, _ := unstructured.NestedSlice(item.(*unstructured.Unstructured).Object, "spec", "versions")
	for _, v := range versions {
		if v, ok := v.(map[string]any); ok && v["name"] == gvr.Version {
			_, apart, _ := unstructured.NestedMap(v, "subresources", "status")
			return apart
		}
	}
	return true
}

// Delete removes an object and, in the background, what it owns.
func (w world) Delete(resource schema.GroupResource, namespace, name string) error {
	seen := w.watched[resource]
	if seen == nil {
		return nil
	}
	background := metav1.DeletePropagationBackground
	return w.at(seen.resource, namespace).Delete(w.ctx, name, metav1.DeleteOptions{PropagationPolicy: &background})
}
