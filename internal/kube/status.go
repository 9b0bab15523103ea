// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// State is how an object or a set is. Greater is worse.
type State int

// The states.
const (
	Ready      State = iota // it is as wanted and works
	Waiting                 // it is as wanted, and somebody outside the platform has to do something before it works; nobody waits for that
	InProgress              // it is on its way
	Missing                 // it is not there
	Failed                  // it will not become ready by itself
)

// String names the state.
func (s State) String() string {
	return [...]string{"ready", "waiting", "in progress", "missing", "failed"}[s]
}

// ObjectStatus is how one object is.
type ObjectStatus struct {
	ID      ID
	State   State
	Message string // what it waits for, or why it failed: one sentence
}

// Status is how a set is.
type Status struct {
	State   State          // of the worst object
	Message string         // of the worst object, with its name; empty when Ready
	Objects []ObjectStatus // worst first, then in the order of the set
	Ready   int            // how many of the objects are Ready or Waiting
}

// Status is the health of [Cluster.Look] alone: it compares nothing, and makes one request an object.
func (c *Cluster) Status(ctx context.Context, set Set) (Status, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return Status{}, err
	}
	set, waits, err := c.derive(ctx, conn, set)
	if err != nil {
		return Status{}, err
	}
	sights, err := c.sight(ctx, conn, set)
	if err != nil {
		return Status{}, err
	}
	return conn.statusOf(ctx, sights, waits)
}

func (conn *connection) statusOf(ctx context.Context, sights []*sight, waits []pending) (Status, error) {
	status := Status{Objects: make([]ObjectStatus, len(sights))}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, s := range sights {
		group.Go(func() error {
			one := ObjectStatus{ID: s.id, State: Missing, Message: "it is not there"}
			if s.live != nil {
				one = standing(s.live)
			}
			if one.State == InProgress || one.State == Failed {
				cause, err := conn.cause(ctx, s.live)
				if err != nil {
					return err
				}
				if cause != "" {
					one.Message += ": " + cause
				}
			}
			status.Objects[i] = one
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return Status{}, err
	}
	for _, w := range waits {
		status.Objects = append(status.Objects, ObjectStatus{ID: w.id, State: InProgress, Message: w.why})
	}
	for _, one := range status.Objects {
		if one.State <= Waiting {
			status.Ready++
		}
	}
	slices.SortStableFunc(status.Objects, func(a, b ObjectStatus) int { return cmp.Compare(b.State, a.State) })
	if len(status.Objects) > 0 && status.Objects[0].State != Ready {
		worst := status.Objects[0]
		status.State = worst.State
		status.Message = fmt.Sprintf("%s: %s", worst.ID, worst.Message)
	}
	return status, nil
}

// standing judges one object by itself: by kstatus, and by what kstatus leaves out.
func standing(live *unstructured.Unstructured) ObjectStatus {
	out := ObjectStatus{ID: IDOf(live)}
	if out.ID.groupKind().String() == "Job.batch" && live.GetDeletionTimestamp() == nil {
		out.State, out.Message = job(live) // kstatus is content with a job's having started
		return out
	}
	result, err := kstatus.Compute(live)
	if err != nil {
		out.State, out.Message = InProgress, err.Error()
		return out
	}
	switch result.Status {
	case kstatus.CurrentStatus:
		out.State, out.Message = own(live)
		return out
	case kstatus.FailedStatus:
		out.State = Failed
	default:
		out.State = InProgress
		if state, message := own(live); state == Waiting {
			out.State, out.Message = state, message
			return out
		}
	}
	out.Message = result.Message
	if result.Status == kstatus.TerminatingStatus {
		out.Message = "it is being deleted" + finalizersOf(live)
	}
	return out
}

// own judges kinds by conditions of theirs that kstatus does not look at.
func own(live *unstructured.Unstructured) (State, string) {
	gvk := live.GroupVersionKind()
	if judge, ok := operated[gvk.GroupKind().String()]; ok {
		return judge(live)
	}
	switch gvk.GroupKind().String() {
	case "Service":
		kind, _, _ := unstructured.NestedString(live.Object, "spec", "type")
		ingress, _, _ := unstructured.NestedSlice(live.Object, "status", "loadBalancer", "ingress")
		if kind == "LoadBalancer" && len(ingress) == 0 {
			return InProgress, "its load balancer has no address yet"
		}
	case "PersistentVolumeClaim":
		if phase, _, _ := unstructured.NestedString(live.Object, "status", "phase"); phase == "Lost" {
			return Failed, "its volume is lost"
		}
	case "APIService.apiregistration.k8s.io":
		status, message := condition(live, "Available")
		switch {
		case status == "True":
		case message == "":
			return InProgress, "it is not available yet"
		default:
			return InProgress, message
		}
	case "Namespace":
		if phase, _, _ := unstructured.NestedString(live.Object, "status", "phase"); phase != "" && phase != "Active" {
			return InProgress, "it is " + phase
		}
	}
	return Ready, ""
}

// job is Ready when it has run to its end.
func job(live *unstructured.Unstructured) (State, string) {
	if suspended, _, _ := unstructured.NestedBool(live.Object, "spec", "suspend"); suspended {
		return Ready, ""
	}
	if status, message := condition(live, "Failed"); status == "True" {
		return Failed, "it failed: " + message
	}
	if status, _ := condition(live, "Complete"); status == "True" {
		return Ready, ""
	}
	active, _, _ := unstructured.NestedInt64(live.Object, "status", "active")
	failed, _, _ := unstructured.NestedInt64(live.Object, "status", "failed")
	if failed > 0 {
		return InProgress, fmt.Sprintf("%d of its pods failed, %d running", failed, active)
	}
	return InProgress, "it has not run to its end yet"
}

// condition finds a condition in an object's status.
func condition(o *unstructured.Unstructured, kind string) (status, message string) {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		m, ok := c.(map[string]any)
		if !ok || m["type"] != kind {
			continue
		}
		status, _ = m["status"].(string)
		message, _ = m["message"].(string)
		if message == "" {
			message, _ = m["reason"].(string)
		}
	}
	return status, message
}
