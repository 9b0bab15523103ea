// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"regexp"
	"slices"
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

// The Cloud is what the registry server asks.
var _ docr.Cloud = (*Cloud)(nil)

// RegistryAccess says what the holder of a password may do: an API token as far as its scopes go, what docker-credentials gave
// out as far as it was asked for. Without a registry it says whether the password is known at all.
func (c *Cloud) RegistryAccess(registry, password string) (pull, push bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	owner, _ := c.registryNamed(registry)
	for _, t := range c.state.Tokens {
		if subtle.ConstantTimeCompare([]byte(t.Value), []byte(password)) == 1 {
			mine := registry == "" || owner != nil && owner.Team == t.Team
			return mine && t.may([]string{"registry:read"}), mine && t.may([]string{"registry:update"})
		}
	}
	for _, a := range c.state.Accounts {
		for _, given := range a.Registries.Credentials {
			if subtle.ConstantTimeCompare([]byte(given.Token), []byte(password)) != 1 {
				continue
			}
			alive := given.Expires.IsZero() || c.clock.Wall().Before(given.Expires)
			mine := alive && (registry == "" || owner == a && given.Registry == registry)
			return mine, mine && given.Write
		}
	}
	return false, false
}

// MayPush says why nothing may be pushed: a collection is under way, the tier's repositories are used up, or its storage is.
func (c *Cloud) MayPush(registry string, repositories int, known bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	a, r := c.registryNamed(registry)
	if r == nil {
		return fmt.Errorf("registry %s does not exist", registry)
	}
	if a.Registries.active(registry) != nil {
		return fmt.Errorf("registry %s is read-only while its garbage collection is active", registry)
	}
	t := tierOf(a.Registries.Tier)
	if !known && t.repositories > 0 && repositories >= t.repositories {
		return fmt.Errorf("registry contains %d repositories, limit is %d", repositories, t.repositories)
	}
	if !t.overage {
		// The starter's storage cannot be exceeded.
		if bytes, err := c.registryBytes(registry); err != nil || bytes >= t.storage {
			return fmt.Errorf("registry holds %d bytes, limit is %d", bytes, t.storage)
		}
	}
	return nil
}

// meetImages deletes what the registry server keeps for nobody, and makes room for registries that it does not know.
func (c *Cloud) meetImages() error {
	if c.options.Images == nil {
		return nil
	}
	var names []string
	for _, a := range c.state.Accounts {
		for _, r := range a.Registries.All {
			names = append(names, r.Name)
			if err := c.options.Images.Create(r.Name); err != nil {
				return err
			}
		}
	}
	return c.options.Images.Keep(names)
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

// registryName is the published pattern with what the documentation adds: a letter first, a letter or digit last.
var registryName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (c *Cloud) checkRegistryName(name string) error {
	if !registryName.MatchString(name) {
		return invalid("name %q must be at most 63 lowercase letters, digits and dashes, begin with a letter and end with a letter or digit", name)
	}
	if _, r := c.registryNamed(name); r != nil {
		return conflict("registry name %q is already in use", name)
	}
	return nil
}

func (c *Cloud) validateRegistryName(q *request) (any, error) {
	var in struct {
		Name string `json:"name"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	return nil, c.checkRegistryName(in.Name)
}

type registryCreateInput struct {
	Name   string `json:"name"`
	Tier   string `json:"subscription_tier_slug"`
	Region string `json:"region"`
}

func (c *Cloud) createRegistry(q *request) (any, error) {
	r, err := c.addRegistryOf(q)
	if err != nil {
		return nil, err
	}
	view, err := c.viewRegistry(r)
	return object{"registry": view}, err
}

func (c *Cloud) createOnlyRegistry(q *request) (any, error) {
	if len(q.account.Registries.All) > 0 {
		return nil, conflict("registry already exists: this account has %s", q.account.Registries.All[0].Name)
	}
	r, err := c.addRegistryOf(q)
	if err != nil {
		return nil, err
	}
	return c.getRegistryWithTier(q, r)
}

func (c *Cloud) addRegistryOf(q *request) (*imageRegistry, error) {
	var in registryCreateInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := c.checkRegistryName(in.Name); err != nil {
		return nil, err
	}
	state := &q.account.Registries
	slug := or(in.Tier, state.Tier)
	t := tierOf(slug)
	if t == nil {
		return nil, invalid("subscription_tier_slug %q is not one of starter, basic, professional", slug)
	}
	if state.Tier != "" && slug != state.Tier && len(state.All) > 0 {
		return nil, fail(http.StatusPreconditionFailed, "the account's subscription is "+state.Tier+"; change it before a registry asks for another")
	}
	if len(state.All) >= t.registries {
		return nil, fail(http.StatusPreconditionFailed, fmt.Sprintf("registry limit exceeded: the %s tier allows %d", t.slug, t.registries))
	}
	in.Region = or(in.Region, registryRegions[0])
	if !slices.Contains(registryRegions, in.Region) {
		return nil, invalid("region %q has no container registry", in.Region)
	}
	if c.options.Images != nil {
		if err := c.options.Images.Create(in.Name); err != nil {
			return nil, err
		}
	}
	r := &imageRegistry{born: c.born(), Name: in.Name, Region: in.Region}
	if state.Tier != slug {
		state.Tier, state.Changed = slug, r.Created
	}
	if state.Since.IsZero() {
		state.Since = r.Created
	}
	state.All = append(state.All, r)
	c.created("registry", r.Name, r.Name)
	c.ready("registry", r.Name)
	return r, nil
}

func (c *Cloud) listRegistries(q *request) (any, error) {
	views := []object{}
	total := int64(0)
	always := make([]*imageRegistry, 0)
	always = append(always, visible(q, q.account.Registries.All)...)
	for _, r := range always {
		view, err := c.viewRegistry(r)
		if err != nil {
			return nil, err
		}
		total += view["storage_usage_bytes"].(int64)
		view["subscription"] = q.account.Registries.viewSubscription()
		views = append(views, view)
	}
	return object{"registries": views, "total_storage_usage_bytes": total}, nil
}

func (c *Cloud) getRegistry(_ *request, r *imageRegistry) (any, error) {
	view, err := c.viewRegistry(r)
	return object{"registry": view}, err
}

func (c *Cloud) getRegistryWithTier(q *request, r *imageRegistry) (any, error) {
	view, err := c.viewRegistry(r)
	view["subscription"] = q.account.Registries.viewSubscription()
	return object{"registry": view}, err
}

// deleteRegistry deletes a registry with its images. Clusters lose its pull secrets.
func (c *Cloud) deleteRegistry(q *request, r *imageRegistry) (any, error) {
	if c.options.Images != nil {
		if err := c.options.Images.Delete(r.Name); err != nil {
			return nil, err
		}
	}
	state := &q.account.Registries
	q.account.cancel("collection", r.Name)
	state.All = slices.DeleteFunc(state.All, func(other *imageRegistry) bool { return other == r })
	state.Credentials = slices.DeleteFunc(state.Credentials, func(g *registryCredential) bool { return g.Registry == r.Name })
	state.Collections = slices.DeleteFunc(state.Collections, func(n *collection) bool { return n.Registry == r.Name })
	for _, k := range q.account.Kubernetes.All {
		c.hands.nudge(k.ID)
		k.Registries = slices.DeleteFunc(k.Registries, func(n string) bool { return n == r.Name })
	}
	c.gone("registry", r.Name)
	return nil, nil
}
