// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// wake tells every open watch to look. The server's lock is held.
func (s *Server) wake() {
	for w := range s.watchers {
		select {
		case w <- struct{}{}:
		default: // it was told already
		}
	}
}

// watch streams changes until the request's context ends or its own time is up. It holds no goroutine but the
// request's, and sleeps until it is woken or time alone will have changed something.
func (s *Server) watch(w http.ResponseWriter, q *request) error {
	matches, err := q.selector()
	if err != nil {
		return err
	}
	ctx := q.Context()
	if seconds, err := strconv.Atoi(q.query.Get("timeoutSeconds")); err == nil && seconds > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
		defer cancel()
	}
	woken := make(chan struct{}, 1)
	s.mu.Lock()
	s.watchers[woken] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, woken)
	}()

	v := view{q: q, matches: matches}
	events, err := s.begin(&v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	flush := http.NewResponseController(w)
	for {
		for _, e := range events {
			if err := json.NewEncoder(w).Encode(e); err != nil {
				return ignoreGone(err)
			}
		}
		if err := flush.Flush(); err != nil {
			return nil
		}
		s.mu.Lock()
		due := s.due
		s.mu.Unlock()
		sleep(ctx, woken, due)
		if ctx.Err() != nil {
			return nil
		}
		events = s.look(&v)
		if len(events) > 0 && events[len(events)-1].Type == "ERROR" {
			_ = json.NewEncoder(w).Encode(events[len(events)-1]) // the end either way
			return nil
		}
	}
}

// sleep returns when there may be something to see.
func sleep(ctx context.Context, woken chan struct{}, due time.Time) {
	var ripe <-chan time.Time
	if !due.IsZero() {
		t := time.NewTimer(max(time.Until(due), 0))
		defer t.Stop()
		ripe = t.C
	}
	select {
	case <-ctx.Done():
	case <-woken:
	case <-ripe:
	}
}

type event struct {
	Type   string          `json:"type"`
	Object json.RawMessage `json:"object"`
}

// view is what one watch has shown so far.
type view struct {
	q       *request
	matches func(*record) bool
	version uint64
}

// begin shows what is there, if that was asked for, and remembers where changes begin.
func (s *Server) begin(v *view) ([]event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	from := v.q.query.Get("resourceVersion")
	list := isTrue(v.q.query.Get("sendInitialEvents"))
	if from != "" && from != "0" && !list {
		version, err := strconv.ParseUint(from, 10, 64)
		if err != nil {
			return nil, apierrors.NewBadRequest("resourceVersion " + strconv.Quote(from) + " is not one of this server's")
		}
		if _, ok := s.store.since(version); !ok {
			return nil, apierrors.NewResourceExpired("too old resource version: " + from)
		}
		v.version = version
		return nil, nil
	}
	v.version = s.store.version
	var events []event
	for _, r := range s.store.list(v.q.kind.resource()) {
		if v.matches(r) {
			events = append(events, event{"ADDED", v.q.show(r)})
		}
	}
	if list {
		events = append(events, event{"BOOKMARK", v.bookmark()})
	}
	return events, nil
}

// bookmark ends the list with which a watch begins.
func (v *view) bookmark() []byte {
	o := object(v.q.kind.at(v.q.version).GroupVersion().String(), v.q.kind.kind, "", "", nil)
	if v.q.metadataOnly() {
		o["apiVersion"], o["kind"] = "meta.k8s.io/v1", "PartialObjectMetadata"
	}
	o["metadata"] = map[string]any{
		"resourceVersion": strconv.FormatUint(v.version, 10), "creationTimestamp": nil,
		"annotations": map[string]any{metav1.InitialEventsAnnotationKey: "true"},
	}
	data, _ := json.Marshal(o) // plain values
	return data
}

// look returns what changed since the last look.
func (s *Server) look(v *view) []event {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	changes, ok := s.store.since(v.version)
	if !ok {
		gone := apierrors.NewResourceExpired("too old resource version").Status()
		gone.Kind, gone.APIVersion = "Status", "v1"
		data, _ := json.Marshal(gone) // plain values
		return []event{{"ERROR", data}}
	}
	var events []event
	for _, c := range changes {
		v.version = c.version
		if c.resource != v.q.kind.resource() {
			continue
		}
		switch before, after := v.matches(c.was), v.matches(c.is); {
		case !before && after:
			events = append(events, event{"ADDED", v.q.show(c.is)})
		case before && after:
			events = append(events, event{"MODIFIED", v.q.show(c.is)})
		case before:
			last := clone(c.was.object)
			meta(last).SetResourceVersion(strconv.FormatUint(c.version, 10))
			events = append(events, event{"DELETED", v.q.show(&record{object: last})})
		}
	}
	return events
}
