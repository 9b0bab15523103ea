// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/graph"
)

// Lock is a lock of the platform's in the cluster: a Lease with a holder and a time at which it lapses. It is never stuck.
type Lock struct {
	cluster *Cluster
	options LockOptions
}

// LockOptions say who takes a lock, and for how long.
type LockOptions struct {
	// Of is what alone the lock is about, such as "drill"; empty is the platform as a whole.
	Of string
	// Holder must differ between processes: user, machine, process and something random.
	Holder string
	// Length is how long the lock holds without being renewed, a whole number of seconds.
	Length time.Duration
	// Now is the clock by which the lock is written and lapses, the same for all holders; nil is the cluster's option.
	Now func() time.Time
	// Dead says of another holder that it surely ended without letting go: its lock counts as lapsed. Nil believes all.
	Dead func(holder string) bool
}

var _ graph.Lock = (*Lock)(nil)

// Lock is the lock as a holder takes it. It makes no call.
func (c *Cluster) Lock(o LockOptions) *Lock {
	if o.Now == nil {
		o.Now = c.options.Now
	}
	return &Lock{cluster: c, options: o}
}

// Acquire takes the lock, or takes it again when this holder has it, and says until when it holds. The error is a
// [*graph.ErrLocked] when another live holder has it.
func (l *Lock) Acquire(ctx context.Context) (time.Time, error) {
	until, err := l.take(ctx, true)
	return until, Tell(err)
}

// Renew prolongs the lock. The error is a [*graph.ErrLocked] when it lapsed and another took it.
func (l *Lock) Renew(ctx context.Context) (time.Time, error) {
	until, err := l.take(ctx, false)
	return until, Tell(err)
}

func (l *Lock) take(ctx context.Context, first bool) (time.Time, error) {
	conn, err := l.cluster.connect(ctx)
	if err != nil {
		return time.Time{}, err
	}
	now, until := l.options.Now(), l.cluster.options.Now().Add(l.options.Length)
	lease, err := l.read(ctx, conn)
	if err != nil {
		return time.Time{}, err
	}
	fresh := lease == nil
	if fresh {
		if err := l.cluster.systemNamespace(ctx, conn); err != nil {
			return time.Time{}, err
		}
		lease = &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: SystemNamespace, Name: l.name(),
			Labels: map[string]string{ManagedByLabel: FieldManager, PlatformLabel: l.cluster.options.Platform}}}
	}
	if other := l.other(lease); other != nil {
		return time.Time{}, other
	}
	if holder, _ := heldBy(lease); first || holder != l.options.Holder {
		lease.Spec.AcquireTime = &metav1.MicroTime{Time: now}
	}
	lease.Spec.HolderIdentity = &l.options.Holder
	lease.Spec.RenewTime = &metav1.MicroTime{Time: now}
	lease.Spec.LeaseDurationSeconds = new(int32(l.options.Length / time.Second))
	if fresh {
		err = conn.client.Create(ctx, lease, client.FieldOwner(FieldManager))
	} else {
		err = conn.client.Update(ctx, lease, client.FieldOwner(FieldManager))
	}
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		// Somebody was faster; who, the lease says.
		if lease, readErr := l.read(ctx, conn); readErr == nil && lease != nil {
			if other := l.other(lease); other != nil {
				return time.Time{}, other
			}
		}
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("take the lock of %s: %w", l.cluster.options.Platform, err)
	}
	return until, nil
}

// Held says who else holds the lock, nil when nobody does. It writes nothing.
func (l *Lock) Held(ctx context.Context) (*graph.ErrLocked, error) {
	conn, err := l.cluster.connect(ctx)
	if err != nil {
		return nil, Tell(err)
	}
	lease, err := l.read(ctx, conn)
	if err != nil || lease == nil {
		return nil, Tell(err)
	}
	return l.other(lease), nil
}

// other is the live holder of a lease, unless that is this one.
func (l *Lock) other(lease *coordinationv1.Lease) *graph.ErrLocked {
	holder, lapses := heldBy(lease)
	if holder == "" || holder == l.options.Holder || !l.options.Now().Before(lapses) || l.options.Dead != nil && l.options.Dead(holder) {
		return nil
	}
	return &graph.ErrLocked{Holder: holder, Until: lapses}
}

// Release lets the lock go. It succeeds when the lock has lapsed, is gone, or is another's by now.
func (l *Lock) Release(ctx context.Context) error {
	conn, err := l.cluster.connect(ctx)
	if err != nil {
		return err
	}
	lease, err := l.read(ctx, conn)
	if err != nil || lease == nil {
		return err
	}
	if holder, _ := heldBy(lease); holder != l.options.Holder {
		return nil
	}
	err = conn.client.Delete(ctx, lease, client.Preconditions{UID: &lease.UID, ResourceVersion: &lease.ResourceVersion})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("release the lock of %s: %w", l.cluster.options.Platform, err)
	}
	return nil
}

func (l *Lock) read(ctx context.Context, conn *connection) (*coordinationv1.Lease, error) {
	lease := &coordinationv1.Lease{}
	err := conn.client.Get(ctx, client.ObjectKey{Namespace: SystemNamespace, Name: l.name()}, lease)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the lock of %s: %w", l.cluster.options.Platform, err)
	}
	return lease, nil
}

func (l *Lock) name() string {
	name := "k8or." + l.cluster.options.Platform
	if l.options.Of != "" {
		name += "." + l.options.Of
	}
	return name
}

func heldBy(lease *coordinationv1.Lease) (holder string, until time.Time) {
	if lease.Spec.HolderIdentity == nil || lease.Spec.RenewTime == nil || lease.Spec.LeaseDurationSeconds == nil {
		return "", time.Time{}
	}
	return *lease.Spec.HolderIdentity, lease.Spec.RenewTime.Add(time.Duration(*lease.Spec.LeaseDurationSeconds) * time.Second)
}
