// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Registry keeps the platform's own images. With one, an app's image needs no registry's name.
type Registry struct {
	// Product is the registry: one in the cluster, DigitalOcean's, Docker Hub, or another that is there
	// already.
	//
	// +required
	Product string `json:"product"`
	Choice
	// Host is the public name of a registry in the cluster; nodes pull by it.
	//
	// +example="registry.example.com"
	Host string `json:"host,omitempty"`
	// Tier is DigitalOcean's: the account's subscription, which all its registries share. Left open, an account's first registry is
	// basic, and the tier of one that is there is left alone.
	//
	// +enum=starter;basic;professional
	Tier string `json:"tier,omitempty"`
	// Owner is the organisation at Docker Hub.
	//
	// +example="acme"
	Owner string `json:"owner,omitempty"`
	// Storage is the disk of a registry in the cluster.
	Storage *DiskSpace `json:"storage,omitempty"`
	// Bucket is the bucket images are kept in, instead of a disk.
	//
	// +example="storage/spaces/images"
	Bucket string `json:"bucket,omitempty"`
	// Users are people and programs that may push, with their passwords.
	Users map[string]Secret `json:"users,omitempty"`
	// Credentials are what to sign in with, at Docker Hub or an existing registry. For DigitalOcean's they are a token with the scopes
	// registry:read and registry:update, by which garbage is collected; it is needed for nothing else.
	Credentials *Secret `json:"credentials,omitempty"`
	// Mirror also keeps copies of what is pulled from Docker Hub.
	//
	// +default=false
	Mirror *bool `json:"mirror,omitempty"`
	// GarbageCollection is when unused layers go: five fields, as in crontab.
	//
	// +default="0 3 * * 0"
	GarbageCollection string `json:"garbageCollection,omitempty"`
	// DeletionProtection refuses to delete a registry at DigitalOcean, whatever is asked. Turn it off, and run up, before you remove it.
	//
	// +default=false
	DeletionProtection *bool `json:"deletionProtection,omitempty"`
}

// Delivery builds the apps from their sources, and rolls them out. From then on it owns their images.
type Delivery struct {
	// Product is the service that builds.
	//
	// +required
	Product string `json:"product"`
	Choice
	// Organisation is the account at the service.
	//
	// +example="github/acme"
	Organisation string `json:"organisation,omitempty"`
	// Token is what to sign in with.
	Token *Secret `json:"token,omitempty"`
	// Branch is the branch that is rolled out.
	//
	// +default="main"
	Branch string `json:"branch,omitempty"`
}

// Network is what the private network offers beside the cluster.
type Network struct {
	// Egress gives the cluster one stable address towards the internet. `status` shows it.
	Egress *Egress `json:"egress,omitempty"`
	// Firewalls guard Droplets, by name. The cluster's nodes have a firewall of DigitalOcean's own, which is left alone.
	Firewalls map[string]Firewall `json:"firewalls,omitempty"`
	// Domains are DNS zones at DigitalOcean, by domain name.
	Domains map[string]Domain `json:"domains,omitempty"`
	// ReservedIPs are public IPv4 addresses kept for the platform, by name, for Droplets to take. One that no Droplet has is billed.
	ReservedIPs map[string]ReservedIP `json:"reservedIPs,omitempty"`
	// Certificates are kept at DigitalOcean, by name, for load balancers of yours that end TLS. `status` shows what to ask for one by.
	// Gateways have certificates of their own (`tls`).
	Certificates map[string]Certificate `json:"certificates,omitempty"`
}

