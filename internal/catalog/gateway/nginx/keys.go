// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// keyHeader is where callers send their key.
const keyHeader = "X-API-Key"

// keys adds the callers' keys, in a Secret of one key for each caller, and what asks for them. The controller keeps the hashes of keys in NGINX's
// configuration, and writes them anew when the Secret changes. What its Ingresses have as annotations is a policy too: the rate.
func keys(b *product.Building, e gateway.Entry, set *product.SetSpec) error {
	names, fields, err := e.Callers(b.Platform(), "auth.keys", e.Spec.Auth.Keys)
	if err != nil {
		return err
	}
	for i, name := range names {
		fields[i].Key = gateway.Caller(name)
	}
	set.Derived = append(set.Derived, kube.Derived{Name: keysPolicy, Namespace: e.Namespace, Type: "nginx.org/apikey", Fields: fields})
	set.Objects = append(set.Objects, policy(e, keysPolicy, e.Namespace, "apiKey", map[string]any{
		"suppliedIn": map[string]any{"header": []any{keyHeader}}, "clientSecret": keysPolicy}))
	if r := e.Spec.RateLimit; r != nil {
		// Why each of these is as it is, masterAnnotations say.
		set.Objects = append(set.Objects, policy(e, ratePolicy, e.Namespace, "rateLimit", map[string]any{
			"rate": perUnit(*r), "key": rateKey, "zoneSize": rateZone, "burst": int64(r.Requests), "noDelay": true, "rejectCode": int64(429), "scale": true}))
	}
	return nil
}

// known is by what key the probes say who they are, where there are any: of passwords no more than hashes are kept.
func known(e gateway.Entry) gateway.Known {
	if !keyed(e) {
		return gateway.Known{}
	}
	first := slices.Sorted(maps.Keys(e.Spec.Auth.Keys))[0]
	return gateway.Known{Key: &kube.SecretKey{Namespace: e.Namespace, Name: keysPolicy, Key: gateway.Caller(first)}}
}

// virtualServer is a host whose callers are asked for keys, in the gateway's namespace, wherever its routes lead; and the policies of those
// that let in only some, which stand in place of the gateway's own. NGINX counts a request before it looks who is asking, and sends
// plain HTTP on before either. The key goes no further.
func virtualServer(e gateway.Entry, host gateway.Host) ([]*unstructured.Unstructured, error) {
	if host.Name == "" {
		r := host.Routes[0]
		return nil, &product.RefusedError{Entry: r.Entry, Refusal: product.Refusal{
			What: fmt.Sprintf("%s cannot ask for keys on a route without a host", e.ID), Why: "nginx asks for keys by VirtualServers, each of which is for one host",
			Fix: "give the route a `host`, or use `product: kong`"}}
	}
	var objects []*unstructured.Unstructured
	var upstreams, routes []any
	for _, group := range host.Groups(true) {
		var own []any
		if allowed := group.Routes[0].Allow; len(allowed) > 0 {
			one := allow(e, host.ObjectName(e.Name)+group.Suffix, e.Namespace, allowed)
			own = policyNames(one.GetName())
			// Two namespaces may let in the same addresses.
			if !slices.ContainsFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetName() == one.GetName() }) {
				objects = append(objects, one)
			}
		}
		for _, r := range group.Routes {
			upstream := map[string]any{"name": fmt.Sprintf("route-%d", len(upstreams)), "service": r.Namespace + "/" + r.Service, "port": int64(r.Port)}
			if r.Unlimited {
				upstream["client-max-body-size"] = "0"
			}
			route := map[string]any{"path": cmp.Or(r.Path, "/"), "action": map[string]any{"proxy": map[string]any{"upstream": upstream["name"],
				"requestHeaders": map[string]any{"set": []any{map[string]any{"name": keyHeader, "value": ""}}}}}}
			if own != nil {
				route["policies"] = own
			}
			upstreams, routes = append(upstreams, upstream), append(routes, route)
		}
	}
	spec := map[string]any{"ingressClassName": e.Class(), "host": host.Name, "policies": policyNames(held(e)...), "upstreams": upstreams, "routes": routes}
	if e.Secured(host) {
		spec["tls"] = map[string]any{"secret": host.ObjectName(e.Name), "redirect": map[string]any{"enable": true}}
	}
	server := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "k8s.nginx.org/v1", "kind": "VirtualServer",
		"metadata": map[string]any{"name": host.ObjectName(e.Name), "namespace": e.Namespace}, "spec": spec}}
	return append(objects, server), nil
}

// held are the policies that hold for all hosts of a gateway that asks for keys.
func held(e gateway.Entry) []string {
	out := []string{keysPolicy}
	if len(e.Spec.Allow) > 0 {
		out = append(out, allowPolicy)
	}
	if e.Spec.RateLimit != nil {
		out = append(out, ratePolicy)
	}
	return out
}

func policyNames(names ...string) []any {
	var out []any
	for _, name := range names {
		out = append(out, map[string]any{"name": name})
	}
	return out
}
