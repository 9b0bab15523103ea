// SPDX-License-Identifier: Apache-2.0

package v1alpha1

const (
	// Group is the API group of the Platform.
	Group = "k8or.io"
	// APIVersion is what a document of this version says in its apiVersion.
	APIVersion = Group + "/v1alpha1"
	// Kind is what a document says in its kind.
	Kind = "Platform"
)

// Platform is one platform: a Kubernetes cluster and the products around it, as one document
// describes them. Its identity is its name and uid together.
type Platform struct {
	// APIVersion says which version of the document's shape this is.
	//
	// +required
	// +enum=k8or.io/v1alpha1
	APIVersion string `json:"apiVersion"`
	// Kind is always Platform.
	//
	// +required
	// +enum=Platform
	Kind string `json:"kind"`
	// Metadata names the platform.
	//
	// +required
	Metadata Metadata `json:"metadata"`
	// Spec says what the platform consists of.
	//
	// +required
	Spec Spec `json:"spec"`
}

// Metadata is the identity of a platform.
type Metadata struct {
	// Name is the platform's name. What k8or makes carries it.
	//
	// +required
	// +example="shop"
	// +pattern=^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$
	// +means=up to 32 lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen
	// +once
	Name string `json:"name"`
	// UID tells two platforms of one name apart. `k8or init` writes it, or `k8or up` before it makes
	// anything; it never changes.
	//
	// +example="x7k2p9"
	// +pattern=^[a-z0-9]{6}$
	// +means=six lower-case letters and digits, as `k8or init --uid` writes them
	// +owner=k8or
	// +once
	UID string `json:"uid,omitempty"`
	// Labels are carried for your own use; k8or reads none of them.
	//
	// +example={"team": "payments"}
	Labels map[string]string `json:"labels,omitempty"`
}

// Spec is the body of the document. Categories that may repeat are maps of named entries, the
// others are one object; each entry chooses a product.
type Spec struct {
	// Catalog is the frozen set of defaults and product versions that this document was written for.
	// Only writing another one here moves it, so a newer k8or changes nothing by itself. Left open it
	// means the first set, 2026.11.
	//
	// +default="2026.11"
	// +enum=2026.11
	Catalog string `json:"catalog,omitempty"`
	// Account is the DigitalOcean team this platform lives in. `k8or up` writes it; a token of another
	// team is refused from then on.
	//
	// +example="3f2c9a51-0d0e-4c5e-9f53-6a1f2f9a7b10"
	// +pattern=^[A-Za-z0-9][A-Za-z0-9-]{3,63}$
	// +means=the id of a DigitalOcean team, as `k8or up` writes it
	// +owner=k8or
	// +once
	Account string `json:"account,omitempty"`
	// Region is the DigitalOcean region everything lives in.
	//
	// +required
	// +example="nyc3"
	// +pattern=^[a-z]{3}[0-9]{1,2}$
	// +means=a region's short name, such as nyc3, sfo3, ams3, fra1, lon1, sgp1, tor1, blr1 or syd1
	// +once
	Region string `json:"region"`
	// Environment is what the platform is for; DigitalOcean's project says it too. In production there have to
	// be backups, which are taken by a schedule.
	//
	// +enum=development;staging;production
	Environment string `json:"environment,omitempty"`
	// Cluster is the Kubernetes cluster. Left open it is the starter's: one small pool of two nodes.
	Cluster Cluster `json:"cluster,omitzero"`
	// Network is what the platform's private network offers beside the cluster.
	Network *Network `json:"network,omitempty"`
	// Databases are the databases, by name.
	Databases map[string]Database `json:"databases,omitempty"`
	// Messaging are the message brokers, by name.
	Messaging map[string]Messaging `json:"messaging,omitempty"`
	// Gateways are the ways in from the internet, by name.
	//
	// +example={"public": {"product": "nginx"}}
	Gateways map[string]Gateway `json:"gateways,omitempty"`
	// DNS writes records for the gateways' domains, and proves them to who signs certificates. Without
	// it, records are yours to make.
	DNS *DNS `json:"dns,omitempty"`
	// Support are helpers that are in the cluster already, by name: cert-manager, external-dns,
	// metrics-server. The others k8or installs when something needs them.
	//
	// +example={"cert-manager": {"product": "existing"}}
	Support map[string]Support `json:"support,omitempty"`
	// Mesh is the service mesh. None unless asked for.
	Mesh *Mesh `json:"mesh,omitempty"`
	// Monitoring collects metrics, draws them and raises alerts.
	Monitoring *Monitoring `json:"monitoring,omitempty"`
	// Logging collects logs and keeps them searchable.
	Logging *Logging `json:"logging,omitempty"`
	// Storage is object storage and the classes of block storage.
	Storage *Storage `json:"storage,omitempty"`
	// Registry keeps the platform's own images.
	Registry *Registry `json:"registry,omitempty"`
	// Delivery builds the apps from source and rolls them out.
	Delivery *Delivery `json:"delivery,omitempty"`
	// Backups keep copies of cluster objects and volumes.
	Backups *Backups `json:"backups,omitempty"`
	// Budget is what the platform may cost. `k8or plan` holds every change to it, and `k8or up` makes
	// nothing that would go beyond it.
	//
	// +example={"monthly": 400}
	Budget *Budget `json:"budget,omitempty"`
	// Apps are your programs, by name.
	//
	// +example={"hello": {"image": "docker.io/hashicorp/http-echo:1.0.0", "port": 5678}}
	Apps map[string]App `json:"apps,omitempty"`
}

