// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"slices"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/producttest"
)

const original = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: shop}
spec:
  region: nyc3
  databases:
    orders: {product: digitalocean, engine: postgresql, databases: [orders, audit], users: {reports: {privileges: read}}}
`

// What a database begins with is there although the document never asked for it: it came with the backup.
func TestRestoreBeginsWithAnothersBackup(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]string{"its newest": "", "that of a moment": `, time: "2000-01-02T12:00:00Z"`} { // the bubble's clock begins with 2000
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			beginsWithAnothersBackup(t, from)
		})
	}
}

func beginsWithAnothersBackup(t *testing.T, from string) {
	t.Helper()
	restored := original + `    orders-again: {product: digitalocean, engine: postgresql, databases: [orders], restoreFrom: {database: databases/orders` + from + `}}
`
	producttest.Aged(t, original, 49*time.Hour, restored, func(get func(string) map[string]any) {
		ids := map[string]string{}
		for _, d := range get("/v2/databases")["databases"].([]any) {
			one := d.(map[string]any)
			ids[one["name"].(string)] = one["id"].(string)
		}
		id := ids["shop-t3stx1-orders-again"]
		if id == "" {
			t.Fatalf("the restored database is not there, only %v", ids)
		}
		var names []string
		for _, d := range get("/v2/databases/" + id + "/dbs")["dbs"].([]any) {
			names = append(names, d.(map[string]any)["name"].(string))
		}
		for _, name := range []string{"orders", "audit"} {
			if !slices.Contains(names, name) {
				t.Errorf("the restored database has %v, and %s came with the backup", names, name)
			}
		}
	})
}
