// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/sandbox/fault"
)

func TestLockIsHeldByOneAndLetGo(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		mine, other := digitalocean.NewLock(w.client, mark, "anna@laptop.local", nil), digitalocean.NewLock(w.client, mark, "bob", nil)
		until, err := mine.Acquire(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		if left := time.Until(until); left < 4*time.Minute || left > digitalocean.LockTTL {
			w.Errorf("the lock holds for %s, want about %s", left, digitalocean.LockTTL)
		}
		_, err = other.Acquire(w.Context())
		held, ok := errors.AsType[*graph.ErrLocked](err)
		if !ok || !strings.HasPrefix(held.Holder, "anna-laptop-local-") || !held.Until.Equal(until) {
			w.Errorf("the second gets %v, want to hear who holds it until when", err)
		}
		elsewhere := digitalocean.NewLock(w.client, digitalocean.Mark{Name: "shop", UID: "other1"}, "bob", nil)
		if _, err := elsewhere.Acquire(w.Context()); err != nil {
			w.Errorf("another platform's lock: %v", err)
		}
		if err := mine.Release(w.Context()); err != nil {
			w.Error(err)
		}
		if err := mine.Release(w.Context()); err != nil {
			w.Errorf("let go twice: %v", err)
		}
		if _, err := other.Acquire(w.Context()); err != nil {
			w.Errorf("after it was let go: %v", err)
		}
	})
}

func TestLockOfADeadProcessIsTakenOver(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		killed := digitalocean.NewLock(w.client, mark, "anna-laptop-41", nil)
		if _, err := killed.Acquire(w.Context()); err != nil {
			w.Fatal(err)
		}
		elsewhere := digitalocean.NewLock(w.client, mark, "anna-desktop-7", func(string) bool { return false })
		if _, err := elsewhere.Acquire(w.Context()); err == nil {
			w.Error("a lock was taken over by one who cannot know that its holder is dead")
		}
		next := digitalocean.NewLock(w.client, mark, "anna-laptop-42", func(holder string) bool { return strings.HasPrefix(holder, "anna-laptop-41-") })
		if _, err := next.Acquire(w.Context()); err != nil {
			w.Errorf("after its holder was killed: %v", err)
		}
		if n := w.locks(); len(n) != 1 || !strings.Contains(n[0], "laptop-42") {
			w.Errorf("the lock tags are %v, want the new holder's alone", n)
		}
	})
}

func TestLockIsRenewedAndLapses(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		mine, other := digitalocean.NewLock(w.client, mark, "anna", nil), digitalocean.NewLock(w.client, mark, "bob", nil)
		first, err := mine.Acquire(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		time.Sleep(4 * time.Minute)
		second, err := mine.Renew(w.Context())
		if err != nil || second.Sub(first) < 3*time.Minute {
			w.Fatalf("renewed from %s to %s, %v", first, second, err)
		}
		if n := w.locks(); len(n) != 1 {
			w.Errorf("after renewal the lock tags are %v, want one", n)
		}
		time.Sleep(3 * time.Minute)
		if _, err := other.Acquire(w.Context()); err == nil {
			w.Error("a renewed lock was taken by another")
		}
		time.Sleep(3 * time.Minute) // its holder died
		if _, err := other.Acquire(w.Context()); err != nil {
			w.Errorf("a lapsed lock: %v", err)
		}
		if n := w.locks(); len(n) != 1 || !strings.Contains(n[0], "bob") {
			w.Errorf("the lock tags are %v, want bob's alone", n)
		}
		if _, err := mine.Renew(w.Context()); err == nil {
			w.Error("a lock that another holds was renewed")
		}
	})
}

func TestLocksThatWereLeftBehindAreTakenAway(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustUp(starter())
		killed := digitalocean.NewLock(w.client, mark, "anna", nil)
		if _, err := killed.Acquire(w.Context()); err != nil {
			w.Fatal(err)
		}
		w.estate = digitalocean.NewEstate(w.client, mark, digitalocean.EstateOptions{Drainer: w.drains, Lock: digitalocean.NewLock(w.client, mark, "bob", nil)})
		w.settled(starter()) // it may still be at work
		time.Sleep(digitalocean.LockTTL + time.Second)
		w.mustUp(starter())
		if left := w.locks(); len(left) > 0 {
			w.Errorf("after a lock lapsed and another run, the tags %v are left", left)
		}
		if _, err := killed.Acquire(w.Context()); err != nil {
			w.Fatal(err)
		}
		g := graph.New()
		g.Prune(w.estate.Kinds()...)
		plan, err := g.Plan(w.Context(), graph.Options{Teardown: true})
		if err != nil {
			w.Fatal(err)
		}
		if !slices.ContainsFunc(plan.Steps, func(s graph.Step) bool { return strings.Contains(s.Title, "lock") }) {
			w.Error("a teardown does not speak of the lock of another run")
		}
	})
}

// locks are the lock tags that are there.
func (w *world) locks() []string {
	return slices.DeleteFunc(w.names("/v2/tags", "tags", "name"), func(s string) bool { return !strings.HasPrefix(s, "k8or-lock:") })
}

func TestLocksThatRaceNeverBothHold(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.fault(fault.Rule{Method: "GET", Path: "/v2/tags", Stale: fault.Duration(2 * time.Second)})
		for round := range 10 {
			var all sync.WaitGroup
			var mu sync.Mutex
			holding, won := 0, 0
			for i := range 3 {
				all.Go(func() {
					time.Sleep(time.Duration(i*round) * 150 * time.Millisecond)
					l := digitalocean.NewLock(w.client, mark, fmt.Sprintf("racer-%d", i), nil)
					if _, err := l.Acquire(w.Context()); err != nil {
						if _, ok := errors.AsType[*graph.ErrLocked](err); !ok {
							w.Error(err)
						}
						return
					}
					mu.Lock()
					if holding++; holding > 1 {
						w.Errorf("round %d: two hold the lock", round)
					}
					won++
					mu.Unlock()
					time.Sleep(time.Minute)
					mu.Lock()
					holding--
					mu.Unlock()
					if err := l.Release(context.Background()); err != nil {
						w.Error(err)
					}
				})
			}
			all.Wait()
			if left := w.locks(); len(left) > 0 {
				w.Errorf("round %d: the tags %v are left", round, left)
			}
		}
	})
}
