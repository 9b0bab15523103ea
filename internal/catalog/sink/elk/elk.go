// SPDX-License-Identifier: Apache-2.0

// Package elk is the product "elk" of the category logging.sink: Elasticsearch and Kibana, and Logstash where it is asked
// for, under Elastic Cloud on Kubernetes.
package elk

import (
	_ "embed"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/sink"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/unit"
)

//go:embed README.md
var page string

//go:embed footprint.json
var footprint []byte

//go:embed values.yaml
var values []byte

//go:embed setup.sh
var script string

// Version is that of Elasticsearch, Kibana and Logstash alike.
const version = "9.5.0"

// Product is Elasticsearch with Kibana.
var Product = &product.Definition[v1alpha1.Sink, Options]{
	Category:    "logging.sink",
	Name:        "elk",
	Title:       "Elasticsearch and Kibana",
	Version:     version,
	Licence:     "Elastic-2.0",
	EndOfLife:   "2027-10-15", // of 9.x at the earliest, 30 months from 9.0 of 15 April 2025: https://www.elastic.co/support/eol
	Placements:  []product.Placement{product.Cluster},
	TakesValues: true,
	Page:        page,
	Lacks: []product.Lack{product.NoGrowth, sink.NoDatabase,
		{Fields: []string{"console.sso"}, Why: "Elastic sells single sign-on with a paid licence", Fix: "remove it; people sign in as users of Elasticsearch"}},
	Check:  check,
	Select: choose,
	Build:  build,
}

// Options are the settings that only this product has.
type Options struct {
	// MemoryMap lets Elasticsearch map its files into memory, which is faster. A privileged container then raises
	// vm.max_map_count on each node that it runs on.
	MemoryMap bool `json:"memoryMap,omitempty"`
	// Elasticsearch is laid over the spec of the Elasticsearch resource, in the words of Elastic Cloud on Kubernetes; node sets and
	// containers by their names: `{nodeSets: [{name: default, count: 5}]}`.
	Elasticsearch v1alpha1.Object `json:"elasticsearch,omitempty"`
	// Kibana is laid over the spec of the Kibana resource: count, podTemplate, config, and so on.
	Kibana v1alpha1.Object `json:"kibana,omitempty"`
	// Logstash runs pipelines of yours beside Elasticsearch. Left open there is none: Fluentd writes to Elasticsearch itself.
	Logstash *Logstash `json:"logstash,omitempty"`
}

// Logstash are pipelines of Logstash.
type Logstash struct {
	// Replicas is how many run; one when left open.
	Replicas int `json:"replicas,omitempty"`
	// Pipelines are their configurations, by name. LOGS_ES_HOSTS, LOGS_ES_USER, LOGS_ES_PASSWORD and
	// LOGS_ES_SSL_CERTIFICATE_AUTHORITY are in the environment of each.
	Pipelines map[string]string `json:"pipelines"`
	// Ports are what they listen on, by name; a Service is made for each.
	Ports map[string]int `json:"ports,omitempty"`
	// Spec is laid over the spec of the Logstash resource: podTemplate, volumeClaimTemplates, and so on.
	Spec v1alpha1.Object `json:"spec,omitempty"`
}

type entry = product.Entry[v1alpha1.Sink, Options]

// size is what one word of the document sets together: Elasticsearch's nodes, what each requests (its memory is its limit
// too, half of it Java's), its disk in GiB, and Kibana's pods.
type size struct {
	nodes   int
	cpu     unit.MilliCPU
	memory  unit.MiB
	storage int
	kibana  int
}

var sizes = map[string]size{
	"small":  {nodes: 1, cpu: 500, memory: 2048, storage: 20, kibana: 1},
	"medium": {nodes: 3, cpu: 500, memory: 4096, storage: 50, kibana: 1},
	"large":  {nodes: 3, cpu: 2000, memory: 8192, storage: 200, kibana: 2},
}

const (
	kibanaCPU      unit.MilliCPU = 200
	kibanaMemory   unit.MiB      = 1024
	logstashCPU    unit.MilliCPU = 200
	logstashMemory unit.MiB      = 2048
	logstashGiB                  = 2
)

func sizeOf(s v1alpha1.Sink) size {
	z, ok := sizes[s.Size]
	if !ok {
		z = sizes["small"]
	}
	if s.Storage != nil && s.Storage.Size != "" {
		z.storage = product.GiB(s.Storage.Size)
	}
	return z
}

// nodes are the labels that ECK gives the pods of Elasticsearch.
var nodes = map[string]string{"common.k8s.elastic.co/type": "elasticsearch", "elasticsearch.k8s.elastic.co/cluster-name": name}

// kibanaPods are the labels that ECK gives the pods of Kibana.
var kibanaPods = map[string]string{"common.k8s.elastic.co/type": "kibana", "kibana.k8s.elastic.co/name": name}
