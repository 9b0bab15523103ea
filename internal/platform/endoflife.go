// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"fmt"
	"slices"
	"time"

	"github.com/k8or/k8or/internal/product"
)

// tellAhead is how long before the end of a version's life a plan tells of it.
const tellAhead = 180 * 24 * time.Hour

// endsOfLife are sentences about products whose makers have ended, or will soon end, mending the version that is installed.
func endsOfLife(entries []product.Chosen, now time.Time) []string {
	var out []string
	for _, e := range entries {
		end, err := time.Parse(time.DateOnly, e.About.EndOfLife)
		if err != nil || end.Sub(now) > tellAhead { // a test holds every date of the catalog to its form
			continue
		}
		what := fmt.Sprintf("%s %s reaches its end of life on %s: plan for a newer one", e.About.Title, e.About.Version, e.About.EndOfLife)
		if end.Before(now) {
			what = fmt.Sprintf("%s %s reached its end of life on %s: nobody mends its holes any more", e.About.Title, e.About.Version, e.About.EndOfLife)
		}
		if !slices.Contains(out, what) {
			out = append(out, what)
		}
	}
	return out
}
