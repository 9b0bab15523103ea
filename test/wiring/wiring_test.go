// SPDX-License-Identifier: Apache-2.0

// Package wiring registers a product that no other product knows, and holds what it offers against the real selectors of
// those who want it: Prometheus' selectors, the agents' patterns, the gateway's class. A capability that reaches its consumer
// in name alone fails here.
package wiring

import (
	"maps"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog"
	"github.com/k8or/k8or/internal/chart/charttest"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/secret"
)

const toyID, toyNamespace = graph.ID("toys/a"), "toys-a"

// toy is a product as any later one is. Its pods are what consumers have to find.
var toy = &product.Definition[struct{}, struct{}]{Category: "toys", Name: "toy", Title: "Toy", Placements: []product.Placement{product.Cluster},
	Build: func(b *product.Building, e product.Entry[struct{}, struct{}]) error {
		pods := map[string]any{"app": "toy", "version": "one"}
		objects := []*unstructured.Unstructured{
			b.EntryNamespace(toyNamespace),
			{Object: map[string]any{"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "toy"}, "spec": map[string]any{
				"selector": map[string]any{"app": "toy"}, "ports": []any{map[string]any{"name": "http", "port": int64(80)}}}}},
			{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "toy"}, "spec": map[string]any{
				"selector": map[string]any{"matchLabels": map[string]any{"app": "toy"}},
				"template": map[string]any{"metadata": map[string]any{"labels": pods}, "spec": map[string]any{"containers": []any{map[string]any{
					"name": "toy", "image": "example.com/toy:1.0.0", "ports": []any{map[string]any{"name": "numbers", "containerPort": int64(9100)}}}}}}}}},
		}
		if _, err := b.Objects(e.ID, toyNamespace, objects); err != nil {
			return err
		}
		of := map[string]string{"app": "toy"}
		product.Offer(b, product.MetricsTarget{Entry: e.ID, Namespace: toyNamespace, Labels: of, Port: "numbers", Path: "/numbers", Guarded: true, Ready: e.ID})
		signIn := func(key string) *kube.SecretKey {
			return &kube.SecretKey{Namespace: toyNamespace, Name: "sign-in", Key: key}
		}
		product.Offer(b, product.MetricsEndpoint{Entry: e.ID, Addresses: graph.Known([]string{"toy.example.com:9273"}), Path: "/numbers", Username: signIn("username"), Password: signIn("password"), Ready: e.ID})
		product.Offer(b, product.Dashboard{Entry: e.ID, Title: "Toys", JSON: []byte(`{"title":"Toys"}`)})
		product.Offer(b, product.Alert{Entry: e.ID, Name: "ToyBroken", Expression: "toy_broken > 0", Receiver: "oncall"})
		product.Offer(b, product.DataSource{Entry: e.ID, Name: "Toys", Type: "toys", URL: "http://toy.toys-a"})
		product.Offer(b, product.LogSource{Entry: e.ID, Namespace: toyNamespace, Labels: of, Multiline: "java"})
		product.Offer(b, product.Route{Entry: e.ID, Gateway: "public", Host: "toy.example.com", Path: "/", Namespace: toyNamespace, Service: "toy", Port: 80, Guarded: true, Pods: of, Ready: e.ID})
		product.Offer(b, product.Page{Entry: e.ID, Name: "toy", Title: "Toy", Namespace: toyNamespace, Service: "toy", Port: 80})
		product.Offer(b, product.Probe{Entry: e.ID, Name: "toy", Proves: "the toy answers", Spec: probe.Spec{HTTP: &probe.HTTP{URL: "http://toy.toys-a"}}})
		return nil
	}}

// world is a composition with the toy in it, and its objects.
type world struct {
	*product.Composition
	objects []*unstructured.Unstructured
}

func compose(t *testing.T) world { return composeWith(t, func(*v1alpha1.Spec) {}) }

