// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// tellAhead is how long before the end of a version's life a plan tells of it.
const tellAhead = 180 * 24 * time.Hour

// endsOfLife are sentences about products whose makers have ended, or will soon end, mending the version that is installed.
func endsOfLife(entries []product.Chosen, now time.Time) []string {
	var out []string
	for _, e := range entries {
		end, err := time.Parse(time.DateOnly, e.About.EndOfLife)
		if err != nil { // a test holds every date of the catalog to its form
			continue
		}
		if what := endOfLife(e.About.Title+" "+e.About.Version, end, now, "a newer release of k8or brings a newer one"); what != "" && !slices.Contains(out, what) {
			out = append(out, what)
		}
	}
	return out
}

// databasesEnd are such sentences about versions of managed databases, by what DigitalOcean says. That it does not say it keeps nobody
// from anything.
func (p *Platform) databasesEnd(ctx context.Context, c *graph.Call, now time.Time) []string {
	ends, err := p.estate.VersionsEnd(ctx, c)
	if err != nil {
		return []string{fmt.Sprintf("whether the versions of databases near their end of life was not checked: %v", err)}
	}
	var out []string
	for _, e := range ends {
		if what := endOfLife(fmt.Sprintf("database cluster %s: %s %s", e.Name, e.Engine, e.Version), e.End, now, "`version` in the document asks for a newer one"); what != "" {
			out = append(out, what)
		}
	}
	return out
}

// endOfLife is a sentence about what ends, or has ended, and what is to be done; empty where that is far away.
func endOfLife(what string, end, now time.Time, next string) string {
	switch day := end.UTC().Format(time.DateOnly); {
	case end.Sub(now) > tellAhead:
		return ""
	case end.Before(now):
		return fmt.Sprintf("%s reached its end of life on %s, and nobody mends its holes any more: %s", what, day, next)
	default:
		return fmt.Sprintf("%s reaches its end of life on %s: %s", what, day, next)
	}
}
