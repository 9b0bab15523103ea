// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// remembered is how many changes a watch may lag behind; older versions are gone, as after a compaction.
const remembered = 4096

// name places an object within its kind.
type name struct{ namespace, name string }

// record is one version of one object. It is never changed once stored.
type record struct {
	object  map[string]any
	version uint64
	since   time.Time // when its present life began: a pod's when it was bound, any other's when it was created

	raw   []byte // its JSON, once asked for
	typed any    // its Go type, once asked for
}

func (r *record) name() name {
	m := meta(r.object)
	return name{m.GetNamespace(), m.GetName()}
}

func (r *record) uid() types.UID { return meta(r.object).GetUID() }

// json is the object's JSON.
func (r *record) json() []byte {
	if r.raw == nil {
		r.raw, _ = json.Marshal(r.object) // maps, lists and plain values, which always encode
	}
	return r.raw
}

// as is the object as a Go type, to be read only. What does not decode reads as far as it does.
func as[T any](r *record) *T {
	if t, ok := r.typed.(*T); ok {
		return t
	}
	t := new(T)
	_ = runtime.DefaultUnstructuredConverter.FromUnstructured(r.object, t) // stored objects have been through this before
	r.typed = t
	return t
}

// change is one entry of the log that watches read: was nil is a creation, is nil a deletion.
type change struct {
	version  uint64
	resource schema.GroupResource
	was, is  *record
}

// store keeps the objects of a cluster.
type store struct {
	tables  map[schema.GroupResource]map[name]*record
	sorted  map[schema.GroupResource][]name // the tables' names in order, until one comes or goes
	version uint64
	log     []change
	space   string // makes uids this cluster's own
	count   uint64 // of things named or numbered so far
}

func (s *store) get(resource schema.GroupResource, n name) *record { return s.tables[resource][n] }

// list returns all objects of a resource by namespace and name. The list is the caller's own.
func (s *store) list(resource schema.GroupResource) []*record {
	t := s.tables[resource]
	if len(t) == 0 {
		return nil
	}
	keys := s.sorted[resource]
	if keys == nil {
		keys = order(t)
		if s.sorted == nil {
			s.sorted = map[schema.GroupResource][]name{}
		}
		s.sorted[resource] = keys
	}
	out := make([]*record, len(keys))
	for i, k := range keys {
		out[i] = t[k]
	}
	return out
}

func order(t map[name]*record) []name {
	return slices.SortedFunc(maps.Keys(t), func(a, b name) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
}

// put stores an object in place of what has its name, and takes the object over.
func (s *store) put(resource schema.GroupResource, object map[string]any, since time.Time) *record {
	s.version++
	meta(object).SetResourceVersion(strconv.FormatUint(s.version, 10))
	r := &record{object: object, version: s.version, since: since}
	t := s.tables[resource]
	if t == nil {
		t = map[name]*record{}
		s.tables[resource] = t
	}
	n := r.name()
	if t[n] == nil {
		delete(s.sorted, resource)
	}
	s.remember(change{s.version, resource, t[n], r})
	t[n] = r
	return r
}

// drop removes an object.
func (s *store) drop(resource schema.GroupResource, n name) {
	was := s.tables[resource][n]
	if was == nil {
		return
	}
	s.version++
	delete(s.tables[resource], n)
	delete(s.sorted, resource)
	s.remember(change{s.version, resource, was, nil})
}

func (s *store) remember(c change) {
	s.log = append(s.log, c)
	if len(s.log) >= 2*remembered {
		s.log = slices.Clone(s.log[remembered:])
	}
}

// since returns the changes after a version; ok is false when some of them are no longer known.
func (s *store) since(version uint64) (changes []change, ok bool) {
	if version >= s.version {
		return nil, true
	}
	if len(s.log) == 0 || s.log[0].version > version+1 {
		return nil, false
	}
	at, _ := slices.BinarySearchFunc(s.log, version+1, func(c change, v uint64) int { return cmp.Compare(c.version, v) })
	return s.log[at:], true
}

// next counts up: names and addresses are made of it.
func (s *store) next() uint64 {
	s.count++
	return s.count
}

func (s *store) newUID() types.UID {
	return types.UID(uuid.NewSHA1(uuid.NameSpaceURL, []byte(s.space+"/"+strconv.FormatUint(s.next(), 10))).String())
}
