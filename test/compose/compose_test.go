// SPDX-License-Identifier: Apache-2.0

// Package compose tries every combination of products: any subset of the categories, in any product, composes without an
// error and without a reference that leads nowhere. Nothing is applied; what is applied is tried by each product's own test.
package compose

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/lint"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/secret"
)

// sample is a part of a document that chooses one product.
type sample map[string]any

// samples are, for each category and product, the part of the first document in the product's testdata that chooses it. A
// category whose entries have names keeps the name.
func samples(t *testing.T) map[string]map[string]sample {
	t.Helper()
	files, err := filepath.Glob("../../internal/catalog/*/*/testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no product has a document in its testdata: %v", err)
	}
	out := map[string]map[string]sample{}
	add := func(category, word string, part sample) {
		if out[category] == nil {
			out[category] = map[string]sample{}
		}
		if out[category][word] == nil {
			out[category][word] = part
		}
	}
	slices.Sort(files)
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := document.Parse(platform.Available(), document.Input{Name: name, Data: raw})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, e := range v1alpha1.Default(doc.Platform).Spec.Entries() {
			text, err := json.Marshal(e.Spec)
			if err != nil {
				t.Fatal(err)
			}
			part := sample{}
			if err := json.Unmarshal(text, &part); err != nil {
				t.Fatal(err)
			}
			delete(part, "pool") // of that document's own cluster
			add(e.Category, e.Product, part)
		}
	}
	return out
}

// named are the categories whose entries have names.
var named = map[string]string{"gateways": "public", "messaging": "events", "databases": "orders"}

// TestEveryProductHasASample keeps the table of combinations from leaving one out.
func TestEveryProductHasASample(t *testing.T) {
	t.Parallel()
	have := samples(t)
	for _, p := range catalog.Products {
		about := p.About()
		if slices.Contains([]string{"cluster", "apps", "support", "storage"}, about.Category) {
			continue // no word of a document chooses between them
		}
		if have[about.Category][about.Name] == nil {
			t.Errorf("no document in any product's testdata chooses %s for %s, so no combination tries it", about.Name, about.Category)
		}
	}
}

func TestAnySubsetOfCategoriesComposes(t *testing.T) {
	t.Parallel()
	have := samples(t)
	var categories []string
	for _, c := range slices.Sorted(maps.Keys(have)) {
		if c != "logging.sink" && !slices.Contains(byTurns, c) { // the former is a part of logging
			categories = append(categories, c)
		}
	}
	combinations := []map[string]sample{{}}
	for _, c := range categories {
		var more []map[string]sample
		for _, before := range combinations {
			more = append(more, before)
			for _, word := range slices.Sorted(maps.Keys(have[c])) {
				for _, part := range variants(have, c, word) {
					with := maps.Clone(before)
					with[c] = part
					more = append(more, with)
				}
			}
		}
		combinations = more
	}
	if testing.Short() && len(combinations) > 100 {
		combinations = combinations[:100]
	}
	t.Logf("%d combinations of %v", len(combinations), categories)
	for shard := range 8 {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel()
			for i := shard; i < len(combinations); i += 8 {
				try(t, joined(have, combinations[i], i))
			}
		})
	}
}

// byTurns are the categories that join every second and every fourth combination: what they have to do with others is a Binding
// and a volume, and all combinations with them would be eight times as many.
var byTurns = []string{"storage.spaces", "backups"}

// joined is the combination of a number with the categories whose turn it is.
func joined(have map[string]map[string]sample, parts map[string]sample, number int) map[string]sample {
	parts = maps.Clone(parts)
	if number%2 == 1 {
		parts["storage.spaces"] = have["storage.spaces"]["digitalocean"]
	}
	if velero := have["backups"]["velero"]; velero != nil && number%4 == 3 {
		parts["backups"] = maps.Clone(velero)
		parts["backups"]["bucket"] = "storage/spaces/" + bucket
	}
	return parts
}

// bucket is what the bucket is called.
const bucket = "media"

// variants are a category's part with one product; logging comes with each of its sinks.
func variants(have map[string]map[string]sample, category, word string) []sample {
	part := have[category][word]
	if category != "logging" || word == "existing" {
		return []sample{part}
	}
	var out []sample
	for _, sink := range slices.Sorted(maps.Keys(have["logging.sink"])) {
		with := maps.Clone(part)
		with["sink"] = have["logging.sink"][sink]
		out = append(out, with)
	}
	return out
}

