// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
)

// create stores a new object.
func (s *Server) create(w http.ResponseWriter, q *request) error {
	o, err := body(q.Request)
	if err != nil {
		return err
	}
	if err := q.adopt(o); err != nil {
		return err
	}
	if m := meta(o); m.GetName() == "" && m.GetGenerateName() != "" {
		m.SetName(fmt.Sprintf("%s%05x", m.GetGenerateName(), s.store.next()))
	}
	q.name.name = meta(o).GetName()
	if s.store.get(q.kind.resource(), q.name) != nil {
		return apierrors.NewAlreadyExists(q.kind.resource(), q.name.name)
	}
	if meta(o).GetResourceVersion() != "" {
		return apierrors.NewBadRequest("resourceVersion should not be set on objects to be created")
	}
	o, err = s.owned(q, nil, o)
	if err != nil {
		return err
	}
	return s.commit(w, q, nil, o)
}

// update replaces an object, or its status.
func (s *Server) update(w http.ResponseWriter, q *request) error {
	live := s.store.get(q.kind.resource(), q.name)
	o, err := body(q.Request)
	if err != nil {
		return err
	}
	if live == nil {
		return q.notFound()
	}
	return s.replace(w, q, live, o)
}

func (s *Server) replace(w http.ResponseWriter, q *request, live *record, o map[string]any) error {
	if err := q.adopt(o); err != nil {
		return err
	}
	m := meta(o)
	switch {
	case m.GetName() != q.name.name:
		return apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s) does not match the name on the URL (%s)", m.GetName(), q.name.name))
	case m.GetUID() != "" && m.GetUID() != live.uid():
		return apierrors.NewConflict(q.kind.resource(), q.name.name, fmt.Errorf(
			"Precondition failed: UID in precondition: %v, UID in object meta: %v", m.GetUID(), live.uid()))
	case m.GetResourceVersion() != "" && m.GetResourceVersion() != meta(live.object).GetResourceVersion():
		return apierrors.NewConflict(q.kind.resource(), q.name.name, fmt.Errorf(
			"the object has been modified; please apply your changes to the latest version and try again"))
	case m.GetResourceVersion() == "" && (q.kind.custom || q.kind.resource() == leases):
		return q.invalid("metadata.resourceVersion", "0x0", "must be specified for an update")
	}
	o, err := s.owned(q, live, q.within(live, o))
	if err != nil {
		return err
	}
	return s.commit(w, q, live, o)
}

// within keeps what this endpoint may not change: everything but the status at /status, the status elsewhere.
func (q *request) within(live *record, o map[string]any) map[string]any {
	switch {
	case q.subresource == "status":
		whole := clone(q.in(live.object))
		whole["status"] = o["status"]
		return whole
	case q.kind.status && live.object["status"] != nil:
		o["status"] = runtime.DeepCopyJSONValue(live.object["status"])
	case q.kind.status:
		delete(o, "status")
	}
	return o
}

// adopt checks that an object is of this endpoint's kind and place, and puts it there.
func (q *request) adopt(o map[string]any) error {
	gvk := q.kind.at(q.version)
	m := meta(o)
	if o == nil {
		return apierrors.NewBadRequest("the request has no body")
	}
	if m.GetKind() == "" && m.GetAPIVersion() == "" {
		m.SetGroupVersionKind(gvk)
	}
	if got := m.GroupVersionKind(); got != gvk {
		return apierrors.NewBadRequest(fmt.Sprintf("%s in the body does not match %s of the URL", got, gvk))
	}
	if !q.kind.namespaced {
		m.SetNamespace("")
		return nil
	}
	if ns := m.GetNamespace(); ns != "" && ns != q.namespace {
		return apierrors.NewBadRequest("the namespace of the provided object does not match the namespace sent on the request")
	}
	if q.namespace == "" {
		return apierrors.NewBadRequest("an empty namespace may not be set during creation")
	}
	m.SetNamespace(q.namespace)
	return nil
}

