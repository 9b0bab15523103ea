// SPDX-License-Identifier: Apache-2.0

package spaces_test

import (
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/platform"
)

func TestANameOfACDNLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	const network = "network: {domains: {example.com: {records: [{type: A, name: www, value: 192.0.2.1}]}}}"
	for name, c := range map[string]struct{ spec, want string }{
		"below a zone": {network + "\n  storage: {spaces: {media: {cdn: {domain: media.example.com}}}}", ""},
		"in no zone":   {"storage: {spaces: {media: {cdn: {domain: media.example.com}}}}", "media.example.com is in no zone of the document"},
		"the zone":     {network + "\n  storage: {spaces: {media: {cdn: {domain: example.com}}}}", "example.com is a zone itself"},
		"a record":     {network + "\n  storage: {spaces: {media: {cdn: {domain: www.example.com}}}}", "www.example.com is taken by a record of network.domains.example.com"},
		"two buckets":  {network + "\n  storage: {spaces: {media: {cdn: {domain: a.example.com}}, old: {cdn: {domain: a.example.com}}}}", "a.example.com is taken by storage.spaces.media"},
		"a gateway":    {network + "\n  gateways: {public: {domains: [a.example.com]}}\n  storage: {spaces: {media: {cdn: {domain: a.example.com}}}}", "a.example.com is taken by gateways.public"},
		"an app": {network + "\n  gateways: {public: {}}\n  apps: {web: {image: docker.io/acme/web:1.4.2, port: 80, routes: [{host: a.example.com}]}}\n  storage: {spaces: {media: {cdn: {domain: a.example.com}}}}",
			"a.example.com is taken by a route of apps.web"},
		"dots":             {"storage: {spaces: {media: {name: acme.media, cdn: {}}}}", "no CDN can stand in front of acme.media"},
		"dots without one": {"storage: {spaces: {media: {name: acme.media}}}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "apiVersion: k8or.io/v1alpha1\nkind: Platform\nmetadata: {name: shop}\nspec:\n  region: nyc3\n  " + c.spec + "\n"
			doc, err := document.Parse(platform.Available(), document.Input{Name: "k8or.yaml", Data: []byte(text)})
			if err == nil {
				err = platform.Check(doc)
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("the document\n%s\ngives %v, want %q", text, err, c.want)
			}
		})
	}
}
