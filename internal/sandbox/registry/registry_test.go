// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/k8or/k8or/internal/sandbox/clock"
)

// cloud has one registry, shop, and one password, p.
type cloud struct {
	mu     sync.Mutex
	refuse error // what a push is refused with
}

func (c *cloud) RegistryAccess(registry, password string) (pull, push bool) {
	ok := password == "p" && (registry == "" || registry == "shop")
	return ok, ok
}

func (c *cloud) MayPush(string, int, bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refuse
}

type bench struct {
	*testing.T
	server *Server
	cloud  *cloud
	clock  *clock.Manual
	host   string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, cloud: &cloud{}, clock: clock.NewManual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))}
	var err error
	if b.server, err = Open(Options{Dir: t.TempDir(), Clock: b.clock, Cloud: b.cloud}); err != nil {
		t.Fatal(err)
	}
	if err := b.server.Create("shop"); err != nil {
		t.Fatal(err)
	}
	at := httptest.NewServer(b.server)
	t.Cleanup(at.Close)
	b.host = strings.TrimPrefix(at.URL, "http://")
	return b
}

func (b *bench) tag(text string) name.Tag {
	b.Helper()
	t, err := name.NewTag(b.host + "/" + text)
	if err != nil {
		b.Fatal(err)
	}
	return t
}

func (b *bench) options() []remote.Option {
	return []remote.Option{remote.WithAuth(&authn.Basic{Username: "u", Password: "p"}), remote.WithContext(b.Context())}
}

func TestImagesOfSeveralPlatformsArePushedAndCollected(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	index, err := random.Index(512, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(b.tag("shop/web:1"), index, b.options()...); err != nil {
		t.Fatal(err)
	}
	got, err := remote.Index(b.tag("shop/web:1"), b.options()...)
	if err != nil {
		t.Fatal(err)
	}
	if manifest, err := got.IndexManifest(); err != nil || len(manifest.Manifests) != 2 {
		t.Errorf("the index has %v, %v", manifest, err)
	}
	repo := b.server.Repositories("shop")[0]
	if len(repo.Manifests) != 3 || len(repo.Tags) != 1 {
		t.Errorf("there are %d manifests and %d tags, want 3 and 1", len(repo.Manifests), len(repo.Tags))
	}
	// What a tag leads to through an index is kept; without the tag, all of it goes.
	if blobs, _, err := b.server.Collect("shop", true, true); err != nil || blobs != 0 || len(b.server.Repositories("shop")[0].Manifests) != 3 {
		t.Errorf("a collection took %d blobs of a tagged index, %v", blobs, err)
	}
	if ok, err := b.server.DeleteTag("shop", "web", "1"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if blobs, freed, err := b.server.Collect("shop", true, true); err != nil || blobs != 4 || freed < 1024 || len(b.server.Repositories("shop")[0].Manifests) != 0 {
		t.Errorf("a collection took %d blobs and %d bytes, want 4 and over 1024, %v", blobs, freed, err)
	}
	if size, err := b.server.Bytes("shop"); size != 0 || err != nil {
		t.Errorf("%d bytes are left, %v", size, err)
	}
}

func TestTagsAreListedByPages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"c", "a", "b"} {
		if err := remote.Write(b.tag("shop/web:"+tag), image, b.options()...); err != nil {
			t.Fatal(err)
		}
	}
	tags, err := remote.List(b.tag("shop/web").Repository, append(b.options(), remote.WithPageSize(2))...)
	if err != nil || strings.Join(tags, "") != "abc" {
		t.Errorf("tags are %v, %v", tags, err)
	}
	if err := remote.Delete(b.tag("shop/web:b"), b.options()...); err != nil {
		t.Fatal(err)
	}
	if tags, err := remote.List(b.tag("shop/web").Repository, b.options()...); err != nil || strings.Join(tags, "") != "ac" {
		t.Errorf("after a deletion tags are %v, %v", tags, err)
	}
}

func TestTokensExpireAndAreCounted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(b.tag("shop/web:1"), image, b.options()...); err != nil {
		t.Fatal(err)
	}
	if until := b.server.WritableUntil("shop"); until.Sub(b.clock.Now()) != writeTokenLife {
		t.Errorf("a token lets push until %v", until)
	}
	b.clock.Advance(writeTokenLife)
	if until := b.server.WritableUntil("shop"); !until.IsZero() {
		t.Errorf("an expired token still counts until %v", until)
	}
	b.cloud.mu.Lock()
	b.cloud.refuse = errors.New("registry contains 1 repositories, limit is 1")
	b.cloud.mu.Unlock()
	if err := remote.Write(b.tag("shop/other:1"), image, b.options()...); err == nil || !strings.Contains(err.Error(), "limit is 1") {
		t.Errorf("a push beyond the limit: %v", err)
	}
	if err := remote.Write(b.tag("strange/web:1"), image, b.options()...); err == nil {
		t.Error("a push to a registry that is not ours went through")
	}
}
