// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Custom resources that belong to no set: a person asks an operator for something once, such as a backup, and looks at what
// becomes of it.

// Ask makes an object that belongs to no set. It carries the platform's mark, so that a person sees where it is from.
func (c *Cluster) Ask(ctx context.Context, o *unstructured.Unstructured) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	o = o.DeepCopy()
	marks := map[string]string{ManagedByLabel: FieldManager, PlatformLabel: c.options.Platform}
	for k, v := range o.GetLabels() {
		marks[k] = v
	}
	o.SetLabels(marks)
	err = conn.client.Create(ctx, o)
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err) {
		return &RejectedError{IDOf(o), err}
	}
	if err != nil {
		return fmt.Errorf("make %s: %w", IDOf(o), err)
	}
	return nil
}

// Answer is an object that was asked for, nil when it is not there, or when nothing serves its kind.
func (c *Cluster) Answer(ctx context.Context, id ID) (*unstructured.Unstructured, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn.get(ctx, id)
}

// Answers are all objects of a kind in a namespace, by name; none where nothing serves it. The id's name does not count.
func (c *Cluster) Answers(ctx context.Context, id ID) ([]unstructured.Unstructured, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(id.object().GroupVersionKind())
	err = conn.client.List(ctx, list, client.InNamespace(id.Namespace))
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s of %s: %w", id.Kind, id.Namespace, err)
	}
	return list.Items, nil
}

// Amend changes fields of an object that was looked at, by a JSON merge patch. That it has gone is no error.
func (c *Cluster) Amend(ctx context.Context, live *unstructured.Unstructured, patch string) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	err = conn.client.Patch(ctx, live.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner(FieldManager))
	if err := client.IgnoreNotFound(err); err != nil {
		return fmt.Errorf("change %s: %w", IDOf(live), err)
	}
	return nil
}

// Withdraw asks for the end of an object that was looked at, and of no other of its name. That it has gone is no error.
func (c *Cluster) Withdraw(ctx context.Context, live *unstructured.Unstructured) error {
	conn, err := c.connect(ctx)
	if err != nil || live.GetDeletionTimestamp() != nil {
		return err
	}
	return conn.delete(ctx, live)
}

// Cause is the newest that the cluster has against an object, such as a claim without a volume, in a sentence; empty for nothing.
func (c *Cluster) Cause(ctx context.Context, live *unstructured.Unstructured) (string, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return "", err
	}
	return conn.cause(ctx, live)
}
