// SPDX-License-Identifier: Apache-2.0

// Package prometheus is the product "prometheus" of the category monitoring: Prometheus and Alertmanager under Prometheus
// Operator, with Grafana, kube-state-metrics and node-exporter.
package prometheus

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/unit"
)

//go:embed README.md
var page string

//go:embed footprint.json
var footprint []byte

//go:embed values.yaml
var values []byte

// version is Prometheus' newest with long-term support: others are mended for six weeks.
const version = "3.13.2"

// Product is Prometheus with Grafana.
var Product = &product.Definition[v1alpha1.Monitoring, Options]{
	Category:    "monitoring",
	Name:        "prometheus",
	Title:       "Prometheus and Grafana",
	Version:     version,
	Licence:     "Apache-2.0; Grafana AGPL-3.0-only",
	EndOfLife:   "2027-07-31", // of Prometheus 3.13: https://prometheus.io/docs/introduction/release-cycle/
	Placements:  []product.Placement{product.Cluster},
	TakesValues: true,
	Page:        page,
	Lacks:       []product.Lack{product.NoGrowth},
	Check:       check,
	Select:      choose,
	Build:       build,
	Wire:        wire,
}

// Options are the settings that only this product has.
type Options struct {
	// Prometheus is laid over the spec of the Prometheus resource, in the words of Prometheus Operator: remoteWrite,
	// scrapeInterval, replicas, resources, storage, and so on.
	Prometheus v1alpha1.Object `json:"prometheus,omitempty"`
	// Alertmanager is laid over the spec of the Alertmanager resource: replicas, resources, storage, and so on.
	Alertmanager v1alpha1.Object `json:"alertmanager,omitempty"`
	// SSO are the endpoints of the provider that console.sso names. Grafana does not discover them by itself; they stand in
	// the provider's page `<issuerURL>/.well-known/openid-configuration`.
	SSO *SSO `json:"sso,omitempty"`
}

// SSO are an OpenID Connect provider's endpoints.
type SSO struct {
	// AuthURL is its authorization_endpoint, TokenURL its token_endpoint, UserInfoURL its userinfo_endpoint.
	AuthURL     string `json:"authURL"`
	TokenURL    string `json:"tokenURL"`
	UserInfoURL string `json:"userInfoURL"`
	// Role is Grafana's role of whoever signs in: Viewer, Editor or Admin. Left open it is Viewer.
	Role string `json:"role,omitempty"`
}

type entry = product.Entry[v1alpha1.Monitoring, Options]

// check refuses what takes effect beside another field alone, databases that Grafana cannot ask, and what would make pods and disks
// that nobody counts.
func check(p product.Platform, e entry) []product.Refusal {
	_, out := madeOf(p, e)
	if _, said, _ := unstructured.NestedFieldNoCopy(e.Options.Prometheus, claimSize...); said && e.Spec.Storage != nil && e.Spec.Storage.Size != "" {
		out = append(out, product.Refusal{Field: "storage.size", What: "storage.size would have no effect", Why: "options.prometheus.storage says how large the disk is", Fix: "keep one of them"})
	}
	for _, part := range []string{"prometheus", "alertmanager", "thanosRuler"} {
		if on, _, _ := unstructured.NestedBool(e.Spec.Values, part, "enabled"); on {
			out = append(out, product.Refusal{Field: "values", What: fmt.Sprintf("values.%s.enabled would make one beside k8or's", part),
				Why: "the chart's own would be neither counted nor billed", Fix: "remove it; `options: {prometheus: {…}, alertmanager: {…}}` change k8or's"})
		}
	}
	if e.Options.SSO != nil && (e.Spec.Console == nil || e.Spec.Console.SSO == nil) {
		out = append(out, product.Refusal{Field: "options.sso", What: "options.sso would have no effect", Why: "they are endpoints of the provider that console.sso names, and it names none",
			Fix: "add `console: {sso: …}`, or remove options.sso"})
	}
	for i, read := range e.Spec.Reads {
		engine := p.Spec.Databases[strings.TrimPrefix(read, "databases/")].Engine
		if _, ok := stores[engine]; !ok {
			out = append(out, product.Refusal{Field: fmt.Sprintf("reads[%d]", i), What: "Grafana has no data source for " + engine + " in its image",
				Why: "it has them for " + strings.Join(slices.Sorted(maps.Keys(stores)), " and "), Fix: "remove it"})
		}
	}
	return out
}

// size is what one word of the document sets together. Requests are of one pod; storage is in GiB.
type size struct {
	prometheus, alertmanager int
	cpu                      unit.MilliCPU
	memory, limit            unit.MiB
	storage                  int
	grafanaCPU               unit.MilliCPU
	grafana, grafanaLimit    unit.MiB
}

var sizes = map[string]size{
	"small":  {prometheus: 1, alertmanager: 1, cpu: 200, memory: 1024, limit: 2048, storage: 20, grafanaCPU: 50, grafana: 192, grafanaLimit: 512},
	"medium": {prometheus: 1, alertmanager: 2, cpu: 500, memory: 2048, limit: 4096, storage: 50, grafanaCPU: 100, grafana: 256, grafanaLimit: 512},
	"large":  {prometheus: 2, alertmanager: 3, cpu: 1000, memory: 4096, limit: 8192, storage: 100, grafanaCPU: 200, grafana: 512, grafanaLimit: 1024},
}

func sizeOf(m v1alpha1.Monitoring) size {
	z, ok := sizes[m.Size]
	if !ok {
		z = sizes["small"]
	}
	if m.Storage != nil && m.Storage.Size != "" {
		z.storage = product.GiB(m.Storage.Size)
	}
	return z
}

// The disks beside that of Prometheus, in GiB: Alertmanager keeps silences, Grafana what people draw by hand.
const (
	alertmanagerGiB = 1
	grafanaGiB      = 5
)

const (
	alertmanagerCPU    unit.MilliCPU = 10
	alertmanagerMemory unit.MiB      = 64
)