// Egress is a NAT gateway and the traffic that leaves through it.
type Egress struct {
	// Size is the gateway's size. Each step is 25 Mbps and 100 GiB of outgoing traffic a month, and is billed. It changes in
	// place, and the address stays.
	//
	// +default=1
	// +min=1
	Size *int `json:"size,omitempty"`
	// Destinations are the addresses and ranges reached through it. Left open, it is everything on the internet.
	//
	// +example=["203.0.113.0/24"]
	Destinations []string `json:"destinations,omitempty"`
	// PrivateNodes gives the nodes no public addresses, so that there is no other way out. It is decided when the cluster is
	// made.
	//
	// +default=false
	// +once
	PrivateNodes *bool `json:"privateNodes,omitempty"`
	// Echo is a page that answers with nothing but the address it is asked from: `verify` asks it from a pod and compares. Left
	// open it is https://checkip.amazonaws.com, unless there are destinations: then one that is reached through the gateway has
	// to be named, or nothing can be proven.
	//
	// +example="https://checkip.amazonaws.com"
	// +pattern=^https://[^\s]+$
	// +means=an address that begins with https://
	Echo string `json:"echo,omitempty"`
}

// Firewall is what may reach Droplets: those that bear the tag `k8or:<platform>-<uid>:firewall:<name>`, and those that bear one of
// its tags. What they send is not held up.
type Firewall struct {
	// Tags are of more Droplets that it guards. They have to be there already; what DigitalOcean or k8or tags itself is refused.
	//
	// +example=["bastion"]
	Tags []string `json:"tags,omitempty"`
	// Allow are the rules; nothing else comes in.
	Allow []FirewallRule `json:"allow,omitempty"`
}

// FirewallRule lets some addresses reach some ports.
type FirewallRule struct {
	// Protocol is the protocol.
	//
	// +default="tcp"
	// +enum=tcp;udp;icmp
	Protocol string `json:"protocol,omitempty"`
	// Ports are a port, a range such as 8000-9000, or all. Only icmp has none.
	//
	// +example="443"
	Ports string `json:"ports,omitempty"`
	// From are the addresses and ranges, IPv4 or IPv6; 0.0.0.0/0 and ::/0 are everybody.
	//
	// +required
	// +min=1
	From []string `json:"from"`
}

// Domain is a DNS zone.
type Domain struct {
	// Existing says that the zone is there already: records are added to it and it is never deleted.
	//
	// +default=false
	Existing bool `json:"existing,omitempty"`
	// Records are fixed records beside those that gateways make.
	Records []Record `json:"records,omitempty"`
}

// Record is a DNS record.
type Record struct {
	// Type is the record's type.
	//
	// +required
	// +enum=A;AAAA;CNAME;MX;TXT;SRV;CAA;NS
	Type string `json:"type"`
	// Name is the record's name in the zone; @ is the zone itself.
	//
	// +required
	// +example="www"
	Name string `json:"name"`
	// Value is what it says: an address, a host, a text; of SRV weight, port and host, of CAA flags, tag and value, with blanks
	// between them.
	//
	// +required
	Value string `json:"value"`
	// TTL is how many seconds others may remember it.
	//
	// +default=1800
	// +min=30
	TTL *int `json:"ttl,omitempty"`
	// Priority is for MX and SRV.
	//
	// +min=0
	Priority *int `json:"priority,omitempty"`
}

// Certificate is one by Let's Encrypt, which DigitalOcean renews, or one of yours, with its key. Nothing of one can be changed: another
// comes under another name before it goes.
type Certificate struct {
	// Domains are the names that Let's Encrypt's is for, each in one of the network's domains. A wildcard stands for what is one level
	// below.
	//
	// +example=["example.com", "*.example.com"]
	Domains []string `json:"domains,omitempty"`
	// LeafCertificate is your own, as PEM, from a variable or a file.
	LeafCertificate *Secret `json:"leafCertificate,omitempty"`
	// PrivateKey is its key, as PEM, from a variable or a file.
	PrivateKey *Secret `json:"privateKey,omitempty"`
	// CertificateChain is what lies between it and who is trusted, as PEM, from a variable or a file.
	CertificateChain *Secret `json:"certificateChain,omitempty"`
}

// ReservedIP is an address kept for the platform.
type ReservedIP struct {
	// Region is where it is, when that is not the platform's region.
	//
	// +once
	Region string `json:"region,omitempty"`
}
