// SPDX-License-Identifier: Apache-2.0

package product

import (
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/k8or/k8or/internal/unit"
)

// Shown is what composing a product's own documents tells of it: a catalog shows it beside the product's page.
type Shown struct {
	// Footprint is what its pods request, for each of its sizes where these differ. None where no pod of it is k8or's.
	Footprint []Footprint `json:"footprint,omitempty"`
	Wired
}

// Footprint is what the pods of one entry request together, as `plan` counts them, and how much disk they have.
type Footprint struct {
	Size   string        `json:"size,omitempty"`
	Pods   int           `json:"pods"`
	CPU    unit.MilliCPU `json:"cpu"`    // in thousandths of a core
	Memory unit.MiB      `json:"memory"` // in MiB
	// NodeCPU and NodeMemory are requested once more on every node.
	NodeCPU    unit.MilliCPU `json:"nodeCPU,omitempty"`
	NodeMemory unit.MiB      `json:"nodeMemory,omitempty"`
	DiskGiB    int           `json:"diskGiB,omitempty"`
}

// Wired are the capabilities that an entry offers, and those of others that it joins, by their names in lower case: "metrics target".
type Wired struct {
	Offers []string `json:"offers,omitempty"`
	Takes  []string `json:"takes,omitempty"`
}

// Add joins what another entry of the same product does.
func (w *Wired) Add(other Wired) {
	w.Offers, w.Takes = union(w.Offers, other.Offers), union(w.Takes, other.Takes)
}

func union(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}

// gives notes that the entry at work offers a capability, takes that it joins one.
func (j joint) gives(t reflect.Type) { j.wired().Add(Wired{Offers: []string{spelled(t)}}) }
func (j joint) takes(t reflect.Type) { j.wired().Add(Wired{Takes: []string{spelled(t)}}) }

func (j joint) wired() *Wired {
	if j.c.Wirings[j.at] == nil {
		j.c.Wirings[j.at] = &Wired{}
	}
	return j.c.Wirings[j.at]
}

// spelled is a type's name in words.
func spelled(t reflect.Type) string {
	var b strings.Builder
	for i, r := range t.Name() {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
