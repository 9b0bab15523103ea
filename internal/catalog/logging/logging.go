// SPDX-License-Identifier: Apache-2.0

// Package logging has what the products of the category logging share: Fluent Bit on each node, which reads the logs of
// all containers and of the node itself and hands them to a Fluentd.
package logging

import (
	"crypto/sha256"
	_ "embed"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/lint"
	"github.com/k8or/k8or/internal/product"
)

//go:embed fluent-bit.json
var footprint []byte

//go:embed fluent-bit.yaml
var values []byte

var source = chart.Source{Repo: "https://fluent.github.io/helm-charts", Name: "fluent-bit", Version: "0.58.1"}

// The names in Kubernetes of Fluent Bit, and of the file of its configuration.
const (
	AgentName  = "fluent-bit"
	configName = "fluent-bit-config"
	ConfigFile = "fluent-bit.conf"

	authorityFolder = "/forward"
)

// Target is the Fluentd that agents hand logs to.
type Target struct {
	Host string
	Port int
	TLS  bool
	// Key is the Secret, in the agents' namespace, whose key shared-key both ends know; empty for none.
	Key string
	// CA is the Secret, in the agents' namespace, whose key ca.crt is the authority to believe; empty for those that the system
	// trusts.
	CA string
}

// KeyField is the key of a Secret with the words that both ends of the forward protocol know.
const KeyField = "shared-key"

// AgentSet is what differs between the products that run agents.
type AgentSet struct {
	ID        graph.ID
	Namespace string
	To        Target
	// Values are the document's, for the chart.
	Values  v1alpha1.Object
	Objects []*unstructured.Unstructured
	Derived []kube.Derived
	After   []graph.ID
	// OwnNamespace adds the namespace, where nothing else does.
	OwnNamespace bool
}

// Agents adds Fluent Bit as one node.
func Agents(w *product.Wiring, a AgentSet) error {
	config := Config(product.Offered[product.LogSource](w), a.Namespace, a.To)
	vals, err := product.Values(values, map[string]any{
		// It reads the logs that lie on the node, and marks there how far it has come.
		"podAnnotations": map[string]any{"k8or.io/config": Hash(config), lint.DisabledChecks: "hostpath-volume"},
		"env":            environment(a.To),
	}, authority(a.To), a.Values)
	if err != nil {
		return err
	}
	_, err = w.Chart(a.ID, product.ChartSpec{Source: source, Release: AgentName, Namespace: a.Namespace, Values: vals, Footprint: footprint, OwnValues: len(a.Values) > 0,
		KeepNamespace: !a.OwnNamespace, Extra: append([]*unstructured.Unstructured{ConfigMap(configName, map[string]any{ConfigFile: config})}, a.Objects...), Derived: a.Derived}, graph.After(a.After...))
	return err
}

func environment(to Target) []any {
	if to.Key == "" {
		return nil
	}
	return []any{map[string]any{"name": "SHARED_KEY", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": to.Key, "key": KeyField}}}}
}

// authority mounts what the target is believed by.
func authority(to Target) map[string]any {
	if to.CA == "" {
		return nil
	}
	return map[string]any{
		"extraVolumes": []any{map[string]any{"name": "forward", "secret": map[string]any{"secretName": to.CA,
			"items": []any{map[string]any{"key": kube.AuthorityKey, "path": kube.AuthorityKey}}}}},
		"extraVolumeMounts": []any{map[string]any{"name": "forward", "mountPath": authorityFolder, "readOnly": true}},
	}
}

// ConfigMap is a ConfigMap.
func ConfigMap(name string, data map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name}, "data": data}}
}

// Hash is what pods are annotated with, so that they begin anew when their configuration changes.
func Hash(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:16] }

// Offer makes known what agents show of themselves.
func Offer(b *product.Building, entry graph.ID, namespace string) {
	product.Offer(b, product.MetricsTarget{Entry: entry, Name: "agents", Namespace: namespace, Labels: map[string]string{"app.kubernetes.io/name": AgentName}, Port: "http", Path: "/api/v2/metrics/prometheus"})
	product.Offer(b, product.Alert{Entry: entry, Name: "LogsDroppedOnNode", Severity: "critical", For: "5m",
		Expression: fmt.Sprintf(`sum by (pod) (increase(fluentbit_output_retries_failed_total{namespace=%q}[10m])) > 0`, namespace),
		Summary:    "a node's logs are dropped, since nobody took them in"})
}
