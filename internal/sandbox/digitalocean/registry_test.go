// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/base64"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/k8or/k8or/internal/sandbox/fault"
	docr "github.com/k8or/k8or/internal/sandbox/registry"
)

// imageBench is a bench whose cloud has a registry server on a socket, and an unchanged client of it.
type imageBench struct {
	*bench
	server *docr.Server
	host   string
	dir    string
}

func newImageBench(t *testing.T) *imageBench {
	t.Helper()
	b := &imageBench{dir: t.TempDir()}
	b.bench = newBench(t, func(o *Options) {
		var err error
		if b.server, err = docr.Open(docr.Options{Dir: b.dir, Clock: o.Clock}); err != nil {
			t.Fatal(err)
		}
		o.Images = b.server
	})
	b.server.Join(b.cloud)
	at := httptest.NewServer(b.server)
	t.Cleanup(at.Close)
	b.host = strings.TrimPrefix(at.URL, "http://")
	return b
}

// credentials are what docker-credentials gives out.
func (b *imageBench) credentials(query string) authn.Authenticator {
	b.Helper()
	out := b.do(200, "GET", "/v2/registry/docker-credentials"+query, "")
	text, err := base64.StdEncoding.DecodeString(at(out, "auths", "registry.digitalocean.com", "auth").(string))
	if err != nil {
		b.Fatal(err)
	}
	user, password, _ := strings.Cut(string(text), ":")
	return &authn.Basic{Username: user, Password: password}
}

// push pushes a small random image and returns its digest.
func (b *imageBench) push(auth authn.Authenticator, reference string) (string, error) {
	b.Helper()
	image, err := random.Image(1024, 2)
	if err != nil {
		b.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		b.Fatal(err)
	}
	return digest.String(), remote.Write(b.tag(reference), image, remote.WithAuth(auth), remote.WithContext(b.Context()))
}

func (b *imageBench) tag(reference string) name.Tag {
	b.Helper()
	t, err := name.NewTag(b.host + "/" + reference)
	if err != nil {
		b.Fatal(err)
	}
	return t
}

func (b *imageBench) pull(auth authn.Authenticator, reference string) error {
	_, err := remote.Get(b.tag(reference), remote.WithAuth(auth), remote.WithContext(b.Context()))
	return err
}

// wants holds an error against a status of the registry; 0 is none.
func (b *imageBench) wants(status int, says string, err error) {
	b.Helper()
	var e *transport.Error
	if status == 0 && err != nil || status != 0 && (!errors.As(err, &e) || e.StatusCode != status || !strings.Contains(err.Error(), says)) {
		b.Fatalf("got %v, want status %d and %q", err, status, says)
	}
}

const proTier = `{"name":"shop","subscription_tier_slug":"professional","region":"nyc3"}`

func TestUnchangedClientsPushAndPullWithDockerCredentials(t *testing.T) {
	t.Parallel()
	b := newImageBench(t)
	b.do(201, "POST", "/v2/registries", proTier)
	writer, reader := b.credentials("?read_write=true&expiry_seconds=600"), b.credentials("")
	digest, err := b.push(writer, "shop/web/front:1")
	b.wants(0, "", err)
	b.wants(0, "", b.pull(reader, "shop/web/front:1"))
	_, err = b.push(reader, "shop/web/front:2")
	b.wants(401, "", err)
	b.wants(401, "", b.pull(authn.Anonymous, "shop/web/front:1"))
	b.wants(401, "", b.pull(&authn.Basic{Username: "a", Password: "b"}, "shop/web/front:1"))
	b.wants(404, "", b.pull(reader, "shop/web/front:3"))
	// An API token is a password too, as far as its scopes go.
	b.cloud.AddToken(Token{Value: "reader", Scopes: []string{"registry:read"}})
	b.wants(0, "", b.pull(&authn.Basic{Username: "reader", Password: "reader"}, "shop/web/front:1"))
	_, err = b.push(&authn.Basic{Username: "reader", Password: "reader"}, "shop/web/front:1")
	b.wants(401, "", err)
	b.cloud.AddToken(Token{Value: "stranger", Team: "11111111-1111-4111-8111-111111111111"})
	b.wants(401, "", b.pull(&authn.Basic{Username: "stranger", Password: "stranger"}, "shop/web/front:1"))

	base := "/v2/registries/shop/repositories/web%2Ffront"
	out := b.do(200, "GET", base+"/tags", "")
	if at(out, "tags", 0, "tag") != "1" || at(out, "tags", 0, "manifest_digest") != digest || at(out, "tags", 0, "compressed_size_bytes").(float64) < 1000 {
		t.Errorf("tags are %v", out)
	}
	if out := b.do(200, "GET", "/v2/registries/shop/repositoriesV2", ""); at(out, "repositories", 0, "name") != "web/front" || at(out, "repositories", 0, "latest_manifest", "tags", 0) != "1" {
		t.Errorf("repositories are %v", out)
	}
	b.do(200, "GET", "/v2/registry/shop/repositories", "")
	// Sandboxes restart.
	server, err := docr.Open(docr.Options{Dir: b.dir, Clock: b.clock, Cloud: b.cloud})
	if err != nil || len(server.Repositories("shop")) != 1 {
		t.Errorf("after a restart: %v, %v", server.Repositories("shop"), err)
	}
	b.clock.Advance(11 * time.Minute)
	b.wants(401, "", b.pull(writer, "shop/web/front:1"))
	b.do(204, "DELETE", base+"/digests/"+digest, "")
	b.do(404, "DELETE", base+"/digests/"+digest, "")
	b.do(204, "DELETE", "/v2/registries/shop/repositories/web%2Ffront", "")
	b.do(404, "GET", base+"/tags", "")
}

