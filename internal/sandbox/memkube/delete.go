// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// delete removes an object, or marks it where finalizers hold it.
func (s *Server) delete(w http.ResponseWriter, q *request) error {
	r := s.store.get(q.kind.resource(), q.name)
	if r == nil {
		return q.notFound()
	}
	options, err := q.deleteOptions()
	if err != nil {
		return err
	}
	if p := options.Preconditions; p != nil {
		if p.UID != nil && *p.UID != r.uid() {
			return apierrors.NewConflict(q.kind.resource(), q.name.name, fmt.Errorf(
				"Precondition failed: UID in precondition: %v, UID in object meta: %v", *p.UID, r.uid()))
		}
		if p.ResourceVersion != nil && *p.ResourceVersion != meta(r.object).GetResourceVersion() {
			return apierrors.NewConflict(q.kind.resource(), q.name.name, fmt.Errorf(
				"Precondition failed: ResourceVersion in precondition: %v, ResourceVersion in object meta: %v",
				*p.ResourceVersion, meta(r.object).GetResourceVersion()))
		}
	}
	if !q.dryRun() && !slices.Contains(options.DryRun, metav1.DryRunAll) {
		if held := s.remove(q.kind, r, options.PropagationPolicy); held != nil {
			return reply(w, http.StatusOK, json.RawMessage(q.show(held)))
		}
	}
	return reply(w, http.StatusOK, metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess,
		Details: &metav1.StatusDetails{Name: q.name.name, Group: q.kind.group, Kind: q.kind.plural, UID: r.uid()},
	})
}

// deleteAll removes what the selectors name.
func (s *Server) deleteAll(w http.ResponseWriter, q *request) error {
	chosen, err := s.choose(q)
	if err != nil {
		return err
	}
	options, err := q.deleteOptions()
	if err != nil {
		return err
	}
	items := []json.RawMessage{}
	for _, r := range chosen {
		items = append(items, q.show(r))
		if !q.dryRun() && !slices.Contains(options.DryRun, metav1.DryRunAll) {
			s.remove(q.kind, r, options.PropagationPolicy)
		}
	}
	return reply(w, http.StatusOK, map[string]any{
		"kind": q.kind.kind + "List", "apiVersion": q.kind.at(q.version).GroupVersion().String(), "items": items,
		"metadata": map[string]any{"resourceVersion": fmt.Sprint(s.store.version)},
	})
}

// deleteOptions reads them from the body, and from the query what it says.
func (q *request) deleteOptions() (metav1.DeleteOptions, error) {
	var options metav1.DeleteOptions
	o, err := body(q.Request)
	if err != nil {
		return options, err
	}
	if o != nil {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o, &options); err != nil {
			return options, apierrors.NewBadRequest("read DeleteOptions: " + err.Error())
		}
	}
	if p := q.query.Get("propagationPolicy"); p != "" {
		options.PropagationPolicy = new(metav1.DeletionPropagation(p))
	}
	return options, nil
}

// finalized is whether nothing holds an object that is being deleted.
func finalized(k *kind, o map[string]any) bool {
	if k.resource() == namespaces && len(texts(mapAt(o, "spec"), "finalizers")) > 0 {
		return false
	}
	return len(meta(o).GetFinalizers()) == 0
}

// remove deletes an object as a client would. It returns the object while something holds it, and nil once it is gone.
func (s *Server) remove(k *kind, r *record, policy *metav1.DeletionPropagation) *record {
	o := clone(r.object)
	m := meta(o)
	if policy != nil {
		switch *policy {
		case metav1.DeletePropagationForeground:
			m.SetFinalizers(withItem(m.GetFinalizers(), metav1.FinalizerDeleteDependents))
		case metav1.DeletePropagationOrphan:
			s.orphan(r)
		}
	}
	if finalized(k, o) {
		s.store.drop(k.resource(), r.name())
		if k.resource() == definitions {
			s.serveDefinitions()
		}
		return nil
	}
	if m.GetDeletionTimestamp() == nil {
		m.SetDeletionTimestamp(new(metav1.NewTime(time.Now())))
		m.SetDeletionGracePeriodSeconds(new(int64(0)))
		if m.GetGeneration() > 0 {
			m.SetGeneration(m.GetGeneration() + 1)
		}
	}
	if k.resource() == namespaces {
		childAt(o, "status")["phase"] = "Terminating"
	}
	if unchanged(r.object, o) {
		return r
	}
	return s.keep(k, r, o)
}

// orphan takes an owner out of those it owns.
func (s *Server) orphan(owner *record) {
	for resource := range s.store.tables {
		for _, r := range s.store.list(resource) {
			owners := meta(r.object).GetOwnerReferences()
			rest := slices.DeleteFunc(slices.Clone(owners), func(o metav1.OwnerReference) bool { return o.UID == owner.uid() })
			if len(rest) != len(owners) {
				s.alter(resource, r, func(o map[string]any) { meta(o).SetOwnerReferences(rest) })
			}
		}
	}
}

func withItem(list []string, item string) []string {
	if slices.Contains(list, item) {
		return list
	}
	return append(slices.Clone(list), item)
}

func withoutItem(list []string, item string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(i string) bool { return i == item })
}
