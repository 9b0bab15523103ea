// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Hook is an object that is run once, such as a chart's migration job.
type Hook struct {
	Key    string                     `json:"key"` // what it is run once for: chart, values and phase; kept in the inventory
	Object *unstructured.Unstructured `json:"object"`

	BeforeCreation bool `json:"beforeCreation,omitempty"` // delete an earlier one of its name first
	WhenSucceeded  bool `json:"whenSucceeded,omitempty"`  // delete it once it has succeeded
	WhenFailed     bool `json:"whenFailed,omitempty"`     // delete it once it has failed
}

// Ran is how far a hook is.
type Ran struct {
	Done    bool
	Waiting string
}

// ErrHookFailed says that a hook ran and failed. It is run again only under another key, or once its object is deleted.
var ErrHookFailed = errors.New("hook failed")

const hookAnnotation = "k8or.io/hook"

// RunHook runs a hook of a set as far as that goes now. A hook whose key the set's inventory has is Done at once. A Job
// or Pod is waited for to its end, whatever else is Done once it is there. Errors match [ErrHookFailed] and [ErrStranger].
func (c *Cluster) RunHook(ctx context.Context, set Set, hook Hook) (Ran, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return Ran{}, err
	}
	inventory, _, err := c.Inventory(ctx, set.Name)
	if err != nil {
		return Ran{}, err
	}
	if _, done := inventory.Hooks[hook.Key]; done {
		return Ran{Done: true}, nil
	}
	inventory.Namespace = set.Namespace
	alone := Set{Name: set.Name, Namespace: set.Namespace, Objects: []*unstructured.Unstructured{hook.Object}}
	sights, err := c.sight(ctx, conn, alone)
	if err != nil {
		return Ran{}, err
	}
	s := sights[0]
	if s.unknown {
		return Ran{Waiting: fmt.Sprintf("%s: the cluster does not know its kind yet", s.id)}, nil
	}
	annotations := s.want.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[hookAnnotation] = hook.Key
	s.want.SetAnnotations(annotations)

	switch {
	case s.live == nil:
		return c.startHook(ctx, conn, alone, hook, s, &inventory)
	case s.live.GetDeletionTimestamp() != nil:
		return Ran{Waiting: fmt.Sprintf("an earlier %s is to be gone%s", s.id, finalizersOf(s.live))}, nil
	case s.live.GetAnnotations()[hookAnnotation] != hook.Key:
		if hook.BeforeCreation {
			return Ran{Waiting: fmt.Sprintf("an earlier %s is to be gone", s.id)}, conn.delete(ctx, s.live)
		}
		return c.startHook(ctx, conn, alone, hook, s, &inventory)
	}
	return c.followHook(ctx, conn, hook, s, &inventory)
}

func (c *Cluster) startHook(ctx context.Context, conn *connection, alone Set, hook Hook, s *sight, inventory *Inventory) (Ran, error) {
	// What a hook leaves behind goes with the set: name it before it is made.
	if !has(inventory.Left, s.id) {
		inventory.Left = append(inventory.Left, s.id)
		if err := c.save(ctx, inventory); err != nil {
			return Ran{}, err
		}
	}
	action := Create
	if s.live != nil {
		action = Update
	}
	waiting, err := conn.writeOne(ctx, alone, Change{ID: s.id, Action: action}, s)
	if err != nil || waiting != "" {
		return Ran{Waiting: waiting}, err
	}
	if runsToItsEnd(s.id) {
		return Ran{Waiting: fmt.Sprintf("%s is to run to its end", s.id)}, nil
	}
	return c.followHook(ctx, conn, hook, s, inventory)
}

func (c *Cluster) followHook(ctx context.Context, conn *connection, hook Hook, s *sight, inventory *Inventory) (Ran, error) {
	if runsToItsEnd(s.id) {
		status := ended(s.live)
		switch status.State {
		case Failed:
			cause, err := conn.cause(ctx, s.live)
			if err != nil {
				return Ran{}, err
			}
			if cause != "" {
				cause = ": " + cause
			}
			if hook.WhenFailed {
				if err := conn.delete(ctx, s.live); err != nil {
					return Ran{}, err
				}
			}
			return Ran{}, fmt.Errorf("%w: %s: %s%s; delete it to have it run again", ErrHookFailed, s.id, status.Message, cause)
		case InProgress:
			cause, err := conn.cause(ctx, s.live)
			if cause != "" {
				cause = ": " + cause
			}
			return Ran{Waiting: fmt.Sprintf("%s: %s%s", s.id, status.Message, cause)}, err
		}
	}
	if inventory.Hooks == nil {
		inventory.Hooks = map[string]time.Time{}
	}
	inventory.Hooks[hook.Key] = c.options.Now().UTC()
	if hook.WhenSucceeded {
		live, err := conn.get(ctx, s.id)
		if err != nil {
			return Ran{}, err
		}
		if live != nil {
			if err := conn.delete(ctx, live); err != nil {
				return Ran{}, err
			}
		}
		inventory.Left = slices.DeleteFunc(inventory.Left, func(id ID) bool { return id.same() == s.id.same() })
	}
	if err := c.save(ctx, inventory); err != nil {
		return Ran{}, err
	}
	return Ran{Done: true}, nil
}

func runsToItsEnd(id ID) bool {
	return id.Group == "batch" && id.Kind == "Job" || id.Group == "" && id.Kind == "Pod"
}

// ended judges a Job or Pod by whether it has come to a good end.
func ended(u *unstructured.Unstructured) ObjectStatus {
	id := IDOf(u)
	if id.Kind == "Job" {
		state, message := job(u)
		return ObjectStatus{id, state, message}
	}
	switch phase, _, _ := unstructured.NestedString(u.Object, "status", "phase"); phase {
	case "Succeeded":
		return ObjectStatus{id, Ready, ""}
	case "Failed":
		return ObjectStatus{id, Failed, "it failed"}
	default:
		return ObjectStatus{id, InProgress, "it has not run to its end yet"}
	}
}

// lookAtHook reads how a hook stands and writes nothing. It is false while the hook has not been started under its key.
func (c *Cluster) lookAtHook(ctx context.Context, set Set, hook Hook) (ObjectStatus, bool, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return ObjectStatus{}, false, err
	}
	sights, err := c.sight(ctx, conn, Set{Name: set.Name, Namespace: set.Namespace, Objects: []*unstructured.Unstructured{hook.Object}})
	if err != nil {
		return ObjectStatus{}, false, err
	}
	s := sights[0]
	if s.live == nil || s.live.GetAnnotations()[hookAnnotation] != hook.Key {
		return ObjectStatus{ID: s.id, State: Missing}, false, nil
	}
	if !runsToItsEnd(s.id) {
		return ObjectStatus{ID: s.id}, true, nil
	}
	status := ended(s.live)
	if status.State != Ready {
		cause, err := conn.cause(ctx, s.live)
		if err != nil {
			return status, true, err
		}
		if cause != "" {
			status.Message += ": " + cause
		}
	}
	return status, true, nil
}
