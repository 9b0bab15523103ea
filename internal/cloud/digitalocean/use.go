// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/k8or/k8or/internal/graph"
)

// Families of things that not every platform has. A tag remembers that a platform has, or had, any of one, so that the lists
// of the others cost no call. It is made before the first of the family, and goes when the platform does.
const (
	usesDatabases   = "databases"
	usesNATGateways = "nat-gateways"
	usesReplicas    = "replicas"
	usesSpaces      = "spaces"
)

// usesTag is that tag: "k8or:shop-x7k2p9:uses:databases".
func (m Mark) usesTag(family string) string { return m.Tag() + ":uses:" + family }

// uses reports whether the platform has, or had, anything of a family.
func (e *Estate) uses(ctx context.Context, c *graph.Call, family string) (bool, error) {
	if e.hasDone("use " + family) {
		return true, nil
	}
	tags, err := e.allTags(ctx, c)
	if err != nil {
		return false, err
	}
	for _, t := range tags {
		if strings.EqualFold(t.Name, e.mark.usesTag(family)) {
			return true, nil
		}
	}
	return false, nil
}

// use remembers a family, before the first of it is made.
func (e *Estate) use(ctx context.Context, c *graph.Call, family string) error {
	if known, err := e.uses(ctx, c, family); err != nil || known {
		return err
	}
	if err := e.client.send(ctx, http.MethodPost, "/v2/tags", map[string]string{"name": e.mark.usesTag(family)}, nil); err != nil {
		return fmt.Errorf("remember by a tag that the platform has %s: %w", family, err)
	}
	e.done("use " + family)
	return nil
}
