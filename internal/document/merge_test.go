// SPDX-License-Identifier: Apache-2.0

package document

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// trees are small random objects, in which nulls, lists and maps stand in each other's places.
func trees() *rapid.Generator[*node] {
	return rapid.Custom(func(t *rapid.T) *node { return anyNode(t, 3, true) })
}

func anyNode(t *rapid.T, depth int, top bool) *node {
	kinds := []kind{null, text, integer, list, object, object, object}
	of := rapid.SampledFrom(kinds).Draw(t, "kind")
	if top {
		of = object
	}
	n := &node{kind: of}
	switch {
	case of == text || of == integer:
		n.text = rapid.SampledFrom([]string{"1", "2"}).Draw(t, "text")
	case of == list && depth > 0:
		for range rapid.IntRange(0, 2).Draw(t, "items") {
			n.items = append(n.items, anyNode(t, depth-1, false))
		}
	case of == object && depth > 0:
		for _, key := range []string{"a", "b", "c"} {
			if rapid.Bool().Draw(t, key) {
				n.entries = append(n.entries, entry{key: key, value: anyNode(t, depth-1, false)})
			}
		}
	}
	return n
}

// shape is a tree as text, for messages and comparison.
func shape(n *node) string {
	switch n.kind {
	case null:
		return "null"
	case list:
		var parts []string
		for _, item := range n.items {
			parts = append(parts, shape(item))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case object:
		var parts []string
		for _, key := range []string{"a", "b", "c", "x"} {
			if e := n.get(key); e != nil {
				parts = append(parts, key+": "+shape(e.value))
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprintf("%d%s", n.kind, n.text)
}

func TestMergingIsAssociative(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := trees().Draw(t, "a"), overlaid(trees().Draw(t, "b")), overlaid(trees().Draw(t, "c"))
		left, right := settled(merge(merge(a, b), c)), settled(merge(a, merge(b, c)))
		if shape(left) != shape(right) {
			t.Fatalf("a = %s\nb = %s\nc = %s\n(ab)c = %s\na(bc) = %s", shape(a), shape(b), shape(c), shape(left), shape(right))
		}
	})
}

func TestMergingTwiceIsMergingOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := trees().Draw(t, "a"), overlaid(trees().Draw(t, "b"))
		once, twice := merge(a, b), merge(merge(a, b), b)
		if shape(settled(once)) != shape(settled(twice)) {
			t.Fatalf("a = %s\nb = %s\nonce = %s\ntwice = %s", shape(a), shape(b), shape(settled(once)), shape(settled(twice)))
		}
	})
}

func TestMergingAnEmptyOverlayChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := trees().Draw(t, "a")
		if got := settled(merge(a, overlaid(&node{kind: object}))); shape(got) != shape(a) {
			t.Fatalf("got %s, want %s", shape(got), shape(a))
		}
	})
}

func TestANullInAnOverlayRemoves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := trees().Draw(t, "a")
		key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key")
		gone := overlaid(&node{kind: object, entries: []entry{{key: key, value: &node{kind: null}}}})
		got := settled(merge(a, gone))
		if got.get(key) != nil {
			t.Fatalf("%s is still in %s", key, shape(got))
		}
		for _, e := range a.entries {
			if e.key != key && got.get(e.key) == nil {
				t.Fatalf("%s went as well: %s", e.key, shape(got))
			}
		}
	})
}

func TestMergingLeavesItsPartsAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := trees().Draw(t, "a"), overlaid(trees().Draw(t, "b"))
		before := shape(a) + shape(b)
		settled(merge(a, b))
		if after := shape(a) + shape(b); after != before {
			t.Fatalf("before %s, after %s", before, after)
		}
	})
}
