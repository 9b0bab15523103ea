// SPDX-License-Identifier: Apache-2.0

// Package problem is what a person is told when something is wrong: a code, where it is, why it is
// wrong and how to mend it. Every error that reaches a person is a [Problem] or a [List] of them;
// the exit code follows from its [Kind].
package problem

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind says what sort of trouble a problem is, and with it how a command ends.
type Kind int

// The kinds, and the exit codes they lead to.
const (
	// Failed is anything that went wrong on the way (1). It is the zero Kind.
	Failed Kind = iota
	// Broken is something that stands and does not do its job, as verify found (3).
	Broken
	// NotAllowed is a missing or refused token, a missing scope, or the wrong account (4).
	NotAllowed
	// Preflight is a check that says no before anything is made: limits, fit, budget, data not
	// decided, a cluster out of reach (5).
	Preflight
	// Locked is another run that holds the platform (6).
	Locked
	// Left is something billable that stays without having been asked to (7).
	Left
	// Usage is a wrong command line or a wrong document (64).
	Usage
	// Interrupted is a person who said stop (130).
	Interrupted
)

// ExitCode is the code a command ends with because of a problem of this kind.
func (k Kind) ExitCode() int {
	switch k {
	case Broken:
		return 3
	case NotAllowed:
		return 4
	case Preflight:
		return 5
	case Locked:
		return 6
	case Left:
		return 7
	case Usage:
		return 64
	case Interrupted:
		return 130
	}
	return 1
}

// Problem is one thing that is wrong, said to a person. The zero Kind is Failed, and an empty field
// is left out of what is shown.
type Problem struct {
	// Code is its number in the table of codes.
	Code Code `json:"code"`
	// Kind decides the exit code.
	Kind Kind `json:"-"`
	// Warning says that the work goes on all the same.
	Warning bool `json:"warning,omitempty"`
	// Title says in one line what is wrong, beginning in lower case and without a full stop.
	Title string `json:"title"`
	// Path is the field of the document it is about, such as spec.cluster.nodePools.general.
	Path string `json:"path,omitempty"`
	// Place is where in a file it is.
	Place *Place `json:"place,omitempty"`
	// Call is which request to a cloud it came from.
	Call *Call `json:"call,omitempty"`
	// Why says what makes it wrong. At a place in a file it stands under the source line.
	Why string `json:"why,omitempty"`
	// Fix says what to do next.
	Fix string `json:"fix,omitempty"`
	// Cause is the error beneath, for errors.Is and errors.As. It is not shown: what a person needs of
	// it belongs in Why.
	Cause error `json:"-"`
}

// Place is a position in a file of the person's. Lines and columns count from 1; columns count
// characters.
type Place struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Snippet is the source line, with secrets masked.
	Snippet string `json:"snippet,omitempty"`
}

// String is the place as an editor understands it: file:line:column.
func (p Place) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Call is a request to a cloud, or to a cluster, and how it was answered.
type Call struct {
	// Provider is the cloud, such as digitalocean.
	Provider string `json:"provider"`
	// Call is the method and the path, such as GET /v2/kubernetes/clusters.
	Call string `json:"call"`
	// Status is the HTTP status; 0 when no answer came.
	Status int `json:"status,omitempty"`
	// RequestID is what the provider's support asks for.
	RequestID string `json:"requestID,omitempty"`
}

// String is the call in one line.
func (c Call) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", c.Provider, c.Call)
	if c.Status != 0 {
		fmt.Fprintf(&b, ": %d", c.Status)
	}
	if c.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", c.RequestID)
	}
	return b.String()
}

// Error is the problem in one line, for logs and for wrapping; people are shown [Problem.Text].
func (p *Problem) Error() string {
	var b strings.Builder
	switch {
	case p.Place != nil:
		b.WriteString(p.Place.String() + ": ")
	case p.Call != nil:
		b.WriteString(p.Call.String() + ": ")
	}
	b.WriteString(p.Title)
	if p.Why != "" {
		b.WriteString(": " + p.Why)
	}
	if p.Code != "" {
		fmt.Fprintf(&b, " [%s]", p.Code)
	}
	return b.String()
}

// Unwrap is the error beneath.
func (p *Problem) Unwrap() error { return p.Cause }

// List is several problems, found together and told together.
type List []*Problem

// Error is the first problem in one line, and how many more there are.
func (l List) Error() string {
	switch len(l) {
	case 0:
		return "no problem"
	case 1:
		return l[0].Error()
	}
	return fmt.Sprintf("%s (and %d more)", l[0].Error(), len(l)-1)
}

// Unwrap gives errors.Is and errors.As each of the problems.
func (l List) Unwrap() []error {
	errs := make([]error, len(l))
	for i, p := range l {
		errs[i] = p
	}
	return errs
}

// Err is the list as an error: nil when nothing in it stops the work.
func (l List) Err() error {
	for _, p := range l {
		if !p.Warning {
			return l
		}
	}
	return nil
}

// Sort puts the problems in the order of their places, keeping the order of those without one.
func (l List) Sort() {
	slices.SortStableFunc(l, func(a, b *Problem) int {
		if a.Place == nil || b.Place == nil || a.Place.File != b.Place.File {
			return 0
		}
		return cmp.Or(cmp.Compare(a.Place.Line, b.Place.Line), cmp.Compare(a.Place.Column, b.Place.Column))
	})
}

// All are the problems within an error, however it was wrapped or joined. An error that holds none
// becomes one of the code [Unexpected], so that nothing is lost.
func All(err error) List {
	if err == nil {
		return nil
	}
	found := within(err, nil)
	if len(found) == 0 {
		found = List{{Code: Unexpected, Title: err.Error(), Cause: err}}
	}
	return found
}

func within(err error, found List) List {
	switch e := err.(type) {
	case *Problem:
		return append(found, e)
	case List:
		return append(found, e...)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			inside := within(inner, nil)
			if len(inside) == 0 {
				inside = List{{Code: Unexpected, Title: inner.Error(), Cause: inner}}
			}
			found = append(found, inside...)
		}
		return found
	}
	if inner := errors.Unwrap(err); inner != nil {
		return within(inner, found)
	}
	return found
}

// ExitCode is how a command ends that met err: 0 without one, otherwise the code of the gravest
// problem's kind. An interruption outweighs everything, then what was left behind, a lock, a missing
// permission, a check that said no, a wrong document, what verify found broken, and last a plain failure.
func ExitCode(err error) int {
	gravity := []Kind{Failed, Broken, Usage, Preflight, NotAllowed, Locked, Left, Interrupted}
	worst := -1
	for _, p := range All(err) {
		if !p.Warning {
			worst = max(worst, slices.Index(gravity, p.Kind))
		}
	}
	if worst < 0 {
		return 0
	}
	return gravity[worst].ExitCode()
}

var (
	_ error = (*Problem)(nil)
	_ error = List(nil)
)
