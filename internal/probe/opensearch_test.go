// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/probe"
)

// opensearch answers as OpenSearch does, in this process, to one user. Broken is what it answers to writes with; zero for what it
// should.
func opensearch(t *testing.T, a authority, broken int) (files map[string]string, left func() int) {
	t.Helper()
	var mu sync.Mutex
	held := map[string]string{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if user, password, ok := r.BasicAuth(); !ok || user != "web" || password != "s3cret-of-web" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		create, isCreate := strings.CutPrefix(r.URL.Path, "/k8or-probe/_create/")
		doc, isDoc := strings.CutPrefix(r.URL.Path, "/k8or-probe/_doc/")
		switch {
		case r.Method == http.MethodGet && r.URL.Path == "/":
			fmt.Fprint(w, `{"version":{"distribution":"opensearch"}}`)
		case broken != 0 && r.Method == http.MethodPut:
			w.WriteHeader(broken)
		case isCreate && r.Method == http.MethodPut && r.Header.Get("Content-Type") == "application/json":
			raw, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			held[create] = string(raw)
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"_index":"k8or-probe","_id":%q,"_version":1,"result":"created"}`, create)
		case isDoc && r.Method == http.MethodGet && held[doc] != "":
			fmt.Fprintf(w, `{"_index":"k8or-probe","_id":%q,"_version":1,"found":true,"_source":%s}`, doc, held[doc])
		case isDoc && r.Method == http.MethodDelete && held[doc] != "":
			delete(held, doc)
			fmt.Fprint(w, `{"result":"deleted"}`)
		case isDoc:
			w.WriteHeader(http.StatusNotFound)
		default:
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{a.issue(t, "127.0.0.1", -time.Hour, time.Hour)}}
	s.StartTLS()
	t.Cleanup(s.Close)
	host, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"db/type": "opensearch", "db/host": host, "db/port": port, "db/username": "web", "db/password": "s3cret-of-web", "db/ca.crt": a.pem},
		func() int { mu.Lock(); defer mu.Unlock(); return len(held) }
}

func TestADocumentIsIndexedAndGotAgain(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	files, left := opensearch(t, a, 0)
	f, _ := run(t, aRow, files)
	wants(t, f, probe.Passed, "a document was written to the index k8or-probe as web, got again and deleted")
	if n := left(); n > 0 {
		t.Errorf("%d documents are left behind", n)
	}
	files["db/password"] = "wrong-5a4b3c"
	f, _ = run(t, aRow, files)
	wants(t, f, probe.Failed, "OpenSearch refuses the credentials")
	files["db/ca.crt"] = newAuthority(t).pem
	f, _ = run(t, aRow, files)
	wants(t, f, probe.Failed, "nobody who is trusted signed the certificate")
	files, _ = opensearch(t, a, http.StatusForbidden)
	f, _ = run(t, aRow, files)
	wants(t, f, probe.Failed, "OpenSearch does not let the credentials do this (403)", "allowed")
	files, _ = opensearch(t, a, http.StatusTooManyRequests)
	f, _ = run(t, aRow, files)
	wants(t, f, probe.Failed, "OpenSearch answers 429 to a document that is written", "disk is full")
}
