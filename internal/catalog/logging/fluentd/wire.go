// SPDX-License-Identifier: Apache-2.0

package fluentd

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/logging"
	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

var chartSource = chart.Source{Repo: "https://fluent.github.io/helm-charts", Name: "fluentd", Version: "0.6.0"}

const (
	sinkSecret = "fluentd-sink"
	keySecret  = "fluentd-forward"
)

func wire(w *product.Wiring, e entry) error {
	s, err := sinkOf(product.Offered[product.LogSink](w))
	if err != nil {
		return err
	}
	text, err := config(e, s)
	if err != nil {
		return err
	}
	vals, err := product.Values(values, chartValues(e, s, text), w.Platform().OnPool(e.Spec.Pool), e.Spec.Values)
	if err != nil {
		return err
	}
	_, err = w.Chart(e.ID, product.ChartSpec{
		Source: chartSource, Release: "fluentd", Namespace: e.Namespace(), Values: vals, Footprint: footprint, OwnValues: len(e.Spec.Values) > 0,
		Adjust:  func(objects []*unstructured.Unstructured) error { return adjust(objects, e) },
		Extra:   append([]*unstructured.Unstructured{logging.ConfigMap("fluentd", map[string]any{"fluent.conf": text}), door()}, budgets(e)...),
		Derived: secrets(e, s),
	}, graph.After(s.Ready))
	if err != nil {
		return err
	}
	return logging.Agents(w, logging.AgentSet{ID: e.ID + "/agents", Namespace: e.Namespace(), Values: e.Options.Agents, After: []graph.ID{e.ID},
		To: logging.Target{Host: "fluentd." + e.Namespace() + ".svc", Port: 24224, Key: keySecret}})
}

// chartValues is what document and sink say to the chart.
func chartValues(e entry, s product.LogSink, text string) map[string]any {
	z := sizeOf(e)
	fromSecret := func(name, secret, key string) map[string]any {
		return map[string]any{"name": name, "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": secret, "key": key}}}
	}
	env := []any{fromSecret("SHARED_KEY", keySecret, logging.KeyField)}
	if s.Username != nil && s.Password != nil {
		env = append(env, fromSecret("SINK_USERNAME", sinkSecret, "username"), fromSecret("SINK_PASSWORD", sinkSecret, "password"))
	}
	out := map[string]any{
		"replicaCount": z.replicas, "env": env,
		"podAnnotations": map[string]any{"k8or.io/config": logging.Hash(text)},
		"resources":      map[string]any{"requests": map[string]any{"cpu": z.cpu.String(), "memory": z.memory.String()}, "limits": map[string]any{"memory": z.limit.String()}},
		"persistence":    map[string]any{"size": fmt.Sprintf("%dGi", z.buffer)},
	}
	if s.CA != nil {
		out["volumes"] = []any{map[string]any{"name": "sink", "secret": map[string]any{"secretName": sinkSecret, "items": []any{map[string]any{"key": "ca.crt", "path": "ca.crt"}}}}}
		out["volumeMounts"] = []any{map[string]any{"name": "sink", "mountPath": "/sink", "readOnly": true}}
	}
	return out
}

// adjust gives a stand-in, which knows no values, the replicas of its size.
func adjust(objects []*unstructured.Unstructured, e entry) error {
	for _, o := range objects {
		if o.GetKind() == "StatefulSet" && o.GetName() == "fluentd" {
			if err := unstructured.SetNestedField(o.Object, int64(sizeOf(e).replicas), "spec", "replicas"); err != nil {
				return fmt.Errorf("set Fluentd's replicas: %w", err)
			}
		}
	}
	return nil
}

// secrets are copies of what the sink's writer signs in with, and the words that agents and Fluentd know each other by.
func secrets(e entry, s product.LogSink) []kube.Derived {
	out := []kube.Derived{{Name: keySecret, Namespace: e.Namespace(), Fields: []kube.Field{{Key: logging.KeyField, Random: 32}}}}
	var fields []kube.Field
	for _, f := range []struct {
		key  string
		from *kube.SecretKey
	}{{"username", s.Username}, {"password", s.Password}, {"ca.crt", s.CA}} {
		if f.from != nil {
			fields = append(fields, kube.Field{Key: f.key, From: f.from})
		}
	}
	if fields != nil {
		out = append(out, kube.Derived{Name: sinkSecret, Namespace: e.Namespace(), Fields: fields})
	}
	return out
}

// pods are the labels of Fluentd's pods.
var pods = map[string]any{"app.kubernetes.io/name": "fluentd", "app.kubernetes.io/instance": "fluentd"}

// door lets the agents in to Fluentd, and whoever reads its metrics, and nobody else.
func door() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": map[string]any{"name": "fluentd"},
		"spec": map[string]any{"podSelector": map[string]any{"matchLabels": pods}, "policyTypes": []any{"Ingress"}, "ingress": []any{
			map[string]any{"from": []any{map[string]any{"podSelector": map[string]any{"matchLabels": map[string]any{"app.kubernetes.io/name": logging.AgentName}}}},
				"ports": []any{map[string]any{"protocol": "TCP", "port": int64(24224)}}},
			map[string]any{"ports": []any{map[string]any{"protocol": "TCP", "port": "metrics"}}},
		}}}}
}

func budgets(e entry) []*unstructured.Unstructured {
	if sizeOf(e).replicas < 2 {
		return nil
	}
	return []*unstructured.Unstructured{{Object: map[string]any{"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": map[string]any{"name": "fluentd"},
		"spec": map[string]any{"maxUnavailable": int64(1), "selector": map[string]any{"matchLabels": pods}}}}}
}
