// SPDX-License-Identifier: Apache-2.0

package product_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/cluster/doks"
	"github.com/k8or/k8or/internal/catalog/gateway/nginx"
	"github.com/k8or/k8or/internal/chart/charttest"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/secret"
)

// spec is the document's part of the products of these tests.
type spec struct{ Host string }

type options struct {
	Flavour string `json:"flavour,omitempty"`
	Sorts   []struct {
		Name string `json:"name"`
	} `json:"sorts,omitempty"`
}

type (
	toyProduct = product.Definition[spec, options]
	toyEntry   = product.Entry[spec, options]
)

// toy is a product as later ones are: it asks for support, declares what it needs and costs, stands as one node, and
// offers a route, a metrics target and a page to whoever wants them.
var toy = &toyProduct{Category: "toys", Name: "toy", Title: "Toy",
	Select: func(s *product.Selecting, e toyEntry) {
		s.Want("helper")
		s.Footprint(fit.Workload{Name: "toy", Replicas: 2, CPU: 100, Memory: 64})
		s.Bill(price.Item{What: "disk", Kind: price.Volume, Min: 5, Max: 5})
	},
	Build: func(b *product.Building, e toyEntry) error {
		pod := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "toy"}}}
		if _, err := b.Objects(e.ID, e.Namespace(), []*unstructured.Unstructured{pod}); err != nil {
			return err
		}
		product.Offer(b, product.Route{Entry: e.ID, Gateway: "public", Host: e.Spec.Host, Path: "/", Namespace: e.Namespace(), Service: "toy", Port: 8080, Ready: e.ID})
		product.Offer(b, product.MetricsTarget{Entry: e.ID, Namespace: e.Namespace(), Port: "metrics", Path: "/metrics"})
		product.Offer(b, product.Page{Entry: e.ID, Title: "Toy " + e.Options.Flavour})
		return nil
	}}

// watcher wants every metrics target.
func watcher(seen *[]graph.ID) product.Product {
	return &toyProduct{Category: "monitoring", Name: "watcher", Wire: func(w *product.Wiring, _ toyEntry) error {
		for _, m := range product.Offered[product.MetricsTarget](w) {
			*seen = append(*seen, m.Entry)
		}
		return nil
	}}
}

func helpers(name string) (product.Product, bool) {
	helper := &product.Definition[product.Support, struct{}]{Category: "support", Name: "helper", Title: "Helper"}
	return helper, name == "helper"
}

func compose(t *testing.T, uses ...product.Use) (*product.Composition, error) {
	t.Helper()
	ground := product.Use{ID: "cluster", Product: doks.Existing, Spec: v1alpha1.Cluster{Existing: "prod-1"}}
	return composeOn(t, v1alpha1.Spec{}, append([]product.Use{ground}, uses...)...)
}

func composeOn(t *testing.T, document v1alpha1.Spec, uses ...product.Use) (*product.Composition, error) {
	t.Helper()
	about := product.Platform{Platform: &v1alpha1.Platform{Metadata: v1alpha1.Metadata{Name: "shop", UID: "x7k2p9"}, Spec: document}, Minor: "1.36"}
	client, err := digitalocean.New(digitalocean.Options{Token: secret.New("none"), BaseURL: "https://api.digitalocean.test", Speed: 1})
	if err != nil {
		t.Fatal(err)
	}
	services := product.Services{Charts: charttest.None{}, Kube: kube.NewKinds(kube.KindsOptions{Platform: "shop-x7k2p9"}),
		Estate: digitalocean.NewEstate(client, digitalocean.Mark{Name: "shop", UID: "x7k2p9"}, digitalocean.EstateOptions{})}
	return product.Compose(t.Context(), about, services, uses, helpers)
}

func toyUse(name, host string) product.Use {
	return product.Use{ID: graph.ID("toys/" + name), Name: name, Product: toy, Spec: spec{host}, Options: v1alpha1.Object{"flavour": "plum"}}
}

