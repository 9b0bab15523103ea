// SPDX-License-Identifier: Apache-2.0

// Package ndjson prints events as one JSON object a line, for programs. The format is versioned: see event.Version.
package ndjson

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/k8or/k8or/internal/event"
)

// Writer prints events. Its first write error is kept and ends the printing.
type Writer struct {
	enc *json.Encoder
	err error
}

// New prints to w.
func New(w io.Writer) *Writer { return &Writer{enc: json.NewEncoder(w)} }

// line is an event as programs read it: durations in seconds, errors as text.
type line struct {
	Version int        `json:"version"`
	Seq     int        `json:"seq"`
	Time    time.Time  `json:"time"`
	Type    event.Type `json:"type"`
	Node    string     `json:"node,omitempty"`
	Name    string     `json:"name,omitempty"`
	Kind    string     `json:"kind,omitempty"`
	Action  string     `json:"action,omitempty"`
	Message string     `json:"message,omitempty"`
	Elapsed float64    `json:"elapsedSeconds,omitempty"`
	Typical float64    `json:"typicalSeconds,omitempty"`
}

// Event prints one event.
func (w *Writer) Event(e event.Event) {
	if w.err != nil {
		return
	}
	l := line{Version: e.Version, Seq: e.Seq, Time: e.Time.UTC(), Type: e.Type, Node: e.Node, Name: e.Name, Kind: e.Kind, Action: e.Action, Message: e.Message,
		Elapsed: e.Elapsed.Seconds(), Typical: e.Typical.Seconds()}
	if err := w.enc.Encode(l); err != nil {
		w.err = fmt.Errorf("print events: %w", err)
	}
}

// Result prints the object that ends a stream: its type is "result".
func (w *Writer) Result(result any) {
	if w.err != nil {
		return
	}
	last := struct {
		Version int    `json:"version"`
		Type    string `json:"type"`
		Result  any    `json:"result"`
	}{event.Version, "result", result}
	if err := w.enc.Encode(last); err != nil {
		w.err = fmt.Errorf("print the result: %w", err)
	}
}

// Err is the first error of printing.
func (w *Writer) Err() error { return w.err }
