// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/k8or/k8or/internal/graph"
)

// ourDatabases are the platform's database clusters. They cost a call only where the platform ever had one.
func (e *Estate) ourDatabases(ctx context.Context, c *graph.Call) ([]database, error) {
	if had, err := e.uses(ctx, c, usesDatabases); err != nil || !had {
		return nil, err
	}
	all, err := e.allDatabases(ctx, c)
	if err != nil {
		return nil, err
	}
	var ours []database
	for _, d := range all {
		if e.mark.tagged(d.Tags) {
			ours = append(ours, d)
		}
	}
	return ours, nil
}

// NameOf is the name at DigitalOcean of what a document calls name: "shop-x7k2p9-orders". One that would be longer than the 63
// characters that DigitalOcean takes ends in four hexadecimal digits of it instead.
func (e *Estate) NameOf(name string) string {
	whole := e.mark.String() + "-" + name
	if len(whole) <= 63 {
		return whole
	}
	sum := sha256.Sum256([]byte(name))
	return whole[:58] + "-" + hex.EncodeToString(sum[:2])
}

func (e *Estate) listDatabases(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	ours, err := e.ourDatabases(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, d := range ours {
		entry := e.mark.entryOf(d.Tags)
		item := graph.Item{Key: d.Name, ID: d.ID, Data: entry, Owner: graph.ID(entry), Ref: observedDatabase(d).Out,
			Title: fmt.Sprintf("database %s (%s %s, %d × %s)", d.Name, d.Engine, d.Version, d.Nodes, d.Size)}
		if item.Data == "" {
			item.Data = "databases/" + d.Name // somebody took its tag: it is not lost for that
		}
		if hasTag(d.Tags, e.mark.protectedTag()) {
			item.Protected = errProtected
		}
		if d.Engine == "kafka" && !c.Teardown && e.moved(entry) {
			item.Empty, item.Kept = e.unused(ctx, c, d)
		}
		if item.Empty { // there is nothing to be named for
			item.Data, item.Note = "", item.Kept
		}
		items = append(items, item)
	}
	return items, nil
}

// deleteDatabase deletes a database cluster and its backups, for good.
func (e *Estate) deleteDatabase(ctx context.Context, _ *graph.Call, item graph.Item) (string, error) {
	err := gone(e.client.send(ctx, http.MethodDelete, "/v2/databases/"+item.ID, nil, nil))
	if err != nil {
		return "", fmt.Errorf("delete database cluster %s: %w", item.Key, busy(err))
	}
	return "", nil
}

// dataTag remembers which entry of the document a store belongs to: "databases/orders".
func (m Mark) dataTag(entry string) string {
	return m.Tag() + ":data:" + strings.ReplaceAll(entry, "/", ":")
}

// entryOf reads a store's entry from its tags.
func (m Mark) entryOf(tags []string) string {
	for _, t := range tags {
		if rest, ok := cutPrefixFold(t, m.Tag()+":data:"); ok {
			return strings.ReplaceAll(rest, ":", "/")
		}
	}
	return ""
}

// protectedTag protects what carries it from deletion.
func (m Mark) protectedTag() string { return m.Tag() + ":protected" }

// goesLast reports whether a tag goes once no store is left: those by which stores and families are known, which say what holds data, which
// families the platform ever had (of all families, not of databases alone), what is protected, and what moves in.
func (m Mark) goesLast(tag string) bool {
	rest, ok := cutPrefixFold(tag, m.Tag()+":")
	return ok && (strings.HasPrefix(rest, "data:") || strings.HasPrefix(rest, "uses:") || rest == "protected" || rest == "migrates")
}
