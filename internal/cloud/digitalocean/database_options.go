// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/k8or/k8or/internal/graph"
)

// databaseOffer is what DigitalOcean offers of one engine.
type databaseOffer struct {
	Regions  []string `json:"regions"`
	Versions []string `json:"versions"`
	Layouts  []struct {
		Nodes int      `json:"num_nodes"`
		Sizes []string `json:"sizes"`
	} `json:"layouts"`

	lives []versionLife
}

// versionLife is until when a version is supported: a moment in RFC 3339, or nothing.
type versionLife struct {
	Version string `json:"version"`
	End     string `json:"end_of_life"`
}

// Want makes a database cluster's needs known to [Estate.Preflight].
func (e *Estate) Want(d DatabaseSpec) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wanted = append(e.wanted, d)
}

// databasesOffered holds the database clusters that are to be made or to become something else against what is offered, which costs a
// call only when there are any. Each part of the error is an [ErrNotOffered].
func (e *Estate) databasesOffered(ctx context.Context, c *graph.Call) error {
	e.mu.Lock()
	wanted := slices.Clone(e.wanted)
	e.mu.Unlock()
	if len(wanted) == 0 {
		return nil
	}
	all, err := e.allDatabases(ctx, c)
	if err != nil {
		return err
	}
	wanted = slices.DeleteFunc(wanted, func(d DatabaseSpec) bool {
		return slices.ContainsFunc(all, func(have database) bool { return d.is(have) })
	})
	if len(wanted) == 0 {
		return nil
	}
	offers, err := e.databaseOffers(ctx, c)
	if err != nil {
		return err
	}
	var errs []error
	for _, d := range wanted {
		errs = append(errs, d.offered(offers))
	}
	return errors.Join(errs...)
}

// databaseOffers are what DigitalOcean offers of each engine.
func (e *Estate) databaseOffers(ctx context.Context, c *graph.Call) (map[string]databaseOffer, error) {
	return graph.Once(ctx, c, "digitalocean/databases/options", func(ctx context.Context) (map[string]databaseOffer, error) {
		var answer struct {
			Options map[string]databaseOffer `json:"options"`
			Lives   map[string][]versionLife `json:"version_availability"`
		}
		err := e.client.get(ctx, "/v2/databases/options", &answer)
		for engine, o := range answer.Options {
			o.lives = answer.Lives[engine]
			answer.Options[engine] = o
		}
		return answer.Options, err
	})
}

// VersionEnd is the day from which DigitalOcean does not support the version that a database cluster is wanted in.
type VersionEnd struct {
	Name, Engine, Version string
	End                   time.Time
}

// VersionsEnd are those of the database clusters that the document wants, as far as there is such a day. It costs one call, where there are
// any and nothing else has asked for what is offered.
func (e *Estate) VersionsEnd(ctx context.Context, c *graph.Call) ([]VersionEnd, error) {
	e.mu.Lock()
	wanted := slices.Clone(e.wanted)
	e.mu.Unlock()
	if len(wanted) == 0 {
		return nil, nil
	}
	offers, err := e.databaseOffers(ctx, c)
	if err != nil {
		return nil, err
	}
	var out []VersionEnd
	for _, d := range wanted {
		for _, l := range offers[d.Engine].lives {
			if end, err := time.Parse(time.RFC3339, l.End); err == nil && d.Version != "" && major(l.Version, d.Version) == d.Version {
				out = append(out, VersionEnd{Name: d.Name, Engine: d.Engine, Version: l.Version, End: end})
			}
		}
	}
	return out, nil
}

// in says that an engine cannot be had in a region.
func (o databaseOffer) in(region, engine string) error {
	if slices.Contains(o.Regions, region) {
		return nil
	}
	return &ErrNotOffered{What: "region", Wanted: region, Offered: o.Regions, For: engine}
}

// is reports whether a database cluster is what is wanted already, as far as that has to be offered.
func (d DatabaseSpec) is(have database) bool {
	return have.Name == d.Name && have.Size == d.Size && have.Nodes == d.Nodes && (d.Version == "" || major(have.Version, d.Version) == d.Version)
}

// offered holds one database cluster against what is offered.
func (d DatabaseSpec) offered(offers map[string]databaseOffer) error {
	o, ok := offers[d.Engine]
	if !ok {
		return &ErrNotOffered{What: "database engine", Wanted: d.Engine}
	}
	if err := o.in(d.Region, d.Engine); err != nil {
		return err
	}
	if d.Version != "" && !slices.ContainsFunc(o.Versions, func(v string) bool { return major(v, d.Version) == d.Version }) {
		return &ErrNotOffered{What: "version", Wanted: d.Version, Offered: o.Versions, For: d.Engine}
	}
	var counts, sizes []string
	for _, l := range o.Layouts {
		counts = append(counts, strconv.Itoa(l.Nodes))
		if l.Nodes == d.Nodes {
			sizes = l.Sizes
		}
	}
	switch {
	case sizes == nil:
		return &ErrNotOffered{What: "number of nodes", Wanted: strconv.Itoa(d.Nodes), Offered: counts, For: d.Engine}
	case !slices.Contains(sizes, d.Size):
		return &ErrNotOffered{What: "size", Wanted: d.Size, Offered: sizes, For: fmt.Sprintf("%s with standbyNodes: %d", d.Engine, d.Nodes-1)}
	}
	return nil
}
