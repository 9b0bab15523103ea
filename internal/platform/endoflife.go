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
		if what := endOfLife(e.About.Title+" "+e.About.Version, end, now); what != "" && !slices.Contains(out, what) {
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
		if what := endOfLife(fmt.Sprintf("database cluster %s: %s %s", e.Name, e.Engine, e.Version), e.End, now); what != "" {
			out = append(out, what)
		}
	}
	return out
}

// endOfLife is a sentence about what ends, or has ended; empty where that is far away.
func endOfLife(what string, end, now time.Time) string {
	switch {
	case end.Sub(now) > tellAhead:
		return ""
	case end.Before(now):
		return fmt.Sprintf("%s reached its end of life on %s: nobody mends its holes any more", what, end.UTC().Format(time.DateOnly))
	default:
		return fmt.Sprintf("%s reaches its end of life on %s: plan for a newer one", what, end.UTC().Format(time.DateOnly))
	}
}
