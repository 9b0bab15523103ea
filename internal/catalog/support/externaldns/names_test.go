// SPDX-License-Identifier: Apache-2.0

package externaldns_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/producttest"
)

const named = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: shop}
spec:
  region: nyc3
  network: {domains: {example.com: {records: [{type: A, name: www, value: 192.0.2.1}]}}}
  dns: {token: {from: {env: CANARY}}}
  gateways: {public: {product: nginx, domains: [shop.example.com, example.com, "*.dev.example.com"]}}
`

// What external-dns writes is found by its TXT records, whatever the name looks like, and goes with the name.
func TestRecordsGoWithTheirNames(t *testing.T) {
	t.Parallel()
	fewer := strings.Replace(named, `, example.com, "*.dev.example.com"`, "", 1)
	for second, want := range map[string]string{
		named: "A *.dev, A @, A shop, A www, TXT k8or-a, TXT k8or-a._any.dev, TXT k8or-a.shop",
		fewer: "A shop, A www, TXT k8or-a.shop",
	} {
		producttest.Aged(t, named, 5*time.Minute, second, func(get func(path string) map[string]any) {
			var names []string
			for _, r := range get("/v2/domains/example.com/records?per_page=200")["domain_records"].([]any) {
				r := r.(map[string]any)
				if kind := r["type"].(string); kind != "SOA" && kind != "NS" {
					names = append(names, kind+" "+r["name"].(string))
				}
			}
			slices.Sort(names)
			if got := strings.Join(names, ", "); got != want {
				t.Errorf("in the zone are %s; want %s", got, want)
			}
		})
	}
}
