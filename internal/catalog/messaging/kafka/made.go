// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/k8or/k8or/internal/product"
)

// made is what fit counts and price bills: the pods that Strimzi makes of the custom resources.
type made struct {
	brokers, controllers product.Operated
	others               []product.Operated // entity operator, exporter, Cruise Control
}

// part is a part of a Kafka as far as its pods go.
type part struct {
	Resources corev1.ResourceRequirements `json:"resources"`
	Template  struct {
		Pod corev1.PodSpec `json:"pod"` // Strimzi's fields are called as a pod's are
	} `json:"template"`
}

func (t *part) pod(containers ...corev1.Container) corev1.PodSpec {
	pod := t.Template.Pod
	pod.Containers = containers
	return pod
}

// nodePool is the spec of a KafkaNodePool as far as its pods go.
type nodePool struct {
	part
	Replicas uint32 `json:"replicas"`
	Storage  struct {
		disk
		Volumes []disk `json:"volumes"`
	} `json:"storage"`
}

type disk struct {
	Type string            `json:"type"`
	Size resource.Quantity `json:"size"`
}

// madeOf reads what is made from the specs that are applied.
func madeOf(p product.Platform, e entry) (made, []product.Refusal) {
	m := maker{entry: e, platform: p}
	var kafka struct {
		EntityOperator *struct {
			part
			TopicOperator *part `json:"topicOperator"`
			UserOperator  *part `json:"userOperator"`
		} `json:"entityOperator"`
		KafkaExporter *part `json:"kafkaExporter"`
		CruiseControl *part `json:"cruiseControl"`
	}
	var out made
	refused := product.Read("values", m.kafka(), &kafka)
	one := func(name string, pod corev1.PodSpec) {
		out.others = append(out.others, product.Operated{Name: m.Name + "-" + name, Namespace: m.Namespace(), Replicas: 1, Pod: pod})
	}
	if t := kafka.EntityOperator; t != nil {
		var operators []corev1.Container
		for _, operator := range []*part{t.TopicOperator, t.UserOperator} {
			if operator != nil {
				operators = append(operators, corev1.Container{Resources: operator.Resources})
			}
		}
		if operators != nil {
			one("entity-operator", t.pod(operators...))
		}
	}
	if t := kafka.KafkaExporter; t != nil {
		one("kafka-exporter", t.pod(corev1.Container{Resources: t.Resources}))
	}
	if t := kafka.CruiseControl; t != nil {
		one("cruise-control", t.pod(corev1.Container{Resources: t.Resources}))
	}
	for _, pool := range []struct {
		name string
		into *product.Operated
	}{{brokerPool, &out.brokers}, {controllerPool, &out.controllers}} {
		var spec nodePool
		refused = append(refused, product.Read("options.nodePools."+pool.name, m.pool(pool.name), &spec)...)
		*pool.into = product.Operated{Name: m.Name + "-" + pool.name, Namespace: m.Namespace(), Labels: map[string]string{"strimzi.io/cluster": m.Name, "strimzi.io/pool-name": pool.name},
			Replicas: int(spec.Replicas), Pod: spec.pod(corev1.Container{Resources: spec.Resources})}
		for _, d := range append(spec.Storage.Volumes, spec.Storage.disk) {
			if d.Type == "persistent-claim" {
				pool.into.Disks = append(pool.into.Disks, d.Size)
			}
		}
	}
	return out, refused
}

// checkOverlays refuses what cannot be read, what takes no effect where it stands, and what the document has a word for.
func checkOverlays(p product.Platform, e entry) []product.Refusal {
	_, out := madeOf(p, e)
	brokers, _ := e.Spec.Values["kafka"].(map[string]any)
	for _, field := range []string{"replicas", "resources", "storage", "jvmOptions"} {
		if brokers[field] != nil {
			out = append(out, product.Refusal{Field: "values", What: fmt.Sprintf("values.kafka.%s would have no effect", field), Why: "Strimzi reads it from the KafkaNodePool alone",
				Fix: "write it as options.nodePools.brokers, and how many there are as `brokers`"})
		}
	}
	if e.Options.NodePools.Brokers["replicas"] != nil {
		out = append(out, product.Refusal{Field: "options.nodePools.brokers", What: "the number of brokers has a word of its own", Why: "how many copies there are of a message follows it", Fix: "write `brokers`"})
	}
	if e.Options.NodePools.Brokers["storage"] != nil && e.Spec.Storage != nil && e.Spec.Storage.Size != "" {
		out = append(out, product.Refusal{Field: "storage.size", What: "storage.size would have no effect", Why: "options.nodePools.brokers.storage says how large the disks are", Fix: "keep one of them"})
	}
	return out
}
