// SPDX-License-Identifier: Apache-2.0

// Package digitalocean is the product "digitalocean" of the category databases: DigitalOcean's Managed Databases.
package digitalocean

import (
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/databases"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/unit"
)

//go:embed README.md
var page string

// Product is a managed database cluster of DigitalOcean's.
var Product = &product.Definition[v1alpha1.Database, Options]{
	Category:   "databases",
	Name:       "digitalocean",
	Title:      "DigitalOcean Managed Databases",
	Licence:    "DigitalOcean's terms of service",
	Placements: []product.Placement{product.Managed},
	Page:       page,
	Sells:      sells(),
	Lacks: []product.Lack{
		{Fields: []string{"pool"}, Why: "it runs on DigitalOcean's machines"},
		{Fields: []string{"storage.class"}, Why: "its disk is no volume of the cluster's"},
		{Fields: []string{"backups.pointInTime"}, Why: "DigitalOcean always keeps what is needed to go back to any moment of the last week"},
	},
	Check:  check,
	Select: choose,
	Build:  build,
}

type entry = product.Entry[v1alpha1.Database, Options]

// Options are the settings that only this product has.
type Options struct {
	// EvictionPolicy says what Valkey drops when its memory is full, as Valkey calls it: noeviction, allkeys-lru, and so on.
	// Left open, DigitalOcean's default: it refuses writes.
	EvictionPolicy string `json:"evictionPolicy,omitempty"`
}

// engine is what DigitalOcean offers of an engine.
type engine struct {
	slug    string
	version string // where the document names none
	// sizes are small, medium and large by DigitalOcean's slugs.
	sizes                     map[string]string
	storage, replicas, grants bool
}

// Versions and sizes: DigitalOcean's published options of 2026-08-07. A later k8or may say others; a platform stays with what
// its catalog set says.
var engines = map[string]engine{
	databases.PostgreSQL: {"pg", "17", sizes("db-s-1vcpu-2gb", "db-s-2vcpu-4gb", "db-s-4vcpu-8gb"), true, true, true},
	databases.MySQL:      {"mysql", "8", sizes("db-s-1vcpu-2gb", "db-s-2vcpu-4gb", "db-s-4vcpu-8gb"), true, true, true},
	databases.Valkey:     {"valkey", "8", sizes("db-s-1vcpu-1gb", "db-s-1vcpu-2gb", "db-s-2vcpu-4gb"), false, false, false},
	databases.MongoDB:    {"mongodb", "8.0", sizes("db-s-1vcpu-2gb", "db-s-2vcpu-4gb", "db-s-4vcpu-8gb"), true, false, false},
	databases.OpenSearch: {"opensearch", "2", sizes("db-s-1vcpu-2gb", "db-s-2vcpu-4gb", "db-s-4vcpu-8gb"), true, false, false},
}

// ports are those that DigitalOcean's servers of an engine listen on: MongoDB's own, and one of theirs for all others.
func (k engine) ports() product.Ports {
	if k.slug == "mongodb" {
		return product.Ports{First: 27017, Last: 27017}
	}
	return product.Ports{First: digitalocean.FirstDatabasePort, Last: digitalocean.LastDatabasePort}
}

func sizes(small, medium, large string) map[string]string {
	return map[string]string{"small": small, "medium": medium, "large": large}
}

// sells are the sizes of each engine, and a GiB of disk beyond what comes with them.
func sells() []price.Item {
	var out []price.Item
	for _, name := range slices.Sorted(maps.Keys(engines)) {
		for _, word := range []string{"small", "medium", "large"} {
			slug := engines[name].sold(word)
			out = append(out, price.Item{For: name, What: fmt.Sprintf("%s (%s)", word, slug), Kind: price.Database, Slug: engines[name].slug + "/" + slug, Min: 1, Max: 1})
		}
	}
	return append(out, price.Item{For: "storage", What: "each GiB beyond what comes with the size", Kind: price.DatabaseStorage, Min: 1, Max: 1})
}

