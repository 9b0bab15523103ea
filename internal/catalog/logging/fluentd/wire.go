// SPDX-License-Identifier: Apache-2.0

package fluentd

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/logging"
	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

var chartSource = chart.Source{Repo: "https://fluent.github.io/helm-charts", Name: "fluentd", Version: "0.6.0"}

const (
	copies    = "fluentd-sink"
	keySecret = "fluentd-forward"

	forwardFolder = "/forward"
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
	made, _ := madeOf(e)
	_, err = w.Chart(e.ID, product.ChartSpec{
		Source: chartSource, Release: "fluentd", Namespace: e.Namespace(), Values: vals, Footprint: footprint, OwnValues: len(e.Spec.Values) > 0,
		StandIn: func(objects []*unstructured.Unstructured) error { return standIn(objects, vals) },
		Extra:   slices.Concat([]*unstructured.Unstructured{logging.ConfigMap("fluentd", map[string]any{"fluent.conf": text}), door()}, budgets(made.Replicas), ways(e, s)),
		Derived: secrets(e, s), Follows: follows(s), KeepNamespace: true,
	}, graph.After(s.Ready, e.ID+"/namespace"))
	if err != nil {
		return err
	}
	return logging.Agents(w, logging.AgentSet{ID: e.ID + "/agents", Namespace: e.Namespace(), Values: e.Options.Agents, After: []graph.ID{e.ID},
		To: logging.Target{Host: host(e), Port: 24224, TLS: true, Key: keySecret, CA: keySecret}})
}

// chartValues is what document and sink say to the chart.
func chartValues(e entry, s product.LogSink, text string) map[string]any {
	out := sized(e)
	out["env"], out["image"] = variables(s), map[string]any{"tag": clientOf(s).tag}
	out["podAnnotations"] = map[string]any{"k8or.io/config": logging.Hash(text)}
	var volumes, mounts []any
	mount := func(name, secret, folder string, keys ...string) {
		var items []any
		for _, key := range keys {
			items = append(items, map[string]any{"key": key, "path": key})
		}
		volumes = append(volumes, map[string]any{"name": name, "secret": map[string]any{"secretName": secret, "items": items}})
		mounts = append(mounts, map[string]any{"name": name, "mountPath": folder, "readOnly": true})
	}
	mount("forward", keySecret, forwardFolder, kube.CertificateKey, kube.PrivateKeyKey)
	if s.CA != nil {
		mount("sink", secretOf(s), "/sink", kube.AuthorityKey)
	}
	out["volumes"], out["volumeMounts"] = volumes, mounts
	return out
}

// variables are what the configuration refers to: by what the agents and the sink are spoken to.
func variables(s product.LogSink) []any {
	from := func(name, secret, key string) map[string]any {
		return map[string]any{"name": name, "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": secret, "key": key}}}
	}
	out, sink := []any{from("SHARED_KEY", keySecret, logging.KeyField)}, secretOf(s)
	if s.Username != nil && s.Password != nil {
		out = append(out, from("SINK_USERNAME", sink, "username"), from("SINK_PASSWORD", sink, "password"))
	}
	if s.Host != nil && s.Port != nil {
		out = append(out, from("SINK_HOST", sink, "host"), from("SINK_PORT", sink, "port"))
	}
	return out
}

// host is what the agents call Fluentd, and its certificate is for.
func host(e entry) string { return "fluentd." + e.Namespace() + ".svc" }

// ways let Fluentd in where logs are kept.
func ways(e entry, s product.LogSink) []*unstructured.Unstructured {
	if s.Door == nil {
		return nil
	}
	return []*unstructured.Unstructured{s.Door.Admit("from-fluentd", e.Namespace(), pods)}
}

// standIn gives a stand-in's Fluentd what the values say.
func standIn(objects []*unstructured.Unstructured, vals map[string]any) error {
	for _, o := range objects {
		if o.GetKind() == "StatefulSet" {
			if err := product.StandIn(o, vals); err != nil {
				return err
			}
		}
	}
	return nil
}

// secretOf is the Secret by which Fluentd reaches the sink: one that the sink leaves beside it, or copies of keys.
func secretOf(s product.LogSink) string {
	if s.Writer != nil {
		return s.Writer.Secret
	}
	return copies
}

// follows are the Secrets for which Fluentd starts anew. Copies change with what Fluentd is told, or not at all.
func follows(s product.LogSink) []product.Follow {
	if s.Writer == nil {
		return nil
	}
	return []product.Follow{s.Writer.Follow()}
}

// secrets are copies of what the sink's writer signs in with where it left none here, and what agents and Fluentd know each other by: the words of the
// forward protocol, and a certificate that the agents are given.
func secrets(e entry, s product.LogSink) []kube.Derived {
	out := []kube.Derived{{Name: keySecret, Namespace: e.Namespace(), Fields: append([]kube.Field{{Key: logging.KeyField, Random: 32}}, kube.SelfSigned(host(e), host(e)+".cluster.local")...)}}
	if s.Writer != nil {
		return out
	}
	var fields []kube.Field
	for _, f := range []struct {
		key  string
		from *kube.SecretKey
	}{{"username", s.Username}, {"password", s.Password}, {"ca.crt", s.CA}, {"host", s.Host}, {"port", s.Port}} {
		if f.from != nil {
			fields = append(fields, kube.Field{Key: f.key, From: f.from})
		}
	}
	if fields != nil {
		out = append(out, kube.Derived{Name: copies, Namespace: e.Namespace(), Fields: fields})
	}
	return out
}

// pods are the labels of Fluentd's pods.
var pods = map[string]string{"app.kubernetes.io/name": "fluentd", "app.kubernetes.io/instance": "fluentd"}

// door lets the agents in to Fluentd, and whoever reads its metrics, and nobody else.
func door() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": map[string]any{"name": "fluentd"},
		"spec": map[string]any{"podSelector": map[string]any{"matchLabels": podLabels()}, "policyTypes": []any{"Ingress"}, "ingress": []any{
			map[string]any{"from": []any{map[string]any{"podSelector": map[string]any{"matchLabels": map[string]any{"app.kubernetes.io/name": logging.AgentName}}}},
				"ports": []any{map[string]any{"protocol": "TCP", "port": int64(24224)}}},
			map[string]any{"ports": []any{map[string]any{"protocol": "TCP", "port": "metrics"}}},
		}}}}
}

func budgets(replicas int) []*unstructured.Unstructured {
	if replicas < 2 {
		return nil
	}
	return []*unstructured.Unstructured{{Object: map[string]any{"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": map[string]any{"name": "fluentd"},
		"spec": map[string]any{"maxUnavailable": int64(1), "selector": map[string]any{"matchLabels": podLabels()}}}}}
}

func podLabels() map[string]any {
	out := map[string]any{}
	for k, v := range pods {
		out[k] = v
	}
	return out
}
