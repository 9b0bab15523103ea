// SPDX-License-Identifier: Apache-2.0

// Package kafka is the product "kafka" of the category messaging: Apache Kafka with KRaft, run by Strimzi on the cluster's
// nodes, or by DigitalOcean.
package kafka

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/messaging"
	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

// Product is Apache Kafka.
var Product = &product.Definition[v1alpha1.Messaging, Options]{
	Category:    "messaging",
	Name:        "kafka",
	Title:       "Apache Kafka",
	Version:     newest,
	Licence:     "Apache-2.0",
	Placements:  []product.Placement{product.Cluster, product.Managed},
	TakesValues: true,
	Page:        page,
	Check:       check,
	Select:      choose,
	Build:       build,
	Wire:        wire,
}

type entry = product.Entry[v1alpha1.Messaging, Options]

// check says what a placement cannot do of what the document asks.
func check(p product.Platform, e entry) []product.Refusal {
	out := messaging.CheckMirror(p, e)
	slices.SortFunc(out, func(a, b product.Refusal) int { return cmp.Compare(a.Field, b.Field) })
	if e.Placement == product.Managed {
		return append(out, checkManaged(e)...)
	}
	return append(out, p.OnlyNamed(e.ID, len(e.Spec.Users))...)
}

// Options are the settings that only this product has.
type Options struct {
	// Config is the brokers' own settings, such as `message.max.bytes`. Strimzi owns listeners, security and replication of
	// Kafka's own topics, and says in a condition which settings it leaves out.
	Config v1alpha1.Object `json:"config,omitempty"`
	// MaxLag is how many messages a group of consumers may be behind for a quarter of an hour before an alert is raised.
	// Left open, 10000.
	MaxLag int `json:"maxLag,omitempty"`
}

// newest is the version that is run where the document names none, releases what Strimzi 1.2 can run, newest last.
const newest = "4.3.1"

var releases = []string{"4.2.0", "4.2.1", "4.3.0", newest}

// choose declares the pods that Strimzi derives, and their disks.
func choose(s *product.Selecting, e entry) {
	chooseMirror(s, e)
	if e.Placement == product.Managed {
		chooseManaged(s, e)
		return
	}
	s.Want("strimzi")
	z, brokers := sizeOf(e.Spec), brokersOf(e.Spec)
	pods := func(name string, n int, p pod, change func(*fit.Workload)) {
		w := fit.Workload{Name: e.Name + "-" + name, Replicas: n, CPU: p.cpu, Memory: p.memory, Pool: e.Spec.Pool, Tolerates: tolerates(e.Spec.Pool)}
		if change != nil {
			change(&w)
		}
		if n > 0 {
			s.Footprint(w)
		}
	}
	// Each of them has a disk, and none may be on a node with two more than another (see pool in build.go).
	keeps := func(pool string) func(*fit.Workload) {
		return func(w *fit.Workload) {
			w.Volumes, w.Namespace, w.Labels = 1, e.Namespace(), map[string]string{"strimzi.io/cluster": e.Name, "strimzi.io/pool-name": pool}
			w.Spread = []fit.Spread{{Selector: fit.Selector{Namespaces: []string{w.Namespace}, MatchLabels: w.Labels}, MaxSkew: 1}}
		}
	}
	pods("brokers", brokers, z.broker, keeps(brokerPool))
	pods("controllers", controllersOf(brokers), z.controller, keeps(controllerPool))
	pods("entity-operator", 1, pod{cpu: 2 * z.entity.cpu, memory: 2 * z.entity.memory}, nil)
	pods("kafka-exporter", 1, z.exporter, nil)
	if brokers > 1 {
		pods("cruise-control", 1, z.cruise, nil)
	}
	disks := func(name string, n int, size string) {
		g := n * gibibytes(size)
		s.Bill(price.Item{For: string(e.ID) + "/" + name, What: fmt.Sprintf("%d volumes of %s", n, size), Kind: price.Volume, Min: g, Max: g})
	}
	disks("brokers", brokers, diskOf(e.Spec))
	disks("controllers", controllersOf(brokers), controllerDisk)
}

// tolerates is what pods bear that are bound to a pool: all of its taints.
func tolerates(pool string) []fit.Toleration {
	if pool == "" {
		return nil
	}
	return []fit.Toleration{{Operator: "Exists"}}
}

// gibibytes are a disk's size as it is billed, in whole GiB.
func gibibytes(size string) int {
	q, err := resource.ParseQuantity(size)
	if err != nil {
		return 0 // the document's rules refuse it before
	}
	return int((q.Value() + 1<<30 - 1) >> 30)
}