// A product of another cloud lets in the address that the cluster's traffic leaves from, and waits until it does.
func TestAnAllowListElsewhereTakesTheEgressAddress(t *testing.T) {
	t.Parallel()
	cluster := v1alpha1.Cluster{Version: "1.36", NodePools: map[string]v1alpha1.NodePool{"general": {Size: "s-2vcpu-4gb", Count: new(1)}}}
	for _, network := range []*v1alpha1.Network{nil, {}, {Egress: &v1alpha1.Egress{}}, {Egress: &v1alpha1.Egress{PrivateNodes: new(true)}}} {
		var asked, found bool
		elsewhere := &toyProduct{Category: "toys", Name: "elsewhere", Build: func(b *product.Building, e toyEntry) error {
			asked = true
			var way product.Egress
			if way, found = b.Egress(); !found {
				return nil
			}
			object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "elsewhere.example.com/v1", "kind": "AllowList", "metadata": map[string]any{"name": "toy"}}}
			return b.Patched(e.ID, "", object, graph.Map(way.Address, func(address string) map[string]any { return map[string]any{"allow": []any{address}} }), graph.After(way.Ready))
		}}
		c, err := composeOn(t, v1alpha1.Spec{Region: "nyc3", Network: network}, product.Use{ID: "cluster", Product: doks.Product, Spec: cluster},
			product.Use{ID: "toys/a", Name: "a", Product: elsewhere, Spec: spec{}})
		if err != nil {
			t.Fatal(err)
		}
		wanted := network != nil && network.Egress != nil
		if !asked || found != wanted || wanted && !slices.Contains(c.Graph.Needs("toys/a"), "network/egress") {
			t.Errorf("with network %+v the address is offered: %t, and the list needs %v", network, found, c.Graph.Needs("toys/a"))
		}
	}
}

