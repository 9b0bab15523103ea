// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
)

const asked = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: shop}
spec:
  region: nyc3
  databases: {orders: {product: digitalocean, engine: %s}}
`

// What DigitalOcean would refuse, or take and not do, is an error with a way out.
func TestWhatDigitalOceanCannotDoIsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ entry, path, says string }{
		"a disk between two steps":              {"postgresql, storage: {size: 45Gi}", "storage.size", "write 50Gi"},
		"a disk smaller than the size brings":   {"mysql, size: medium, storage: {size: 50Gi}", "storage.size", "write 60Gi or more"},
		"a disk that could not grow":            {"postgresql, storage: {size: 50Gi, max: 55Gi}", "storage.max", "write 60Gi or more"},
		"a disk that is larger than its limit":  {"postgresql, size: medium, storage: {max: 60Gi}", "storage.max", "write 70Gi or more"},
		"a copy smaller than its source":        {"postgresql, size: medium, replicas: {reading: {size: small}}", "replicas.reading.size", "at least as large"},
		"backups that are kept for a fortnight": {"postgresql, backups: {retention: 2w}", "backups.retention", "write 7d"},
		"backups that are kept for three days":  {"postgresql, backups: {retention: 3d}", "backups.retention", "write 7d"},
		"backups that are kept for no time":     {"opensearch, backups: {retention: 0d}", "backups.retention", "write 7d"},
		"backups of what has none":              {"valkey, backups: {retention: 7d}", "backups.retention", "no backups"},
		"a window on any day":                   {"mysql, maintenance: {day: any}", "maintenance.day", "name a day"},
		"databases of what has indexes":         {"opensearch, databases: [orders]", "databases", "indexes"},
		"a policy that Valkey does not know":    {"valkey, options: {evictionPolicy: oldest}", "options.evictionPolicy", "allkeys_lru"},
		"databases that a grant takes for one":  {"mysql, databases: [carts, shop_a, shop1a]", "databases[1]", "could use shop1a too"},
		"a parameter of nobody's":               {"postgresql, parameters: {work_men: 8}", "parameters.work_men", `did you mean "work_mem"?`},
		"a parameter out of its range":          {"mysql, parameters: {wait_timeout: 0}", "parameters.wait_timeout", "a whole number from 1 to 2147483"},
		"a parameter of another kind":           {"valkey, parameters: {valkey_ssl: 1}", "parameters.valkey_ssl", "write true or false"},
		"a parameter with another word":         {"mongodb, parameters: {default_read_concern: linearizable}", "parameters.default_read_concern", "local, available or majority"},
		"a parameter within another":            {"postgresql, parameters: {pgbouncer: {min_pool_sice: 1}}", "parameters.pgbouncer.min_pool_sice", `did you mean "pgbouncer.min_pool_size"?`},
		"a parameter whose name has a dot":      {`postgresql, parameters: {"pg_partman_bgw.rolle": app}`, `parameters["pg_partman_bgw.rolle"]`, `did you mean "pg_partman_bgw.role"?`},
		"a parameter of another engine's":       {"opensearch, parameters: {work_mem: 8}", "parameters.work_mem", "knows no parameter work_mem"},
		"a moment that is none":                 {"postgresql, restoreFrom: {database: databases/old, time: yesterday}", "restoreFrom.time", "RFC 3339"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := checked(tt.entry)
			found := false
			for _, p := range problem.All(err) {
				found = found || p.Path == "spec.databases.orders."+tt.path && strings.Contains(p.Title+p.Why+p.Fix, tt.says) && p.Fix != ""
			}
			if !found {
				t.Errorf("got %v, want a problem at %s that says %q and how to mend it", err, tt.path, tt.says)
			}
		})
	}
	for _, entry := range []string{"mysql, databases: [shop_a, shop1ab, shopb]", "postgresql, databases: [shop_a, shop1a]", "postgresql, storage: {size: 50Gi, max: 60Gi}", "mysql, storage: {max: 200Gi}, replicas: {reading: {size: large, region: ams3}}", "mongodb, backups: {retention: 1w}", "valkey, options: {evictionPolicy: allkeys-lru}", "postgresql, parameters: {work_mem: 8, pgbouncer: {min_pool_size: 1}}", "mysql, parameters: {sql_mode: ANSI, long_query_time: 0.5}",
		`postgresql, restoreFrom: {database: databases/old, time: "2026-11-20T10:00:00Z"}`} {
		if err := checked(entry); err != nil {
			t.Errorf("%s is refused: %v", entry, err)
		}
	}
}

// Who only reads gets no credentials that may write, wherever k8or cannot make others.
func TestWhoOnlyReadsIsRefusedWhatMayWrite(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		entries string
		reads   string
		refused bool
	}{
		{"databases: {cache: {product: digitalocean, engine: valkey}}", "databases/cache", true},
		{"databases: {old: {product: existing, engine: postgresql, existing: {address: db.example.com, credentials: {from: {secret: old/login}}}}}", "databases/old", true},
		{"messaging: {old: {product: existing, existing: {address: \"kafka.example.com:9093\", credentials: {from: {secret: old/login}}}}}", "messaging/old", true},
		{"databases: {orders: {product: digitalocean, engine: mysql}}", "databases/orders", false},
		{"messaging: {events: {product: kafka, topics: {clicks: {}}}}", "messaging/events", false},
		{"storage: {spaces: {media: {existing: true, name: acme-media}}}", "storage/spaces/media", false},
	} {
		for field, refused := range map[string]bool{"reads": tt.refused, "uses": false} {
			text := fmt.Sprintf("apiVersion: k8or.io/v1alpha1\nkind: Platform\nmetadata: {name: shop}\nspec:\n  region: nyc3\n  %s\n  apps: {audit: {image: docker.io/acme/audit:1.4.2, %s: [%s]}}\n", tt.entries, field, tt.reads)
			doc, err := document.Parse(platform.Available(), document.Input{Name: "k8or.yaml", Data: []byte(text)})
			if err == nil {
				err = platform.Check(doc)
			}
			if got := err != nil && strings.Contains(err.Error(), "apps/audit would get credentials that may write too"); got != refused || err != nil && !refused {
				t.Errorf("%s of %s: got %v, want it refused: %t", field, tt.reads, err, refused)
			}
		}
	}
}

// checked is what is wrong with an entry.
func checked(entry string) error {
	doc, err := document.Parse(platform.Available(), document.Input{Name: "k8or.yaml", Data: fmt.Appendf(nil, asked, entry)})
	if err == nil {
		err = platform.Check(doc)
	}
	return err
}