// sold is a size by the name that DigitalOcean sells it under.
func (e engine) sold(size string) string { return cmp.Or(e.sizes[cmp.Or(size, "small")], size) }

func nodes(d v1alpha1.Database) int {
	if d.Standby == nil {
		return 1
	}
	return 1 + *d.Standby
}

func storage(d v1alpha1.Database) (size, most unit.MiB) {
	if d.Storage == nil {
		return 0, 0
	}
	return product.MiB(d.Storage.Size), product.MiB(d.Storage.Max)
}

// check says what DigitalOcean cannot do of what the document asks.
func check(p product.Platform, e entry) []product.Refusal {
	var out []product.Refusal
	refuse := func(field, what, why, fix string) {
		out = append(out, product.Refusal{Field: field, What: what, Why: why, Fix: fix})
	}
	d := e.Spec
	kind, ok := engines[d.Engine]
	if !ok {
		refuse("engine", fmt.Sprintf("DigitalOcean does not run %s", d.Engine), "it runs "+strings.Join(slices.Sorted(maps.Keys(engines)), ", "), "choose one of them, or another product")
		return out
	}
	if d.Region != "" && d.Region != p.Spec.Region {
		refuse("region", "the database would be in another region than the platform", "it is reached by the private network alone, which does not leave its region", "remove region")
	}
	if d.Public {
		refuse("public", "a database at DigitalOcean gets no public door of its own", "apps reach it by the private network", "remove public; name in access who else is to reach it")
	}
	if d.Storage != nil && !kind.storage {
		refuse("storage", d.Engine+" keeps its data in memory", "its size says how much", "remove storage, or choose a larger size")
	} else {
		checkStorage(kind, d, refuse)
	}
	if len(d.Replicas) > 0 && !kind.replicas {
		refuse("replicas", fmt.Sprintf("DigitalOcean has no copies of %s to read from", d.Engine), "it has them of PostgreSQL and MySQL", "remove replicas; standby makes it withstand the loss of a node")
	}
	for _, name := range slices.Sorted(maps.Keys(d.Replicas)) {
		if size := d.Replicas[name].Size; size != "" && digitalocean.Smaller(kind.sold(size), kind.sold(d.Size)) {
			refuse("replicas."+name+".size", fmt.Sprintf("a copy of size %s would be smaller than its source, which is %s", kind.sold(size), kind.sold(d.Size)), "DigitalOcean wants it at least as large, since it takes all that is written there",
				"remove it: a copy is as large as its source then")
		}
	}
	if len(d.ConnectionPools) > 0 && d.Engine != databases.PostgreSQL {
		refuse("connectionPools", fmt.Sprintf("DigitalOcean has no connection pools for %s", d.Engine), "they are PgBouncer's, which speaks PostgreSQL", "remove connectionPools")
	}
	if d.Maintenance != nil && d.Maintenance.Day == "any" {
		refuse("maintenance.day", "a database has its maintenance on one day of the week", "DigitalOcean knows any day for clusters alone", "name a day, such as sunday")
	}
	for field, given := range map[string]bool{"users": len(d.Users) > 0, "databases": len(d.Databases) > 0} {
		if given && d.Engine == databases.Valkey {
			refuse(field, "DigitalOcean's Valkey has one user and no databases by name", "all apps that use it share its credentials", "remove "+field)
		}
	}
	if d.Engine == databases.OpenSearch && len(d.Databases) > 0 {
		refuse("databases", "OpenSearch has no databases", "it has indexes, which come to be as they are written", "remove databases")
	}
	for _, name := range slices.Sorted(maps.Keys(d.Users)) {
		if d.Engine == databases.OpenSearch && len(d.Users[name].Databases) > 0 {
			refuse("users."+name+".databases", "databases would have no effect", "OpenSearch has indexes and no databases, and its users work with all of them", "remove it")
		}
	}
	if d.Engine == databases.MySQL {
		for i, name := range d.Databases {
			if j := slices.IndexFunc(d.Databases, func(other string) bool { return grantsToo(name, other) }); j >= 0 {
				refuse(fmt.Sprintf("databases[%d]", i), fmt.Sprintf("who may use %s could use %s too", name, d.Databases[j]), "in what MySQL grants, an underscore in a database's name stands for any character",
					"give one of them a name that differs by more, or an entry of its own")
			}
		}
	}
	if d.Engine == databases.Valkey {
		out = append(out, p.AllWrite(e.ID, "DigitalOcean's Valkey has one user, who may do everything")...)
	}
	if e.Options.EvictionPolicy != "" && d.Engine != databases.Valkey {
		refuse("options.evictionPolicy", "evictionPolicy would have no effect", "it is of Valkey, and this is "+d.Engine, "remove it; `parameters` are the engine's own settings")
	} else if e.Options.EvictionPolicy != "" && !slices.Contains(evictionPolicies, underscored(e.Options.EvictionPolicy)) {
		refuse("options.evictionPolicy", fmt.Sprintf("Valkey knows no eviction policy %q", e.Options.EvictionPolicy), "it is one of "+strings.Join(evictionPolicies, ", "), "write one of them")
	}
	for _, w := range digitalocean.WrongParameters(kind.slug, d.Parameters) {
		refuse(w.At("parameters"), w.What, w.Why, w.Fix)
	}
	if nodes(d) > 1 && strings.HasSuffix(kind.sold(d.Size), "-1gb") {
		refuse("standby", fmt.Sprintf("a database of size %s cannot have a standby", kind.sold(d.Size)), "DigitalOcean's smallest size stands alone", "choose a larger size")
	}
	if n := nodes(d); n == 2 && (d.Engine == databases.MongoDB || d.Engine == databases.OpenSearch) {
		refuse("standby", fmt.Sprintf("DigitalOcean has no %s of two nodes", d.Engine), "two cannot agree on who leads when they lose sight of each other", "write 0, or 2")
	}
	if r := d.RestoreFrom; r != nil && r.Time != "" {
		if _, err := time.Parse(time.RFC3339, r.Time); err != nil {
			refuse("restoreFrom.time", fmt.Sprintf("%q is no moment", r.Time), "it is a date, a time and a zone as in RFC 3339", `write it as "2026-11-20T10:00:00Z"`)
		}
	}
	switch {
	case d.Backups == nil || d.Backups.Retention == "":
	case d.Engine == databases.Valkey:
		refuse("backups.retention", "DigitalOcean's Valkey has no backups", "what it holds is in memory", "remove it")
	case days(d.Backups.Retention) != backupDays:
		refuse("backups.retention", fmt.Sprintf("DigitalOcean keeps a database's backups for a week, and not for %s", d.Backups.Retention), "it takes one a day and cannot be told to keep them longer or shorter",
			"write 7d, or remove it; export what has to be kept longer")
	}
	if p.Rotates(e.ID) {
		checkRotation(p, e, refuse)
	}
	checkMove(p, e, refuse)
	out = append(out, p.OnlyNamed(e.ID, len(e.Spec.Users))...)
	slices.SortStableFunc(out, func(a, b product.Refusal) int { return cmp.Compare(a.Field, b.Field) })
	return out
}

