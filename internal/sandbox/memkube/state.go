// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// state is a cluster in JSON.
type state struct {
	Name    string   `json:"name"`
	Version uint64   `json:"version"`
	Count   uint64   `json:"count"`
	Objects []stored `json:"objects"`
}

type stored struct {
	Group    string          `json:"group,omitempty"`
	Resource string          `json:"resource"`
	Since    time.Time       `json:"since"`
	Object   json.RawMessage `json:"object"`
}

// Export writes down all objects. What watches could still have read of the past is not among it.
func (s *Server) Export() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	out := state{Name: s.options.Name, Version: s.store.version, Count: s.store.count}
	for _, k := range s.kinds {
		for _, r := range s.store.list(k.resource()) {
			out.Objects = append(out.Objects, stored{k.group, k.plural, r.since, r.json()})
		}
	}
	data, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("write down cluster %q: %w", s.options.Name, err)
	}
	return data, nil
}

// Import makes the cluster the one that Export wrote down. Open watches are told that their past is gone. After an
// error the cluster is as it was.
func (s *Server) Import(data []byte) error {
	var in state
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("read the state of a cluster: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := store{tables: map[schema.GroupResource]map[name]*record{}, space: in.Name, version: max(in.Version, s.store.version) + 1, count: in.Count}
	for _, o := range in.Objects {
		r := &record{since: o.Since}
		if err := utiljson.Unmarshal(o.Object, &r.object); err != nil {
			return fmt.Errorf("read the state of a cluster: %s: %w", o.Resource, err)
		}
		resource := schema.GroupResource{Group: o.Group, Resource: o.Resource}
		if next.tables[resource] == nil {
			next.tables[resource] = map[name]*record{}
		}
		next.tables[resource][r.name()] = r
	}
	s.options.Name, s.store = in.Name, next
	s.serveDefinitions()
	s.settled, s.handled = 0, 0
	s.settle()
	s.wake()
	return nil
}
