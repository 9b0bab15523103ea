// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/http"
	"time"

	docr "github.com/k8or/k8or/internal/sandbox/registry"
)

// registryState is an account's container registries, oldest first, with the one subscription that they share.
type registryState struct {
	All         []*imageRegistry      `json:"all"`
	Tier        string                `json:"tier"` // slug; empty: never subscribed
	Since       time.Time             `json:"since"`
	Changed     time.Time             `json:"changed"`
	Credentials []*registryCredential `json:"credentials"`
	Collections []*collection         `json:"collections"` // newest last
}

// imageRegistry is one registry; its images, the registry server knows.
type imageRegistry struct {
	born
	Name   string `json:"name"`
	Region string `json:"region"`
}

// registryCredential is what docker-credentials gave out.
type registryCredential struct {
	Token    string    `json:"token"`
	Registry string    `json:"registry"`
	Cluster  string    `json:"cluster,omitempty"` // that it is the pull secret of; empty: somebody asked for it
	Write    bool      `json:"write"`
	Expires  time.Time `json:"expires"` // the machine's time; zero: never
}

// tier is a subscription's. Figures of 2025-06-11: docs.digitalocean.com, container registry pricing, and the published
// description's example of the options.
type tier struct {
	slug, name   string
	registries   int
	repositories int   // 0: any number
	storage      int64 // bytes
	overage      bool
	cents        int
}

const mebibyte = 1 << 20

var tiers = []tier{
	{"starter", "Starter", 1, 1, 500 * mebibyte, false, 0},
	{"basic", "Basic", 1, 5, 5 << 10 * mebibyte, true, 500},
	{"professional", "Professional", 10, 0, 100 << 10 * mebibyte, true, 2000},
}

func tierOf(slug string) *tier {
	for i := range tiers {
		if tiers[i].slug == slug {
			return &tiers[i]
		}
	}
	return nil
}

var registryRegions = []string{"nyc3", "sfo3", "sfo2", "ams3", "sgp1", "fra1", "blr1", "syd1"}

func (t *tier) view() object {
	o := object{
		"slug": t.slug, "name": t.name, "included_repositories": t.repositories, "included_storage_bytes": t.storage, "included_bandwidth_bytes": t.storage,
		"allow_storage_overage": t.overage, "monthly_price_in_cents": t.cents,
	}
	if t.overage {
		o["storage_overage_price_in_cents"] = 2
	}
	return o
}

func (s *registryState) find(name string) *imageRegistry {
	for _, r := range s.All {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// registryNamed finds a registry of no matter which account: their names are global.
func (c *Cloud) registryNamed(name string) (*account, *imageRegistry) {
	for _, a := range c.state.Accounts {
		if r := a.Registries.find(name); r != nil {
			return a, r
		}
	}
	return nil, nil
}

func (c *Cloud) viewRegistry(r *imageRegistry) (object, error) {
	bytes, err := c.registryBytes(r.Name)
	return object{"name": r.Name, "region": r.Region, "created_at": r.Created, "storage_usage_bytes": bytes, "storage_usage_bytes_updated_at": c.clock.Wall().UTC().Truncate(time.Second)}, err
}

func (c *Cloud) registryBytes(name string) (int64, error) {
	if c.options.Images == nil {
		return 0, nil
	}
	return c.options.Images.Bytes(name)
}

func (c *Cloud) imagesOf(name string) []docr.Repository {
	if c.options.Images == nil {
		return nil
	}
	return c.options.Images.Repositories(name)
}

func (s *registryState) viewSubscription() object {
	return object{"tier": tierOf(s.Tier).view(), "created_at": s.Since, "updated_at": s.Changed}
}

func (c *Cloud) registryRoutes() []route {
	read, update := []string{"registry:read"}, []string{"registry:update"}
	create, remove := []string{"registry:create"}, []string{"registry:delete"}
	credentials := []string{"registry:read", "registry:update"}
	routes := []route{
		{"GET /v2/registries", 200, read, c.listRegistries},
		{"POST /v2/registries", 201, create, c.createRegistry},
		{"GET /v2/registries/{registry}", 200, read, c.onRegistry(c.getRegistry)},
		{"DELETE /v2/registries/{registry}", 204, remove, c.onRegistry(c.deleteRegistry)},
		{"GET /v2/registries/{registry}/docker-credentials", 200, credentials, c.onRegistry(c.dockerCredentials)},
		{"DELETE /v2/registries/{registry}/repositories/{repository}", 204, remove, c.onRegistry(c.deleteRepository)},
		// The deprecated ones, for the account's only registry.
		{"GET /v2/registry", 200, read, c.onOnlyRegistry(c.getRegistryWithTier)},
		{"POST /v2/registry", 201, create, c.createOnlyRegistry},
		{"DELETE /v2/registry", 204, remove, c.onOnlyRegistry(c.deleteRegistry)},
		{"GET /v2/registry/docker-credentials", 200, credentials, c.onOnlyRegistry(c.dockerCredentials)},
		{"GET /v2/registry/{registry}/repositories", 200, read, c.onRegistry(c.listRepositoriesFirst)},
	}
	for _, base := range []string{"/v2/registries", "/v2/registry"} {
		one := base + "/{registry}"
		routes = append(routes, []route{
			{"GET " + base + "/options", 200, read, c.registryOptions},
			{"GET " + base + "/subscription", 200, read, c.getSubscription},
			{"POST " + base + "/subscription", 200, update, c.updateSubscription},
			{"POST " + base + "/validate-name", 204, create, c.validateRegistryName},
			{"GET " + one + "/repositoriesV2", 200, read, c.onRegistry(c.listRepositories)},
			{"GET " + one + "/repositories/{repository}/tags", 200, read, c.onRepository(c.listImageTags)},
			{"DELETE " + one + "/repositories/{repository}/tags/{tag}", 204, remove, c.onRepository(c.deleteImageTag)},
			{"GET " + one + "/repositories/{repository}/digests", 200, read, c.onRepository(c.listManifests)},
			{"DELETE " + one + "/repositories/{repository}/digests/{digest}", 204, remove, c.onRepository(c.deleteManifest)},
			{"POST " + one + "/garbage-collection", 201, update, c.onRegistry(c.collect)},
			{"GET " + one + "/garbage-collection", 200, read, c.onRegistry(c.getCollection)},
			{"PUT " + one + "/garbage-collection/{collection}", 200, update, c.onRegistry(c.cancelCollection)},
			{"GET " + one + "/garbage-collections", 200, read, c.onRegistry(c.listCollections)},
		}...)
	}
	return routes
}

func (c *Cloud) onRegistry(f func(*request, *imageRegistry) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		r := q.account.Registries.find(q.PathValue("registry"))
		if r == nil {
			return nil, notFound()
		}
		return f(q, r)
	}
}

// onOnlyRegistry is for the deprecated calls that name none: 404 without one, 412 with several.
func (c *Cloud) onOnlyRegistry(f func(*request, *imageRegistry) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		switch all := q.account.Registries.All; len(all) {
		case 0:
			return nil, notFound()
		case 1:
			return f(q, all[0])
		}
		return nil, manyRegistries()
	}
}

func manyRegistries() error {
	return fail(http.StatusPreconditionFailed, "This API is not supported if you have created multiple registries. Please use '/v2/registries/{registry_name}' instead.")
}
