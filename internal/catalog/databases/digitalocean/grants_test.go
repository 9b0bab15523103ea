// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/databases"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/database"
	simulated "github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

// TestAUserOfAnotherTurnOwnsWhatTheOneBeforeMade runs the Job's own words with psql against a real PostgreSQL.
func TestAUserOfAnotherTurnOwnsWhatTheOneBeforeMade(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"psql", "postgres", "initdb"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the machine has no %s, so that nothing real can be tried", program)
		}
	}
	now := clock.NewManual(time.Now())
	var runtime atomic.Pointer[database.Runtime]
	cloud := simulated.New(simulated.Options{Clock: now, Seed: 1, Changed: func() {
		if r := runtime.Load(); r != nil {
			r.Nudge()
		}
	}})
	t.Cleanup(cloud.Close)
	servers := database.New(database.Options{Cloud: cloud, Log: t.Logf})
	t.Cleanup(servers.Close)
	runtime.Store(servers)
	client := &http.Client{Transport: wire.Transport(cloud)}
	call := func(method, path, body string, into any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "https://sandbox.example.com"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+simulated.DefaultToken)
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		raw, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode > 299 {
			t.Fatalf("%s %s: %s %s %v", method, path, answer.Status, raw, err)
		}
		if into != nil {
			if err := json.Unmarshal(raw, into); err != nil {
				t.Fatal(err)
			}
		}
	}
	var d struct {
		Database struct {
			ID         string
			Connection struct{ Password string }
		}
	}
	call(http.MethodPost, "/v2/databases", `{"name": "orders", "engine": "pg", "version": "16", "region": "nyc3", "num_nodes": 1, "size": "db-s-1vcpu-2gb"}`, &d)
	now.Advance(10 * time.Minute)
	at := "/v2/databases/" + d.Database.ID
	call(http.MethodPost, at+"/dbs", `{"name": "orders"}`, nil)
	passwords := map[string]string{"doadmin": d.Database.Connection.Password}
	sign := func(name string) {
		t.Helper()
		var made struct{ User struct{ Password string } }
		call(http.MethodPost, at+"/users", `{"name": "`+name+`"}`, &made)
		passwords[name] = made.User.Password
	}
	port, err := servers.Open(d.Database.ID, "ip:203.0.113.7", false)
	if err != nil {
		t.Fatal(err)
	}
	host, number, err := net.SplitHostPort(port.Address)
	if err != nil {
		t.Fatal(err)
	}
	run := func(env []string, program string, args ...string) (string, error) {
		c := exec.CommandContext(t.Context(), program, args...)
		c.Env = append(c.Environ(), append(env, "PGHOST="+host, "PGPORT="+number, "PGSSLMODE=require")...)
		out, err := c.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	// as is what somebody sees who says a statement; the error is PostgreSQL's.
	as := func(user, statement string) (string, error) {
		return run([]string{"PGUSER=" + user, "PGPASSWORD=" + passwords[user]}, "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", "orders", "-c", statement)
	}
	may := func(user, statement string) string {
		t.Helper()
		out, err := as(user, statement)
		if err != nil {
			t.Fatalf("%s may not %q: %v\n%s", user, statement, err, out)
		}
		return out
	}
	m := &maker{entry: entry{ID: "databases/orders", Name: "orders", Spec: v1alpha1.Database{Engine: databases.PostgreSQL}}, kind: engines[databases.PostgreSQL]}
	users := []user{{name: "k8or-web", client: &product.Client{Name: "web"}, privileges: "readWrite", databases: []string{"orders"}}, {name: "analyst", privileges: "read", databases: []string{"orders"}}}
	grant := func(web string) {
		t.Helper()
		script := m.job(users).Spec.Template.Spec.Containers[0].Command
		out, err := run([]string{"ADMIN=" + passwords["doadmin"], "USER_0=" + web, "PASSWORD_0=" + passwords[web], "USER_1=analyst", "PASSWORD_1=" + passwords["analyst"]}, script[0], script[1:]...)
		if err != nil {
			t.Fatalf("the Job failed: %v\n%s", err, out)
		}
	}

	sign("analyst")
	sign("k8or-web")
	grant("k8or-web")
	may("k8or-web", "CREATE TABLE carts (id serial PRIMARY KEY, what text); INSERT INTO carts (what) VALUES ('a shoe')")
	if got := may("analyst", "SELECT what FROM carts"); got != "a shoe" {
		t.Errorf("who may read reads %q", got)
	}
	grant("k8or-web") // the Job may run again at any time

	sign("k8or-web_2")
	grant("k8or-web_2")
	may("k8or-web", "INSERT INTO carts (what) VALUES ('by a pod that runs on')")
	may("k8or-web_2", "ALTER TABLE carts ADD COLUMN price int; INSERT INTO carts (what, price) VALUES ('a hat', 3)")
	may("k8or-web_2", "CREATE TABLE later (id int)")
	may("k8or-web", "INSERT INTO later VALUES (1)")
	may("analyst", "SELECT * FROM later")
	if out, err := as("analyst", "INSERT INTO later VALUES (2)"); err == nil || !strings.Contains(out, "permission denied") {
		t.Errorf("who may only read writes: %v %s", err, out)
	}
	// Whatever DigitalOcean does when it deletes a user, nothing that is left speaks of it: not even DROP ROLE alone is refused.
	if got := may("doadmin", "SELECT count(*) FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = '\"k8or-web\"'::regrole"); got != "0" {
		t.Errorf("%s things depend on the user whose turn is over, want none", got)
	}
	call(http.MethodDelete, at+"/users/k8or-web", "", nil)
	may("k8or-web_2", "ALTER TABLE later ADD COLUMN more int; DELETE FROM carts")
}
