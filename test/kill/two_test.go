// SPDX-License-Identifier: Apache-2.0

package kill

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/k8or/k8or/internal/document"
)

// writer is what one of two processes wrote, and when.
type writer struct {
	mu          sync.Mutex
	first, last time.Time
	writes      int
	err         error
}

// watch notes a request that changes something. The locks themselves are no such change: they are what is judged.
func (w *writer) watch(r *http.Request) {
	switch {
	case !writes(r):
		return
	case strings.HasPrefix(r.URL.Path, "/v2/tags/k8or-lock:"), r.URL.Path == "/v2/tags" && strings.Contains(body(r), "k8or-lock:"):
		return
	case strings.Contains(r.URL.Path, "/leases"), r.Method == http.MethodPost && r.URL.Path == "/api/v1/namespaces": // where the Lease lives
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.writes++; w.first.IsZero() {
		w.first = time.Now()
	}
	w.last = time.Now()
}

func body(r *http.Request) string {
	if r.GetBody == nil {
		return ""
	}
	reader, err := r.GetBody()
	if err != nil {
		return ""
	}
	defer reader.Close()
	text := make([]byte, 256)
	n, _ := reader.Read(text)
	return string(text[:n])
}

// String is for the message of a failure.
func (w *writer) String() string {
	return fmt.Sprintf("%d writes, %s to %s, %v", w.writes, w.first.Format(time.TimeOnly), w.last.Format(time.TimeOnly), w.err)
}

// both runs two processes, the second after a while, and judges that they never wrote at the same time.
func (w *world) both(after time.Duration, docs [2]*document.Document, verbs [2]verb, fenced [2]bool) {
	w.Helper()
	var writers [2]writer
	var all sync.WaitGroup
	for i := range writers {
		w.fenced = fenced[i]
		p, proc, ctx := w.start(docs[i], kill{})
		w.fenced = false
		proc.watch = writers[i].watch
		all.Go(func() {
			time.Sleep(time.Duration(i) * after)
			_, writers[i].err = verbs[i](ctx, p)
		})
	}
	all.Wait()
	a, b := &writers[0], &writers[1]
	for _, x := range []*writer{a, b} {
		if _, locked := lockedUntil(x.err); locked && x.writes > 0 {
			w.Errorf("one that was sent away had written: %s", x)
		}
	}
	if a.writes > 0 && b.writes > 0 && !a.last.Before(b.first) && !b.last.Before(a.first) {
		w.Errorf("both wrote at once:\n  %s\n  %s\n%s", a, b, w.events.text())
	}
}

// TestTwoThatStartAtOnceNeverBothWrite lets two processes work on one platform in each of its states, with all kinds of
// delays between them: no cluster, one being made, one that stands, one that is taken down, and one that only the other of
// the two can reach.
func TestTwoThatStartAtOnceNeverBothWrite(t *testing.T) {
	t.Parallel()
	before, after := read(t, "testdata/before.yaml"), read(t, "testdata/after.yaml")
	reach, fence := [2]bool{}, [2]bool{false, true}
	for _, c := range []struct {
		name   string
		stands bool
		docs   [2]*document.Document
		verbs  [2]verb
		fenced [2]bool
	}{
		{"no cluster, or one being made", false, [2]*document.Document{before, before}, [2]verb{up, up}, reach},
		{"no cluster, two wishes", false, [2]*document.Document{before, after}, [2]verb{up, up}, reach},
		{"a cluster that stands", true, [2]*document.Document{after, after}, [2]verb{up, up}, reach},
		{"edited and taken down", true, [2]*document.Document{after, after}, [2]verb{up, down}, reach},
		{"taken down and edited", true, [2]*document.Document{after, after}, [2]verb{down, up}, reach},
		{"taken down twice", true, [2]*document.Document{before, before}, [2]verb{down, down}, reach},
		{"one cannot reach the cluster", true, [2]*document.Document{after, after}, [2]verb{up, up}, fence},
		{"one cannot reach the cluster and takes it down", true, [2]*document.Document{after, after}, [2]verb{up, down}, fence},
	} {
		for _, wait := range []time.Duration{0, 40 * time.Millisecond, 700 * time.Millisecond, 1500 * time.Millisecond, 2500 * time.Millisecond, 4 * time.Second,
			15 * time.Second, 90 * time.Second, 4 * time.Minute, 6 * time.Minute, 7 * time.Minute} {
			t.Run(c.name+" after "+wait.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					defer w.cloud.Close()
					w.patient = true // neither is dead
					if c.stands {
						w.finish(before, up)
					}
					w.both(wait, c.docs, c.verbs, c.fenced)
					w.finish(c.docs[0], down)
					if left := w.gone(); len(left) > 0 {
						t.Errorf("after both, and a run that takes it down: %s", lines(left))
					}
				})
			})
		}
	}
}