func TestAToyProductsOffersReachThoseWhoWantThem(t *testing.T) {
	t.Parallel()
	var seen []graph.ID
	c, err := compose(t,
		product.Use{ID: "gateways/public", Name: "public", Product: nginx.Product, Spec: v1alpha1.Gateway{}},
		product.Use{ID: "monitoring", Product: watcher(&seen), Spec: spec{}}, // stands before the toy, and sees it all the same
		toyUse("a", "toy.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []graph.ID{"gateways/public", "toys/a"}; !slices.Equal(seen, want) {
		t.Errorf("monitoring saw %v, want %v", seen, want)
	}
	if pages := c.Pages(); len(pages) != 1 || pages[0].Title != "Toy plum" {
		t.Errorf("pages are %v", pages)
	}
	id := graph.ID("gateways/public/routes/toy.example.com")
	if !c.Graph.Has(id) {
		t.Fatalf("the route made no node: %v", c.Graph.IDs())
	}
	if needs := c.Graph.Needs(id); !slices.Contains(needs, graph.ID("toys/a")) || !slices.Contains(needs, graph.ID("gateways/public")) {
		t.Errorf("the Ingress waits for %v", needs)
	}
	ingress := c.Sets[len(c.Sets)-1].Objects[0]
	rules, _, err := unstructured.NestedSlice(ingress.Object, "spec", "rules")
	if err != nil || ingress.GetKind() != "Ingress" || ingress.GetNamespace() != "toys-a" || len(rules) != 1 || rules[0].(map[string]any)["host"] != "toy.example.com" {
		t.Errorf("the route became %v", ingress.Object)
	}
	if !slices.ContainsFunc(c.Workloads, func(w fit.Workload) bool { return w.For == "toys/a" && w.Replicas == 2 }) ||
		!slices.ContainsFunc(c.Items, func(i price.Item) bool { return i.For == "toys/a" && i.What == "disk" }) {
		t.Errorf("pods %v, items %v", c.Workloads, c.Items)
	}
}

func TestASupportProductIsChosenOnceForAllWhoWantIt(t *testing.T) {
	t.Parallel()
	c, err := compose(t, toyUse("a", ""), toyUse("b", ""))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Support["helper"]; !slices.Equal(got, []graph.ID{"toys/a", "toys/b"}) {
		t.Errorf("it is there because of %v", got)
	}
	var order []graph.ID
	for _, e := range c.Entries {
		order = append(order, e.ID)
	}
	if want := []graph.ID{"cluster", "support/helper", "toys/a", "toys/b"}; !slices.Equal(order, want) {
		t.Errorf("built in the order %v, want %v", order, want)
	}
	greedy := &toyProduct{Category: "toys", Name: "greedy", Select: func(s *product.Selecting, _ toyEntry) { s.Want("moon") }}
	if _, err := compose(t, product.Use{ID: "toys/g", Product: greedy, Spec: spec{}}); err == nil || !strings.Contains(err.Error(), `toys/g wants the support product "moon"`) {
		t.Errorf("a support product that is not there: %v", err)
	}
}

func TestWrongOptionsAreToldByEntryAllAtOnce(t *testing.T) {
	t.Parallel()
	a, b := toyUse("a", ""), toyUse("b", "")
	a.Options, b.Options = v1alpha1.Object{"flavor": "plum", "colour": "blue", "sorts": []any{map[string]any{"nam": "x"}}}, v1alpha1.Object{"flavour": 7}
	_, err := compose(t, a, b)
	var got []string
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("got %v", err)
	}
	for _, one := range joined.Unwrap() {
		if e, ok := errors.AsType[*product.OptionsError](one); ok {
			got = append(got, fmt.Sprintf("%s %s %v", e.Entry, e.Field, e.Known))
		}
	}
	known := "[flavour sorts]"
	if want := []string{"toys/a colour " + known, "toys/a flavor " + known, "toys/a sorts.0.nam [name]", "toys/b flavour []"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := compose(t, product.Use{ID: "toys/a", Product: toy, Spec: 7}); err == nil || !strings.Contains(err.Error(), "toys/a") {
		t.Errorf("a spec of another category: %v", err)
	}
}

func TestTwoPagesOfOneNameAreRefused(t *testing.T) {
	t.Parallel()
	with := func(entry, page string) product.Use {
		return product.Use{ID: graph.ID("toys/" + entry), Spec: spec{}, Product: &toyProduct{Category: "toys", Name: entry,
			Build: func(b *product.Building, e toyEntry) error {
				product.Offer(b, product.Page{Entry: e.ID, Name: page})
				return nil
			}}}
	}
	if _, err := compose(t, with("a", "board"), with("b", "board")); err == nil || !strings.Contains(err.Error(), `"board" of toys/b`) || !strings.Contains(err.Error(), "toys/a") {
		t.Errorf("two pages of one name: %v", err)
	}
	if _, err := compose(t, with("a", "board"), with("b", "table")); err != nil {
		t.Errorf("pages of different names: %v", err)
	}
}

func TestErrorsOfSeveralProductsComeTogether(t *testing.T) {
	t.Parallel()
	broken := func(phase string) product.Use {
		fail := func() error { return fmt.Errorf("%s is broken", phase) }
		d := &toyProduct{Category: "toys", Name: phase}
		if phase == "wire" {
			d.Wire = func(*product.Wiring, toyEntry) error { return fail() }
		} else {
			d.Build = func(*product.Building, toyEntry) error { return fail() }
		}
		return product.Use{ID: graph.ID("toys/" + phase), Product: d, Spec: spec{}}
	}
	for why, c := range map[string]struct {
		uses []product.Use
		want []string
	}{
		"while building": {[]product.Use{broken("build"), broken("second")}, []string{"toys/build: build is broken", "toys/second: second is broken"}},
		"while wiring":   {[]product.Use{broken("wire"), toyUse("a", "")}, []string{"toys/wire: wire is broken"}},
	} {
		_, err := compose(t, c.uses...)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q in it", why, err, want)
			}
		}
	}
}
