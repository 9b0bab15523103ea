// SPDX-License-Identifier: Apache-2.0

package text

import "unicode/utf8"

// widest is as wide as a column may grow; a longer text breaks its line alone.
const widest = 72

// column is the width that holds all texts of a column, and no less than least.
func column(least int, texts ...string) int {
	for _, t := range texts {
		if n := utf8.RuneCountInString(t); n <= widest {
			least = max(least, n)
		}
	}
	return least
}
