// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/graph"
)

// What is inside of a database cluster has no place for a mark, so that nobody can tell who made a database, a topic, a pool or a user
// that the document does not speak of: k8or, for a document that did, or a person, by SQL or in the control panel. Each is kept and
// said, and goes once it is named. Users of apps have their mark in their names, and go by themselves.

// insiders are things of one family inside of database clusters, which they share with their server's own.
type insiders struct {
	called, title string   // "pools" in the names of data, and "connection pool" for people
	engines       []string // that have any
	kept          string   // why they are kept; empty where it is that they hold data, which a cluster's protection is for
	names         func(ctx context.Context, c *graph.Call, id string) ([]string, error)
}

// listInsiders finds all of them, with those of the document, in the clusters that the document wants: those of one that goes go with it.
func (e *Estate) listInsiders(ctx context.Context, c *graph.Call, of insiders) ([]graph.Item, error) {
	ours, err := e.ourDatabases(ctx, c)
	if err != nil || c.Teardown {
		return nil, err
	}
	var items []graph.Item
	for _, d := range ours {
		entry := e.mark.entryOf(d.Tags)
		if d.Status == databaseCreating || !slices.Contains(of.engines, d.Engine) || entry == "" || !e.wants(d.Name) {
			continue
		}
		names, err := of.names(ctx, c, d.ID)
		if notFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			item := graph.Item{Key: d.Name + "/" + name, ID: d.ID + "/" + name, Owner: graph.ID(entry), Ref: inDatabase{cluster: d.ID, name: name},
				Title: fmt.Sprintf("%s %s of database %s", of.title, name, d.Name), Data: entry + "/" + of.called + "/" + name, Kept: of.kept}
			if of.kept == "" && hasTag(d.Tags, e.mark.protectedTag()) {
				item.Protected = errProtected
			}
			items = append(items, item)
		}
	}
	return items, nil
}

// wants reports whether the document wants a database cluster.
func (e *Estate) wants(cluster string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.wanted, func(d DatabaseSpec) bool { return d.Name == cluster })
}

// ownNames are the databases that servers have for themselves.
var ownNames = []string{"defaultdb", "_dodb", "admin", "config", "local", "postgres", "template0", "template1", "mysql", "sys", "information_schema", "performance_schema"}

func (e *Estate) listNames(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	return e.listInsiders(ctx, c, insiders{called: "databases", title: "database", engines: []string{"pg", "mysql", "mongodb"},
		names: func(ctx context.Context, c *graph.Call, id string) ([]string, error) {
			all, err := e.allNames(ctx, c, id)
			var names []string
			for _, n := range all {
				if !slices.Contains(ownNames, n.Name) {
					names = append(names, n.Name)
				}
			}
			return names, err
		}})
}

func (e *Estate) listTopics(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	return e.listInsiders(ctx, c, insiders{called: "topics", title: "topic", engines: []string{"kafka"},
		names: func(ctx context.Context, c *graph.Call, id string) ([]string, error) {
			all, err := e.allTopics(ctx, c, id)
			var names []string
			for _, t := range all {
				if !v1alpha1.KafkasOwn(t.Name) {
					names = append(names, t.Name)
				}
			}
			return names, err
		}})
}

// listConnectionPools costs a call for each PostgreSQL where the platform ever had a pool.
func (e *Estate) listConnectionPools(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	if had, err := e.uses(ctx, c, usesPools); err != nil || !had {
		return nil, err
	}
	return e.listInsiders(ctx, c, insiders{called: "pools", title: "connection pool", engines: []string{"pg"}, kept: "the document does not speak of it",
		names: func(ctx context.Context, c *graph.Call, id string) ([]string, error) {
			all, err := e.allConnectionPools(ctx, c, id)
			var names []string
			for _, p := range all {
				names = append(names, p.Name)
			}
			return names, err
		}})
}

// listPeople are the users of no app. The server's first one is DigitalOcean's.
func (e *Estate) listPeople(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	return e.listInsiders(ctx, c, insiders{called: "users", title: "user", engines: []string{"pg", "mysql", "mongodb", "opensearch", "kafka"},
		kept: "the document does not speak of it, and whoever has its password gets in",
		names: func(ctx context.Context, c *graph.Call, id string) ([]string, error) {
			all, err := e.allUsers(ctx, c, id)
			var names []string
			for _, u := range all {
				if u.Role != "primary" && !takesTurns(u.Name) {
					names = append(names, u.Name)
				}
			}
			return names, err
		}})
}

// deleteInsider is the end of what is at a path below a database cluster.
func (e *Estate) deleteInsider(path func(id string) string) func(context.Context, *graph.Call, graph.Item) (string, error) {
	return func(ctx context.Context, _ *graph.Call, item graph.Item) (string, error) {
		at, _ := item.Ref.(inDatabase)
		if err := gone(e.client.send(ctx, http.MethodDelete, path(at.cluster)+"/"+url.PathEscape(at.name), nil, nil)); err != nil {
			return "", fmt.Errorf("delete %s: %w", item.Title, busy(err))
		}
		return "", nil
	}
}
