// SPDX-License-Identifier: Apache-2.0

package kill

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/document"
	simulated "github.com/k8or/k8or/internal/sandbox/digitalocean"
)

// phase is one change of a platform's life, with what it leads to when nobody is killed.
type phase struct {
	name     string
	doc      *document.Document
	run      verb
	requests int     // until it is done
	writes   int     // of these
	want     picture // afterwards; nil: nothing at all
	lives    picture // all that was ever made by then
}

// life brings a platform up, edits it and takes it down without a kill, and measures.
func life(t *testing.T) []*phase {
	t.Helper()
	before, after := read(t, "testdata/before.yaml"), read(t, "testdata/after.yaml")
	phases := []*phase{{name: "up", doc: before, run: up}, {name: "edit", doc: after, run: up}, {name: "down", doc: after, run: down}}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cloud.Close()
		for _, ph := range phases {
			ph.requests, ph.writes = w.finish(ph.doc, ph.run)
			ph.want, ph.lives = w.picture(), w.lives()
		}
	})
	return phases
}

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // much garbage, little that lives
	os.Exit(m.Run())
}

// chain is how many processes are killed one after the other in each phase, before one is let finish.
const chain = 4

// TestKilledAtEveryRequestTheNextRunFinishes lives many lives of one platform. In each phase of each life the first
// process dies at a write, so that in all lives together each write of that phase is the last thing that a process did.
// One that dies at a request that only reads leaves what its last write left: whoever comes after finds no other state
// than these, but for the time that has passed. The following processes die anywhere.
func TestKilledAtEveryRequestTheNextRunFinishes(t *testing.T) {
	t.Parallel()
	hunt(t, number(t, "K8OR_KILLS", 1000), nil)
}

// TestKilledInTroubleTheNextRunFinishes is the same for some of them, while everything that is called misbehaves now and then.
func TestKilledInTroubleTheNextRunFinishes(t *testing.T) {
	t.Parallel()
	hunt(t, number(t, "K8OR_KILLS", 1000)/10, func(dice *rand.Rand) *trouble {
		return &trouble{dice: rand.New(rand.NewPCG(dice.Uint64(), 0)), share: 0.02}
	})
}

func hunt(t *testing.T, kills int, troubled func(*rand.Rand) *trouble) {
	t.Helper()
	began, seed := time.Now(), uint64(number(t, "K8OR_KILL_SEED", int(time.Now().Unix()%1_000_000)))
	t.Logf("K8OR_KILL_SEED=%d repeats it", seed)
	phases := life(t)
	lives := max(1, kills/(len(phases)*chain))
	for _, ph := range phases {
		t.Logf("unharmed, %s takes %d requests, %d of them writes", ph.name, ph.requests, ph.writes)
		if troubled == nil {
			lives = max(lives, ph.writes)
		}
	}
	var made, faults atomic.Int64
	lived := 0
	for round := 1; int(made.Load()) < kills && !t.Failed(); round++ { // not every later kill of a chain is reached
		t.Run(fmt.Sprintf("round %d", round), func(t *testing.T) {
			for i := range lives {
				t.Run(strconv.Itoa(i), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						dice := rand.New(rand.NewPCG(seed, uint64(round*1_000_000+i)))
						w := newWorld(t)
						defer w.cloud.Close()
						w.patient = dice.IntN(2) == 0
						if troubled != nil {
							w.trouble = troubled(dice)
							defer func() { faults.Add(int64(w.trouble.made)) }()
						}
						for _, ph := range phases {
							made.Add(int64(w.live(ph, 1+i*ph.writes/lives, dice)))
						}
					})
				})
			}
		})
		lived += lives
		lives = max(1, (kills-int(made.Load()))/(len(phases)*chain))
	}
	t.Logf("%d kills and %d faults in %d lives, %s", made.Load(), faults.Load(), lived, time.Since(began).Round(time.Second))
}

// live goes through one phase with kills, the first at a write, judges what came of it, and returns how many there were.
func (w *world) live(ph *phase, write int, dice *rand.Rand) (kills int) {
	w.Helper()
	for kills < chain {
		k := kill{at: write, writes: true, after: true}
		if kills > 0 {
			k = kill{at: 1 + dice.IntN(ph.requests*3/4), after: dice.IntN(2) == 0}
		}
		w.events.note(ph.name + ", to be killed " + k.String())
		if !w.killed(ph.doc, ph.run, k) {
			break
		}
		kills++
	}
	w.finish(ph.doc, ph.run)
	if w.trouble != nil { // what came through it has to be level when one looks in peace
		w.trouble.calm(true)
		defer w.trouble.calm(false)
		w.finish(ph.doc, ph.run)
	}
	if w.locked() { // by a dead process that had done everything; `up` leaves a live lock alone
		time.Sleep(digitalocean.LockTTL)
		w.finish(ph.doc, ph.run)
	}
	wrong := append(w.picture().differs(ph.want), w.lives().differs(ph.lives)...)
	if ph.name == "down" {
		wrong = append(wrong, w.gone()...)
	}
	if len(wrong) > 0 {
		w.Fatalf("after %s: %s\n%s", ph.name, lines(wrong), w.events.text())
	}
	return kills
}

// locked reports whether a lock is there.
func (w *world) locked() bool {
	return slices.ContainsFunc(w.cloud.Inventory(), func(thing simulated.Thing) bool {
		return thing.Kind == "tag" && strings.HasPrefix(thing.Name, "k8or-lock:")
	})
}

func lines(all []string) string {
	out := ""
	for _, line := range all {
		out += fmt.Sprintf("\n  %.400s", line)
	}
	return out
}

// number is a setting from the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s is %q, and should be a number", name, text)
	}
	return n
}
