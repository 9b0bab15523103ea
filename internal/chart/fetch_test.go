// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/problem"
)

// packed is testdata/demo as a .tgz, the same bytes each time.
func packed(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	zipped := gzip.NewWriter(&buf)
	tarred := tar.NewWriter(zipped)
	root := os.DirFS("testdata")
	err := fs.WalkDir(root, "demo", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		if err := tarred.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err = tarred.Write(data)
		return err
	})
	if err := errors.Join(err, tarred.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// published is a small registry and a small repository on one server, both holding the demo chart.
type published struct {
	*httptest.Server
	host   string
	calls  atomic.Int32
	digest string
}

func publish(t *testing.T) *published {
	t.Helper()
	chart := packed(t)
	p := &published{digest: digestOf(chart)}
	manifest := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",`+
		`"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"%s","size":2},`+
		`"layers":[{"mediaType":"%s","digest":"%s","size":%d}]}`, digestOf([]byte("{}")), chartLayer, p.digest, len(chart))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /charts/index.yaml", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "entries:\n  demo:\n  - {version: 1.3.0, urls: [files/demo-1.3.0.tgz]}\n  - {version: v1.2.3, urls: [files/demo-1.2.3.tgz]}\n")
	})
	mux.HandleFunc("GET /charts/files/demo-1.2.3.tgz", func(w http.ResponseWriter, _ *http.Request) { w.Write(chart) })
	mux.HandleFunc("GET /v2/team/charts/demo/manifests/{reference}", func(w http.ResponseWriter, r *http.Request) {
		if ref := r.PathValue("reference"); ref != "1.2.3" && ref != digestOf(manifest) {
			http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN"}]}`, http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		w.Header().Set("Docker-Content-Digest", digestOf(manifest))
		w.Write(manifest)
	})
	mux.HandleFunc("GET /v2/team/charts/demo/blobs/{digest}", func(w http.ResponseWriter, _ *http.Request) { w.Write(chart) })
	mux.HandleFunc("GET /insecure/index.yaml", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "entries:\n  demo:\n  - {version: 1.2.3, urls: ['http://charts.invalid/demo.tgz']}\n")
	})
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.calls.Add(1)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	p.host = strings.TrimPrefix(p.URL, "https://")
	return p
}

func TestFetchFromUpstream(t *testing.T) {
	t.Parallel()
	p := publish(t)
	for name, repo := range map[string]string{"repository": p.URL + "/charts", "registry": "oci://" + p.host + "/team/charts"} {
		t.Run(name, func(t *testing.T) {
			f := &Fetcher{Cache: filepath.Join(t.TempDir(), "cache"), HTTP: p.Client()}
			source := Source{Repo: repo, Name: "demo", Version: "1.2.3", Digest: p.digest}
			c, err := f.Fetch(t.Context(), source)
			if err != nil {
				t.Fatal(err)
			}
			if c.Name != "demo" || c.Version != "1.2.3" || c.AppVersion != "9.9" || c.Digest != p.digest {
				t.Errorf("got %+v", c)
			}
			if _, err := Render(t.Context(), c, options()); err != nil {
				t.Error(err)
			}
			before := p.calls.Load()
			again := &Fetcher{Cache: f.Cache, HTTP: p.Client()}
			if c, err = again.Fetch(t.Context(), source); err != nil || !strings.HasPrefix(c.From, f.Cache) {
				t.Errorf("a second fetch came from %v (%v), not from the cache", c, err)
			}
			if p.calls.Load() != before {
				t.Error("the cache was not enough")
			}
		})
	}
}

func TestFetchPrefersTheUsersFolder(t *testing.T) {
	t.Parallel()
	p := publish(t)
	source := Source{Repo: p.URL + "/charts", Name: "demo", Version: "1.2.3", Digest: p.digest}
	t.Run("unpacked", func(t *testing.T) {
		c, err := (&Fetcher{Dir: "testdata", HTTP: p.Client()}).Fetch(t.Context(), source)
		if err != nil || c.From != filepath.Join("testdata", "demo") || len(c.Notes) != 1 {
			t.Errorf("got %+v, %v", c, err)
		}
	})
	for _, name := range []string{"demo-1.2.3.tgz", "demo.tgz"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, name), packed(t), 0o644); err != nil {
				t.Fatal(err)
			}
			c, err := (&Fetcher{Dir: dir, HTTP: p.Client()}).Fetch(t.Context(), source)
			if err != nil || c.From != filepath.Join(dir, name) {
				t.Errorf("got %+v, %v", c, err)
			}
		})
	}
	if n := p.calls.Load(); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

func TestFetchRefusesOtherBytesThanRecorded(t *testing.T) {
	t.Parallel()
	p := publish(t)
	sum := sha256.Sum256([]byte("something else"))
	source := Source{Repo: p.URL + "/charts", Name: "demo", Version: "1.2.3", Digest: "sha256:" + hex.EncodeToString(sum[:])}
	cache := filepath.Join(t.TempDir(), "cache")
	_, err := (&Fetcher{Cache: cache, HTTP: p.Client()}).Fetch(t.Context(), source)
	if wrong, ok := errors.AsType[*DigestError](err); !ok || wrong.Got != p.digest {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(cache); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused chart was kept: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "demo.tgz"), packed(t), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := (&Fetcher{Dir: dir}).Fetch(t.Context(), source); err == nil {
		t.Error("the user's folder is no way around a digest")
	}
}

