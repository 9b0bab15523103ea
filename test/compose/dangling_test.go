// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/product"
)

// place is an object by kind, namespace and name.
type place struct{ kind, namespace, name string }

func (p place) String() string { return fmt.Sprintf("%s %s/%s", p.kind, p.namespace, p.name) }

// dangling are the references of a composition's objects that lead nowhere: to a Service, a Secret, a ConfigMap, a claim or a
// service account that nothing makes.
func dangling(c *product.Composition) []string {
	there := made(c)
	var lost []string
	want := func(from, to place) {
		if to.name != "" && !there[to] {
			lost = append(lost, fmt.Sprintf("%s refers to %s, which nothing makes", from, to))
		}
	}
	for _, s := range c.Sets {
		for _, d := range s.Derived {
			for _, f := range d.Fields {
				if f.From != nil {
					want(place{"Secret", or(d.Namespace, s.Namespace), d.Name}, place{"Secret", f.From.Namespace, f.From.Name})
				}
			}
		}
		for _, o := range s.Objects {
			from := place{o.GetKind(), or(o.GetNamespace(), s.Namespace), o.GetName()}
			for _, to := range references(o, from.namespace) {
				want(from, to)
			}
		}
	}
	slices.Sort(lost)
	return slices.Compact(lost)
}

// made is everything that the composition or an operator it installs makes.
func made(c *product.Composition) map[place]bool {
	there := map[place]bool{}
	for _, s := range c.Sets {
		for _, d := range s.Derived {
			there[place{"Secret", or(d.Namespace, s.Namespace), d.Name}] = true
		}
		for _, o := range s.Objects {
			namespace := or(o.GetNamespace(), s.Namespace)
			there[place{o.GetKind(), namespace, o.GetName()}] = true
			if o.GetKind() == "Namespace" {
				there[place{"ServiceAccount", o.GetName(), "default"}] = true
				there[place{"ConfigMap", o.GetName(), "kube-root-ca.crt"}] = true
				if c.Graph.Has("registry/access") { // DOKS puts the registry's Secret, by the registry's name, into every namespace
					there[place{"Secret", o.GetName(), "shop-t3stx1"}] = true
				}
			}
			for _, p := range promised(o, namespace) {
				there[p] = true
			}
		}
	}
	return there
}

// promised is what an operator makes of a custom resource, as its project documents.
func promised(o *unstructured.Unstructured, ns string) []place {
	name := o.GetName()
	switch o.GetKind() {
	case "Certificate":
		secret, _, _ := unstructured.NestedString(o.Object, "spec", "secretName")
		return []place{{"Secret", ns, secret}}
	case "Kafka":
		return []place{{"Secret", ns, name + "-cluster-ca-cert"}, {"Service", ns, name + "-kafka-bootstrap"}}
	case "KafkaUser":
		return []place{{"Secret", ns, name}}
	case "Elasticsearch":
		return []place{{"Secret", ns, name + "-es-http-certs-public"}, {"Secret", ns, name + "-es-elastic-user"}, {"Service", ns, name + "-es-http"}}
	case "Kibana":
		return []place{{"Service", ns, name + "-kb-http"}, {"Secret", ns, name + "-kb-http-certs-public"}}
	case "Logstash":
		return []place{{"Service", ns, name + "-ls-api"}}
	case "Prometheus":
		return []place{{"Service", ns, "prometheus-operated"}}
	case "Alertmanager":
		return []place{{"Service", ns, "alertmanager-operated"}}
	}
	return nil
}

// references are what an object needs that lives in a namespace.
func references(o *unstructured.Unstructured, ns string) []place {
	switch o.GetKind() {
	case "Ingress":
		return backends(o, ns)
	case "Deployment", "StatefulSet", "DaemonSet", "Job":
		return ofPods(o, ns, "spec", "template", "spec")
	case "CronJob":
		return ofPods(o, ns, "spec", "jobTemplate", "spec", "template", "spec")
	case "HTTPRoute":
		return ofRoutes(o, ns)
	case "Gateway":
		return certificatesOf(o, ns)
	}
	return nil
}

func backends(o *unstructured.Unstructured, ns string) []place {
	var out []place
	for _, rule := range slice(o.Object, "spec", "rules") {
		for _, path := range slice(rule, "http", "paths") {
			name, _, _ := unstructured.NestedString(path, "backend", "service", "name")
			out = append(out, place{"Service", ns, name})
		}
	}
	for _, tls := range slice(o.Object, "spec", "tls") {
		name, _ := tls["secretName"].(string)
		out = append(out, place{"Secret", ns, name})
	}
	return out
}

// certificatesOf are the Secrets of a Gateway's listeners.
func certificatesOf(o *unstructured.Unstructured, ns string) []place {
	var out []place
	for _, listener := range slice(o.Object, "spec", "listeners") {
		for _, ref := range slice(listener, "tls", "certificateRefs") {
			name, _ := ref["name"].(string)
			namespace, _ := ref["namespace"].(string)
			out = append(out, place{"Secret", or(namespace, ns), name})
		}
	}
	return out
}

func ofRoutes(o *unstructured.Unstructured, ns string) []place {
	var out []place
	for _, ref := range slice(o.Object, "spec", "parentRefs") {
		kind, _ := ref["kind"].(string)
		name, _ := ref["name"].(string)
		namespace, _ := ref["namespace"].(string)
		out = append(out, place{or(kind, "Gateway"), or(namespace, ns), name})
	}
	for _, rule := range slice(o.Object, "spec", "rules") {
		for _, ref := range slice(rule, "backendRefs") {
			name, _ := ref["name"].(string)
			namespace, _ := ref["namespace"].(string)
			out = append(out, place{"Service", or(namespace, ns), name})
		}
	}
	return out
}

// ofPods are what a pod template mounts, reads and runs as.
func ofPods(o *unstructured.Unstructured, ns string, at ...string) []place {
	pod, _, _ := unstructured.NestedMap(o.Object, at...)
	var out []place
	add := func(kind string, from map[string]any, key string) {
		name, _ := from[key].(string)
		if optional, _ := from["optional"].(bool); !optional {
			out = append(out, place{kind, ns, name})
		}
	}
	add("ServiceAccount", pod, "serviceAccountName")
	for _, s := range slice(pod, "imagePullSecrets") {
		add("Secret", s, "name")
	}
	for _, v := range slice(pod, "volumes") {
		add("Secret", sub(v, "secret"), "secretName")
		add("ConfigMap", sub(v, "configMap"), "name")
		add("PersistentVolumeClaim", sub(v, "persistentVolumeClaim"), "claimName")
		for _, source := range slice(v, "projected", "sources") {
			add("Secret", sub(source, "secret"), "name")
			add("ConfigMap", sub(source, "configMap"), "name")
		}
	}
	for _, field := range []string{"containers", "initContainers"} {
		for _, c := range slice(pod, field) {
			for _, e := range slice(c, "env") {
				add("Secret", sub(e, "valueFrom", "secretKeyRef"), "name")
				add("ConfigMap", sub(e, "valueFrom", "configMapKeyRef"), "name")
			}
			for _, e := range slice(c, "envFrom") {
				add("Secret", sub(e, "secretRef"), "name")
				add("ConfigMap", sub(e, "configMapRef"), "name")
			}
		}
	}
	return out
}

func slice(from map[string]any, at ...string) []map[string]any {
	all, _, _ := unstructured.NestedSlice(from, at...)
	var out []map[string]any
	for _, e := range all {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func sub(from map[string]any, at ...string) map[string]any {
	m, _, _ := unstructured.NestedMap(from, at...)
	return m
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
