// SPDX-License-Identifier: Apache-2.0

// Package gateway has what the products of the category gateways share: the DigitalOcean load balancer in front, its size and
// price, and the Ingresses and HTTPRoutes of routes. What a product does in its own way stays in its folder.
package gateway

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/unit"
)

// Size is what one word of the document sets together for the pods that carry requests.
type Size struct {
	Replicas int
	CPU      unit.MilliCPU
	Memory   unit.MiB // requested
	Limit    unit.MiB // of memory
}

// Resources are the size as a container has it.
func (z Size) Resources() map[string]any {
	return map[string]any{
		"requests": map[string]any{"cpu": z.CPU.String(), "memory": z.Memory.String()},
		"limits":   map[string]any{"memory": z.Limit.String()},
	}
}

// SizeUnit is the number of load balancer nodes.
func SizeUnit(g v1alpha1.Gateway) int {
	if g.LoadBalancer != nil && g.LoadBalancer.SizeUnit != nil {
		return *g.LoadBalancer.SizeUnit
	}
	return 1
}

// Proxied says that the load balancer ends connections and opens its own. Where both ends do not speak the PROXY protocol, the
// caller's address is lost.
func Proxied(g v1alpha1.Gateway) bool { return g.LoadBalancer != nil && g.LoadBalancer.Type == "proxy" }

// BalancerType is DigitalOcean's name of the load balancer's type. It is always explicit: the default of DigitalOcean's
// cloud controller changed to REGIONAL_NETWORK, and the two are billed differently.
func BalancerType(g v1alpha1.Gateway) string {
	if Proxied(g) {
		return "REGIONAL"
	}
	return "REGIONAL_NETWORK"
}

// Sells are the load balancers that stand in front of a gateway, for each of their nodes.
var Sells = []price.Item{
	{For: "loadBalancer", What: "type: network", Kind: price.LoadBalancer, Slug: price.RegionalNetwork, Min: 1, Max: 1},
	{For: "loadBalancer", What: "type: proxy", Kind: price.LoadBalancer, Slug: price.Regional, Min: 1, Max: 1},
}

// Bill is the load balancer's price.
func Bill(g v1alpha1.Gateway) price.Item {
	n := SizeUnit(g)
	return price.Item{What: "load balancer", Kind: price.LoadBalancer, Slug: BalancerType(g), Min: n, Max: n}
}

// BalancerName is the load balancer's name: the document's, or one of platform and gateway.
func BalancerName(p product.Platform, entry string, g v1alpha1.Gateway) string {
	if g.LoadBalancer != nil && g.LoadBalancer.Name != "" {
		return g.LoadBalancer.Name
	}
	return fmt.Sprintf("%s-%s-%s", p.Metadata.Name, p.Metadata.UID, entry)
}

// Annotation is the prefix of the annotations from which DigitalOcean makes a Service's load balancer.
const Annotation = "service.beta.kubernetes.io/do-loadbalancer-"

// Balancer are the annotations of a Service from which DigitalOcean makes the load balancer. Values must be strings.
func Balancer(p product.Platform, entry string, g v1alpha1.Gateway) map[string]string {
	a := map[string]string{
		Annotation + "name":      BalancerName(p, entry, g),
		Annotation + "type":      BalancerType(g),
		Annotation + "size-unit": strconv.Itoa(SizeUnit(g)),
	}
	if g.ProxyProtocol() {
		a[Annotation+"enable-proxy-protocol"] = "true"
	}
	return a
}

// ServiceName is the name of the Service that carries a gateway's requests, the same for every product: whoever serves behind
// it, the load balancer and its address stay. With another name for each, the new product's Service would take over the
// load balancer of its name, and the old one's would take it away when it goes.
func ServiceName(entry string) string { return entry }

// Front turns a Service into the load balancer's: it carries the balancer's annotations, and labels and annotations of its names.
func Front(service *unstructured.Unstructured, balancer, labels, annotations map[string]string) {
	all := service.GetLabels()
	for k, v := range labels {
		if all == nil {
			all = map[string]string{}
		}
		all[k] = v
	}
	service.SetLabels(all)
	marks := maps.Clone(balancer)
	maps.Copy(marks, annotations)
	service.SetAnnotations(marks)
}

// Dashboard is the page of a gateway in Grafana.
func Dashboard(entry graph.ID, name, of string, panels []product.Panel) product.Dashboard {
	title := "Gateway " + name
	return product.Dashboard{Entry: entry, Title: title, JSON: product.Panels(fmt.Sprintf("k8or-gateway-%x", sha256.Sum256([]byte(entry)))[:30], title+" ("+of+")", "gateways", panels)}
}
