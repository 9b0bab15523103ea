// SPDX-License-Identifier: Apache-2.0

package fit_test

import (
	"context"
	"errors"
	"net"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// patient asks again where a busy machine let the API server or its etcd run out of time: that says nothing of kube-scheduler.
type patient struct{ client.Client }

func (p patient) Create(ctx context.Context, o client.Object, with ...client.CreateOption) error {
	name := o.GetName()
	return again(ctx, func() error {
		err := p.Client.Create(ctx, o, with...)
		if apierrors.IsAlreadyExists(err) && name != "" { // made by the try that was not answered, or before
			return p.Client.Get(ctx, client.ObjectKeyFromObject(o), o)
		}
		return err
	})
}

func (p patient) Get(ctx context.Context, key client.ObjectKey, o client.Object, with ...client.GetOption) error {
	return again(ctx, func() error { return p.Client.Get(ctx, key, o, with...) })
}

func (p patient) List(ctx context.Context, l client.ObjectList, with ...client.ListOption) error {
	return again(ctx, func() error { return p.Client.List(ctx, l, with...) })
}

func (p patient) Delete(ctx context.Context, o client.Object, with ...client.DeleteOption) error {
	return again(ctx, func() error { return client.IgnoreNotFound(p.Client.Delete(ctx, o, with...)) })
}

func (p patient) DeleteAllOf(ctx context.Context, o client.Object, with ...client.DeleteAllOfOption) error {
	return again(ctx, func() error { return p.Client.DeleteAllOf(ctx, o, with...) })
}

// again tries a call six times at most, the last time after some 15 seconds.
func again(ctx context.Context, call func() error) error {
	return retry.OnError(wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Steps: 6}, func(err error) bool {
		late, slow := errors.AsType[net.Error](err)
		return ctx.Err() == nil && (slow && late.Timeout() || errors.Is(err, context.DeadlineExceeded) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) ||
			apierrors.IsTooManyRequests(err) || apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err))
	}, call)
}
