// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
	simulated "github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/memory"
	"github.com/k8or/k8or/internal/sandbox/wire"
	"github.com/k8or/k8or/internal/secret"
)

type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no network in this test")
}

func TestStatusBillsTheVolumesThatAreThere(t *testing.T) {
	t.Parallel()
	with := small + "  apps:\n    store: {image: registry.example.com/store:1, port: 80, volumes: {data: {size: 10Gi, path: /data}}}\n"
	synctest.Test(t, func(t *testing.T) {
		runtime := memory.New(nil)
		cloud := simulated.New(simulated.Options{Seed: 1, Runtime: runtime})
		defer cloud.Close()
		runtime.Join(cloud, nil)
		on := func(text string) *Platform {
			return open(t, text, func(o *Options) {
				o.Sandbox, o.Speed, o.Holder = true, 1, "test"
				o.Token = digitalocean.Token{Value: secret.New(simulated.DefaultToken), APIURL: "https://api.digitalocean.test"}
				o.Transport, o.KubeTransport, o.ChartsTransport = wire.Transport(cloud), runtime.Transport(), noNetwork{}
			})
		}
		up := func(text string) *Plan {
			p := on(text)
			plan, err := p.Plan(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Up(t.Context(), plan, plan.Approve(graph.DestroysData), nil); err != nil {
				t.Fatal(err)
			}
			again, err := on(text).Plan(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return again
		}
		volumes := func(text string) (out []string) {
			st, err := on(text).Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range st.Bill.Lines {
				if strings.Contains(l.What, "volume") {
					out = append(out, l.For+" "+l.Low.String())
				}
			}
			return out
		}
		if again := up(with); again.Cost.String() != "no change" {
			t.Errorf("once all stands, a plan changes the bill by %s", again.Cost)
		}
		want := []string{"volumes/apps/store-data $1.00"}
		if got := volumes(with); !slices.Equal(got, want) {
			t.Errorf("while the app is wanted, status bills the volumes %q, want %q", got, want)
		}
		up(small) // its class keeps the volume when the claim goes
		if got := volumes(small); len(got) != 1 || !strings.HasSuffix(got[0], " $1.00") {
			t.Errorf("after the app has left the document, status bills the volumes %q, want the one that was kept", got)
		}
	})
}

func TestRoutesAreShownWithTheSchemeTheyAreServedBy(t *testing.T) {
	t.Parallel()
	p := open(t, small+"  gateways:\n    open: {product: nginx}\n    public: {product: nginx, tls: {issuer: letsencrypt, email: ada@example.com}}\n", nil)
	for want, r := range map[string]product.Route{
		"https://shop.example.com/":   {Gateway: "public", Host: "shop.example.com", Path: "/"},
		"http://203.0.113.7/any-host": {Gateway: "public", Path: "/any-host"}, // no certificate is for an address
		"http://shop.example.com/a":   {Gateway: "open", Host: "shop.example.com", Path: "/a"},
	} {
		if got := addressOf(r, "203.0.113.7", p.secured(r)); got.URL != want {
			t.Errorf("a route of %+v is shown as %s, want %s", r, got.URL, want)
		}
	}
}