// try composes one combination beside an app that uses what there is to use.
func try(t *testing.T, parts map[string]sample) {
	t.Helper()
	spec := map[string]any{"region": "nyc3", "cluster": map[string]any{"version": "1.36", "nodePools": map[string]any{"general": map[string]any{"size": "s-8vcpu-16gb", "count": 3}}}}
	app := map[string]any{"image": "docker.io/hashicorp/http-echo:1.0.0", "port": 5678, "metrics": map[string]any{}}
	var words []string
	for _, category := range slices.Sorted(maps.Keys(parts)) {
		part := parts[category]
		if parts["gateways"] == nil && part["console"] != nil { // a public page needs a way in: a rule of the document
			part = maps.Clone(part)
			delete(part, "console")
		}
		if gateway := parts["gateways"]; gateway != nil && gateway["product"] == "doks" && part["console"] != nil { // it tells no addresses apart by route
			part = maps.Clone(part)
			console := maps.Clone(part["console"].(map[string]any))
			delete(console, "allow")
			part["console"] = console
		}
		if category == "gateways" && parts["registry"] != nil && parts["registry"]["product"] == "docker-registry" { // nodes pull through no proxy
			part = maps.Clone(part)
			delete(part, "loadBalancer")
		}
		words = append(words, fmt.Sprintf("%s=%v", category, part["product"]))
		switch name, ok := named[category]; {
		case category == "storage.spaces":
			spec["storage"] = map[string]any{"spaces": map[string]any{bucket: part}}
			app["uses"] = append(asList(app["uses"]), "storage/spaces/"+bucket)
		case ok:
			spec[category] = map[string]any{name: part}
		default:
			spec[category] = part
		}
		switch category {
		case "gateways":
			app["routes"] = []any{map[string]any{"path": "/"}}
		case "messaging", "databases":
			app["uses"] = append(asList(app["uses"]), category+"/"+named[category])
		}
	}
	if parts["registry"] != nil && parts["gateways"] == nil && parts["registry"]["product"] == "docker-registry" {
		return // a rule of the document: nodes pull by its public name
	}
	if sink, ok := parts["logging"]["sink"].(sample); ok {
		withStore(spec, sink)
	}
	spec["apps"] = map[string]any{"web": app}
	raw, err := yaml.Marshal(map[string]any{"apiVersion": "k8or.io/v1alpha1", "kind": "Platform", "metadata": map[string]any{"name": "shop"}, "spec": spec})
	if err != nil {
		t.Fatal(err)
	}
	c, err := composition(t.Context(), "k8or.yaml", raw)
	if err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(words, " "), err, raw)
		return
	}
	for _, lost := range dangling(c) {
		t.Errorf("%s: %s", strings.Join(words, " "), lost)
	}
	found, unread := lint.Check(1, c.Rendered...)
	for _, f := range found {
		t.Errorf("%s: DOKS would speak against it before an upgrade: %s", strings.Join(words, " "), f)
	}
	for _, note := range unread {
		t.Errorf("%s: %s", strings.Join(words, " "), note)
	}
}

// withStore adds the database that a sink keeps logs in to a document, where it names one, beside what apps use.
func withStore(spec map[string]any, sink sample) {
	entry, ok := sink["database"].(string)
	if !ok {
		return
	}
	all := map[string]any{strings.TrimPrefix(entry, "databases/"): map[string]any{"product": "digitalocean", "engine": "opensearch"}}
	if more, ok := spec["databases"].(map[string]any); ok {
		maps.Copy(all, more)
	}
	spec["databases"] = all
}

func asList(v any) []any {
	l, _ := v.([]any)
	return l
}

// offline is a network without charts.
type offline struct{}

func (offline) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no network in this test")
}

func composition(ctx context.Context, name string, raw []byte) (*product.Composition, error) {
	doc, err := document.Parse(platform.Available(), document.Input{Name: name, Data: raw})
	if err != nil {
		return nil, err
	}
	p, err := platform.New(platform.Options{
		Document: doc, UID: "t3stx1", Sandbox: true, Speed: 1, Holder: "test", Log: &event.Log{},
		Token:     digitalocean.Token{Value: secret.New("none"), Source: "the test", APIURL: "https://api.digitalocean.test"},
		Transport: offline{}, KubeTransport: offline{}, ChartsTransport: offline{},
		Env: func(string) (string, bool) { return "user:not-a-secret", true },
	})
	if err != nil {
		return nil, err
	}
	return p.Compose(ctx)
}
