// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/graph"
)

// ErrLocked says that somebody else has the platform's lock.
var ErrLocked = errors.New("locked by another")

// LockedError is an [ErrLocked] with its particulars.
type LockedError struct {
	Holder string
	Until  time.Time // when it lapses unless its holder renews it
}

// Error names the holder and the time.
func (e *LockedError) Error() string {
	return fmt.Sprintf("locked by %s until %s; it lapses then unless renewed", e.Holder, e.Until.UTC().Format(time.RFC3339))
}

// Is makes it match [ErrLocked].
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// Lock is the platform's lock in the cluster: a Lease with a holder and a time at which it lapses. It is never stuck.
type Lock struct {
	cluster *Cluster
	holder  string
	length  time.Duration
}

var _ graph.Lock = (*Lock)(nil)

// Lock is the lock as holder takes it. Holders must differ between processes: user, machine, process and start.
func (c *Cluster) Lock(holder string, length time.Duration) *Lock {
	return &Lock{cluster: c, holder: holder, length: length}
}

// Acquire takes the lock, or takes it again when this holder has it, and says until when it holds. Errors match
// [ErrLocked] when another live holder has it.
func (l *Lock) Acquire(ctx context.Context) (time.Time, error) {
	until, err := l.take(ctx, true)
	return until, Tell(err)
}

// Renew prolongs the lock. Errors match [ErrLocked] when it lapsed and another took it.
func (l *Lock) Renew(ctx context.Context) (time.Time, error) {
	until, err := l.take(ctx, false)
	return until, Tell(err)
}

func (l *Lock) take(ctx context.Context, first bool) (time.Time, error) {
	conn, err := l.cluster.connect(ctx)
	if err != nil {
		return time.Time{}, err
	}
	now := l.cluster.options.Now()
	until := now.Add(l.length)
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
	holder, lapses := heldBy(lease)
	if holder != "" && holder != l.holder && now.Before(lapses) {
		return time.Time{}, &LockedError{Holder: holder, Until: lapses}
	}
	if first || holder != l.holder {
		lease.Spec.AcquireTime = &metav1.MicroTime{Time: now}
	}
	lease.Spec.HolderIdentity = &l.holder
	lease.Spec.RenewTime = &metav1.MicroTime{Time: now}
	lease.Spec.LeaseDurationSeconds = new(int32(l.length / time.Second))
	if fresh {
		err = conn.client.Create(ctx, lease, client.FieldOwner(FieldManager))
	} else {
		err = conn.client.Update(ctx, lease, client.FieldOwner(FieldManager))
	}
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		// Somebody was faster; who, the lease says.
		if lease, readErr := l.read(ctx, conn); readErr == nil && lease != nil {
			if holder, lapses := heldBy(lease); holder != l.holder {
				return time.Time{}, &LockedError{Holder: holder, Until: lapses}
			}
		}
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("take the lock of %s: %w", l.cluster.options.Platform, err)
	}
	return until, nil
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
	if holder, _ := heldBy(lease); holder != l.holder {
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

func (l *Lock) name() string { return "k8or." + l.cluster.options.Platform }

func heldBy(lease *coordinationv1.Lease) (holder string, until time.Time) {
	if lease.Spec.HolderIdentity == nil || lease.Spec.RenewTime == nil || lease.Spec.LeaseDurationSeconds == nil {
		return "", time.Time{}
	}
	return *lease.Spec.HolderIdentity, lease.Spec.RenewTime.Add(time.Duration(*lease.Spec.LeaseDurationSeconds) * time.Second)
}
