// SPDX-License-Identifier: Apache-2.0

package product

import (
	"context"
	"reflect"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
)

// Gateway is a way in, offered by gateways and wanted by routes.
type Gateway struct {
	Entry graph.ID
	Name  string
	// Namespace is where its pods are, which meshes take in; empty where it has none of k8or's.
	Namespace string
	// Address is the address of its load balancer, an IP address or a name; a known empty one where the gateway is made only
	// while wiring, for the hosts that its routes ask for.
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
	// Allow are the only addresses and ranges that may come in; empty for what the gateway itself allows.
	Allow []string
	// Unlimited takes bodies of any size, such as an image's layers.
	Unlimited bool
	// Guarded says that the namespace lets in nobody who is not named. The gateways' namespaces are named there; a gateway
	// that has no pods lets itself in.
	Guarded bool
	// Pods are the labels of the pods behind the Service, nil where they are not known. They listen on PodPort; zero is Port.
	Pods    map[string]string
	PodPort int
	// Ready is the node after which the Service stands.
	Ready graph.ID
}

// Workload is an app's pods and the ports by which they serve. It is wanted by meshes.
type Workload struct {
	Entry graph.ID
	// Name and Namespace are its own, Labels those of its pods.
	Name, Namespace string
	Labels          map[string]string
	// Ports are those that serve requests, as far as they are known, Metrics those that show metrics alone.
	Ports, Metrics []int
	// Service is in front of Ports, under the same numbers, and Account the service account that its pods have; empty where they
	// are not known.
	Service, Account string
	// Ready is the node after which its pods run as they were last asked to.
	Ready graph.ID
}

// MetricsTarget is something that shows metrics in Prometheus' format. It is wanted by monitoring.
type MetricsTarget struct {
	Entry     graph.ID
	Name      string // tells several targets of an entry apart; empty for the only one
	Namespace string
	Labels    map[string]string // of the pods, or of the Service when OfService
	OfService bool
	Port      string // the name of the pod's or the Service's port
	Path      string
	// HTTPS says that the port speaks TLS; its certificate is not checked, since it is the pod's own.
	HTTPS bool
	// Guarded says that the namespace lets in nobody who is not named: monitoring then lets itself in.
	Guarded bool
	Ready   graph.ID
}

// EntryLabel is the label of alerts and series that says whose they are: "apps/web".
const EntryLabel = "k8or_entry"

// MetricsEndpoint is something outside of the cluster that shows metrics in Prometheus' format, by TLS. It is wanted by monitoring.
type MetricsEndpoint struct {
	Entry graph.ID
	Name  string // tells several of an entry apart; empty for the only one
	// Addresses are host:port, known once it stands.
	Addresses graph.Value[[]string]
	Path      string
	// Username and Password are keys of Secrets, CA the authority of its certificate.
	Username, Password, CA *kube.SecretKey
	// Ready is the node after which the Secrets are there.
	Ready graph.ID
}

// Dashboard is a Grafana dashboard. It is wanted by monitoring.
type Dashboard struct {
	Entry graph.ID
	Title string
	JSON  []byte
}

// DataSource is a store that Grafana can ask. It is wanted by monitoring.
type DataSource struct {
	Entry graph.ID
	Name  string
	Type  string // Grafana's name of the type: "elasticsearch"
	URL   string
	// JSON are the type's settings, as Grafana's provisioning takes them under jsonData.
	JSON map[string]any
	// Username and Password are keys of Secrets, CA the authority of its certificate; nil for none.
	Username, Password, CA *kube.SecretKey
	// Door is where Grafana lets itself in; nil where nobody is kept out.
	Door *Door
}

// Alert is a rule in PromQL. It is wanted by monitoring.
type Alert struct {
	Entry      graph.ID
	Name       string // in UpperCamelCase
	Expression string
	For        string // "5m"
	Severity   string // critical or warning; empty means warning
	Summary    string
	Receiver   string // a name of monitoring.receivers; empty for all
}

// LogSource is a workload whose logs are to be kept. It is wanted by logging.
type LogSource struct {
	Entry     graph.ID
	Namespace string
	Labels    map[string]string
	// Multiline is how lines of one record are told: java, go, python, ruby; empty for one line a record.
	Multiline string
}

// Page is where a person finds something, and how to log in. It is wanted by status, open, guide and map.
type Page struct {
	Entry graph.ID
	// Name is the word for `k8or open`: "grafana".
	Name, Title string
	// Namespace, Service and Port are reached by a port-forward, with Scheme https or http (empty).
	Namespace, Service string
	Port               int
	Scheme             string
	// Username is what to sign in as, Password where the password is; nil for none.
	Username string
	Password *kube.SecretKey
	// Address is its public address, where it has one.
	Address graph.Value[string]
	// Find asks the cloud where a page is that no Service leads to; false while it is nowhere. Nil for a page of the cluster's.
	Find func(ctx context.Context) (url string, there bool, err error)
	// Login says in words how to log in, where it is not by a password.
	Login string
}

// AnyHost stands in the URL of a Probe for the address of the load balancer of its Via, where a route is for any host.
const AnyHost = "any.invalid"

// Probe proves that an entry does its job. It is wanted by verify.
type Probe struct {
	Entry graph.ID
	// Name tells several of an entry apart, such as "message"; Proves is a sentence of what is proven.
	Name, Proves string
	Spec         probe.Spec
	// Namespace is where its Job runs; empty for a namespace of probes.
	Namespace string
	// PodLabels and PodAnnotations are on the Job's pod, such as what takes it in to a mesh.
	PodLabels, PodAnnotations map[string]string
	// Account is the service account of the Job's pod, which then has its token and the API server's authority as files below /probe:
	// token and ca.crt. It is of Namespace. Empty for none.
	Account string
	// Via is the node of the load balancer that an HTTP, Certificate or DNS probe goes in by: its address takes the place of the
	// Spec's Address, since it is known only once it stands. Empty for none.
	Via graph.ID
	// Files are the Secrets' keys that the Spec names as files: the path below /probe to the key. They are of Namespace, since a
	// pod sees the Secrets of its own namespace alone.
	Files map[string]kube.SecretKey
	// Look says where to look when it fails: `k8or logs gateways/public`.
	Look string
}

// Mount hands the probe a Secret's key as a file, and notes in its Spec where that is. Without a key nothing is done.
func (p *Probe) Mount(file string, key *kube.SecretKey, at *string) {
	if key == nil {
		return
	}
	if p.Files == nil {
		p.Files = map[string]kube.SecretKey{}
	}
	p.Namespace = key.Namespace // Secrets are seen by pods of their own namespace alone
	p.Files[file], *at = *key, probe.Folder+"/"+file
}

// ProbeLate adds a probe whose proof can only be said once everything has been offered, such as that all targets are up. Like
// pages, probes are read when the composition stands, so that nobody misses one.
func (w *Wiring) ProbeLate(p Probe) {
	t := reflect.TypeFor[Probe]()
	w.gives(t)
	w.c.offers[t] = append(w.c.offers[t], p)
}
