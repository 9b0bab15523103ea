// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
)

const (
	// leaseLength is how long a Lease holds without being renewed: a minute more than the engine waits with renewing.
	leaseLength = 3 * time.Minute
	// leaseTries and leasePause are how often a cluster is asked that gives no answer, and how often one that came at the
	// same time is given the chance to step back.
	leaseTries = 3
	leasePause = 2 * time.Second
)

// lock makes a run the only writer of a platform. It lives in two places: a Lease in the cluster where one can be asked,
// a tag at DigitalOcean where none can. Each who takes it in one place then looks whether somebody has it in the other:
//
//   - By Lease: take it, then list the tags; a live one of somebody else sends me away.
//   - By tag: put it, wait until every list shows it, then read the Lease; a live one of somebody else sends me away.
//
// Of two that come at the same time, one by each way, the later reader sees the other's mark, so they never both hold.
//
// A run that holds the tag takes the Lease at the renewal after its cluster can be asked, and lets the tag go then. A run
// that deletes the cluster keeps the tag, since the Lease goes with it. Where a cluster stands and cannot be asked from
// here, the tag is put and the length of a Lease waited: the holder of a Lease looks for tags before each renewal and
// answers with one of its own.
type lock struct {
	tag   tagLock
	lease func(context.Context) (leaseLock, error) // of the cluster that stands now; nil without one
	// goes is true of a run that deletes the cluster.
	goes bool
	say  func(message string)

	held   leaseLock // nil while the Lease is not mine
	tagged bool      // my tag is there
}

var _ graph.Lock = (*lock)(nil)

// tagLock is the lock as a tag.
type tagLock interface {
	graph.Lock
	Rival(ctx context.Context) (*graph.ErrLocked, error)
	Show(ctx context.Context) error
}

// leaseLock is the lock as a Lease.
type leaseLock interface {
	graph.Lock
	Held(ctx context.Context) (*graph.ErrLocked, error)
}

// newLock is the lock for one run.
func (p *Platform) newLock(teardown bool) *lock {
	return &lock{
		tag:  p.tag,
		goes: teardown && p.doc.Spec.Cluster.Existing == "",
		say:  func(message string) { p.options.Log.Add(event.Event{Type: event.Note, Message: message}) },
		lease: func(ctx context.Context) (leaseLock, error) {
			access, ok, err := p.find(ctx, graph.NewCall())
			if err != nil || !ok || access.Endpoint == "" {
				return nil, err
			}
			return p.kinds.Cluster(access.ID).Lock(kube.LockOptions{Holder: p.tag.Holder(), Length: leaseLength, Now: p.client.Now, Dead: p.options.Dead}), nil
		},
	}
}

// Acquire takes the lock, or says who holds it.
func (l *lock) Acquire(ctx context.Context) (time.Time, error) {
	if !l.goes {
		lease, err := l.lease(ctx)
		if err != nil {
			return time.Time{}, fmt.Errorf("look for the cluster, to take the lock in it: %w", err)
		}
		if lease != nil {
			until, answered, err := l.takeLease(ctx, lease)
			if answered {
				return until, err
			}
		}
	}
	until, err := l.tag.Acquire(ctx)
	if err != nil {
		return time.Time{}, err
	}
	l.tagged = true
	waited, err := l.leaseFree(ctx)
	if err == nil && waited {
		until, err = l.tag.Renew(ctx)
	}
	if err != nil {
		l.drop(ctx)
		return time.Time{}, err
	}
	return until, nil
}

// takeLease takes the Lease and then looks for tags. Answered is false when the cluster gave no answer.
func (l *lock) takeLease(ctx context.Context, lease leaseLock) (until time.Time, answered bool, err error) {
	for try := 1; ; try++ {
		until, err = lease.Acquire(ctx)
		if err == nil {
			break
		}
		if _, locked := errors.AsType[*graph.ErrLocked](err); locked {
			return time.Time{}, true, err
		}
		if try == leaseTries || errors.Is(err, kube.ErrUnreachable) || ctx.Err() != nil {
			if !errors.Is(err, kube.ErrUnreachable) {
				l.held = lease // it may be mine all the same
				l.drop(ctx)
			}
			return time.Time{}, false, err
		}
		if err := wait(ctx, leasePause); err != nil {
			return time.Time{}, true, err
		}
	}
	l.held = lease
	rival, err := l.tag.Rival(ctx)
	if err == nil && rival != nil {
		err = rival
	}
	if err != nil {
		l.drop(ctx)
		return time.Time{}, true, err
	}
	return until, true, nil
}

