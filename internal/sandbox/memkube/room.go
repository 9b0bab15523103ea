// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Room is the cluster from within, for Options.Hands while they are called and no longer. What it returns is shared and must
// not be changed; what it is given it takes over. Errors are those of the Kubernetes API. Whose fields they are is not kept:
// like all that the server itself writes they belong to nobody.
type Room struct{ server *Server }

// playHands calls the hands if something has changed since they last looked, or if they asked for it.
func (s *Server) playHands(now time.Time) {
	if s.options.Hands == nil {
		return
	}
	if s.handled != s.store.version || !s.hands.IsZero() && !now.Before(s.hands) {
		s.handled = s.store.version
		s.hands = s.options.Hands(&Room{s}, now)
	}
	if !s.hands.IsZero() {
		s.at(s.hands)
	}
}

// Get returns an object, nil when it is not there.
func (r *Room) Get(resource schema.GroupResource, namespace, objectName string) *unstructured.Unstructured {
	if o := r.server.store.get(resource, name{namespace, objectName}); o != nil {
		return meta(o.object)
	}
	return nil
}

// List returns all objects of a resource by namespace and name.
func (r *Room) List(resource schema.GroupResource) []*unstructured.Unstructured {
	list := r.server.store.list(resource)
	out := make([]*unstructured.Unstructured, len(list))
	for i, o := range list {
		out[i] = meta(o.object)
	}
	return out
}

// kindOf is the served kind of an object.
func (r *Room) kindOf(o *unstructured.Unstructured) (*kind, error) {
	gvk := o.GroupVersionKind()
	for _, k := range r.server.kinds {
		if k.group == gvk.Group && k.kind == gvk.Kind && k.serves(gvk.Version) {
			return k, nil
		}
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Group: gvk.Group, Resource: gvk.Kind}, o.GetName())
}

// Create stores a new object.
func (r *Room) Create(_ string, o *unstructured.Unstructured) error {
	k, err := r.kindOf(o)
	if err != nil {
		return err
	}
	if r.server.store.get(k.resource(), name{o.GetNamespace(), o.GetName()}) != nil {
		return apierrors.NewAlreadyExists(k.resource(), o.GetName())
	}
	content, err := r.server.admit(k, nil, o.Object)
	if err != nil {
		return err
	}
	r.server.keep(k, nil, content)
	return nil
}

// Update replaces an object, but for its status.
func (r *Room) Update(_ string, o *unstructured.Unstructured) error {
	return r.replace(o, func(live *record, k *kind) map[string]any {
		if k.status {
			if live.object["status"] == nil {
				delete(o.Object, "status")
			} else {
				o.Object["status"] = live.object["status"]
			}
		}
		return o.Object
	})
}

// UpdateStatus replaces an object's status and nothing else.
func (r *Room) UpdateStatus(_ string, o *unstructured.Unstructured) error {
	return r.replace(o, func(live *record, _ *kind) map[string]any {
		whole := clone(live.object)
		whole["status"] = o.Object["status"]
		return whole
	})
}

func (r *Room) replace(o *unstructured.Unstructured, next func(*record, *kind) map[string]any) error {
	k, err := r.kindOf(o)
	if err != nil {
		return err
	}
	live := r.server.store.get(k.resource(), name{o.GetNamespace(), o.GetName()})
	if live == nil {
		return apierrors.NewNotFound(k.resource(), o.GetName())
	}
	content, err := r.server.admit(k, live, next(live, k))
	if err != nil {
		return err
	}
	if !unchanged(live.object, content) {
		r.server.keep(k, live, content)
	}
	return nil
}

// Delete removes an object, or marks it where finalizers hold it.
func (r *Room) Delete(resource schema.GroupResource, namespace, objectName string) error {
	live := r.server.store.get(resource, name{namespace, objectName})
	if live == nil {
		return apierrors.NewNotFound(resource, objectName)
	}
	r.server.remove(r.server.kinds[resource], live, nil)
	return nil
}
