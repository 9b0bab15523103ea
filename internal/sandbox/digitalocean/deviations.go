// SPDX-License-Identifier: Apache-2.0

package digitalocean

import "github.com/k8or/k8or/internal/sandbox/contract"

// Deviations are the places where this cloud knowingly says or accepts something else than the published description, each
// with its source. Tests that hold exchanges against the description pass them to contract.Transport.
var Deviations = []contract.Deviation{
	{Path: "/v1/oauth/token/info", Source: "doctl, do/oauth.go: `doctl auth init` asks it; not part of API v2"},
	{Path: "/v2/kubernetes/clusters/*/node_pools_template/*", Source: "godo, kubernetes.go: GetNodePoolTemplate, used by cluster-autoscaler"},
	{Method: "PUT", Path: "/v2/kubernetes/clusters/*", Why: "missing property 'name'", Source: "docs.digitalocean.com, doctl kubernetes cluster update: its example sends no name"},
	{Method: "PUT", Path: "/v2/kubernetes/clusters/*/node_pools/*", Why: "missing propert", Source: "docs.digitalocean.com, doctl kubernetes cluster node-pool update: its example sends no name, autoscaling no count"},
	{Method: "POST", Path: "/v2/databases", Why: "at '/rules': got null", Source: "godo, databases.go: sends null for no rules"},
	{Method: "POST", Path: "/v2/databases", Why: "at '/project_id': '' is not valid uuid", Source: "godo, databases.go: sends an empty text for no project"},
	{Method: "GET", Path: "/v2/databases", Why: "no query parameter page", Source: "godo, databases.go: List takes ListOptions, though nothing is paged"},
	{Method: "GET", Path: "/v2/databases", Why: "no query parameter per_page", Source: "as above"},
	{Method: "GET", Path: "/v2/databases/*/*", Why: "no query parameter page", Source: "as above, of every list in a cluster"},
	{Method: "GET", Path: "/v2/databases/*/*", Why: "no query parameter per_page", Source: "as above"},
	{Path: "/v2/databases/*/logsink*", Why: "sink_type': value must be one of 'rsyslog', 'elasticsearch', 'opensearch'", Source: "the description itself: requests may name datadog, its answers forgot it"},
	{Path: "/v2/databases/*/logsink/*", Why: "sink_type': value must be one of 'rsyslog', 'elasticsearch', 'opensearch'", Source: "as above"},
	{Method: "POST", Path: "/v2/tags/*/resources", Why: "/resource_type': value must be one of", Source: "godo, tags.go: DatabaseResourceType, with which Terraform's provider tags clusters"},
	{Method: "DELETE", Path: "/v2/tags/*/resources", Why: "/resource_type': value must be one of", Source: "as above"},
	{Method: "POST", Path: "/v2/droplets", Why: "at '/ssh_keys': got null", Source: "godo, droplets.go: sends null for no keys"},
	{Method: "POST", Path: "/v2/droplets", Why: "at '/volumes/0': got object", Source: "godo, droplets.go: DropletCreateVolume is sent as {\"id\":…}"},
	{Method: "POST", Path: "/v2/droplets/actions", Why: "'oneOf' failed, subschemas 0, 1 matched", Source: "the description's own alternatives overlap: an action without parameters is also one with optional ones"},
	{Method: "POST", Path: "/v2/firewalls", Why: "missing property 'ports'", Source: "godo, firewalls.go: rules of icmp are sent without ports"},
	{Method: "PUT", Path: "/v2/firewalls/*", Why: "missing property 'ports'", Source: "as above"},
	{Method: "GET", Path: "/v2/load_balancers", Why: "no query parameter names", Source: "godo, load_balancers.go: ListByNames"},
	{Method: "GET", Path: "/v2/load_balancers", Why: "no query parameter uuids", Source: "godo, load_balancers.go: ListByUUIDs"},
	{Method: "POST", Path: "/v2/load_balancers", Why: "missing properties 'droplet_ids', 'region'", Source: "docs.digitalocean.com, global load balancers: they are in no region and take no Droplets"},
	{Method: "GET", Path: "/v2/registries/*/docker-credentials", Why: "no query parameter read_write", Source: "godo, registry.go: RegistriesService.DockerCredentials sends what is published for the deprecated path"},
	{Method: "GET", Path: "/v2/registries/*/docker-credentials", Why: "no query parameter expiry_seconds", Source: "godo, registry.go: RegistriesService.DockerCredentials sends what is published for the deprecated path"},
	{Path: "/v2/cdn/endpoints*", Why: "'needs-cloudflare-cert' is not valid uuid", Source: "terraform-provider-digitalocean, cdn/resource_cdn.go: sends it and reads it"},
	{Path: "/v2/cdn/endpoints/*", Why: "'needs-cloudflare-cert' is not valid uuid", Source: "as above"},
	{Method: "PUT", Path: "/v2/cdn/endpoints/*", Why: "at '/custom_domain': '' is not valid hostname", Source: "godo, cdn.go: CDNUpdateCustomDomainRequest takes a name away by empty texts"},
	{Method: "PUT", Path: "/v2/cdn/endpoints/*", Why: "at '/certificate_id': '' is not valid uuid", Source: "as above"},
	{Method: "POST", Path: "/v2/projects/*/resources", Why: "'do:reservedip:", Source: "godo, reserved_ips.go: ReservedIP.URN"},
}