// evictionPolicies are what Valkey may do when its memory is full, by DigitalOcean's names for them. Source: eviction_policy_model of the
// published API description of 2026-08-07.
var evictionPolicies = []string{"noeviction", "allkeys_lru", "allkeys_random", "volatile_lru", "volatile_random", "volatile_ttl"}

// underscored is DigitalOcean's name of an eviction policy, which Valkey itself writes with hyphens.
func underscored(policy string) string { return strings.ReplaceAll(policy, "-", "_") }

// checkStorage says which disks cannot be had. Source: docs.digitalocean.com, how to resize, 2025-10, for the steps; the API's
// description for that a size brings a disk, which is the least.
func checkStorage(kind engine, d v1alpha1.Database, refuse func(field, what, why, fix string)) {
	size, most := storage(d)
	brings, _ := price.Default().Included(kind.slug + "/" + kind.sold(d.Size))
	if size%digitalocean.StorageStep != 0 {
		refuse("storage.size", fmt.Sprintf("a disk of %s cannot be had", d.Storage.Size), "DigitalOcean sells disks in steps of 10 GiB", fmt.Sprintf("write %s", (size/digitalocean.StorageStep+1)*digitalocean.StorageStep))
	}
	if size > 0 && size < brings {
		refuse("storage.size", fmt.Sprintf("a database of size %s begins with a disk of %s", kind.sold(d.Size), brings), "storage.size is the whole disk, and not what is added to it", fmt.Sprintf("write %s or more, or remove it", brings))
	}
	if begins := max(size, brings); most > 0 && most < begins+digitalocean.StorageStep {
		refuse("storage.max", fmt.Sprintf("a disk that begins with %s would never grow", begins), fmt.Sprintf("it grows in steps of %s, and %s is no room for one", digitalocean.StorageStep, d.Storage.Max),
			fmt.Sprintf("write %s or more, or remove it", begins+digitalocean.StorageStep))
	}
}

