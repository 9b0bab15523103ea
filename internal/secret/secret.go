// SPDX-License-Identifier: Apache-2.0

// Package secret has values that are not to be seen: passwords, tokens and keys on their way from where they are made to where
// they are needed.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Text is a value that prints as [hidden] however it is printed. The zero Text is empty. Two are
// compared with ==.
type Text struct{ value string }

const hidden = "[hidden]"

// New hides a value.
func New(value string) Text { return Text{value} }

// Reveal gives the value, for the call that needs it.
func (s Text) Reveal() string { return s.value }

// Empty reports whether there is no value.
func (s Text) Empty() bool { return s.value == "" }

// String hides the value.
func (s Text) String() string { return hidden }

// GoString hides the value from %#v.
func (s Text) GoString() string { return hidden }

// Format hides the value from every verb.
func (s Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalJSON hides the value.
func (s Text) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// MarshalText hides the value.
func (s Text) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue hides the value.
func (s Text) LogValue() slog.Value { return slog.StringValue(hidden) }
