// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/k8or/k8or/internal/event"
)

func TestEventsAreNumberedWithoutAGapAndReadInOrder(t *testing.T) {
	t.Parallel()
	var log event.Log
	var first, second []event.Event
	log.Read(func(e event.Event) { first = append(first, e) }) // no lock here: -race tells if two readers run at once
	log.Read(func(e event.Event) { second = append(second, e) })
	const writers, each = 8, 100
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				log.Add(event.Event{Type: event.Note, Node: strconv.Itoa(w), Message: strconv.Itoa(i)})
			}
		})
	}
	all.Wait()
	if len(first) != writers*each || len(second) != len(first) {
		t.Fatalf("%d and %d events were read of %d", len(first), len(second), writers*each)
	}
	next := map[string]int{}
	for i, e := range first {
		if e.Seq != i+1 || e.Version != event.Version || second[i] != e {
			t.Fatalf("event %d is %+v, and the second reader got %+v", i, e, second[i])
		}
		if i > 0 && e.Time.Before(first[i-1].Time) {
			t.Errorf("event %d is earlier than the one before", i)
		}
		if e.Message != strconv.Itoa(next[e.Node]) {
			t.Errorf("writer %s: event %s was read when %d was due", e.Node, e.Message, next[e.Node])
		}
		next[e.Node]++
	}
}

func TestAReaderHearsWhatComesAfterIt(t *testing.T) {
	t.Parallel()
	var log event.Log
	log.Add(event.Event{Type: event.RunStarted})
	var heard []int
	log.Read(func(e event.Event) { heard = append(heard, e.Seq) })
	log.Add(event.Event{Type: event.RunDone})
	if len(heard) != 1 || heard[0] != 2 {
		t.Errorf("heard %v, want the second event alone, with its own number", heard)
	}
}

func TestAWritersOwnStampsDoNotCount(t *testing.T) {
	t.Parallel()
	var log event.Log
	log.Read(func(e event.Event) {
		if e.Seq != 1 || e.Version != event.Version || e.Time.IsZero() {
			t.Errorf("got %+v", e)
		}
	})
	log.Add(event.Event{Version: 99, Seq: 42, Type: event.Note})
}

func TestANilLogDropsEvents(t *testing.T) {
	t.Parallel()
	var log *event.Log
	log.Add(event.Event{Type: event.Note})
}
