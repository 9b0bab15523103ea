// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"testing"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/product"
)

func TestARegistryIsAskedForAnImageThatAnAppHasThere(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]string{
		"web:1.4.2":                    "ghcr.io acme/web 1.4.2",
		"shop/web:1.4.2":               "ghcr.io acme/shop/web 1.4.2",
		"web@sha256:0123":              "ghcr.io acme/web sha256:0123",
		"docker.io/acme/web:1.4.2":     "",
		"localhost:5000/acme/web:1.42": "",
		"web":                          "",
		"":                             "",
	} {
		p := product.Platform{Platform: &v1alpha1.Platform{Spec: v1alpha1.Spec{Apps: map[string]v1alpha1.App{"web": {Image: image, Namespace: "apps"}}}}}
		got := ""
		asked, ok := Asked(p, "registry", "ghcr.io/acme/", true)
		if ok {
			r := asked.Spec.Registry
			got = r.Host + " " + r.Repository + " " + r.Reference
			if asked.Namespace != "apps" || asked.Files["config.json"].Name != PullSecret || r.Config == "" {
				t.Errorf("%s: it does not sign in as the app's pods do: %+v", image, asked)
			}
		}
		if got != want {
			t.Errorf("an app of %q has the registry asked for %q, want %q", image, got, want)
		}
	}
}
