// SPDX-License-Identifier: Apache-2.0

package product

import (
	"strings"
	"testing"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/graph"
)

func TestWhoCannotRotateIsToldWhoCan(t *testing.T) {
	t.Parallel()
	spec := v1alpha1.Spec{
		Storage:   &v1alpha1.Storage{Spaces: map[string]v1alpha1.Bucket{"media": {}, "backups": {}, "logs": {}}},
		Databases: map[string]v1alpha1.Database{"orders": {}, "old": {Product: "existing"}, "plain": {Product: "digitalocean"}, "stock": {Users: map[string]v1alpha1.DatabaseUser{"analyst": {}}}},
		Backups:   &v1alpha1.Backups{Bucket: "storage/spaces/backups"},
		Apps:      map[string]v1alpha1.App{"web": {Namespace: "apps", Uses: []string{"databases/orders", "databases/old", "databases/plain", "storage/spaces/media"}}},
	}
	asked := []graph.ID{"backups", "apps/web", "databases/old", "storage/spaces/logs", "databases/stock"}
	p := Platform{Platform: &v1alpha1.Platform{Spec: spec}, Rotate: asked}
	c := &composer{platform: p, rotate: []graph.ID{"storage/spaces/media", "storage/spaces/backups", "databases/orders"}}
	for id, want := range map[graph.ID]string{
		"backups":             "`k8or rotate storage/spaces/backups`",
		"apps/web":            "`k8or rotate storage/spaces/media databases/orders`",
		"databases/old":       "where they are made",
		"databases/plain":     "those that can be rotated",
		"storage/spaces/logs": "storage/spaces/media, storage/spaces/backups or databases/orders",
	} {
		if r := c.rotatesNot(id); !strings.Contains(r.What, string(id)) || r.Why == "" || !strings.Contains(r.Fix, want) {
			t.Errorf("%s is told %+v, want a fix with %q", id, r, want)
		}
	}
	if r := c.rotatesNot("databases/plain"); !strings.Contains(r.Why, "has no rotation") {
		t.Errorf("of a product without rotation it is said: %+v", r)
	}
	if err := c.allRotate(); err == nil || strings.Count(err.Error(), "hands out no credentials") != len(asked) {
		t.Errorf("of %d entries that cannot rotate it is said: %v", len(asked), err)
	}
	c.platform.Rotate = c.rotate
	if err := c.allRotate(); err != nil {
		t.Errorf("of those that can: %v", err)
	}
	if r := p.OnlyNamed("databases/stock", 1); len(r) != 1 || !strings.Contains(r[0].Fix, "add a user") {
		t.Errorf("a database with users of the document alone is told %+v", r)
	}
	if r := p.OnlyNamed("databases/old", 1); len(r) != 0 {
		t.Errorf("a database that an app uses is refused: %+v", r)
	}
}
