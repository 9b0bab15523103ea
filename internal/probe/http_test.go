// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/probe"
)

// gateway is a server with a page for each way in which a gateway can answer.
func gateway(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	say := func(path string, status int, body string, header ...string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			io.WriteString(w, body) //nolint:errcheck // a test's page
		})
	}
	say("/good", 200, "hello", "Via", "1.1 kong")
	say("/moved", 302, "", "Location", "https://nowhere.invalid/")
	say("/app-404", 404, "no such page")
	say("/nginx", 404, "<html><center>nginx</center></html>")
	say("/kong", 404, `{"message":"no Route matched with those values"}`)
	say("/envoy", 404, "", "Server", "envoy")
	say("/no-pods", 503, "Service Temporarily Unavailable")
	mux.HandleFunc("/private", func(w http.ResponseWriter, r *http.Request) {
		if user, word, _ := r.BasicAuth(); user != "ada" || word != "lovelace-1843" {
			w.WriteHeader(401)
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestHTTPSignsInByATokenAndLooksIntoTheAnswer(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t0ken-of-the-test" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, map[string]string{"/full": `{"items":[{"usage":{"cpu":"12m"}}]}`, "/empty": `{"items":[]}`}[r.URL.Path]) //nolint:errcheck // a test's page
	}))
	t.Cleanup(s.Close)
	ask := func(path, token string) probe.Finding {
		f, _ := run(t, probe.Spec{HTTP: &probe.HTTP{URL: s.URL + path, Status: 200, Holds: `"usage"`, Token: "token"}}, map[string]string{"token": token})
		return f
	}
	wants(t, ask("/full", "t0ken-of-the-test\n"), probe.Passed, "answers 200")
	wants(t, ask("/empty", "t0ken-of-the-test"), probe.Failed, "does not have what it should")
	wants(t, ask("/full", "another"), probe.Failed, "answers 401")
}

func TestHTTPTellsGoodAnswersFromBad(t *testing.T) {
	t.Parallel()
	s := gateway(t)
	for _, c := range []struct {
		path  string
		any   bool
		state probe.State
		word  string
	}{
		{"/good", false, probe.Passed, "answers 200"},
		{"/moved", false, probe.Passed, "answers 302"},
		{"/app-404", false, probe.Failed, "no good answer"},
		{"/app-404", true, probe.Passed, "answers 404"},
		{"/private", true, probe.Passed, "answers 401"},
		{"/private", false, probe.Failed, "credentials"},
		{"/nginx", true, probe.Failed, "no route"},
		{"/kong", true, probe.Failed, "no route"},
		{"/envoy", true, probe.Failed, "no route"},
		{"/no-pods", true, probe.Failed, "reaches nobody"},
	} {
		f, _ := run(t, probe.Spec{HTTP: &probe.HTTP{URL: s.URL + c.path, Any: c.any}}, nil)
		if f.State != c.state || !strings.Contains(f.Message, c.word) {
			t.Errorf("%s (any %v): %s, %s; it should have %s and say %q", c.path, c.any, f.State, f.Message, c.state, c.word)
		}
	}
}

func TestHTTPHoldsStatusAgainstTheSpec(t *testing.T) {
	t.Parallel()
	s := gateway(t)
	f, _ := run(t, probe.Spec{HTTP: &probe.HTTP{URL: s.URL + "/good", Status: 200}}, nil)
	wants(t, f, probe.Passed)
	f, _ = run(t, probe.Spec{HTTP: &probe.HTTP{URL: s.URL + "/good", Status: 401}}, nil)
	wants(t, f, probe.Failed, "401 was to come")
}

func TestHTTPSignsInWithFiles(t *testing.T) {
	t.Parallel()
	s := gateway(t)
	spec := probe.Spec{HTTP: &probe.HTTP{URL: s.URL + "/private", Username: "/probe/user", Password: "password"}}
	f, _ := run(t, spec, map[string]string{"user": "ada\n", "password": "lovelace-1843"})
	wants(t, f, probe.Passed)
	f, _ = run(t, spec, map[string]string{"user": "ada", "password": "wrong-9q8w7e"})
	wants(t, f, probe.Failed, "refuses the credentials", "password")
	f, _ = run(t, spec, map[string]string{"user": "ada"})
	wants(t, f, probe.Failed, "credential password is not there", "Secret")
}

func TestHTTPConnectsToTheAddressAndAsksForTheHost(t *testing.T) {
	t.Parallel()
	s := gateway(t)
	at, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	f, _ := run(t, probe.Spec{HTTP: &probe.HTTP{URL: "http://shop.invalid/good", Address: at.Host}}, nil)
	wants(t, f, probe.Passed, "http://shop.invalid/good answers 200")
	f, _ = run(t, probe.Spec{HTTP: &probe.HTTP{URL: "http://shop.invalid:" + at.Port() + "/good", Address: at.Hostname()}}, nil)
	wants(t, f, probe.Passed)
}

func TestHTTPSaysWhyNobodyAnswers(t *testing.T) {
	t.Parallel()
	s := gateway(t)
	s.Close()
	f, _ := run(t, probe.Spec{Timeout: short, HTTP: &probe.HTTP{URL: s.URL}}, nil)
	wants(t, f, probe.Failed, "gives no answer", "network policy")
	f, _ = run(t, probe.Spec{Timeout: short, HTTP: &probe.HTTP{URL: "http://nowhere.invalid/"}}, nil)
	wants(t, f, probe.Failed, "nowhere.invalid")
}

func TestHTTPBelievesOnlyTheAuthorityGiven(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	own := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	spec := probe.Spec{HTTP: &probe.HTTP{URL: s.URL, CA: "ca.crt", Any: true}}
	f, _ := run(t, spec, map[string]string{"ca.crt": own})
	wants(t, f, probe.Passed)
	f, _ = run(t, spec, map[string]string{"ca.crt": newAuthority(t).pem})
	wants(t, f, probe.Failed, "nobody who is trusted")
	f, _ = run(t, spec, map[string]string{"ca.crt": "no PEM"})
	wants(t, f, probe.Failed, "is not PEM")
}