func TestTiersBoundWhatIsPushed(t *testing.T) {
	t.Parallel()
	b := newImageBench(t)
	b.do(201, "POST", "/v2/registry", `{"name":"shop","subscription_tier_slug":"starter","region":"nyc3"}`)
	writer := b.credentials("?read_write=true")
	_, err := b.push(writer, "shop/one:1")
	b.wants(0, "", err)
	_, err = b.push(writer, "shop/one:2")
	b.wants(0, "", err)
	_, err = b.push(writer, "shop/two:1")
	b.wants(403, "registry contains 1 repositories, limit is 1", err)
	b.do(200, "POST", "/v2/registries/subscription", `{"tier_slug":"basic"}`)
	_, err = b.push(writer, "shop/two:1")
	b.wants(0, "", err)
	if out := b.do(412, "POST", "/v2/registry/subscription", `{"tier_slug":"starter"}`); !strings.Contains(out["message"].(string), "OverRepositoryLimit") {
		t.Errorf("got %v", out)
	}
	out := b.do(200, "GET", "/v2/registries/options", "")
	if at(out, "options", "subscription_tiers", 0, "eligible") != false || at(out, "options", "subscription_tiers", 1, "monthly_price_in_cents") != 500.0 {
		t.Errorf("options are %v", out)
	}
}

func TestCollectionFreesWhatNothingRefersTo(t *testing.T) {
	t.Parallel()
	b := newImageBench(t)
	b.do(201, "POST", "/v2/registries", proTier)
	writer := b.credentials("?read_write=true")
	first, err := b.push(writer, "shop/web:1")
	b.wants(0, "", err)
	_, err = b.push(writer, "shop/web:2")
	b.wants(0, "", err)
	used := func() float64 {
		return at(b.do(200, "GET", "/v2/registries/shop", ""), "registry", "storage_usage_bytes").(float64)
	}
	before := used()
	b.do(204, "DELETE", "/v2/registries/shop/repositories/web/digests/"+first, "")
	if used() < before*0.7 {
		t.Error("blobs went before they were collected")
	}
	gc := "/v2/registries/shop/garbage-collection"
	b.do(404, "GET", gc, "")
	n := b.do(201, "POST", gc, `{}`)
	if at(n, "garbage_collection", "status") != "requested" {
		t.Errorf("at first: %v", n)
	}
	b.do(409, "POST", gc, "")
	b.clock.Advance(10 * time.Second)
	if got := at(b.do(200, "GET", gc, ""), "garbage_collection", "status"); got != "waiting for write JWTs to expire" {
		t.Errorf("a pusher's token lives, and the status is %v", got)
	}
	_, err = b.push(writer, "shop/web:3")
	b.wants(403, "read-only", err)
	b.wants(0, "", b.pull(writer, "shop/web:2"))
	b.clock.Advance(15 * time.Minute)
	if got := at(b.do(200, "GET", gc, ""), "garbage_collection", "status"); got != "scanning manifests" {
		t.Errorf("tokens have expired, and the status is %v", got)
	}
	b.clock.Advance(3 * time.Minute)
	b.do(404, "GET", gc, "")
	done := b.do(200, "GET", gc+"s", "")
	if at(done, "garbage_collections", 0, "status") != "succeeded" || at(done, "garbage_collections", 0, "blobs_deleted") != 3.0 {
		t.Errorf("at the end: %v", done)
	}
	if after := used(); after > before*0.6 || at(done, "garbage_collections", 0, "freed_bytes").(float64) < before*0.4 {
		t.Errorf("%.0f bytes of %.0f are left: %v", after, before, done)
	}
	_, err = b.push(writer, "shop/web:3")
	b.wants(0, "", err)

	n = b.do(201, "POST", gc, `{}`)
	path := gc + "/" + at(n, "garbage_collection", "uuid").(string)
	if got := at(b.do(200, "PUT", path, `{"cancel":true}`), "garbage_collection", "status"); got != "cancelling" {
		t.Errorf("cancelled: %v", got)
	}
	b.clock.Advance(10 * time.Second)
	if got := at(b.do(200, "GET", gc+"s", ""), "garbage_collections", 0, "status"); got != "cancelled" {
		t.Errorf("cancelled: %v", got)
	}
	if _, err := b.faults.Add(fault.Rule{Method: "POST", Path: gc, Ends: "error"}); err != nil {
		t.Fatal(err)
	}
	b.do(201, "POST", gc, `{}`)
	b.clock.Advance(20 * time.Minute)
	if got := at(b.do(200, "GET", gc+"s", ""), "garbage_collections", 0, "status"); got != "failed" {
		t.Errorf("faulty: %v", got)
	}
}

