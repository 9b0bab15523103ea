// SPDX-License-Identifier: Apache-2.0

package operators

import "time"

// condition is one line of a status. Generation 0 leaves observedGeneration out, for kinds that do not have it.
type condition struct {
	kind, status, reason, message string
	generation                    int64
}

// conditions writes a list of conditions. One that says the same as before keeps the time at which it began to.
func conditions(before Object, wall time.Time, now ...condition) []any {
	var out []any
	for _, c := range now {
		entry := map[string]any{"type": c.kind, "status": c.status, "lastTransitionTime": stamp(wall)}
		if c.reason != "" {
			entry["reason"] = c.reason
		}
		if c.message != "" {
			entry["message"] = c.message
		}
		if c.generation != 0 {
			entry["observedGeneration"] = c.generation
		}
		for _, was := range mapsAt(before.Object, "status", "conditions") {
			if was["type"] == c.kind && was["status"] == c.status && was["lastTransitionTime"] != nil {
				entry["lastTransitionTime"] = was["lastTransitionTime"]
			}
		}
		out = append(out, entry)
	}
	return out
}

// truth is a condition's status.
func truth(yes bool) string {
	if yes {
		return "True"
	}
	return "False"
}

// conditionOf is the status of one of an object's conditions, empty when it has none of that type.
func conditionOf(o Object, kind string) string {
	for _, c := range mapsAt(o.Object, "status", "conditions") {
		if c["type"] == kind {
			return textAt(c, "status")
		}
	}
	return ""
}
