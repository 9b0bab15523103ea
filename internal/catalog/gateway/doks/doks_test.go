// SPDX-License-Identifier: Apache-2.0

package doks_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
)

const sample = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: shop, uid: t3stx1}
spec:
  region: nyc3
  cluster: {%s}
  gateways: {public: {product: doks%s}}
  apps: {web: {image: docker.io/hashicorp/http-echo:1.0.0, port: 5678, routes: [{path: /}]}}
`

// What this gateway cannot do is an error with a way out, and never left out in silence.
func TestWhatDoksCannotDoIsRefused(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 400 {
		many = append(many, fmt.Sprintf("198.51.%d.0/24", i%256))
	}
	tests := map[string]struct{ cluster, gateway, path, says string }{
		"a cluster that is not VPC-native": {"vpcNative: false", "", "spec.gateways.public.product", "vpcNative: false"},
		"an old cluster":                   {`version: "1.32"`, "", "spec.gateways.public.product", "1.33"},
		"a rate":                           {"", ", rateLimit: {requests: 5}", "spec.gateways.public.rateLimit", "product: kong"},
		"passwords":                        {"", ", auth: {basic: {alice: {from: {env: A}}}}", "spec.gateways.public.auth", "product: nginx"},
		"values of a chart":                {"", ", values: {a: 1}", "spec.gateways.public.values", "no chart"},
		"an endless allow-list":            {"", ", allow: [" + strings.Join(many, ", ") + "]", "spec.gateways.public.allow", "4096"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, err := document.Parse(platform.Available(), document.Input{Name: "k8or.yaml", Data: fmt.Appendf(nil, sample, tt.cluster, tt.gateway)})
			if err == nil {
				err = platform.Check(doc)
			}
			found := false
			for _, p := range problem.All(err) {
				found = found || p.Path == tt.path && strings.Contains(p.Title+p.Why+p.Fix, tt.says) && p.Fix != ""
			}
			if !found {
				t.Errorf("got %v, want a problem at %s that says %q and how to mend it", err, tt.path, tt.says)
			}
		})
	}
}
