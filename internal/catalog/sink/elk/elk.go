// SPDX-License-Identifier: Apache-2.0

// Package elk is the product "elk" of the category logging.sink: Elasticsearch and Kibana, and Logstash where it is asked
// for, under Elastic Cloud on Kubernetes.
package elk

import (
	_ "embed"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/sink"
	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/price"
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
	Select: choose,
	Build:  build,
}

// Options are the settings that only this product has.
type Options struct {
	// MemoryMap lets Elasticsearch map its files into memory, which is faster. A privileged container then raises
	// vm.max_map_count on each node that it runs on.
	MemoryMap bool `json:"memoryMap,omitempty"`
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

func (l *Logstash) replicas() int { return max(l.Replicas, 1) }

// choose declares what the operator makes of the custom resources; the operator's own pod is read from its objects.
func choose(s *product.Selecting, e entry) {
	z := sizeOf(e.Spec)
	s.Footprint(
		fit.Workload{Name: name + "-es-" + nodeSet, Replicas: z.nodes, CPU: z.cpu, Memory: z.memory, Volumes: 1, Pool: e.Spec.Pool, Tolerates: bears(e.Spec.Pool), Namespace: e.Namespace(), Labels: nodes,
			PreferApart: []fit.Preference{{Selector: fit.Selector{Namespaces: []string{e.Namespace()}, MatchLabels: nodes}, Weight: 100}}}, // as ECK asks
		fit.Workload{Name: name + "-kb", Replicas: z.kibana, CPU: kibanaCPU, Memory: kibanaMemory, Pool: e.Spec.Pool, Tolerates: bears(e.Spec.Pool), Namespace: e.Namespace()})
	s.Bill(price.Item{What: "disks of Elasticsearch", Kind: price.Volume, Min: z.nodes * z.storage, Max: z.nodes * z.storage})
	if l := e.Options.Logstash; l != nil {
		s.Footprint(fit.Workload{Name: name + "-ls", Replicas: l.replicas(), CPU: logstashCPU, Memory: logstashMemory, Volumes: 1, Pool: e.Spec.Pool, Tolerates: bears(e.Spec.Pool), Namespace: e.Namespace()})
		s.Bill(price.Item{What: "disks of Logstash", Kind: price.Volume, Min: l.replicas() * logstashGiB, Max: l.replicas() * logstashGiB})
	}
}

// bears is what pods on a pool tolerate: all of its taints, which Select does not see.
func bears(pool string) []fit.Toleration {
	if pool == "" {
		return nil
	}
	return []fit.Toleration{{Operator: "Exists"}}
}
