// SPDX-License-Identifier: Apache-2.0

// Package plain prints events as timestamped lines, for logs and for terminals that are none.
package plain

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/event"
)

// Writer prints events.
type Writer struct{ w io.Writer }

// New prints to w.
func New(w io.Writer) *Writer { return &Writer{w} }

// Event prints one event, if it tells a person something new.
func (w *Writer) Event(e event.Event) {
	text := Line(e)
	if text == "" {
		return
	}
	fmt.Fprintf(w.w, "%s %s\n", e.Time.Format(time.TimeOnly), text)
}

// Line is an event as a sentence, empty for one that a person need not read.
func Line(e event.Event) string {
	took := ""
	if e.Elapsed >= 100*time.Millisecond {
		took = " after " + Duration(e.Elapsed)
	}
	switch e.Type {
	case event.NodeStarted:
		what := e.Called() + ": " + Doing(e.Action)
		if e.Message != "" {
			what += " " + e.Message
		}
		if e.Typical >= time.Second {
			what += ", which takes about " + Duration(e.Typical)
		}
		return what
	case event.NodeWaiting:
		return fmt.Sprintf("%s: %s", e.Called(), e.Message)
	case event.NodeRetry:
		return fmt.Sprintf("%s: %s", e.Called(), e.Message)
	case event.NodeDrifted:
		return fmt.Sprintf("%s: %s", e.Called(), e.Message)
	case event.NodeDone:
		if e.Action == "none" {
			return ""
		}
		return fmt.Sprintf("%s: %s%s", e.Called(), Done(e.Action), took)
	case event.NodeFailed:
		return fmt.Sprintf("%s: FAILED%s: %s", e.Called(), took, e.Message)
	case event.NodeHeld:
		return fmt.Sprintf("%s: held: %s", e.Called(), e.Message)
	case event.NodeBlocked:
		return fmt.Sprintf("%s: not started: %s", e.Called(), e.Message)
	case event.Note:
		return strings.TrimSpace(e.Called() + " " + e.Message)
	default:
		return ""
	}
}

// Doing is an action under way.
func Doing(action string) string {
	switch action {
	case "create":
		return "creating"
	case "update":
		return "updating"
	case "replace":
		return "replacing"
	case "delete":
		return "deleting"
	default:
		return "looking"
	}
}

// Done is an action that is over.
func Done(action string) string {
	switch action {
	case "create":
		return "created"
	case "update":
		return "updated"
	case "replace":
		return "replaced"
	case "delete":
		return "gone"
	default:
		return "as wanted"
	}
}

// Duration prints "1m40s", "12s" or "0.4s".
func Duration(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}