func TestFetchMendsADamagedCache(t *testing.T) {
	t.Parallel()
	p := publish(t)
	source := Source{Repo: p.URL + "/charts", Name: "demo", Version: "1.2.3", Digest: p.digest}
	cache := t.TempDir()
	where := filepath.Join(cache, source.cacheName())
	if err := errors.Join(os.MkdirAll(filepath.Dir(where), 0o755), os.WriteFile(where, packed(t)[:200], 0o644)); err != nil {
		t.Fatal(err)
	}
	c, err := (&Fetcher{Cache: cache, HTTP: p.Client()}).Fetch(t.Context(), source)
	if err != nil || c.Digest != p.digest {
		t.Fatalf("got %+v, %v", c, err)
	}
	if data, err := os.ReadFile(where); err != nil || digestOf(data) != p.digest {
		t.Errorf("the cache still holds the damaged copy (%v)", err)
	}
}

// said is what a person is shown of an error.
func said(err error) string {
	var b strings.Builder
	for _, p := range problem.All(err) {
		fmt.Fprintln(&b, p.Code, p.Title, p.Why, p.Fix)
	}
	return b.String()
}

func TestFetchSaysWhereItLooked(t *testing.T) {
	t.Parallel()
	p := publish(t)
	tests := map[string]struct {
		source Source
		says   []string
	}{
		"other version in the folder, none upstream": {
			Source{Repo: p.URL + "/charts", Name: "demo", Version: "1.4.0"},
			[]string{filepath.Join("testdata", "demo") + ": holds demo 1.2.3", "newest is 1.3.0", "--charts", "demo-1.4.0.tgz"},
		},
		"no such chart":       {Source{Repo: p.URL + "/charts", Name: "other", Version: "1.0.0"}, []string{`lists no chart "other"`}},
		"no such repository":  {Source{Repo: p.URL + "/nothing", Name: "other", Version: "1.0.0"}, []string{"404"}},
		"no such tag":         {Source{Repo: "oci://" + p.host + "/team/charts", Name: "demo", Version: "7.0.0"}, []string{"team/charts/demo:7.0.0"}},
		"archive over http":   {Source{Repo: p.URL + "/insecure", Name: "demo", Version: "1.2.3+1"}, []string{"lists demo, but not version"}},
		"archive not by tls":  {Source{Repo: p.URL + "/insecure", Name: "demo", Version: "v1.2.3"}, nil},
		"repository over ftp": {Source{Repo: "ftp://charts.invalid", Name: "demo", Version: "1.2.3"}, []string{"oci://", "https://"}},
		"name with a folder":  {Source{Repo: p.URL, Name: "../demo", Version: "1.2.3"}, []string{"../demo"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := (&Fetcher{Dir: "testdata", HTTP: p.Client()}).Fetch(t.Context(), tt.source)
			if tt.says == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range tt.says {
				if !strings.Contains(said(err), part) {
					t.Errorf("%q is missing in: %s", part, said(err))
				}
			}
		})
	}
	_, err := (&Fetcher{HTTP: p.Client()}).Fetch(t.Context(), Source{Repo: p.URL + "/insecure", Name: "demo", Version: "1.2.3"})
	if err == nil || !strings.Contains(err.Error(), "is not https") {
		t.Errorf("an archive without TLS: %v", err)
	}
}

// silence never answers, until its request is given up.
type silence struct{ asked atomic.Int32 }

func (s *silence) RoundTrip(req *http.Request) (*http.Response, error) {
	s.asked.Add(1)
	<-req.Context().Done()
	return nil, context.Cause(req.Context())
}

func TestFetchWaitsForASilentHostOnce(t *testing.T) {
	t.Parallel()
	s := &silence{}
	f := &Fetcher{Timeout: 10 * time.Millisecond, HTTP: &http.Client{Transport: s}}
	for range 3 {
		_, err := f.Fetch(t.Context(), Source{Repo: "https://charts.invalid", Name: "demo", Version: "1.2.3"})
		if _, ok := errors.AsType[*NotFoundError](err); !ok || !errors.Is(err, errNoAnswer) {
			t.Errorf("got %v", err)
		}
	}
	if n := s.asked.Load(); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
}

func TestFetchSharesOneDownload(t *testing.T) {
	t.Parallel()
	p := publish(t)
	f := &Fetcher{HTTP: p.Client()}
	source := Source{Repo: p.URL + "/charts", Name: "demo", Version: "1.2.3"}
	errs := make(chan error)
	for range 8 {
		go func() {
			_, err := f.Fetch(t.Context(), source)
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := p.calls.Load(); n != 2 {
		t.Errorf("%d calls, want 2: the index and the archive", n)
	}
}
