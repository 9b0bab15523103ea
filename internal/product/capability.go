// SPDX-License-Identifier: Apache-2.0

package product

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/unit"
)

// Capabilities are how products meet. Those of the foundation (Foundation, Egress, PodPolicy, ImageSource, Issuer, Operator, LogSink, PrivateServer, Bucket, Binding) are used
// while building, by what is built after them; all others are joined while wiring.

// Foundation is the cluster that everything else is built on. It is offered by the products of the category cluster and
// may be used while building.
type Foundation struct {
	// Access is where the cluster is, known once it is ready.
	Access graph.Value[kube.Access]
	// Network is the id of the private network, Project that of the project; there is none for a cluster that is somebody else's.
	Network, Project graph.Value[string]
	// Ready orders what needs nodes after them: ids of the node pools.
	Ready []graph.ID
	// Zones are the document's DNS zones, by their names.
	Zones map[string]graph.Value[digitalocean.DomainOut]
}

// Egress is the one address that traffic of the cluster leaves from. It is offered by the cluster where the document asks for
// it, and is used while building by what keeps lists of who may come in: other clouds' databases, firewalls of others.
type Egress struct {
	// Address is an IPv4 address, known once its gateway is active. It stays for as long as the gateway does.
	Address graph.Value[string]
	// Destinations are the ranges that are reached from it; none means everything on the internet.
	Destinations []string
	// Ready is the node after which pods' traffic leaves from it.
	Ready graph.ID
}

// PodPolicy changes the pods of others: it joins them to a mesh, or lets them pull from a registry. It is applied to all
// namespaces and pods of some categories as they are built.
type PodPolicy struct {
	Entry graph.ID
	// Categories are those whose pods it concerns, such as apps and gateways.
	Categories []string
	// NamespaceLabels go onto namespaces, in place of what they say themselves; PodLabels and PodAnnotations go onto pod
	// templates that do not say otherwise.
	NamespaceLabels, PodLabels, PodAnnotations map[string]string
	// PullSecret is the name of a Secret of that namespace which pods pull images with; Secrets makes it, and whatever else a
	// namespace of theirs needs.
	PullSecret string
	Secrets    func(namespace string) []kube.Derived
	// Sidecar is the container that is added to each pod at its admission.
	Sidecar Sidecar
	// Follows are what such pods start anew for.
	Follows []Follow
	// Ready is the node after which such pods may start and the Secrets can be made; empty for none.
	Ready graph.ID
}

// Sidecar is a container that stands in no object, since it joins pods as they are admitted.
type Sidecar struct {
	// CPU and Memory are what it requests; fit counts them.
	CPU    unit.MilliCPU
	Memory unit.MiB
	// Metrics are what it counts. They say neither entry nor namespace: they are offered once for each namespace that has such pods.
	// Without a port there are none.
	Metrics MetricsTarget
}

// Issuer makes certificates, by cert-manager's API. It is offered by the support product cert-manager.
type Issuer struct {
	// SelfSigned is the name of a ClusterIssuer whose certificates sign themselves: for authorities of a product's own.
	SelfSigned string
	// Authority is the name of a ClusterIssuer that signs for servers within the cluster; empty where cert-manager is
	// somebody else's, and a product makes an authority of its own by SelfSigned.
	Authority string
	// Ready is the node after which Certificates and Issuers can be made.
	Ready graph.ID
}

// Operator looks after custom resources of a kind, everywhere in the cluster. It is offered by support products that
// several entries share, under the word they are wanted by.
type Operator struct {
	Name string // the support product: "strimzi"
	// Ready is the node after which its custom resources can be made, and before which they go; empty for one that somebody
	// else runs, which is there already.
	Ready graph.ID
}

// After orders a node of custom resources behind their operator.
func (o Operator) After() graph.Option {
	if o.Ready == "" {
		return graph.After()
	}
	return graph.After(o.Ready)
}

// LogSink is where logs are kept: Elasticsearch or what speaks its API. It is offered by the sink's products.
type LogSink struct {
	Entry graph.ID
	// OpenSearch says that it is OpenSearch, which newer clients of Elasticsearch's refuse to speak to.
	OpenSearch bool
	// Address is host:port; Service and Namespace say where in the cluster, empty outside of it. It speaks TLS unless Plain.
	Address, Namespace, Service string
	Plain                       bool
	// Host and Port are keys of Secrets with the address, where it is known only once the server stands; Address is empty then.
	Host, Port *kube.SecretKey
	// Username and Password are keys of Secrets that may write logs and nothing else, CA the authority of its certificate;
	// nil for one that the system trusts.
	Username, Password, CA *kube.SecretKey
	// Writer is a Secret beside who writes with all of that but Address, where k8or leaves one there: then nobody else needs a copy,
	// and who writes starts anew when it changes.
	Writer *Binding
	// Reader and ReaderPassword may search logs and nothing else; the same as the writer's where there is one user alone.
	Reader, ReaderPassword *kube.SecretKey
	// Stream is the data stream that logs go to; its template and retention are the sink's. A record has its time in
	// @timestamp and its text in message, as the Elastic Common Schema calls them.
	Stream string
	// Door is where writers and readers in the cluster let themselves in; nil where nobody is kept out.
	Door  *Door
	Ready graph.ID
}

