// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/problem"
)

// Tell says an error of this package to a person. The error itself stays beneath, for errors.Is and errors.As. What
// already is a problem, an interruption, or nothing this package knows, comes back as it is.
func Tell(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, new(*problem.Problem)) {
		return err
	}
	p := &problem.Problem{Title: err.Error(), Cause: err}
	var strangers *StrangerError
	var rejected *RejectedError
	var replace *ReplaceError
	var locked *graph.ErrLocked
	switch {
	case errors.Is(err, ErrUnreachable):
		p.Code, p.Kind, p.Title, p.Why = problem.ClusterOutOfReach, problem.Preflight, "the cluster's control plane cannot be reached from this machine", err.Error()
		p.Path = "spec.cluster.controlPlaneAccess.allow"
		p.Fix = "add this machine's address to the control plane's allow-list, or run k8or from an address that is on it"
	case errors.As(err, &strangers):
		var names []string
		for _, s := range strangers.Strangers {
			names = append(names, fmt.Sprintf("%s belongs to %s", s.ID, s.Owner))
		}
		p.Code, p.Title, p.Why = problem.NameTaken, "a name in the cluster is taken by something that is not this platform's", strings.Join(names, "; ")
		p.Fix = "nothing was changed; remove it, or give the entry another name"
	case errors.As(err, &rejected):
		p.Code, p.Title, p.Why = problem.ApplyRefused, fmt.Sprintf("the cluster refuses %s", rejected.ID), rootMessage(rejected.Err)
	case errors.As(err, &replace):
		p.Code, p.Title, p.Why = problem.NotChangeable, fmt.Sprintf("%s cannot be changed in place", replace.Change.ID), replace.Change.Note
		p.Fix = "undo the change, or delete the object yourself: it is then made anew"
	case errors.As(err, &locked):
		p.Code, p.Kind, p.Title, p.Why = problem.LockHeld, problem.Locked, "another run is writing to the platform", locked.Error()
		p.Fix = "wait for it to end; a run that died lets go by itself at that time"
	case errors.Is(err, ErrHookFailed):
		p.Code = problem.NotReady
		p.Fix = "mend what its pods complain of, delete it, and run the same command again"
	case apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err):
		p.Code, p.Kind = problem.MissingScope, problem.NotAllowed
		p.Why = "the cluster does not let this token do it"
	default:
		return err
	}
	return p
}
