// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"slices"
	"strings"
)

// Nearest is the choice a person most likely meant by given, or empty when none is near. Case,
// hyphens and underscores count for nothing; swapped neighbours count once.
func Nearest(given string, choices []string) string {
	best, nearest := "", 1<<30
	from := fold(given)
	for _, choice := range choices {
		to := fold(choice)
		d := distance(from, to)
		if limit := tolerance(min(len(from), len(to))); d > limit {
			// A beginning is near as well: "auto" is nearer to "autoscale" than to anything else.
			if len(from) < 3 || !strings.HasPrefix(string(to), string(from)) {
				continue
			}
		}
		if d < nearest {
			best, nearest = choice, d
		}
	}
	return best
}

// tolerance is how many edits apart two words may be, by the length of the shorter.
func tolerance(length int) int {
	if length < 2 {
		return 0
	}
	return max(1, length/3)
}

// DidYouMean is the sentence that names the nearest choice, or empty when none is near.
func DidYouMean(given string, choices []string) string {
	if near := Nearest(given, choices); near != "" {
		return "did you mean \"" + near + "\"?"
	}
	return ""
}

// OneOf lists choices in words: "a, b or c".
func OneOf(choices []string) string {
	switch len(choices) {
	case 0:
		return "nothing"
	case 1:
		return choices[0]
	}
	last := len(choices) - 1
	return strings.Join(choices[:last], ", ") + " or " + choices[last]
}

func fold(s string) []rune {
	return slices.DeleteFunc([]rune(strings.ToLower(s)), func(r rune) bool { return r == '-' || r == '_' || r == ' ' })
}

// distance is the number of edits between two words: insertions, deletions, replacements, and swaps
// of neighbours.
func distance(a, b []rune) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
