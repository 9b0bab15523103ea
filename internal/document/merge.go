// SPDX-License-Identifier: Apache-2.0

package document

// merge lays an overlay over a document: maps merge key by key, lists and scalars replace, null
// removes. Neither is changed. Merging is associative, so that overlays can be merged among
// themselves first.
func merge(base, overlay *node) *node {
	if overlay.kind != object {
		return overlay
	}
	if base.kind != object || overlay.cut {
		over := *overlay
		over.cut = true // what was here before is out of reach for good
		return &over
	}
	merged := &node{kind: object, at: base.at, cut: base.cut}
	in, over := index(base), index(overlay)
	for _, e := range base.entries {
		if over := over[e.key]; over != nil {
			value := merge(e.value, over.value)
			if value.kind != object || value.at.src == over.value.at.src {
				e.at = over.at
			}
			e.value = value
		}
		merged.entries = append(merged.entries, e)
	}
	for _, e := range overlay.entries {
		if in[e.key] == nil {
			merged.entries = append(merged.entries, e)
		}
	}
	return merged
}

// index is an object's entries by their keys.
func index(n *node) map[string]*entry {
	by := make(map[string]*entry, len(n.entries))
	for i := range n.entries {
		by[n.entries[i].key] = &n.entries[i]
	}
	return by
}

// overlaid is a tree as an overlay: its nulls remove. Those in lists are left alone, as a list
// replaces as a whole.
func overlaid(n *node) *node {
	out := *n
	switch n.kind {
	case null:
		out.removed = true
	case object:
		out.entries = make([]entry, len(n.entries))
		for i, e := range n.entries {
			out.entries[i] = entry{e.key, e.at, overlaid(e.value)}
		}
	}
	return &out
}

// settled is a merged document with what was removed left out.
func settled(n *node) *node {
	if n.kind != object {
		return n
	}
	out := *n
	out.entries = nil
	for _, e := range n.entries {
		if !e.value.removed {
			out.entries = append(out.entries, entry{e.key, e.at, settled(e.value)})
		}
	}
	return &out
}
