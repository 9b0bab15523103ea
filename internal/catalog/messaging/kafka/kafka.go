// SPDX-License-Identifier: Apache-2.0

// Package kafka is the product "kafka" of the category messaging: Apache Kafka with KRaft, run by Strimzi on the cluster's
// nodes, or by DigitalOcean.
package kafka

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"

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
	out = append(out, checkOverlays(p, e)...)
	return append(out, p.OnlyNamed(e.ID, len(e.Spec.Users))...)
}

// Options are the settings that only this product has.
type Options struct {
	// Config is the brokers' own settings, such as `message.max.bytes`. Strimzi owns listeners, security and replication of
	// Kafka's own topics, and says in a condition which settings it leaves out.
	Config v1alpha1.Object `json:"config,omitempty"`
	// NodePools are laid over the specs of the KafkaNodePools, in the words of Strimzi: resources, storage, jvmOptions, template.
	NodePools NodePools `json:"nodePools,omitzero"`
	// MaxLag is how many messages a group of consumers may be behind for a quarter of an hour before an alert is raised.
	// Left open, 10000.
	MaxLag int `json:"maxLag,omitempty"`
}

// NodePools are the two kinds of nodes.
type NodePools struct {
	// Brokers keep the messages. How many there are is `brokers`.
	Brokers v1alpha1.Object `json:"brokers,omitempty"`
	// Controllers keep what is known of topics and brokers. Their number is fixed once they are made.
	Controllers v1alpha1.Object `json:"controllers,omitempty"`
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
	m, _ := madeOf(s.Platform(), e) // what cannot be read is refused by check
	s.Operates(append([]product.Operated{m.brokers, m.controllers}, m.others...)...)
	disks := func(name string, o product.Operated) {
		if g := o.GiB(); g > 0 {
			what := fmt.Sprintf("%d volumes", o.Replicas*len(o.Disks))
			if len(o.Disks) == 1 {
				what += " of " + o.Disks[0].String()
			}
			s.Bill(price.Item{For: string(e.ID) + "/" + name, What: what, Kind: price.Volume, Min: g, Max: g})
		}
	}
	disks("brokers", m.brokers)
	disks("controllers", m.controllers)
}

// tolerates is what pods bear that are bound to a pool: all of its taints.
func tolerates(pool string) []fit.Toleration {
	if pool == "" {
		return nil
	}
	return []fit.Toleration{{Operator: "Exists"}}
}
