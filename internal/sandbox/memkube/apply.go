// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"fmt"
	"net/http"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
)

// builtinTypes knows the schema of Kubernetes' own kinds; it takes a moment to read.
var builtinTypes = sync.OnceValue(func() managedfields.TypeConverter { return applyconfigurations.NewTypeConverter(scheme.Scheme) })

// apply merges what a manager wants into an object, and makes the object where there is none.
func (s *Server) apply(w http.ResponseWriter, q *request, live *record) error {
	o, err := body(q.Request)
	if err != nil {
		return err
	}
	if q.query.Get("fieldManager") == "" {
		return apierrors.NewBadRequest("PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch")
	}
	if err := q.adopt(o); err != nil {
		return err
	}
	m := meta(o)
	switch {
	case m.GetName() != "" && m.GetName() != q.name.name:
		return apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s) does not match the name on the URL (%s)", m.GetName(), q.name.name))
	case m.GetUID() != "" && (live == nil || live.uid() != m.GetUID()):
		return apierrors.NewConflict(q.kind.resource(), q.name.name, fmt.Errorf("uid mismatch: the provided object specified uid %s", m.GetUID()))
	case live == nil && m.GetResourceVersion() != "":
		return q.notFound()
	case live == nil && q.subresource != "":
		return q.notFound()
	case live != nil && m.GetResourceVersion() != "" && m.GetResourceVersion() != meta(live.object).GetResourceVersion():
		return apierrors.NewConflict(q.kind.resource(), q.name.name, fmt.Errorf(
			"the object has been modified; please apply your changes to the latest version and try again"))
	}
	m.SetName(q.name.name)
	m.SetResourceVersion("")
	if q.subresource == "status" {
		only := object(m.GetAPIVersion(), m.GetKind(), m.GetNamespace(), m.GetName(), nil)
		if status, ok := o["status"]; ok {
			only["status"] = status
		}
		o = only
	} else if q.kind.status {
		delete(o, "status")
	}
	owners, err := q.owners()
	if err != nil {
		return err
	}
	merged, err := owners.Apply(q.before(live), meta(o), q.manager(), isTrue(q.query.Get("force")))
	if err != nil {
		if apierrors.ReasonForError(err) == metav1.StatusReasonUnknown {
			return q.invalid("", q.name.name, err.Error())
		}
		return err
	}
	return s.commit(w, q, live, merged.(*unstructured.Unstructured).Object)
}

// owned notes in an object that was created or replaced who owns which field.
func (s *Server) owned(q *request, live *record, o map[string]any) (map[string]any, error) {
	if live == nil && q.kind.status && q.kind.resource() != nodes { // a kubelet registers its node with its status
		delete(o, "status")
	}
	o, err := s.complete(q.kind, live, o)
	if err != nil {
		return nil, err
	}
	owners, err := q.owners()
	if err != nil {
		return nil, err
	}
	return owners.UpdateNoErrors(q.before(live), meta(o), q.manager()).(*unstructured.Unstructured).Object, nil
}

// before is the object as it was, in the version asked for, or the empty one that creation starts from.
func (q *request) before(live *record) *unstructured.Unstructured {
	if live != nil {
		return meta(clone(q.in(live.object)))
	}
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetGroupVersionKind(q.kind.at(q.version))
	return u
}

// owners is the Kubernetes library's record of field ownership for the request's kind.
func (q *request) owners() (*managedfields.FieldManager, error) {
	gvk := q.kind.at(q.version)
	converter := managedfields.NewDeducedTypeConverter()
	if typed(gvk) {
		converter = builtinTypes()
	}
	subresource := q.subresource
	return managedfields.NewDefaultCRDFieldManager(converter, versions{}, versions{}, versions{}, gvk, gvk.GroupVersion(), subresource, nil)
}

// typed reports whether a kind is one of Kubernetes' own with a Go type. The global scheme may know more, because other
// libraries in the process add these groups to it; here they are kept without types, whoever is linked.
func typed(gvk schema.GroupVersionKind) bool {
	return gvk.Group != "apiextensions.k8s.io" && gvk.Group != "apiregistration.k8s.io" && scheme.Scheme.Recognizes(gvk)
}

// versions treats all versions of a kind as the same fields under another name.
type versions struct{}

func (versions) Convert(in, out, context any) error {
	return fmt.Errorf("convert %T to %T: objects are kept without types", in, out)
}

func (versions) ConvertToVersion(in runtime.Object, target runtime.GroupVersioner) (runtime.Object, error) {
	gvk := in.GetObjectKind().GroupVersionKind()
	to, ok := target.KindForGroupVersionKinds([]schema.GroupVersionKind{gvk})
	if !ok {
		if gv, is := target.(schema.GroupVersion); is {
			to = gv.WithKind(gvk.Kind)
		}
	}
	if to == gvk {
		return in, nil
	}
	out := in.DeepCopyObject()
	out.GetObjectKind().SetGroupVersionKind(to)
	return out, nil
}

func (versions) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}

func (versions) Default(runtime.Object) {}

func (versions) New(gvk schema.GroupVersionKind) (runtime.Object, error) {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetGroupVersionKind(gvk)
	return u, nil
}

// unchanged is whether two versions of an object differ in nothing but when their owners last wrote. Then, and only then, an
// owner's time goes back to what it was, as on the real server.
func unchanged(was, is map[string]any) bool {
	var back []func() // to when they did
	old := listAt(mapAt(was, "metadata"), "managedFields")
	for _, entry := range listAt(mapAt(is, "metadata"), "managedFields") {
		now, _ := entry.(map[string]any)
		for _, o := range old {
			before, _ := o.(map[string]any)
			at, has := before["time"]
			if !has {
				continue
			}
			mine := now["time"]
			now["time"] = at
			if equality.Semantic.DeepEqual(before, now) {
				back = append(back, func() { now["time"] = mine })
				break
			}
			now["time"] = mine
		}
	}
	meta(is).SetResourceVersion(meta(was).GetResourceVersion())
	if equality.Semantic.DeepEqual(was, is) {
		return true
	}
	for _, undo := range back {
		undo()
	}
	return false
}

func unsupported(kind types.PatchType) metav1.Status {
	return metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusUnsupportedMediaType, Reason: metav1.StatusReasonUnsupportedMediaType,
		Message: fmt.Sprintf("the body of the request was in an unknown format: %q", kind),
	}
}
