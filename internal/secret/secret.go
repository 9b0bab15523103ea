// SPDX-License-Identifier: Apache-2.0

// Package secret has values that are not to be seen: passwords, tokens and keys on their way from where they are made to where
// they are needed.
package secret

import (
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// Text is a value that prints as [hidden] however it is printed. The zero Text is empty. Two are
// compared with ==.
//
// In an unexported field no method of it is asked for how it prints, which is why it does not hold the value itself: there it
// prints as an address.
type Text struct{ value unique.Handle[string] }

const hidden = "[hidden]"

// New hides a value.
func New(value string) Text {
	if value == "" {
		return Text{}
	}
	return Text{unique.Make(value)}
}

// Reveal gives the value, for the call that needs it.
func (s Text) Reveal() string {
	if s.Empty() {
		return ""
	}
	return s.value.Value()
}

// Empty reports whether there is no value.
func (s Text) Empty() bool { return s == Text{} }

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
