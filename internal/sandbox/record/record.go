// SPDX-License-Identifier: Apache-2.0

// Package record remembers what was asked of a simulated cloud and when each thing in it was truly ready. It holds no
// bodies and no tokens.
package record

import (
	"sync"
	"time"
)

// Call is one answered (or dropped) request. Status is 0 when the answer was dropped.
type Call struct {
	Method    string        `json:"method"`
	Path      string        `json:"path"`
	Status    int           `json:"status"`
	At        time.Time     `json:"at"`
	Took      time.Duration `json:"tookNanoseconds"`
	RequestID string        `json:"requestID"`
}

// Ready is the true life of one resource, in the machine's time. ReadyAt is zero until it was ready, GoneAt until it was deleted.
type Ready struct {
	Kind      string    `json:"kind"`
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"createdAt"`
	ReadyAt   time.Time `json:"readyAt,omitzero"`
	GoneAt    time.Time `json:"goneAt,omitzero"`
}

// Keep is how many calls are listed; older ones are only counted.
const Keep = 20_000

// Log is one cloud's record. The zero value is ready to use, and a nil Log records nothing.
type Log struct {
	mu    sync.Mutex
	count int
	calls []Call
	ready []*Ready
	byID  map[string]*Ready
}

// Add records a call.
func (l *Log) Add(c Call) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	if len(l.calls) >= Keep {
		l.calls = append(l.calls[:0], l.calls[Keep/2:]...)
	}
	l.calls = append(l.calls, c)
}

// Calls returns how many calls were made since the last reset, and the latest of them in order.
func (l *Log) Calls() (count int, calls []Call) {
	if l == nil {
		return 0, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count, append([]Call(nil), l.calls...)
}

// Reset forgets the calls; the ready times stay.
func (l *Log) Reset() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count, l.calls = 0, nil
}

// Created begins the life of a resource.
func (l *Log) Created(kind, id, name string, at time.Time) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byID == nil {
		l.byID = map[string]*Ready{}
	}
	r := &Ready{Kind: kind, ID: id, Name: name, CreatedAt: at}
	l.byID[kind+"/"+id] = r
	l.ready = append(l.ready, r)
}

// Ready says that a resource is ready now. Only the first time counts.
func (l *Log) Ready(kind, id string, at time.Time) {
	l.mark(kind, id, func(r *Ready) {
		if r.ReadyAt.IsZero() {
			r.ReadyAt = at
		}
	})
}

// Gone says that a resource no longer exists.
func (l *Log) Gone(kind, id string, at time.Time) {
	l.mark(kind, id, func(r *Ready) { r.GoneAt = at })
}

func (l *Log) mark(kind, id string, f func(*Ready)) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.byID[kind+"/"+id]; r != nil {
		f(r)
	}
}

// ReadyTimes lists the life of every resource, oldest first.
func (l *Log) ReadyTimes() []Ready {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Ready, len(l.ready))
	for i, r := range l.ready {
		out[i] = *r
	}
	return out
}
