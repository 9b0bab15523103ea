// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// operated judges custom resources whose operators say in words of their own whether they work; kstatus takes them for
// current as soon as they are there. Each answers for one kind, by its group and kind.
var operated = map[string]func(*unstructured.Unstructured) (State, string){
	"Prometheus.monitoring.coreos.com":           available,
	"Alertmanager.monitoring.coreos.com":         available,
	"Elasticsearch.elasticsearch.k8s.elastic.co": elasticsearch,
	"Kibana.kibana.k8s.elastic.co":               healthy,
	"Logstash.logstash.k8s.elastic.co":           healthy,
	"Certificate.cert-manager.io":                ready,
	"ClusterIssuer.cert-manager.io":              ready,
	"Issuer.cert-manager.io":                     ready,
	"Kafka.kafka.strimzi.io":                     ready,
	"KafkaTopic.kafka.strimzi.io":                ready,
	"KafkaUser.kafka.strimzi.io":                 ready,
}

// ready is for operators that say so by the condition Ready. Strimzi has NotReady beside it, with the reason.
func ready(live *unstructured.Unstructured) (State, string) {
	status, message := condition(live, "Ready")
	if status == "True" {
		return Ready, ""
	}
	if message == "" {
		_, message = condition(live, "NotReady")
	}
	return InProgress, cmp.Or(message, "its operator has not made it ready yet")
}

// available is for Prometheus Operator's resources: the conditions Available and Reconciled, both of this generation.
func available(live *unstructured.Unstructured) (State, string) {
	for _, kind := range []string{"Reconciled", "Available"} {
		status, message := condition(live, kind)
		switch {
		case status == "":
			return InProgress, "its operator has not seen it yet"
		case status == "False" || status == "Unknown" || observed(live, kind) < live.GetGeneration():
			if message == "" {
				message = "it is not " + kind + " yet"
			}
			return InProgress, message
		}
	}
	return Ready, ""
}

// observed is the generation that a condition speaks of.
func observed(o *unstructured.Unstructured, kind string) int64 {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["type"] == kind {
			n, _, _ := unstructured.NestedInt64(m, "observedGeneration")
			return n
		}
	}
	return 0
}

// elasticsearch is ready in phase Ready. Its health may be yellow: copies of a cluster of one node have nowhere to go.
func elasticsearch(live *unstructured.Unstructured) (State, string) {
	phase, _, _ := unstructured.NestedString(live.Object, "status", "phase")
	health, _, _ := unstructured.NestedString(live.Object, "status", "health")
	switch {
	case phase == "":
		return InProgress, "its operator has not seen it yet"
	case phase != "Ready" || stale(live):
		return InProgress, fmt.Sprintf("it is in phase %s, its health is %s", phase, health)
	case health == "red":
		return InProgress, "some of its data cannot be reached: its health is red"
	}
	return Ready, ""
}

// healthy is for what else ECK runs.
func healthy(live *unstructured.Unstructured) (State, string) {
	health, _, _ := unstructured.NestedString(live.Object, "status", "health")
	switch {
	case health == "":
		return InProgress, "its operator has not seen it yet"
	case health != "green" || stale(live):
		return InProgress, "its health is " + health
	}
	return Ready, ""
}

// stale says that an object's status speaks of an older generation.
func stale(live *unstructured.Unstructured) bool {
	seen, ok, _ := unstructured.NestedInt64(live.Object, "status", "observedGeneration")
	return ok && seen < live.GetGeneration()
}
