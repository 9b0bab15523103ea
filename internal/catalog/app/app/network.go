// SPDX-License-Identifier: Apache-2.0

package app

import (
	"maps"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// private are the addresses of private networks (RFC 1918). Cilium, which knows its pods and nodes by what they are, goes by addresses
// for what is outside of the cluster alone, so that none of the cluster's own is among them.
var private = []any{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"}

// apart keeps the app's pods from the private network's servers that it does not use, which let in the whole cluster. Their addresses
// move, and a policy that denies knows none by name: so it goes by the ports that they listen on, and an app that uses one of several
// servers on the same ports is kept from the others by their credentials alone. Nothing else is denied, nor allowed.
func apart(b *product.Building, e entry, pods ...map[string]string) error {
	denied := unused(b.PrivateServers(), e.Spec.Entries())
	if len(denied) == 0 || len(pods) == 0 {
		return nil
	}
	home, err := b.AppNamespace(e.Spec.Namespace)
	if err != nil {
		return err
	}
	var specs []any
	for _, selected := range pods {
		specs = append(specs, map[string]any{
			"endpointSelector":  map[string]any{"matchLabels": product.Texts(selected)},
			"enableDefaultDeny": map[string]any{"ingress": false, "egress": false},
			"egressDeny":        []any{map[string]any{"toCIDR": private, "toPorts": []any{map[string]any{"ports": denied}}}},
		})
	}
	whose := labels(e)
	delete(whose, "app.kubernetes.io/component") // which manifests and charts have none of
	policy := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy",
		"metadata": map[string]any{"name": e.Name + "-private", "namespace": e.Spec.Namespace, "labels": product.Texts(whose)}, "specs": specs}}
	_, err = b.Objects(e.ID+"/network", e.Spec.Namespace, []*unstructured.Unstructured{policy}, graph.After(home))
	return err
}

// podsOf are the labels of the pods that an app's manifests or its chart make in the app's own namespace, each once.
func podsOf(e entry, objects []*unstructured.Unstructured) []map[string]string {
	var out []map[string]string
	for _, o := range objects {
		l := product.PodLabels(o)
		if n := o.GetNamespace(); len(l) == 0 || n != "" && n != e.Spec.Namespace {
			continue
		}
		if !slices.ContainsFunc(out, func(other map[string]string) bool { return maps.Equal(other, l) }) {
			out = append(out, l)
		}
	}
	return out
}

// unused are the ports of servers that an app does not use, but for those that one it uses has too, as a policy lists them.
func unused(servers []product.PrivateServer, used []string) []any {
	open, closed := map[product.Ports]bool{}, map[product.Ports]bool{}
	for _, s := range servers {
		if slices.Contains(used, string(s.Entry)) {
			open[s.Ports] = true
		} else {
			closed[s.Ports] = true
		}
	}
	var out []any
	for _, p := range slices.SortedFunc(maps.Keys(closed), func(a, b product.Ports) int { return a.First - b.First }) {
		if !open[p] {
			out = append(out, map[string]any{"port": strconv.Itoa(p.First), "endPort": int64(p.Last), "protocol": "TCP"})
		}
	}
	return out
}
