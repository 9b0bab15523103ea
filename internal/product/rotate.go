// SPDX-License-Identifier: Apache-2.0

package product

import (
	"errors"
	"slices"

	"github.com/k8or/k8or/internal/graph"
)

// Rotates reports whether the credentials that an entry hands out are to be changed for others. A product says in its Check
// where it cannot, and why.
func (p Platform) Rotates(entry graph.ID) bool { return slices.Contains(p.Rotate, entry) }

// Rotates is [Platform.Rotates] of the entry at work, for a product that can. The graph says then what is to be done: other
// credentials beside those that are there, the Secrets changed, what uses them started anew, and the old ones gone at last.
func (b *Building) Rotates() bool {
	if !b.c.platform.Rotates(b.at) {
		return false
	}
	b.c.rotated = append(b.c.rotated, b.at)
	return true
}

// allRotate is an error for every entry whose product knows of no rotation.
func (c *composer) allRotate() error {
	var errs []error
	for _, id := range c.platform.Rotate {
		if !slices.Contains(c.rotated, id) {
			errs = append(errs, &RefusedError{Entry: id, Refusal: Refusal{What: "it hands out no credentials that k8or could change for others",
				Why: "rotate is for what a cloud runs and gives users of its own: managed databases and Kafka", Fix: "change them where they are made, and run `k8or up`: what uses them starts anew"}})
		}
	}
	return errors.Join(errs...)
}