// leaseFree makes sure, once my tag shows, that nobody holds the Lease of a cluster that stands. It reports whether that
// took so long that the tag wants renewing.
func (l *lock) leaseFree(ctx context.Context) (waited bool, err error) {
	lease, err := l.lease(ctx)
	if err != nil || lease == nil {
		return false, err
	}
	for try := 1; ; try++ {
		other, err := lease.Held(ctx)
		switch {
		case err == nil && other == nil:
			return false, nil
		case err != nil && (try == leaseTries || errors.Is(err, kube.ErrUnreachable)):
			return true, l.outwait(ctx)
		case try == leaseTries:
			return false, other
		}
		if err := wait(ctx, leasePause); err != nil {
			return false, err
		}
	}
}

// outwait waits for the length of a Lease: who holds it must renew it meanwhile, and answers my tag before that.
func (l *lock) outwait(ctx context.Context) error {
	l.say(fmt.Sprintf("the cluster cannot be asked from here who else is at work: waiting %s for a run that may hold its lock", leaseLength))
	const look = 15 * time.Second
	for waited := time.Duration(0); waited <= leaseLength; waited += look { // once more than the length, by which time an answer shows
		if err := wait(ctx, look); err != nil {
			return err
		}
		rival, err := l.tag.Rival(ctx)
		if err != nil {
			return err
		}
		if rival != nil {
			return rival
		}
	}
	return nil
}

// Renew prolongs the lock where it is held, and moves it into the cluster once that can be asked.
func (l *lock) Renew(ctx context.Context) (time.Time, error) {
	if l.held != nil {
		return l.renewLease(ctx)
	}
	until, err := l.tag.Renew(ctx)
	if err != nil || l.goes {
		return until, err
	}
	lease, err := l.lease(ctx)
	if err != nil || lease == nil {
		return until, nil //nolint:nilerr // the tag holds, and the next renewal looks again
	}
	inside, err := lease.Acquire(ctx)
	if err != nil {
		return until, nil //nolint:nilerr // as above
	}
	l.held = lease
	if err := l.tag.Release(ctx); err == nil { // otherwise it is let go with the Lease
		l.tagged = false
	}
	return inside, nil
}

// renewLease looks for tags before it renews, and answers who cannot see the Lease. When the cluster gives no answer, as
// during an upgrade of its control plane, the tag takes over while the Lease still holds.
func (l *lock) renewLease(ctx context.Context) (time.Time, error) {
	rival, err := l.tag.Rival(ctx)
	if err != nil {
		return time.Time{}, err
	}
	switch {
	case rival != nil:
		if err := l.tag.Show(ctx); err != nil {
			return time.Time{}, err
		}
		l.tagged = true
	case l.tagged:
		if err := l.tag.Release(ctx); err == nil { // otherwise it lapses
			l.tagged = false
		}
	}
	until, err := l.held.Renew(ctx)
	if err == nil {
		return until, nil
	}
	if _, locked := errors.AsType[*graph.ErrLocked](err); locked {
		return time.Time{}, err
	}
	until, tagErr := l.tag.Acquire(ctx)
	if tagErr != nil {
		return time.Time{}, errors.Join(err, tagErr)
	}
	l.held, l.tagged = nil, true
	return until, nil
}

// Release lets the lock go wherever it is held.
func (l *lock) Release(ctx context.Context) error {
	var errs []error
	if l.held != nil {
		errs = append(errs, l.held.Release(ctx))
	}
	if l.tagged {
		errs = append(errs, l.tag.Release(ctx))
	}
	l.held, l.tagged = nil, false
	return errors.Join(errs...)
}

// drop lets go of what was taken in vain. What cannot be let go lapses.
func (l *lock) drop(ctx context.Context) {
	if err := l.Release(context.WithoutCancel(ctx)); err != nil {
		l.say("a lock that was taken in vain could not be let go: " + err.Error())
	}
}

// wait waits, or ends with the context.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

var _ tagLock = (*digitalocean.Lock)(nil)
var _ leaseLock = (*kube.Lock)(nil)
