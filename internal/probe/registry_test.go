// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/k8or/k8or/internal/probe"
)

// guarded is a registry in this process that wants a password and remembers what was asked of it.
type guarded struct {
	*httptest.Server
	mu      sync.Mutex
	asked   []string
	spoil   bool // hand out other bytes than were pushed
	noPurge bool // refuse deletions, as distribution does unless storage.delete.enabled
}

func newRegistry(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.asked = append(g.asked, r.Method+" "+r.URL.Path)
		g.mu.Unlock()
		if user, word, _ := r.BasicAuth(); user != "ada" || word != "lovelace-1843" {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		switch {
		case r.Method == http.MethodDelete && g.noPurge:
			w.WriteHeader(http.StatusMethodNotAllowed)
		case r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/sha256:") && g.spoil:
			rec := httptest.NewRecorder()
			inner.ServeHTTP(rec, r)
			for k, v := range rec.Header() {
				w.Header()[k] = v
			}
			w.WriteHeader(rec.Code)
			w.Write(bytes.Map(func(r rune) rune { return r ^ 1 }, rec.Body.Bytes())) //nolint:errcheck // a test's page
		default:
			inner.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *guarded) host() string { return strings.TrimPrefix(g.URL, "http://") }

func (g *guarded) config(password string) map[string]string {
	pair := base64.StdEncoding.EncodeToString([]byte("ada:" + password))
	return map[string]string{"config.json": fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, g.host(), pair)}
}

func (g *guarded) spec() probe.Spec {
	return probe.Spec{Registry: &probe.Registry{Host: g.host(), Repository: "k8or/probe", Config: "config.json", Plain: true}}
}

func TestRegistryPushesPullsAndDeletes(t *testing.T) {
	t.Parallel()
	g := newRegistry(t)
	f, _ := run(t, g.spec(), g.config("lovelace-1843"))
	wants(t, f, probe.Passed, "pushed", "same digests", "deleted")
	if all := strings.Join(g.asked, "\n"); !strings.Contains(all, "DELETE /v2/k8or/probe/manifests/sha256:") {
		t.Errorf("the manifest was not deleted:\n%s", all)
	}
}

func TestRegistryOnlySignsInWhereItMayNotPush(t *testing.T) {
	t.Parallel()
	g := newRegistry(t)
	spec := g.spec()
	spec.Registry.SignIn = true
	f, _ := run(t, spec, g.config("lovelace-1843"))
	wants(t, f, probe.Passed, "is let in at "+g.host()+"/k8or/probe")
	if all := strings.Join(g.asked, "\n"); strings.Contains(all, "POST") || strings.Contains(all, "PUT") {
		t.Errorf("something was pushed:\n%s", all)
	}
	f, _ = run(t, spec, g.config("wrong"))
	wants(t, f, probe.Failed, "refuses the credentials")
}

func TestRegistryAsksForAnImageThatIsThere(t *testing.T) {
	t.Parallel()
	g := newRegistry(t)
	spec := g.spec()
	spec.Registry.Reference = "1.4.2"
	f, _ := run(t, spec, g.config("lovelace-1843"))
	wants(t, f, probe.Failed, g.host()+"/k8or/probe has no 1.4.2")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, g.URL+"/v2/k8or/probe/manifests/1.4.2", strings.NewReader(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("ada", "lovelace-1843")
	request.Header.Set("Content-Type", "application/vnd.oci.image.index.v1+json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.Body.Close() != nil || answer.StatusCode != http.StatusCreated {
		t.Fatalf("push: %v, %v", answer, err)
	}
	f, _ = run(t, spec, g.config("lovelace-1843"))
	wants(t, f, probe.Passed, "/k8or/probe has 1.4.2: sha256:")
	f, _ = run(t, spec, g.config("wrong"))
	wants(t, f, probe.Failed, "refuses the credentials")
}

func TestRegistrySaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	g := newRegistry(t)
	f, _ := run(t, g.spec(), g.config("wrong"))
	wants(t, f, probe.Failed, "refuses the credentials", "pull secret")
	f, _ = run(t, g.spec(), map[string]string{"config.json": `{"auths":{"other.example.com":{}}}`})
	wants(t, f, probe.Failed, "have nothing for "+g.host())
	f, _ = run(t, g.spec(), map[string]string{"config.json": `auths: {}`})
	wants(t, f, probe.Failed, "config.json")
	open := g.spec()
	open.Registry.Config = ""
	f, _ = run(t, open, nil)
	wants(t, f, probe.Failed, "credentials")
}

func TestRegistryThatSpoilsImagesIsFound(t *testing.T) {
	t.Parallel()
	g := newRegistry(t)
	g.spoil = true
	f, _ := run(t, g.spec(), g.config("lovelace-1843"))
	wants(t, f, probe.Failed, "cannot be pulled as it was", "storage")
	if all := strings.Join(g.asked, "\n"); !strings.Contains(all, "DELETE ") {
		t.Errorf("what was pushed is left behind:\n%s", all)
	}
}

func TestRegistryThatDeletesNothingIsFound(t *testing.T) {
	t.Parallel()
	g := newRegistry(t)
	g.noPurge = true
	f, _ := run(t, g.spec(), g.config("lovelace-1843"))
	wants(t, f, probe.Failed, "cannot be deleted", "storage.delete.enabled")
}

func TestRegistryOutOfReachIsAFailure(t *testing.T) {
	t.Parallel()
	g := newRegistry(t)
	files := g.config("lovelace-1843")
	g.Close()
	spec := g.spec()
	spec.Timeout = short
	f, _ := run(t, spec, files)
	wants(t, f, probe.Failed, "cannot be pushed")
}
