// SPDX-License-Identifier: Apache-2.0

package elk

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/k8or/k8or/api/v1alpha1"
)

// stack is as much of Elasticsearch and Kibana as the Job speaks to. Kibana takes a view that is there already only with override,
// and nothing without the header kbn-xsrf.
type stack struct {
	mu   sync.Mutex
	held map[string]string
	user string // "name:password"
}

func (s *stack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, password, _ := r.BasicAuth()
	body, err := io.ReadAll(r.Body)
	_, there := s.held[r.URL.Path]
	var said struct{ Override bool }
	switch {
	case err != nil || !json.Valid(body):
		w.WriteHeader(http.StatusBadRequest)
	case name+":"+password != s.user:
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/_"):
		s.held[r.URL.Path] = string(body)
	case r.Method == http.MethodPost && r.URL.Path == "/api/data_views/data_view" && r.Header.Get("kbn-xsrf") != "":
		if json.Unmarshal(body, &said) != nil || there && !said.Override {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.held[r.URL.Path] = string(body)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// setUp runs the Job's script as its pod would, against a stack whose Kibana speaks TLS or does not.
func setUp(t *testing.T, s *stack, retention string, secure bool) (string, error) {
	t.Helper()
	for _, program := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the script needs %s: %v", program, err)
		}
	}
	search, kibana := httptest.NewTLSServer(s), httptest.NewServer(s)
	if secure {
		kibana.Close()
		kibana = httptest.NewTLSServer(s)
	}
	defer search.Close()
	defer kibana.Close()
	dir := t.TempDir()
	write := func(name, text string) {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var e entry
	e.Spec = v1alpha1.Sink{Retention: retention}
	data, err := files(e)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range data {
		write("setup/"+name, text)
	}
	const password = "s3cret-of-logs-setup"
	write("user/username", "logs-setup")
	write("user/password", password)
	write("authority/ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: search.Certificate().Raw})))
	if secure {
		write("kibana/ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: kibana.Certificate().Raw})))
	}
	write("tmp/.keep", "")
	here := strings.NewReplacer("/user/", dir+"/user/", "/setup/", dir+"/setup/", "/tmp/", dir+"/tmp/", "/authority/", dir+"/authority/", " /kibana/", " "+dir+"/kibana/",
		":9200/", ":"+portOf(t, search)+"/", ":5601/", ":"+portOf(t, kibana)+"/", "--retry 60 --retry-delay 5", "--retry 0").Replace(data["setup.sh"])
	run := exec.CommandContext(t.Context(), "sh", "-c", here)
	run.Env = append(os.Environ(), "ELASTICSEARCH=127.0.0.1", "KIBANA=127.0.0.1", "KIBANA_TLS=false")
	if secure {
		run.Env = append(run.Env, "KIBANA_TLS=true")
	}
	out, err := run.CombinedOutput()
	if strings.Contains(string(out), password) {
		t.Errorf("the Job's log has the password:\n%s", out)
	}
	if _, err := os.Stat(filepath.Join(dir, "tmp/netrc")); err == nil {
		t.Error("the file with the password stays")
	}
	return string(out), err
}

func portOf(t *testing.T, s *httptest.Server) string {
	t.Helper()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestTheJobPutsRetentionIndexesAndViewInPlace(t *testing.T) {
	t.Parallel()
	s := &stack{held: map[string]string{}, user: "logs-setup:s3cret-of-logs-setup"}
	for _, run := range []struct {
		retention string
		secure    bool
	}{{"7d", true}, {"30d", false}} { // the second changes what the first put there
		if out, err := setUp(t, s, run.retention, run.secure); err != nil {
			t.Fatalf("with a retention of %s, %v\n%s", run.retention, err, out)
		}
	}
	for at, want := range map[string]string{
		"/_ilm/policy/k8or-logs":     `"min_age": "30d"`,
		"/_index_template/k8or-logs": `"index.lifecycle.name": "k8or-logs"`,
		"/api/data_views/data_view":  `"timeFieldName": "@timestamp"`,
	} {
		if !strings.Contains(s.held[at], want) {
			t.Errorf("%s is %s, want %s in it", at, s.held[at], want)
		}
	}
}

func TestTheJobFailsWhenItIsRefused(t *testing.T) {
	t.Parallel()
	s := &stack{held: map[string]string{}, user: "logs-setup:another"}
	if out, err := setUp(t, s, "7d", true); err == nil || !strings.Contains(out, "401") || len(s.held) > 0 {
		t.Errorf("refused, it ends with %v and says %s", err, out)
	}
}
