// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/producttest"
)

const read = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: shop, uid: x7k2p9}
spec:
  region: nyc3
  databases: {docs: {product: digitalocean, engine: mongodb}, search: {product: digitalocean, engine: opensearch}}
  messaging: {events: {product: kafka, placement: managed, topics: {clicks: {}}}}
  storage: {spaces: {media: {}}}
  apps:
    web: {image: docker.io/acme/web:1.4.2, uses: [databases/docs, databases/search, messaging/events, storage/spaces/media]}
    audit: {image: docker.io/acme/audit:1.4.2, reads: [databases/docs, databases/search, messaging/events, storage/spaces/media]}
`

// What SQL does not say, DigitalOcean is told of each user and each key. Who wrote until now loses that in place.
func TestWhoReadsIsGrantedNoWriting(t *testing.T) {
	t.Parallel()
	producttest.Aged(t, strings.Replace(read, "reads:", "uses:", 1), time.Hour, read, func(get func(string) map[string]any) {
		for path, want := range map[string][]string{
			"mongodb":    {`"readOnly"`, `"readWrite"`},
			"opensearch": {`"read"`, `"readwrite"`},
			"kafka":      {`"consume"`, `"produceconsume"`},
			"spaces":     {`"read"`, `"readwrite"`},
		} {
			rights := map[string]string{}
			all := get("/v2/spaces/keys")["keys"]
			for _, d := range get("/v2/databases")["databases"].([]any) {
				if d := d.(map[string]any); d["engine"] == path {
					all = get(fmt.Sprintf("/v2/databases/%s/users", d["id"]))["users"]
				}
			}
			for _, one := range all.([]any) {
				raw, err := json.Marshal(one)
				if err != nil {
					t.Fatal(err)
				}
				name := one.(map[string]any)["name"].(string)
				rights[name[strings.LastIndexAny(name, "-:")+1:]] = string(raw)
			}
			for i, app := range []string{"audit", "web"} {
				if !strings.Contains(rights[app], want[i]) || slices.ContainsFunc(want, func(other string) bool { return other != want[i] && strings.Contains(rights[app], other) }) {
					t.Errorf("in %s, %s may %s, want %s", path, app, rights[app], want[i])
				}
			}
		}
	})
}
