// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	ssaerrors "github.com/fluxcd/pkg/ssa/errors"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// RejectedError says that the cluster will not take an object as it is.
type RejectedError struct {
	ID  ID
	Err error
}

// Error names the object and gives the cluster's reason.
func (e *RejectedError) Error() string {
	return fmt.Sprintf("the cluster refuses %s: %v", e.ID, rootMessage(e.Err))
}

// Unwrap gives the API server's error.
func (e *RejectedError) Unwrap() error { return e.Err }

var immutableWords = regexp.MustCompile(`(?i)immutable|updates to .* are forbidden|may not (be )?change|cannot be changed|can't be changed`)

// isImmutable is true of a refusal that only a new object of the same name could avoid.
func isImmutable(err error) bool {
	return ssaerrors.IsImmutableError(err) && immutableWords.MatchString(err.Error())
}

func cannotDryRun(err error) bool {
	return apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "dry run")
}

// isWebhookDown is true when an admission webhook did not answer, as while its own pods are starting.
func isWebhookDown(err error) bool {
	return apierrors.IsInternalError(err) && strings.Contains(err.Error(), "failed calling webhook")
}

func isTerminating(err error) bool {
	return apierrors.HasStatusCause(err, "NamespaceTerminating") || apierrors.IsForbidden(err) && strings.Contains(err.Error(), "being terminated")
}

// rootMessage is the API server's own sentence.
func rootMessage(err error) string {
	if status, ok := errors.AsType[*apierrors.StatusError](err); ok {
		return status.ErrStatus.Message
	}
	return err.Error()
}
