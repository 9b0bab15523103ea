// SPDX-License-Identifier: Apache-2.0

// Package app is what an entry under `apps` becomes: a program from an image, a folder of manifests, or a Helm chart.
package app

import (
	_ "embed"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/unit"
)

//go:embed README.md
var page string

// Product is an app.
var Product = &product.Definition[v1alpha1.App, struct{}]{
	Category:   "apps",
	Name:       "app",
	Title:      "Your app",
	Licence:    "your app's own",
	Placements: []product.Placement{product.Cluster},
	Page:       page,
	Select:     choose,
	Build:      build,
}

type entry = product.Entry[v1alpha1.App, struct{}]

func choose(s *product.Selecting, e entry) {
	a := e.Spec
	if a.Autoscale != nil {
		s.Want("metrics-server")
	}
	for name, v := range a.Volumes {
		n := int(product.MiB(v.Size) / unit.GiB)
		s.Bill(price.Item{For: string(e.ID) + "/volumes/" + name, What: "volume " + name, Kind: price.Volume, Min: n, Max: n})
	}
}

// replicas are the copies that always run: the autoscaler's minimum where there is one. A cron or job runs one at a time.
func replicas(a v1alpha1.App) int {
	switch {
	case a.Kind == "job" || a.Kind == "cron":
		return 1
	case a.Autoscale != nil:
		return a.Autoscale.Min
	case a.Replicas != nil:
		return *a.Replicas
	case len(a.Volumes) > 0:
		return 1
	default:
		return 2
	}
}

func build(b *product.Building, e entry) error {
	switch {
	case e.Spec.Chart != nil:
		return fromChart(b, e)
	case e.Spec.Manifests != "":
		return fromManifests(b, e)
	default:
		return fromImage(b, e)
	}
}

// offer makes the app known to gateways, monitoring, logging and the mesh.
func offer(b *product.Building, e entry, service string) {
	a := e.Spec
	for _, r := range a.Routes {
		product.Offer(b, product.Route{Entry: e.ID, Gateway: gatewayOf(b.Platform(), a), Host: r.Host, Path: r.Path,
			Namespace: a.Namespace, Service: service, Port: port(a), Guarded: true, Pods: routed(e), Ready: e.ID})
	}
	if a.Metrics != nil {
		product.Offer(b, product.MetricsTarget{Entry: e.ID, Namespace: a.Namespace, Labels: selector(e.Name), Port: metricsPort(a), Path: a.Metrics.Path, Guarded: true, Ready: e.ID})
	}
	observe(b, e)
	w := product.Workload{Entry: e.ID, Name: e.Name, Namespace: a.Namespace, Labels: selector(e.Name), Ready: e.ID}
	if a.FromImage() && a.Port != nil {
		w.Ports, w.Service, w.Account = []int{port(a)}, service, e.Name
	}
	if ownMetrics(a) {
		w.Metrics = []int{*a.Metrics.Port}
	}
	product.Offer(b, w)
}

// logs makes known the logs of the pods that an app's manifests or its chart make. Of a Helm release none are known.
func logs(b *product.Building, e entry, objects []*unstructured.Unstructured) {
	for _, o := range objects {
		labels := product.PodLabels(o)
		if labels == nil {
			continue
		}
		namespace := o.GetNamespace()
		if namespace == "" {
			namespace = e.Spec.Namespace
		}
		product.Offer(b, product.LogSource{Entry: e.ID, Namespace: namespace, Labels: labels, Multiline: e.Spec.Multiline})
	}
}

// ownMetrics says whether metrics have a port of their own, beside the app's.
func ownMetrics(a v1alpha1.App) bool {
	return a.Metrics != nil && a.Metrics.Port != nil && *a.Metrics.Port != port(a)
}

// metricsPort is the name of the port that shows metrics.
func metricsPort(a v1alpha1.App) string {
	if ownMetrics(a) {
		return "metrics"
	}
	return "http"
}

// routed are the labels of the pods that a route leads to, where k8or makes them.
func routed(e entry) map[string]string {
	if e.Spec.FromImage() {
		return selector(e.Name)
	}
	return nil
}

// gatewayOf is the gateway of an app's routes: the one it names, or the only one.
func gatewayOf(p product.Platform, a v1alpha1.App) string {
	if a.Gateway != "" {
		return a.Gateway
	}
	for name := range p.Spec.Gateways {
		return name
	}
	return ""
}

func port(a v1alpha1.App) int {
	if a.Port == nil {
		return 0
	}
	return *a.Port
}

func selector(name string) map[string]string {
	return map[string]string{"app.kubernetes.io/name": name}
}

// labels are an object's labels: those it is selected by, and whose it is.
func labels(e entry) map[string]string {
	l := selector(e.Name)
	l["app.kubernetes.io/component"] = e.Spec.Kind
	l["k8or.io/entry"] = strings.ReplaceAll(string(e.ID), "/", ".")
	return l
}
