// SPDX-License-Identifier: Apache-2.0

package kong

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// plugins adds what holds for all that comes through a gateway, as global plugins of its class, and those who may come in as
// consumers with their credentials.
func plugins(b *product.Building, e gateway.Entry) error {
	of := func(name string, config map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "configuration.konghq.com/v1", "kind": "KongClusterPlugin",
			"metadata": map[string]any{"name": e.Class() + "-" + name, "labels": map[string]any{"global": "true"},
				"annotations": map[string]any{classAnnotation: e.Class()}},
			"plugin": name, "config": config}}
	}
	// Without this plugin Kong counts connections, and no requests.
	set := product.SetSpec{Namespace: e.Namespace, Objects: []*unstructured.Unstructured{of("prometheus", map[string]any{
		"status_code_metrics": true, "latency_metrics": true, "bandwidth_metrics": true, "upstream_health_metrics": true})}}
	if r := e.Spec.RateLimit; r != nil {
		set.Objects = append(set.Objects, of("rate-limiting", rate(*r, sizeOf(e.Spec).Replicas)))
	}
	if len(e.Spec.Allow) > 0 {
		set.Objects = append(set.Objects, of("ip-restriction", map[string]any{"allow": list(e.Spec.Allow)}))
	}
	if a := e.Spec.Auth; a != nil && len(a.Basic) > 0 {
		set.Objects = append(set.Objects, of("basic-auth", map[string]any{"hide_credentials": true}))
		if err := consumers(b, e, &set, "auth.basic", a.Basic, "basic-auth", "password"); err != nil {
			return err
		}
	} else if a != nil {
		set.Objects = append(set.Objects, of("key-auth", map[string]any{"hide_credentials": true, "key_names": []any{"x-api-key"}, "key_in_query": false, "key_in_body": false}))
		if err := consumers(b, e, &set, "auth.keys", a.Keys, "key-auth", "key"); err != nil {
			return err
		}
	}
	_, err := b.Set(e.ID+"/plugins", set, graph.After(e.ID))
	return err
}

const classAnnotation = "kubernetes.io/ingress.class"

// rate is the plugin's configuration. Without a database each proxy counts for itself, so that each has its part of what is
// allowed; one request at least.
func rate(r v1alpha1.RateLimit, proxies int) map[string]any {
	return map[string]any{r.Per: int64(max(1, r.Requests/proxies)), "policy": "local", "limit_by": "ip", "error_code": int64(429)}
}

// consumers adds those who may come in, each with a Secret of the kind and key that Kong takes.
func consumers(b *product.Building, e gateway.Entry, set *product.SetSpec, what string, of map[string]v1alpha1.Secret, kind, key string) error {
	names, fields, err := e.Callers(b.Platform(), what, of)
	if err != nil {
		return err
	}
	for i, name := range names {
		object := gateway.Caller(name)
		fields[i].Key = key
		secret := kube.Derived{Name: object, Namespace: e.Namespace, Labels: map[string]string{"konghq.com/credential": kind}, Fields: []kube.Field{fields[i]}}
		if kind == "basic-auth" {
			secret.Fields = append(secret.Fields, kube.Field{Key: "username", Text: name})
		}
		set.Derived = append(set.Derived, secret)
		set.Objects = append(set.Objects, &unstructured.Unstructured{Object: map[string]any{"apiVersion": "configuration.konghq.com/v1", "kind": "KongConsumer",
			"metadata": map[string]any{"name": object, "namespace": e.Namespace, "annotations": map[string]any{classAnnotation: e.Class()}},
			"username": name, "credentials": []any{object}}})
	}
	return nil
}

// known is how Kong's own answers are told, and what the first of the callers says who they are by.
func known(e gateway.Entry) gateway.Known {
	k := gateway.Known{Behind: "Via"}
	if e.Spec.Auth == nil {
		return k
	}
	of := func(names []string, key string) *kube.SecretKey {
		return &kube.SecretKey{Namespace: e.Namespace, Name: gateway.Caller(names[0]), Key: key}
	}
	if names := slices.Sorted(maps.Keys(e.Spec.Auth.Basic)); len(names) > 0 {
		k.Username, k.Password = of(names, "username"), of(names, "password")
	} else {
		k.Key = of(slices.Sorted(maps.Keys(e.Spec.Auth.Keys)), "key")
	}
	return k
}

// restriction lets into some routes only some addresses; for them it stands in place of the gateway's own.
func restriction(e gateway.Entry, name, namespace string, allow []string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "configuration.konghq.com/v1", "kind": "KongPlugin",
		"metadata": map[string]any{"name": name, "namespace": namespace, "annotations": map[string]any{classAnnotation: e.Class()}},
		"plugin":   "ip-restriction", "config": map[string]any{"allow": list(allow)}}}
}

func list(texts []string) []any {
	var out []any
	for _, t := range texts {
		out = append(out, t)
	}
	return out
}
