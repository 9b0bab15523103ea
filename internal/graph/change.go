// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// Action is what a step does.
type Action string

// The actions. Keep is an item that the graph does not want and that is not deleted, because it holds data.
const (
	None    Action = "none"
	Create  Action = "create"
	Update  Action = "update"
	Replace Action = "replace"
	Delete  Action = "delete"
	Keep    Action = "keep"
	Refuse  Action = "refuse" // the change cannot be made; the reason says what can
	Unknown Action = "unknown"
)

// Glyph is the action's sign in a plan.
func (a Action) Glyph() string {
	switch a {
	case Create:
		return "+"
	case Update:
		return "~"
	case Replace:
		return "±"
	case Delete:
		return "-"
	case Refuse:
		return "!"
	case Unknown:
		return "?"
	default:
		return " "
	}
}

// Risk is what a change does to what runs. Risks are ordered.
type Risk int

// The risks, from harmless to grave.
const (
	InPlace Risk = iota
	Restarts
	Replaces
	DestroysData
	Refused // the provider cannot make this change; Note says what to do instead
)

var riskNames = []string{"in place", "restarts", "replaces", "destroys data", "refused"}

// String is the risk as plans print it.
func (r Risk) String() string { return riskNames[r] }

// MarshalText prints the risk's name.
func (r Risk) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a risk's name.
func (r *Risk) UnmarshalText(text []byte) error {
	i := slices.Index(riskNames, string(text))
	if i < 0 {
		return fmt.Errorf("%q is not a risk: one of %q", text, riskNames)
	}
	*r = Risk(i)
	return nil
}

// Change is one field that is not as wanted.
type Change struct {
	Path   string `json:"path"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Unknown is true when what is wanted is known only after up.
	Unknown bool   `json:"unknown,omitempty"`
	Risk    Risk   `json:"risk"`
	Note    string `json:"note,omitempty"`
	// Anew says that what others read of the thing will be another once the change is made, such as a new password: until then
	// nobody knows it, and a plan tells of what reads it that it changes too.
	Anew bool `json:"-"`
}

// Compare collects the changes of one resource, field by field. The class of a field is the method that compares it:
// wanted fields by Wanted and Input, bounds by Within. What the document leaves open (chosen once) is simply not
// compared.
type Compare struct {
	call    *Call
	changes []Change
}

// Fields starts a comparison.
func Fields(c *Call) *Compare { return &Compare{call: c} }

// Wanted compares a field that the document owns.
func (d *Compare) Wanted(path string, have, want any, risk Risk, note ...string) {
	if same(have, want) {
		return
	}
	d.changes = append(d.changes, Change{Path: path, Before: show(have), After: show(want), Risk: risk, Note: first(note)})
}

// Within compares a field that somebody else owns within bounds, such as an autoscaled node count.
func (d *Compare) Within(path string, have, low, high int, risk Risk) {
	if want := min(max(have, low), high); want != have {
		d.changes = append(d.changes, Change{Path: path, Before: show(have), After: show(want), Risk: risk,
			Note: fmt.Sprintf("its autoscaler owns it within %d and %d", low, high)})
	}
}

// Input compares a field whose wanted value comes from another node. While that is not known, the change says so.
func Input[T any](d *Compare, path string, have T, want Value[T], risk Risk, note ...string) {
	w, ok := want.Get(d.call)
	if !ok {
		d.changes = append(d.changes, Change{Path: path, Before: show(have), Unknown: true, Risk: risk, Note: first(note)})
		return
	}
	d.Wanted(path, have, w, risk, note...)
}

// Add adds a change that was found in another way.
func (d *Compare) Add(changes ...Change) { d.changes = append(d.changes, changes...) }

// Changes are the fields that are not as wanted, in the order they were compared.
func (d *Compare) Changes() []Change { return d.changes }

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// same is equality in which an empty slice or map equals none.
func same(a, b any) bool {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	if empty(va) && empty(vb) {
		return true
	}
	return reflect.DeepEqual(a, b)
}

func empty(v reflect.Value) bool {
	if !v.IsValid() {
		return true
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Pointer, reflect.Interface:
		return v.IsNil()
	default:
		return false
	}
}

// show prints a value for a plan: strings bare, everything else as JSON does.
func show(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case fmt.Stringer:
		return v.String()
	}
	out, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(out)
}

// worst is the gravest risk among changes.
func worst(changes []Change) Risk {
	r := InPlace
	for _, c := range changes {
		r = max(r, c.Risk)
	}
	return r
}
