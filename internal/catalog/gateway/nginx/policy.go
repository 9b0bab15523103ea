// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// Names of what carries the portable fields, in the gateway's namespace.
const (
	allowPolicy   = "allow"
	callersSecret = "callers"
	ratePolicy    = "rate"
	keysPolicy    = "keys" // and its Secret's
)

const (
	mergeable = "nginx.org/mergeable-ingress-type"
	policies  = "nginx.org/policies"
	bodySize  = "nginx.org/client-max-body-size"
)

// check refuses what neither annotations nor policies of this controller can say.
func check(_ product.Platform, e product.Entry[v1alpha1.Gateway, Options]) []product.Refusal {
	if r := e.Spec.RateLimit; r != nil && r.Per == "hour" {
		return []product.Refusal{{Field: "rateLimit.per", What: "nginx counts requests by the second or the minute",
			Fix: fmt.Sprintf("write `{requests: %d, per: minute}`, or use `product: kong`", max(1, r.Requests/60))}}
	}
	return nil
}

// guarded says whether the gateway has settings that hold for all of a host. They stand on the host's master Ingress.
func guarded(e gateway.Entry, h gateway.Host) bool {
	return e.Secured(h) || e.Spec.RateLimit != nil || len(e.Spec.Allow) > 0 || e.Spec.Auth != nil
}

// keyed says whether callers are asked for keys. Of its policies, 5.5 takes on an Ingress access control alone (and CORS, mTLS and external
// authentication), and of keys it has no annotation: the hosts of such a gateway are VirtualServers.
func keyed(e gateway.Entry) bool { return e.Spec.Auth != nil && len(e.Spec.Auth.Keys) > 0 }

// guard adds what hosts name: the policies, and the callers' passwords or keys.
func guard(b *product.Building, e gateway.Entry) error {
	var set product.SetSpec
	if len(e.Spec.Allow) > 0 {
		set.Objects = append(set.Objects, allow(e, allowPolicy, e.Namespace, e.Spec.Allow))
	}
	if e.Spec.Auth != nil && len(e.Spec.Auth.Basic) > 0 {
		users, fields, err := e.Callers(b.Platform(), "auth.basic", e.Spec.Auth.Basic)
		if err != nil {
			return err
		}
		for i := range fields {
			fields[i].Unwritten = true
		}
		fields = append(fields, kube.Field{Key: "htpasswd", Compute: gateway.Htpasswd(users)})
		set.Derived = append(set.Derived, kube.Derived{Name: callersSecret, Namespace: e.Namespace, Type: "nginx.org/htpasswd", Fields: fields})
	}
	if keyed(e) {
		if err := keys(b, e, &set); err != nil {
			return err
		}
	}
	if len(set.Objects)+len(set.Derived) == 0 {
		return nil
	}
	set.Namespace = e.Namespace
	_, err := b.Set(e.ID+"/guard", set, graph.After(e.ID))
	return err
}

// policy is one of the controller's own, for the gateway's class.
func policy(e gateway.Entry, name, namespace, kind string, of map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "k8s.nginx.org/v1", "kind": "Policy",
		"metadata": map[string]any{"name": name, "namespace": namespace},
		"spec":     map[string]any{"ingressClassName": e.Class(), kind: of}}}
}

// allow is a policy that lets in some addresses and nobody else.
func allow(e gateway.Entry, name, namespace string, addresses []string) *unstructured.Unstructured {
	var list []any
	for _, a := range addresses {
		list = append(list, a)
	}
	return policy(e, name, namespace, "accessControl", map[string]any{"allow": list})
}

// perUnit is a rate as NGINX writes it.
func perUnit(r v1alpha1.RateLimit) string {
	if r.Per == "second" {
		return strconv.Itoa(r.Requests) + "r/s"
	}
	return strconv.Itoa(r.Requests) + "r/m"
}

// How a rate is counted, for annotations and policy alike: by the caller's address, of which a zone holds some 160,000.
const (
	rateKey  = "${binary_remote_addr}"
	rateZone = "10m"
)

// masterAnnotations carry the portable fields for all of a host.
func masterAnnotations(e gateway.Entry) map[string]string {
	a := map[string]string{mergeable: "master"}
	if len(e.Spec.Allow) > 0 {
		a[policies] = allowPolicy
	}
	if e.Spec.Auth != nil && len(e.Spec.Auth.Basic) > 0 {
		a["nginx.org/basic-auth-secret"] = callersSecret
		a["nginx.org/basic-auth-realm"] = e.Name
	}
	if r := e.Spec.RateLimit; r != nil {
		const limit = "nginx.org/limit-req-"
		a[limit+"rate"] = perUnit(*r)
		a[limit+"key"] = rateKey
		a[limit+"zone-size"] = rateZone
		// Without a burst, NGINX spreads a minute's requests evenly and refuses the second of two at once.
		a[limit+"burst"] = strconv.Itoa(r.Requests)
		a[limit+"no-delay"] = "true"
		a[limit+"reject-code"] = "429"
		a[limit+"scale"] = "true" // the rate is of the gateway, and each pod counts for itself
	}
	return a
}
