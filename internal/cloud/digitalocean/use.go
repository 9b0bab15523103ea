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
	usesPools       = "connection-pools"
	usesReplicas    = "replicas"
	usesSpaces      = "spaces"
)

// usesTag is that tag: "k8or:shop-x7k2p9:uses:databases".
func (m Mark) usesTag(family string) string { return m.Tag() + ":uses:" + family }

// uses reports whether the platform has, or had, anything of a family.
func (e *Estate) uses(ctx context.Context, c *graph.Call, family string) (bool, error) {
	return e.tagged(ctx, c, e.mark.usesTag(family))
}

// use remembers a family, before the first of it is made.
func (e *Estate) use(ctx context.Context, c *graph.Call, family string) error {
	if err := e.tell(ctx, c, e.mark.usesTag(family)); err != nil {
		return fmt.Errorf("remember by a tag that the platform has %s: %w", family, err)
	}
	return nil
}

// tagged reports whether the account has a tag.
func (e *Estate) tagged(ctx context.Context, c *graph.Call, tag string) (bool, error) {
	if e.hasDone("tag " + tag) {
		return true, nil
	}
	tags, err := e.allTags(ctx, c)
	if err != nil {
		return false, err
	}
	for _, t := range tags {
		if strings.EqualFold(t.Name, tag) {
			return true, nil
		}
	}
	return false, nil
}

// tagsLike are the account's tags that begin so, with those that this process made and no list shows yet.
func (e *Estate) tagsLike(ctx context.Context, c *graph.Call, prefix string) ([]string, error) {
	tags, err := e.allTags(ctx, c)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, t := range tags {
		if _, ok := cutPrefixFold(t.Name, prefix); ok {
			out = append(out, t.Name)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for what := range e.did {
		if tag, ok := strings.CutPrefix(what, "tag "); ok && strings.HasPrefix(tag, prefix) && !hasTag(out, tag) {
			out = append(out, tag)
		}
	}
	return out, nil
}

// tell makes a tag that nothing carries, unless it is there.
func (e *Estate) tell(ctx context.Context, c *graph.Call, tag string) error {
	if there, err := e.tagged(ctx, c, tag); err != nil || there {
		return err
	}
	if err := e.client.send(ctx, http.MethodPost, "/v2/tags", map[string]string{"name": tag}, nil); err != nil {
		return fmt.Errorf("make the tag %s: %w", tag, err)
	}
	e.done("tag " + tag)
	return nil
}

// untell deletes such a tag.
func (e *Estate) untell(ctx context.Context, c *graph.Call, tag string) error {
	if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/tags/"+tag, nil, nil)); err != nil {
		return fmt.Errorf("delete the tag %s: %w", tag, err)
	}
	e.mu.Lock()
	delete(e.did, "tag "+tag)
	e.mu.Unlock()
	graph.Forget(c, "digitalocean/tags")
	return nil
}
