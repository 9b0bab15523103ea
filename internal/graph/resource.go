// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

// Resource is one wanted thing whose output, once it is ready, is an O. No method waits, and all may be repeated.
type Resource[O any] interface {
	// Kind is the kind of thing this is. It never changes.
	Kind() *Kind
	// Key is the identity within the kind, by which [Item.Key] knows it again: a name that follows from the document and
	// the platform's identity alone. It never changes.
	Key() string
	// Observe reads the thing by its identity and writes nothing. It may read no input but the one tagged as its parent.
	// An error means that we do not know, which is never the same as absent.
	Observe(ctx context.Context, c *Call) (Observed[O], error)
	// Diff compares what is with what is wanted, without any call. It is asked only of things that are Ready.
	Diff(c *Call, have Observed[O]) []Change
	// Create makes the thing and says what came of it, often Pending. It is called only after Observe said Absent.
	Create(ctx context.Context, c *Call) (Observed[O], error)
	// Update changes the thing in place, as far as one step goes, and says what came of it. What a single step cannot
	// reach (two minor versions) is reached by observing again.
	Update(ctx context.Context, c *Call, have Observed[O], changes []Change) (Observed[O], error)
}

// State is what Observe found.
type State int

// The states. Everything but Absent has an id.
const (
	Absent  State = iota // it is not there
	Pending              // it is there and on its way; Message says where
	Ready                // it is there and can be compared and used
	Broken               // it is there and will not become ready by itself; Message says why
)

// String names the state as events do.
func (s State) String() string { return [...]string{"absent", "pending", "ready", "broken"}[s] }

// Observed is what a look at a thing found.
type Observed[O any] struct {
	State   State
	ID      string // the provider's id, for people and for calls
	Out     O      // meaningful unless Absent
	Message string // a few words on Pending and Broken: "provisioning", "2 of 3 nodes are running"; on Ready, what somebody outside has to do yet
}

// Kind is a kind of thing: how its things are found and deleted when no document speaks of them, and what the engine
// should expect of them. It is a value; edges to it are Go variables.
type Kind struct {
	// Name is provider and kind: "digitalocean/vpc".
	Name string
	// Typical is how long a create usually takes until ready; it shapes polling and progress. Zero means at once.
	Typical time.Duration
	// Deadline bounds the wait for ready and for gone. Zero means ten times Typical, at least five minutes.
	Deadline time.Duration
	// Lag is how long the provider's lists may not show a create.
	Lag time.Duration
	// Rank orders pruning: higher ranks go first, and a rank waits until all higher ones are gone.
	Rank int
	// Owner is the node that its items count as part of where they do not say, for selections.
	Owner ID
	// Stays is true of kinds whose broken things are not replaced: only another wish mends them (a workload that crashes).
	Stays bool
	// Given is true of kinds whose things are somebody else's: they are looked at and never made.
	Given bool
	// List finds everything of this kind that carries the platform's mark. Nil for things that go with their parent.
	List func(ctx context.Context, c *Call) ([]Item, error)
	// Delete asks for the item's end. It is repeated until the list no longer shows the item, so it must not fail
	// because the end is already under way. A returned sentence says what it waits for first ("draining node x").
	Delete func(ctx context.Context, c *Call, item Item) (waiting string, err error)
}

// deadline is the limit of a wait, with its default.
func (k *Kind) deadline() time.Duration {
	if k.Deadline > 0 {
		return k.Deadline
	}
	return max(10*k.Typical, 5*time.Minute)
}

// Item is one thing that a kind's list found.
type Item struct {
	Key string // compared with [Resource.Key]
	ID  string // the provider's id, unlike that of any other item of the kind
	// Name is what made it is called where that is all there is of it, so that its end is told under the same name; empty elsewhere.
	Name  string
	Title string // for people: "volume pvc-1234 (16 GiB, apps/data)"
	// Data names the data the item holds ("volumes/apps/data"), empty if it holds none. An item with data is deleted
	// only when an approval names it.
	Data string
	// Empty says that it was looked at and holds nothing, though things of its kind may.
	Empty bool
	// Kept says why an item with such a name is kept where that is not that it holds data.
	Kept string
	// Protected says that it must not be deleted, whatever is asked, and how to change that; nil where it may be.
	Protected error
	// Owner is the node that made the item, if the item tells.
	Owner ID
	// Note is what else its end means, for whoever reads the plan.
	Note string
	// Ending is true when its end is already under way.
	Ending bool
	// Ref is for the kind's own Delete, and what the plan's step has as its output.
	Ref any
}

// known is what a person knows the item by.
func (i Item) known() string { return cmp.Or(i.Name, i.Title, i.Key) }

// Call is the engine's hand in one call of a resource or kind: which inputs may be read, and what this pass has lately
// listed.
type Call struct {
	node   *node // nil for kinds
	look   func(*node) (any, bool)
	inputs []*node
	lists  lists
	mu     sync.Mutex
	faults []error
	now    time.Time
	// Teardown is true while the whole platform goes away.
	Teardown bool
	// Planning is true while nothing may be written.
	Planning bool
}

// NewCall is a call outside any graph, for tests of resources that have known inputs only.
func NewCall() *Call { return &Call{lists: lists{memo: &memo{}}, now: time.Now()} }

func (c *Call) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, err)
}

// fault is what the call's reader did wrong, if anything.
func (c *Call) fault() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(c.faults...)
}

// memo remembers what a pass has read, so that one list serves every resource of a kind.
type memo struct {
	mu   sync.Mutex
	once map[string]*onceResult
}

type onceResult struct {
	began time.Time
	done  chan struct{}
	v     any
	err   error
}

// lists are what a call may take from a pass's memo: what began to be read no earlier than since.
type lists struct {
	*memo
	since time.Time
}

// Once calls f once for each key and gives everyone its result, until somebody's look has to be younger: after a write of
// its own, or when it waited. Keys name the provider and the list: "digitalocean/vpcs".
func Once[T any](ctx context.Context, c *Call, key string, f func(context.Context) (T, error)) (T, error) {
	m := c.lists
	m.mu.Lock()
	if m.once == nil {
		m.once = map[string]*onceResult{}
	}
	r, started := m.once[key]
	if !started || r.began.Before(m.since) {
		r, started = &onceResult{began: time.Now(), done: make(chan struct{})}, false
		m.once[key] = r
	}
	m.mu.Unlock()
	if !started {
		func() {
			defer close(r.done)
			r.v, r.err = f(ctx)
		}()
	} else {
		select {
		case <-r.done:
		case <-ctx.Done():
			var zero T
			return zero, context.Cause(ctx)
		}
	}
	if r.err != nil {
		var zero T
		return zero, r.err
	}
	return r.v.(T), nil
}

// Forget drops a list from the pass's memory, after a write that it would not show.
func Forget(c *Call, key string) {
	c.lists.mu.Lock()
	defer c.lists.mu.Unlock()
	delete(c.lists.once, key)
}
