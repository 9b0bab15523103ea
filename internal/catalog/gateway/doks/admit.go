// SPDX-License-Identifier: Apache-2.0

package doks

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// admit lets Cilium's proxies in to the pods behind the routes, where a namespace lets in nobody who is not named.
//
// They are no pods and live in no namespace: to Cilium, what comes from them is of the entity `ingress`, which a
// NetworkPolicy has no words for and a CiliumNetworkPolicy has. Each opens the one port of one Service's pods, and says that it
// only adds to what other policies let in: by itself it would shut out all else.
func admit(w *product.Wiring, e gateway.Entry, hosts []gateway.Host) error {
	doors := map[string]*door{}
	var ready []graph.ID
	for _, h := range hosts {
		for _, r := range h.Routes {
			if !r.Guarded {
				continue
			}
			if r.Pods == nil {
				w.Note("the pods of %s are not k8or's own, and their namespace %s lets in nobody who is not named: add a CiliumNetworkPolicy for them with `fromEntities: [ingress]`, "+
					"or %s does not reach them", r.Entry, r.Namespace, e.ID)
				continue
			}
			key := r.Namespace + "/" + r.Service
			if doors[key] == nil {
				doors[key] = &door{r, map[int]bool{}}
			}
			doors[key].ports[cmp.Or(r.PodPort, r.Port)] = true
			ready = append(ready, r.Ready)
		}
	}
	if len(doors) == 0 {
		return nil
	}
	var objects []*unstructured.Unstructured
	for _, key := range slices.Sorted(maps.Keys(doors)) {
		objects = append(objects, doors[key].policy(e))
	}
	_, err := w.Set(e.ID+"/admission", product.SetSpec{Objects: objects}, graph.After(append(ready, e.ID)...))
	return err
}

// door is a Service's pods and the ports that are opened to the proxies.
type door struct {
	product.Route
	ports map[int]bool
}

func (d *door) policy(e gateway.Entry) *unstructured.Unstructured {
	var ports []any
	for _, p := range slices.Sorted(maps.Keys(d.ports)) {
		ports = append(ports, map[string]any{"port": strconv.Itoa(p), "protocol": "TCP"})
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy",
		"metadata": map[string]any{"name": e.Name + "." + d.Service, "namespace": d.Namespace},
		"spec": map[string]any{
			"endpointSelector":  map[string]any{"matchLabels": product.Texts(d.Pods)},
			"enableDefaultDeny": map[string]any{"ingress": false, "egress": false},
			"ingress":           []any{map[string]any{"fromEntities": []any{"ingress"}, "toPorts": []any{map[string]any{"ports": ports}}}},
		}}}
}
