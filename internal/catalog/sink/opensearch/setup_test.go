// SPDX-License-Identifier: Apache-2.0

package opensearch

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// store is as much of OpenSearch as the Job speaks to: what is put is held, with a number that grows, and a policy is only changed
// by who names it.
type store struct {
	held    map[string]string
	number  int
	managed []string
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if user, password, ok := r.BasicAuth(); !ok || user != "doadmin" || password != "s3cret-of-doadmin" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	at, _ := strings.CutPrefix(r.URL.Path, "/")
	held, there := s.held[at]
	switch {
	case at == "":
		fmt.Fprint(w, `{"version": {"distribution": "opensearch", "number": "2.19.1"}}`)
	case r.Method == http.MethodGet && there && strings.Contains(at, "/policies/"):
		fmt.Fprintf(w, `{"_id":"k8or-logs","_version":1,"_seq_no":%d,"_primary_term":1,"policy":%s}`, s.number, held)
	case r.Method == http.MethodGet && there:
		fmt.Fprint(w, held)
	case r.Method == http.MethodGet:
		w.WriteHeader(http.StatusNotFound)
	case strings.HasPrefix(at, "_data_stream/") && there:
		w.WriteHeader(http.StatusBadRequest) // resource_already_exists_exception
	case strings.HasPrefix(at, "_data_stream/") && s.held["_index_template/k8or-logs"] == "":
		w.WriteHeader(http.StatusBadRequest) // no matching index template found for data stream
	case strings.Contains(at, "/policies/") && there && r.URL.RawQuery != fmt.Sprintf("if_seq_no=%d&if_primary_term=1", s.number):
		w.WriteHeader(http.StatusConflict)
	case strings.Contains(at, "/change_policy/"):
		s.managed = append(s.managed, string(body))
		fmt.Fprint(w, `{"updated_indices":1,"failures":false,"failed_indices":[]}`)
	case r.Method == http.MethodPut && (strings.HasPrefix(at, "_data_stream/") || json.Valid(body)):
		s.held[at] = string(body)
		s.number++
		fmt.Fprint(w, `{"acknowledged":true}`)
	default:
		w.WriteHeader(http.StatusBadRequest)
	}
}

// setUp runs the Job's script as its pod would, against a store.
func setUp(t *testing.T, s *store, retention, password string) (string, error) {
	t.Helper()
	for _, program := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the script needs %s: %v", program, err)
		}
	}
	server := httptest.NewTLSServer(s)
	defer server.Close()
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data, err := files(retention)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range data {
		write("setup/"+name, text)
	}
	for name, text := range map[string]string{"host": host, "port": port, "username": "doadmin", "password": password,
		"ca.crt": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))} {
		write("user/"+name, text)
	}
	write("tmp/.keep", "")
	here := strings.NewReplacer("/user/", dir+"/user/", "/setup/", dir+"/setup/", "/tmp/", dir+"/tmp/", "--retry 60 --retry-delay 5", "--retry 0").Replace(data["setup.sh"])
	out, err := exec.CommandContext(t.Context(), "sh", "-c", here).CombinedOutput()
	if strings.Contains(string(out), password) {
		t.Errorf("the Job's log has the password:\n%s", out)
	}
	return string(out), err
}

func TestTheJobSaysHowLongLogsStay(t *testing.T) {
	t.Parallel()
	s := &store{held: map[string]string{}}
	for _, retention := range []string{"7d", "2w"} { // the second changes what the first put there
		if out, err := setUp(t, s, retention, "s3cret-of-doadmin"); err != nil {
			t.Fatalf("with a retention of %s: %v\n%s", retention, err, out)
		}
	}
	if policy := s.held["_plugins/_ism/policies/k8or-logs"]; !strings.Contains(policy, `"min_rollover_age": "14d"`) || !strings.Contains(policy, `"min_index_age": "1d"`) || !strings.Contains(policy, "logs-kubernetes-*") {
		t.Errorf("the policy is %s", policy)
	}
	if _, there := s.held["_data_stream/logs-kubernetes-default"]; !there {
		t.Errorf("there is no data stream: %v", s.held)
	}
	if len(s.managed) != 2 || !strings.Contains(s.managed[1], "k8or-logs") {
		t.Errorf("indexes that are there are told of the policy by %q", s.managed)
	}
}

func TestTheJobFailsWhenItIsRefused(t *testing.T) {
	t.Parallel()
	s := &store{held: map[string]string{}}
	if out, err := setUp(t, s, "7d", "wrong-5a4b3c"); err == nil || !strings.Contains(out, "401") || len(s.held) > 0 {
		t.Errorf("refused, it ends with %v and says %s", err, out)
	}
}
