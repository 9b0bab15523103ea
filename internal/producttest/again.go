// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/platform"
)

// composer composes a document again and again, with changes.
type composer struct {
	t      *testing.T
	name   string
	world  *world
	salted map[string]bool
	bases  map[string]composed

	available v1alpha1.Available
}

func newComposer(t *testing.T, name string) *composer {
	return &composer{t: t, name: name, world: newWorld(t), salted: map[string]bool{}, bases: map[string]composed{}, available: platform.Available()}
}

// composed is what came of one document.
type composed struct {
	of       fingerprint
	computed map[string]string
	err      error
}

// compose composes a document.
func (c *composer) compose(tree any) composed {
	raw, err := json.Marshal(tree)
	if err != nil {
		c.t.Fatal(err)
	}
	doc := &document.Document{Platform: &v1alpha1.Platform{}, Files: []string{c.name}} // without the places of its fields, which take longer to read than all the rest
	if err := json.Unmarshal(raw, doc.Platform); err != nil {
		return composed{err: err}
	}
	var broken []error
	for _, e := range v1alpha1.Validate(doc.Platform, c.available) {
		broken = append(broken, e)
	}
	if broken != nil {
		return composed{err: errors.Join(broken...)}
	}
	charts := &valued{}
	p, err := c.world.connect(doc, charts)
	if err != nil {
		return composed{err: err}
	}
	composition, err := p.Compose(c.t.Context())
	if err != nil {
		return composed{err: err}
	}
	of, computed := fingerprintOf(composition, charts, c.salted)
	return composed{of: of, computed: computed}
}

// base is what a document comes to which changed ones are compared with. It is composed twice: what differs then is salted.
func (c *composer) base(tree any) composed {
	raw, err := json.Marshal(tree)
	if err != nil {
		c.t.Fatal(err)
	}
	if h, ok := c.bases[string(raw)]; ok {
		return h
	}
	h := c.compose(tree)
	if h.err == nil {
		again := c.compose(tree)
		for key, value := range h.computed {
			if again.computed[key] != value {
				c.salted[key] = true
			}
		}
		if h.of != again.of {
			if h, again = c.compose(tree), c.compose(tree); h.of != again.of {
				c.t.Fatal("the same document composes differently each time, so that differences tell nothing")
			}
		}
	}
	c.bases[string(raw)] = h
	return h
}