// Binding is what one app needs to use something: a Secret in the app's namespace by the servicebinding.io specification.
type Binding struct {
	Entry graph.ID // what is used: "messaging/events"
	User  graph.ID // who uses it: "apps/web"
	// Namespace and Secret say where it is, Type what it is: "kafka", "postgresql".
	Namespace, Secret, Type string
	// Keys are the Secret's keys, sorted.
	Keys []string
	// Ready is the node that writes the Secret.
	Ready graph.ID
}

// Follow has pods that use the binding start anew when what it holds is another.
func (b Binding) Follow() Follow {
	return Follow{Follow: kube.Follow{Namespace: b.Namespace, Name: b.Secret}, By: b.Ready}
}

// Key is a key of the binding's Secret; nil where it has none, such as an authority that systems trust.
func (b Binding) Key(name string) *kube.SecretKey {
	if !slices.Contains(b.Keys, name) {
		return nil
	}
	return &kube.SecretKey{Namespace: b.Namespace, Name: b.Secret, Key: name}
}

// PrivateServer is a server in the private network that is not in the cluster and lets all of it in, such as a managed database. It is
// offered by databases and messaging, and used while building by apps, whose pods keep away from those that they do not use.
type PrivateServer struct {
	Entry graph.ID
	Ports Ports
}

// Ports are those from First to Last.
type Ports struct{ First, Last int }

// Bucket is a bucket of object storage, which speaks S3. It is offered by storage; who uses it gets a key by its Binding.
type Bucket struct {
	Entry graph.ID
	// Name is the bucket's, Region the provider's word for where it is, Endpoint where S3 is spoken: https://nyc3.digitaloceanspaces.com.
	Name, Region, Endpoint string
	// Ready is the node after which it stands; empty for one that is there already.
	Ready graph.ID
}

// The keys of a bucket's Binding by which its user signs in.
const (
	AccessKey = "access-key-id"
	SecretKey = "secret-access-key"
)

// ImageSource is the platform's own registry: where images are that name no registry. It is offered by registries.
type ImageSource struct {
	Entry graph.ID
	// Prefix stands before an image's name: "registry.example.com/".
	Prefix string
}

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

// offers keeps what was offered, by type.
type offers map[reflect.Type][]any

// Offer makes a capability known to the products that want it.
func Offer[T any](b *Building, capability T) {
	t := reflect.TypeFor[T]()
	b.gives(t)
	b.c.offers[t] = append(b.c.offers[t], capability)
}

// Offered are all capabilities of a type, in the order they were offered.
func Offered[T any](w *Wiring) []T { return taken[T](w.joint) }

// taken is what was offered of a type, to an entry that joins it.
func taken[T any](j joint) []T {
	j.takes(reflect.TypeFor[T]())
	return offered[T](j.c.offers)
}

func offered[T any](o offers) []T {
	var out []T
	for _, v := range o[reflect.TypeFor[T]()] {
		out = append(out, v.(T))
	}
	return out
}

// Foundation is the cluster, offered before anything else is built.
func (b *Building) Foundation() (Foundation, error) { return b.foundation() }

func (j joint) foundation() (Foundation, error) {
	all := offered[Foundation](j.c.offers)
	if len(all) != 1 {
		return Foundation{}, fmt.Errorf("%s needs the cluster, and %d are offered", j.at, len(all))
	}
	return all[0], nil
}

// Egress is the address that the cluster's traffic leaves from; false where every node has one of its own.
func (b *Building) Egress() (Egress, bool) {
	for _, e := range taken[Egress](b.joint) {
		return e, true
	}
	return Egress{}, false
}

// Issuer is what makes certificates; a product that uses it says Want("cert-manager") in Select.
func (j joint) Issuer() (Issuer, error) {
	all := taken[Issuer](j)
	if len(all) == 0 {
		return Issuer{}, fmt.Errorf("%s needs certificates, and nothing offers them: it has to want cert-manager in Select", j.at)
	}
	return all[0], nil
}

// Operator is the operator of a support product; a product that uses it says Want(name) in Select.
func (b *Building) Operator(name string) (Operator, error) {
	for _, o := range taken[Operator](b.joint) {
		if o.Name == name {
			return o, nil
		}
	}
	return Operator{}, fmt.Errorf("%s needs the operator %s, and nothing offers it: it has to want %s in Select", b.at, name, name)
}

// LogSinks are where logs can be kept.
func (b *Building) LogSinks() []LogSink { return taken[LogSink](b.joint) }

// PrivateServers are those of the private network that were offered.
func (b *Building) PrivateServers() []PrivateServer { return taken[PrivateServer](b.joint) }

// Bucket is a bucket that was offered; false where there is none of this entry.
func (b *Building) Bucket(entry graph.ID) (Bucket, bool) {
	for _, bucket := range taken[Bucket](b.joint) {
		if bucket.Entry == entry {
			return bucket, true
		}
	}
	return Bucket{}, false
}

// Image is the full name of an image: one that names no registry is the platform's own. The document's rules make sure that
// there is one.
func (b *Building) Image(name string) string {
	first, _, slash := strings.Cut(name, "/")
	if slash && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return name
	}
	for _, source := range taken[ImageSource](b.joint) {
		return source.Prefix + name
	}
	return name
}

// Bindings are what an app may use, by what was built before it.
func (b *Building) Bindings(user graph.ID) []Binding {
	var out []Binding
	for _, binding := range taken[Binding](b.joint) {
		if binding.User == user {
			out = append(out, binding)
		}
	}
	return out
}
