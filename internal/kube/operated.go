// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

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
	"BackupStorageLocation.velero.io":            inPhase("Available"),
	"Schedule.velero.io":                         inPhase("Enabled"),
	"Certificate.cert-manager.io":                signed,
	"ClusterIssuer.cert-manager.io":              ready,
	"Issuer.cert-manager.io":                     ready,
	"Kafka.kafka.strimzi.io":                     ready,
	"KafkaMirrorMaker2.kafka.strimzi.io":         ready,
	"KafkaNodePool.kafka.strimzi.io":             nodePool,
	"KafkaTopic.kafka.strimzi.io":                ready,
	"KafkaUser.kafka.strimzi.io":                 ready,
	"Gateway.gateway.networking.k8s.io":          programmed,
	"HTTPRoute.gateway.networking.k8s.io":        accepted,
	"CiliumNetworkPolicy.cilium.io":              valid,
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

// inPhase is for Velero's resources: what works is in this phase, and what does not says why in its message or its errors.
func inPhase(wanted string) func(*unstructured.Unstructured) (State, string) {
	return func(live *unstructured.Unstructured) (State, string) {
		phase, _, _ := unstructured.NestedString(live.Object, "status", "phase")
		message, _, _ := unstructured.NestedString(live.Object, "status", "message")
		errors, _, _ := unstructured.NestedStringSlice(live.Object, "status", "validationErrors")
		switch {
		case phase == "":
			return InProgress, "its operator has not seen it yet"
		case phase != wanted:
			return InProgress, cmp.Or(message, strings.Join(errors, "; "), "it is in phase "+phase)
		}
		return Ready, ""
	}
}

// ProvenOutside marks a Certificate whose names are proven by what is not k8or's to make, such as somebody else's DNS.
const ProvenOutside = "k8or.io/proven-outside"

// patience is how long a name that does lead here may take to be proven: Let's Encrypt answers within seconds, and
// cert-manager looks every ten (its self check of a challenge).
const patience = 2 * time.Minute

// signed is for cert-manager's Certificates. One with the mark ProvenOutside is not waited for beyond a little patience.
func signed(live *unstructured.Unstructured) (State, string) {
	state, message := ready(live)
	if state == Ready || live.GetAnnotations()[ProvenOutside] != "true" || time.Since(live.GetCreationTimestamp().Time) < patience {
		return state, message
	}
	names, _, _ := unstructured.NestedStringSlice(live.Object, "spec", "dnsNames")
	return Waiting, fmt.Sprintf("it is signed once %s leads to the gateway: %s", strings.Join(names, ", "), message)
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

// programmed is for a Gateway: its controller took it and it has an address. That a listener lacks its certificate does not
// count: the certificate is waited for where it is made.
func programmed(live *unstructured.Unstructured) (State, string) {
	for _, kind := range []string{"Accepted", "Programmed"} {
		status, message := condition(live, kind)
		switch {
		case status == "" || status == "Unknown":
			class, _, _ := unstructured.NestedString(live.Object, "spec", "gatewayClassName")
			return InProgress, fmt.Sprintf("no controller has taken it yet: is there a GatewayClass %s, and what does its status say?", class)
		case status != "True":
			return InProgress, cmp.Or(message, "it is not "+kind+" yet")
		case observed(live, kind) < live.GetGeneration():
			return InProgress, "its controller has not seen its last change yet"
		}
	}
	return Ready, ""
}

// accepted is for routes of the Gateway API: each gateway they name took them and found what they lead to. What a controller said
// of a gateway that they named before stays when it goes first.
func accepted(live *unstructured.Unstructured) (State, string) {
	wanted, _, _ := unstructured.NestedSlice(live.Object, "spec", "parentRefs")
	parents, _, _ := unstructured.NestedSlice(live.Object, "status", "parents")
	for _, ref := range wanted {
		at := slices.IndexFunc(parents, func(p any) bool {
			parent, _ := p.(map[string]any)
			return sameParent(parent["parentRef"], ref, live.GetNamespace())
		})
		if at < 0 {
			return InProgress, "its gateway has not seen it yet"
		}
		one := &unstructured.Unstructured{Object: map[string]any{"status": parents[at]}}
		for _, kind := range []string{"Accepted", "ResolvedRefs"} {
			switch status, message := condition(one, kind); {
			case status == "":
				return InProgress, "its gateway has not seen it yet"
			case status != "True":
				return InProgress, cmp.Or(message, "its gateway has not accepted it yet")
			case observed(one, kind) < live.GetGeneration():
				return InProgress, "its gateway has not seen its last change yet"
			}
		}
	}
	return Ready, ""
}

// sameParent says whether two references of a route are to the same place. A controller may write out what the route leaves to
// the Gateway API's defaults.
func sameParent(a, b any, namespace string) bool {
	key := func(ref any) string {
		m, _ := ref.(map[string]any)
		text := func(field, otherwise string) string {
			s, _ := m[field].(string)
			return cmp.Or(s, otherwise)
		}
		return fmt.Sprint(text("group", gatewayKind.Group), text("kind", gatewayKind.Kind), "/", text("namespace", namespace), "/", text("name", ""), "/", text("sectionName", ""), "/", m["port"])
	}
	return key(a) == key(b)
}

// valid is for Cilium's policies, of which its operator says whether they can be enforced; an older one says nothing.
func valid(live *unstructured.Unstructured) (State, string) {
	if status, message := condition(live, "Valid"); status == "False" {
		return Failed, cmp.Or(message, "Cilium does not take it")
	}
	return Ready, ""
}