// checkRotation says what keeps the users of an entry from taking turns.
func checkRotation(p product.Platform, e entry, refuse func(field, what, why, fix string)) {
	if e.Spec.Engine == databases.Valkey {
		refuse("", "Valkey's password cannot be changed without downtime", "DigitalOcean's Valkey has one user, whose old password is void the moment it has a new one",
			"give it a new one in DigitalOcean's control panel at a quiet hour, and run `k8or up` at once: it writes the Secrets and starts the apps anew")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(e.Spec.ConnectionPools)) {
		if u := e.Spec.ConnectionPools[name].User; strings.HasPrefix(u, "apps/") {
			refuse("connectionPools."+name+".user", fmt.Sprintf("the pool %s lets in one user of %s alone", name, u), "while credentials are changed, two of them have to get in",
				"remove user: each client of the pool signs in as itself then")
		}
	}
}

// backupDays is how long DigitalOcean keeps backups, and how far back a moment can be restored. Source: its documentation, 2025-11.
const backupDays = 7

// days reads 14d or 2w.
func days(s string) int {
	n := 0
	if _, err := fmt.Sscanf(s, "%d", &n); err == nil && strings.HasSuffix(s, "w") {
		n *= 7
	}
	return n
}

// choose declares what it costs.
func choose(s *product.Selecting, e entry) {
	kind, slug := engines[e.Spec.Engine], engines[e.Spec.Engine].sold(e.Spec.Size)
	n := nodes(e.Spec)
	s.Bill(price.Item{What: fmt.Sprintf("%s, %d × %s", e.Spec.Engine, n, slug), Kind: price.Database, Slug: kind.slug + "/" + slug, Min: n, Max: n})
	size, most := storage(e.Spec)
	s.Bill(price.Default().Storage(string(e.ID), kind.slug+"/"+slug, size, most)...)
	for name, r := range e.Spec.Replicas {
		slug := kind.sold(cmp.Or(r.Size, e.Spec.Size))
		s.Bill(price.Item{For: string(e.ID) + "/replicas/" + name, What: "read replica " + name + ", " + slug, Kind: price.Database, Slug: kind.slug + "/" + slug, Min: 1, Max: 1, Copy: true})
	}
}

// spec is what DigitalOcean is asked for.
func spec(p product.Platform, e entry, name string) digitalocean.DatabaseSpec {
	d, kind := e.Spec, engines[e.Spec.Engine]
	out := digitalocean.DatabaseSpec{Name: name, Engine: kind.slug, Version: cmp.Or(d.Version, kind.version), Size: kind.sold(d.Size), Nodes: nodes(d), Region: p.Spec.Region,
		Protected: d.DeletionProtection != nil && *d.DeletionProtection}
	out.Storage, out.Most = storage(d)
	if d.Maintenance != nil {
		out.Maintenance = digitalocean.Maintenance{Day: d.Maintenance.Day, Start: d.Maintenance.Start}
	}
	return out
}
