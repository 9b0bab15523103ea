// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Errors that decide how a run goes on. A provider's client wraps its errors in one of these; an error of no class is
// Uncertain when it came from a write and Retryable when it came from a read.
var (
	// ErrProtected says that something must not be deleted, whatever is asked; the error around it says how to change that.
	ErrProtected = errors.New("is protected from deletion")
	// ErrStranger says that the name is taken by something that does not carry the platform's mark. It is never touched.
	ErrStranger = errors.New("exists and does not belong to this platform")
	// ErrUnmet says that something of somebody else's, on which a part of the platform stands, is not there or not as it has to be.
	ErrUnmet = errors.New("is not there as it is needed")
	// ErrUnreachable says that the thing inside which a resource lives cannot be reached from here.
	ErrUnreachable = errors.New("cannot be reached from this machine")
	// ErrLockLost ends a run that can no longer prove it is the only writer.
	ErrLockLost = errors.New("the lock of this platform could not be kept")
	// ErrIncomplete is the result of a run that could not finish: nodes failed, were held for approval, or blocked.
	ErrIncomplete = errors.New("the run could not finish")
	// ErrStopped is the result of a run that was asked to stop.
	ErrStopped = errors.New("stopped")
)

type class int

const (
	classNone class = iota
	classPermanent
	classUncertain
	classRetry
)

type classified struct {
	class class
	after time.Duration
	err   error
}

func (e *classified) Error() string { return e.err.Error() }
func (e *classified) Unwrap() error { return e.err }

// Permanent marks an error that trying again cannot mend (a validation error, a missing scope). It fails the node.
func Permanent(err error) error { return classify(classPermanent, 0, err) }

// Uncertain marks an error of a write that may have been carried out all the same (5xx, no answer). The write is not
// repeated before the kind's lists would have shown its effect.
func Uncertain(err error) error { return classify(classUncertain, 0, err) }

// Retry marks an error that passes (429, a conflict with something under way): the call was not carried out. The next
// try comes after the given time at the earliest; zero leaves it to the engine.
func Retry(err error, after time.Duration) error { return classify(classRetry, after, err) }

func classify(c class, after time.Duration, err error) error {
	if err == nil {
		return nil
	}
	return &classified{class: c, after: after, err: err}
}

// classOf finds the outermost class, or the given one for errors without.
func classOf(err error, otherwise class) (class, time.Duration) {
	if errors.Is(err, ErrStranger) {
		return classPermanent, 0
	}
	if e, ok := errors.AsType[*classified](err); ok {
		return e.class, e.after
	}
	return otherwise, 0
}

// IsPermanent reports whether trying again cannot mend the error.
func IsPermanent(err error) bool {
	c, _ := classOf(err, classNone)
	return c == classPermanent
}

// ErrRefused says that a field is as it is for good: what stands cannot be changed into what is wanted.
type ErrRefused struct{ Change Change }

// Error says which field, and why not.
func (e *ErrRefused) Error() string {
	return fmt.Sprintf("%s cannot change from %q to %q: %s", e.Change.Path, e.Change.Before, e.Change.After, e.Change.Note)
}

// ErrAt is an error of one node, or of what no node wants.
type ErrAt struct {
	Node ID
	// Item is what a person knows something by that no node wants and whose end failed; empty for a node.
	Item string
	// Listed is the name of the kind whose things could not be listed; empty where it is not about that.
	Listed string
	Err    error
}

// Error names the node and the cause.
func (e *ErrAt) Error() string { return fmt.Sprintf("%s: %v", cmp.Or(e.Item, string(e.Node)), e.Err) }

// Unwrap gives the cause.
func (e *ErrAt) Unwrap() error { return e.Err }

// ErrBehind is what a Kind's Delete answers when another item of the kind has to go first. The item waits for that one; if
// that one cannot go, neither can this.
type ErrBehind struct {
	Key string // of the item that has to go first
	Why string // what is waited for, in words
}

// Error says what is waited for.
func (e *ErrBehind) Error() string { return e.Why }
