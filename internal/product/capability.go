// SPDX-License-Identifier: Apache-2.0

package product

import (
	"slices"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/unit"
)

// Capabilities are how products meet. Those here are of the foundation: they are used while building, by what is built after them. All
// others, in capability_wired.go, are joined while wiring.

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
	// Tunnel is what such pods are reached by in place of their own ports, which their NetworkPolicies have to let through.
	Tunnel Tunnel
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