func TestRegistriesLiveByTheirRules(t *testing.T) {
	t.Parallel()
	b := newImageBench(t)
	b.do(404, "GET", "/v2/registry", "")
	b.do(404, "GET", "/v2/registries/subscription", "")
	b.do(204, "POST", "/v2/registries/validate-name", `{"name":"shop"}`)
	for body, why := range map[string]string{
		`{"name":"1shop","subscription_tier_slug":"basic"}`: "a digit first",
		`{"name":"shop-","subscription_tier_slug":"basic"}`: "a dash last",
		`{"name":"shop","subscription_tier_slug":"free"}`:   "no such tier",
		`{"name":"shop"}`: "no tier",
		`{"name":"shop","subscription_tier_slug":"basic","region":"lon1"}`: "no such region",
	} {
		if status, _, out := b.try("POST", "/v2/registries", body); status != 422 {
			t.Errorf("%s (%s): got %d %v, want 422", body, why, status, out)
		}
	}
	b.do(201, "POST", "/v2/registries", proTier)
	b.do(409, "POST", "/v2/registries/validate-name", `{"name":"shop"}`)
	b.do(409, "POST", "/v2/registry", `{"name":"second","subscription_tier_slug":"professional"}`)
	b.do(201, "POST", "/v2/registries", `{"name":"second","subscription_tier_slug":"professional"}`)
	b.do(412, "GET", "/v2/registry", "")
	b.do(412, "DELETE", "/v2/registry", "")
	if out := b.do(412, "POST", "/v2/registry/subscription", `{"tier_slug":"basic"}`); !strings.Contains(out["message"].(string), "OverRegistryLimit") {
		t.Errorf("got %v", out)
	}
	if got := len(b.do(200, "GET", "/v2/registries", "")["registries"].([]any)); got != 2 {
		t.Errorf("%d registries are listed, want 2", got)
	}
	b.do(204, "DELETE", "/v2/registries/second", "")
	b.do(204, "DELETE", "/v2/registry", "")
	b.do(404, "GET", "/v2/registries/shop", "")
}

func TestUnchangedGodoManagesRegistries(t *testing.T) {
	t.Parallel()
	b := newImageBench(t)
	c := b.godo()
	r, _, err := c.Registries.Create(t.Context(), &godo.RegistryCreateRequest{Name: "shop", SubscriptionTierSlug: "basic", Region: "fra1"})
	if err != nil || r.Region != "fra1" {
		t.Fatalf("%v, %v", r, err)
	}
	if got, _, err := c.Registry.Get(t.Context()); err != nil || got.Name != "shop" {
		t.Errorf("%v, %v", got, err)
	}
	if _, _, err := c.Registries.DockerCredentials(t.Context(), "shop", &godo.RegistryDockerCredentialsRequest{ReadWrite: true}); err != nil {
		t.Error(err)
	}
	if s, _, err := c.Registry.GetSubscription(t.Context()); err != nil || s.Tier.Slug != "basic" {
		t.Errorf("%v, %v", s, err)
	}
	if o, _, err := c.Registry.GetOptions(t.Context()); err != nil || len(o.SubscriptionTiers) != 3 {
		t.Errorf("%v, %v", o, err)
	}
	if _, _, err := c.Registry.ListRepositoriesV2(t.Context(), "shop", &godo.TokenListOptions{PerPage: 20}); err != nil {
		t.Error(err)
	}
	if _, _, err := c.Registry.StartGarbageCollection(t.Context(), "shop", &godo.StartGarbageCollectionRequest{Type: godo.GCTypeUnreferencedBlobsOnly}); err != nil {
		t.Error(err)
	}
	if _, err := c.Registries.Delete(t.Context(), "shop"); err != nil {
		t.Error(err)
	}
}
