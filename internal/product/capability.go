// SPDX-License-Identifier: Apache-2.0

package product

import (
	"fmt"
	"reflect"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
)

// Foundation is the cluster that everything else is built on. It is offered by the products of the category cluster and
// may be used while building.
type Foundation struct {
	// Access is where the cluster is, known once it is ready.
	Access graph.Value[kube.Access]
	// Ready orders what needs nodes after them: ids of the node pools.
	Ready []graph.ID
}

// Gateway is a way in, offered by gateways and wanted by routes.
type Gateway struct {
	Entry graph.ID
	Name  string
	// Address is the address of its load balancer, an IP address or a name.
	Address graph.Value[string]
}

// Route asks a gateway to hand requests to a Service.
type Route struct {
	Entry   graph.ID // who asks
	Gateway string   // the gateway's name
	Host    string   // empty for any
	Path    string
	// Namespace, Service and Port say where requests go.
	Namespace, Service string
	Port               int
	// Ready is the node after which the Service stands.
	Ready graph.ID
}

// MetricsTarget is something that shows metrics in Prometheus' format. It is wanted by monitoring.
type MetricsTarget struct {
	Entry     graph.ID
	Namespace string
	Labels    map[string]string // of the Service or pods
	Port      string
	Path      string
}

// Dashboard is a Grafana dashboard. It is wanted by monitoring.
type Dashboard struct {
	Entry graph.ID
	Title string
	JSON  []byte
}

// Alert is a rule in PromQL. It is wanted by monitoring.
type Alert struct {
	Entry      graph.ID
	Name       string
	Expression string
	For        string
	Summary    string
}

// LogSource is a workload whose logs are to be kept. It is wanted by logging.
type LogSource struct {
	Entry     graph.ID
	Namespace string
	Labels    map[string]string
}

// Page is where a person finds something, and how to log in. It is wanted by status, guide and map.
type Page struct {
	Entry   graph.ID
	Title   string
	Address graph.Value[string]
	Login   string
}

// offers keeps what was offered, by type.
type offers map[reflect.Type][]any

// Offer makes a capability known to the products that want it.
func Offer[T any](b *Building, capability T) {
	t := reflect.TypeFor[T]()
	b.c.offers[t] = append(b.c.offers[t], capability)
}

// Offered are all capabilities of a type, in the order they were offered.
func Offered[T any](w *Wiring) []T { return offered[T](w.c.offers) }

func offered[T any](o offers) []T {
	var out []T
	for _, v := range o[reflect.TypeFor[T]()] {
		out = append(out, v.(T))
	}
	return out
}

// Foundation is the cluster, offered before anything else is built.
func (b *Building) Foundation() (Foundation, error) {
	all := offered[Foundation](b.c.offers)
	if len(all) != 1 {
		return Foundation{}, fmt.Errorf("%s needs the cluster, and %d are offered", b.at, len(all))
	}
	return all[0], nil
}