// patch changes an object by one of the four kinds of patch.
func (s *Server) patch(w http.ResponseWriter, q *request) error {
	live := s.store.get(q.kind.resource(), q.name)
	content, _, _ := strings.Cut(q.Header.Get("Content-Type"), ";")
	if types.PatchType(content) == types.ApplyYAMLPatchType {
		return s.apply(w, q, live)
	}
	if live == nil {
		return q.notFound()
	}
	change, err := io.ReadAll(q.Body)
	if err != nil {
		return apierrors.NewBadRequest("read the patch: " + err.Error())
	}
	was, err := json.Marshal(q.in(live.object))
	if err != nil {
		return err
	}
	is, err := q.patched(types.PatchType(content), was, change)
	if err != nil {
		return err
	}
	var o map[string]any
	if err := utiljson.Unmarshal(is, &o); err != nil {
		return apierrors.NewBadRequest("read the patched object: " + err.Error())
	}
	return s.replace(w, q, live, o)
}

func (q *request) patched(kind types.PatchType, was, change []byte) ([]byte, error) {
	bad := func(is []byte, err error) ([]byte, error) {
		if err != nil {
			return nil, apierrors.NewBadRequest("apply the patch: " + err.Error())
		}
		return is, nil
	}
	switch kind {
	case types.JSONPatchType:
		steps, err := jsonpatch.DecodePatch(change)
		if err != nil {
			return bad(nil, err)
		}
		is, err := steps.Apply(was)
		if err != nil {
			return nil, q.invalid("", string(change), err.Error())
		}
		return is, nil
	case types.MergePatchType:
		return bad(jsonpatch.MergePatch(was, change))
	case types.StrategicMergePatchType:
		if gvk := q.kind.at(q.version); typed(gvk) {
			object, err := scheme.Scheme.New(gvk)
			if err != nil {
				return nil, err
			}
			return bad(strategicpatch.StrategicMergePatch(was, change, object))
		}
	}
	return nil, &apierrors.StatusError{ErrStatus: unsupported(kind)}
}

// commit admits an object and stores it in place of live, unless nothing changes or nothing may be written.
func (s *Server) commit(w http.ResponseWriter, q *request, live *record, o map[string]any) error {
	o, err := s.admit(q.kind, live, o)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if live == nil {
		status = http.StatusCreated
	}
	switch {
	case live != nil && unchanged(live.object, o):
		return reply(w, status, json.RawMessage(q.show(live)))
	case q.dryRun():
		return reply(w, status, json.RawMessage(q.show(&record{object: o})))
	}
	return reply(w, status, json.RawMessage(q.show(s.keep(q.kind, live, o))))
}

// keep stores an admitted object; one that was being deleted and has lost its last finalizer goes instead.
func (s *Server) keep(k *kind, live *record, o map[string]any) *record {
	defer func() {
		if k.resource() == definitions {
			s.serveDefinitions()
		}
	}()
	if m := meta(o); live != nil && m.GetDeletionTimestamp() != nil && finalized(k, o) {
		s.store.drop(k.resource(), live.name())
		return &record{object: o}
	}
	since := time.Now()
	if live != nil {
		since = live.since
	}
	return s.store.put(k.resource(), o, since)
}

// make stores an object of the server's own making. One that cannot be admitted (its namespace is going) is not made.
func (s *Server) make(resource schema.GroupResource, o map[string]any) *record {
	k := s.kinds[resource]
	status := mapAt(o, "status")
	o, err := s.admit(k, nil, o)
	if err != nil {
		return nil
	}
	if len(status) > 0 {
		o["status"] = status
	}
	return s.keep(k, nil, o)
}

// alter stores a copy of a record that f has changed, unless f changed nothing.
func (s *Server) alter(resource schema.GroupResource, r *record, f func(o map[string]any)) *record {
	o := clone(r.object)
	f(o)
	if equality.Semantic.DeepEqual(r.object, o) {
		return r
	}
	return s.keep(s.kinds[resource], r, o)
}