// Choice says which product does a job, where it runs and how large it is. Its fields mean the
// same for every product of every category.
type Choice struct {
	// Placement says where the product runs: managed by a cloud, in the cluster, or on Droplets of its
	// own. Left open it is the product's usual one.
	//
	// +enum=managed;cluster;droplet
	Placement string `json:"placement,omitempty"`
	// Size sets requests, limits, replicas and storage together. Managed products also take a size
	// that their cloud sells.
	//
	// +default="small"
	// +example="small"
	// +pattern=^[A-Za-z0-9][A-Za-z0-9._-]*$
	// +means=small, medium, large, or a size of the product's cloud
	Size string `json:"size,omitempty"`
	// Pool is the node pool an in-cluster product runs on. Left open it may run on any.
	//
	// +example="general"
	Pool string `json:"pool,omitempty"`
	// Existing points at what somebody else runs; it goes with `product: existing`. k8or wires it and
	// never changes it.
	Existing *Existing `json:"existing,omitempty"`
	// Options are the product's own settings. Each product documents and checks its own.
	Options Object `json:"options,omitempty"`
	// Values are handed to the product's chart as they are. The way out when nothing else does it.
	Values Object `json:"values,omitempty"`
}

// Existing points at something that k8or neither makes nor changes. Which fields are needed
// depends on the category.
type Existing struct {
	// Address is where it answers: a host with an optional port, or a URL.
	//
	// +example="logs.example.com:9200"
	Address string `json:"address,omitempty"`
	// Namespace is where it runs in the cluster.
	Namespace string `json:"namespace,omitempty"`
	// Class is the ingress, gateway or storage class that selects it.
	Class string `json:"class,omitempty"`
	// Service is the name of its Service in that namespace.
	Service string `json:"service,omitempty"`
	// Selector are the labels it selects its objects by, such as a Prometheus its monitors.
	//
	// +example={"release": "prometheus"}
	Selector map[string]string `json:"selector,omitempty"`
	// Credentials are what to sign in with.
	Credentials *Secret `json:"credentials,omitempty"`
}

// Budget is a limit on what the platform may cost.
type Budget struct {
	// Monthly is the most that a calendar month may cost, in whole US dollars, judged with every
	// autoscaler at its top.
	//
	// +required
	// +min=1
	// +example=400
	Monthly int `json:"monthly"`
}

// Object is settings that k8or hands on without knowing them.
type Object map[string]any