// composeWith is compose of a document that was changed.
func composeWith(t *testing.T, change func(*v1alpha1.Spec)) world {
	t.Helper()
	doc := &v1alpha1.Platform{Metadata: v1alpha1.Metadata{Name: "shop", UID: "x7k2p9"}, Spec: v1alpha1.Spec{
		Region: "nyc3", Cluster: v1alpha1.Cluster{Existing: "prod-1"}, Gateways: map[string]v1alpha1.Gateway{"public": {Product: "nginx"}},
		Monitoring: &v1alpha1.Monitoring{Receivers: map[string]v1alpha1.Receiver{"oncall": {Webhook: &v1alpha1.Secret{From: v1alpha1.From{Secret: "pager/url"}}}}},
		Logging:    &v1alpha1.Logging{Sink: v1alpha1.Sink{Product: "elk"}}}}
	change(&doc.Spec)
	spec := v1alpha1.Default(doc)
	uses := []product.Use{{ID: "cluster", Product: find(t, "cluster", "existing"), Spec: spec.Spec.Cluster}}
	for _, e := range spec.Spec.Entries() {
		uses = append(uses, product.Use{ID: graph.ID(e.ID()), Name: e.Name, Product: find(t, e.Category, e.Product), Spec: e.Spec})
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Spec.Apps)) {
		uses = append(uses, product.Use{ID: graph.ID("apps/" + name), Name: name, Product: find(t, "apps", "app"), Spec: spec.Spec.Apps[name]})
	}
	uses = append(uses, product.Use{ID: toyID, Name: "a", Product: toy, Spec: struct{}{}})
	client, err := digitalocean.New(digitalocean.Options{Token: secret.New("none"), BaseURL: "https://api.digitalocean.test", Speed: 1})
	if err != nil {
		t.Fatal(err)
	}
	services := product.Services{Charts: charttest.None{}, Kube: kube.NewKinds(kube.KindsOptions{Platform: "shop-x7k2p9"}),
		Estate: digitalocean.NewEstate(client, digitalocean.Mark{Name: "shop", UID: "x7k2p9"}, digitalocean.EstateOptions{})}
	c, err := product.Compose(t.Context(), product.Platform{Platform: spec, Minor: "1.36"}, services, uses,
		func(name string) (product.Product, bool) { return catalog.Find("support", name) })
	if err != nil {
		t.Fatal(err)
	}
	w := world{Composition: c}
	for _, s := range c.Sets {
		for _, o := range s.Objects {
			if o.GetNamespace() == "" {
				o = o.DeepCopy()
				o.SetNamespace(s.Namespace)
			}
			w.objects = append(w.objects, o)
		}
	}
	return w
}

func find(t *testing.T, category, name string) product.Product {
	t.Helper()
	p, ok := catalog.Find(category, name)
	if !ok {
		t.Fatalf("the catalog has no product %s for %s", name, category)
	}
	return p
}

// of are the objects of a kind.
func (w world) of(kind string) []*unstructured.Unstructured {
	return slices.DeleteFunc(slices.Clone(w.objects), func(o *unstructured.Unstructured) bool { return o.GetKind() != kind })
}

// one is the only object of a kind and name.
func (w world) one(t *testing.T, kind, name string) *unstructured.Unstructured {
	t.Helper()
	found := slices.DeleteFunc(w.of(kind), func(o *unstructured.Unstructured) bool { return o.GetName() != name })
	if len(found) != 1 {
		t.Fatalf("there are %d objects %s %s, want one", len(found), kind, name)
	}
	return found[0]
}

// selects says whether a label selector somewhere in an object, which has to be there, takes labels in.
func selects(t *testing.T, o *unstructured.Unstructured, set map[string]string, path ...string) bool {
	t.Helper()
	raw, ok, err := unstructured.NestedMap(o.Object, path...)
	if err != nil || !ok {
		t.Errorf("%s %s has no %s, which selects nothing", o.GetKind(), o.GetName(), strings.Join(path, "."))
		return false
	}
	var s metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &s); err != nil {
		t.Fatal(err)
	}
	selector, err := metav1.LabelSelectorAsSelector(&s)
	if err != nil {
		t.Fatal(err)
	}
	return selector.Matches(labels.Set(set))
}

func texts(t *testing.T, o *unstructured.Unstructured, path ...string) map[string]string {
	t.Helper()
	m, _, err := unstructured.NestedStringMap(o.Object, path...)
	if err != nil {
		t.Fatalf("%s %s: %v", o.GetKind(), o.GetName(), err)
	}
	return m
}

// namespaceLabels are the labels of a namespace of the composition, with the one that Kubernetes adds.
func (w world) namespaceLabels(t *testing.T, name string) map[string]string {
	t.Helper()
	l := w.one(t, "Namespace", name).GetLabels()
	l["kubernetes.io/metadata.name"] = name
	return l
}
