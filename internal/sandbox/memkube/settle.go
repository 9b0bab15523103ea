// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// rounds bounds how long consequences may have consequences; a chain longer than this goes on at the next request.
const rounds = 50

// settle draws the consequences of what was written and of the time that has passed: what controllers would have done.
// The server's lock is held.
func (s *Server) settle() {
	now := time.Now()
	if s.settled == s.store.version && (s.due.IsZero() || now.Before(s.due)) {
		return
	}
	for range rounds {
		before := s.store.version
		s.due = time.Time{}
		for _, play := range []func(time.Time){
			s.establish, s.furnish, s.empty, s.collect,
			s.playNodes, s.playVolumes, s.playServices,
			s.playJobs, s.playDeployments, s.playReplicaSets, s.playStatefulSets, s.playDaemonSets, s.playPods, s.playBudgets,
			s.playHands,
		} {
			play(now)
		}
		if s.store.version == before {
			break
		}
	}
	if s.settled != s.store.version {
		s.settled = s.store.version
		s.wake()
	}
}

// at asks to be settled again then.
func (s *Server) at(t time.Time) {
	if s.due.IsZero() || t.Before(s.due) {
		s.due = t
	}
}

// ripe is whether something that began at a time is ready by now; if not, it is looked at again when it is.
func (s *Server) ripe(since, now time.Time) bool {
	due := since.Add(s.options.Ready)
	if now.Before(due) {
		s.at(due)
		return false
	}
	return true
}

// soon asks to be settled again before long, for a hook that was not ready: nothing tells when it will be.
func (s *Server) soon(now time.Time) { s.at(now.Add(200 * time.Millisecond)) }

const (
	foreground         = metav1.FinalizerDeleteDependents
	customObjectsFirst = "customresourcecleanup.apiextensions.k8s.io"
)

// establish serves definitions, marks APIServices available, and ends a definition once its objects have gone.
func (s *Server) establish(now time.Time) {
	stamp := metav1.NewTime(now).UTC().Format(time.RFC3339)
	for _, r := range s.store.list(definitions) {
		spec := mapAt(r.object, "spec")
		names := mapAt(spec, "names")
		if meta(r.object).GetDeletionTimestamp() != nil {
			s.withdraw(r, schema.GroupResource{Group: text(spec, "group"), Resource: text(names, "plural")})
			continue
		}
		if mapAt(r.object, "status", "acceptedNames") != nil {
			continue
		}
		var stored []any
		for _, v := range listAt(spec, "versions") {
			if version, _ := v.(map[string]any); version["storage"] == true {
				stored = append(stored, version["name"])
			}
		}
		s.alter(definitions, r, func(o map[string]any) {
			meta(o).SetFinalizers(withItem(meta(o).GetFinalizers(), customObjectsFirst))
			o["status"] = map[string]any{
				"acceptedNames": names, "storedVersions": stored,
				"conditions": []any{
					condition("NamesAccepted", "NoConflicts", "no conflicts found", stamp),
					condition("Established", "InitialNamesAccepted", "the initial names have been accepted", stamp),
				},
			}
		})
	}
	for _, r := range s.store.list(apiServices) {
		if r.object["status"] == nil {
			s.alter(apiServices, r, func(o map[string]any) {
				o["status"] = map[string]any{"conditions": []any{condition("Available", "Passed", "all checks passed", stamp)}}
			})
		}
	}
}

func condition(kind, reason, message, stamp string) map[string]any {
	return map[string]any{"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": stamp}
}

func (s *Server) withdraw(definition *record, resource schema.GroupResource) {
	if !slices.Contains(meta(definition.object).GetFinalizers(), customObjectsFirst) {
		return
	}
	s.removeAll(resource, func(*record) bool { return true })
	if len(s.store.list(resource)) == 0 {
		s.alter(definitions, definition, func(o map[string]any) {
			meta(o).SetFinalizers(withoutItem(meta(o).GetFinalizers(), customObjectsFirst))
		})
	}
}

// removeAll deletes those objects that are not being deleted already.
func (s *Server) removeAll(resource schema.GroupResource, which func(*record) bool) {
	for _, r := range s.store.list(resource) {
		if which(r) && meta(r.object).GetDeletionTimestamp() == nil {
			s.remove(s.kinds[resource], r, nil)
		}
	}
}

// furnish gives each namespace what every namespace has.
func (s *Server) furnish(time.Time) {
	for _, r := range s.store.list(namespaces) {
		ns := r.name().name
		if meta(r.object).GetDeletionTimestamp() != nil {
			continue
		}
		if s.store.get(serviceAccounts, name{ns, "default"}) == nil {
			s.make(serviceAccounts, object("v1", "ServiceAccount", ns, "default", nil))
		}
		if s.store.get(configMaps, name{ns, "kube-root-ca.crt"}) == nil {
			s.make(configMaps, object("v1", "ConfigMap", ns, "kube-root-ca.crt", map[string]any{"data": map[string]any{"ca.crt": ""}}))
		}
	}
}

// empty removes what is in namespaces that are being deleted, and then them.
func (s *Server) empty(time.Time) {
	for _, r := range s.store.list(namespaces) {
		if meta(r.object).GetDeletionTimestamp() == nil {
			continue
		}
		ns, left := r.name().name, 0
		within := func(o *record) bool { return o.name().namespace == ns }
		for resource, k := range s.kinds {
			if k.namespaced {
				s.removeAll(resource, within)
				left += len(slices.DeleteFunc(s.store.list(resource), func(o *record) bool { return !within(o) }))
			}
		}
		if left == 0 {
			s.alter(namespaces, r, func(o map[string]any) { delete(mapAt(o, "spec"), "finalizers") })
		}
	}
}

// collect removes objects whose owners are all gone, and lets go of owners that waited for what they own.
func (s *Server) collect(time.Time) {
	alive := map[types.UID]*record{}
	waiting := map[types.UID]schema.GroupResource{}
	owned := map[types.UID]int{}
	for resource, t := range s.store.tables {
		for _, r := range t {
			alive[r.uid()] = r
			if m := meta(r.object); m.GetDeletionTimestamp() != nil && slices.Contains(m.GetFinalizers(), foreground) {
				waiting[r.uid()] = resource
			}
		}
	}
	for resource := range s.store.tables {
		for _, r := range s.store.list(resource) {
			owners := meta(r.object).GetOwnerReferences()
			lost := len(owners) > 0
			for _, o := range owners {
				_, leaving := waiting[o.UID]
				if leaving {
					owned[o.UID]++
				}
				if alive[o.UID] != nil && !leaving {
					lost = false
				}
			}
			if lost && meta(r.object).GetDeletionTimestamp() == nil {
				s.remove(s.kinds[resource], r, nil)
			}
		}
	}
	for uid, resource := range waiting {
		if owned[uid] == 0 {
			s.alter(resource, alive[uid], func(o map[string]any) {
				meta(o).SetFinalizers(withoutItem(meta(o).GetFinalizers(), foreground))
			})
		}
	}
}
