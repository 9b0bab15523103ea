// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"bytes"
	"context"
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

// tried is a real server behind the API of the simulated cloud, and the Job's own words for it.
type tried struct {
	*testing.T
	engine  string
	now     *clock.Manual
	servers *database.Runtime
	api     *http.Client

	host, port string
	serves     string // what answers there
	at         string // the database cluster's path
	passwords  map[string]string
}

// try makes the database cluster orders of PostgreSQL, with databases orders and reports.
func try(t *testing.T) *tried {
	t.Helper()
	for _, program := range []string{"psql", "postgres", "initdb"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the machine has no %s, so that nothing real can be tried", program)
		}
	}
	return tryOf(t, databases.PostgreSQL)
}

func tryOf(t *testing.T, engine string) *tried {
	t.Helper()
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
	w := &tried{T: t, engine: engine, now: now, servers: servers, api: &http.Client{Transport: wire.Transport(cloud)}}
	w.cluster(`"name": "orders"`)
	w.call(http.MethodPost, w.at+"/dbs", `{"name": "orders"}`, nil)
	w.call(http.MethodPost, w.at+"/dbs", `{"name": "reports"}`, nil)
	return w
}

// cluster makes a database cluster, which all further words are about.
func (w *tried) cluster(more string) {
	w.Helper()
	var d struct {
		Database struct {
			ID    string
			Users []struct{ Name, Password string }
		}
	}
	w.call(http.MethodPost, "/v2/databases", `{"engine": "`+engines[w.engine].slug+`", "version": "`+engines[w.engine].version+`", "region": "nyc3", "num_nodes": 1, "size": "db-s-1vcpu-2gb", `+more+`}`, &d)
	w.now.Advance(10 * time.Minute)
	w.at = "/v2/databases/" + d.Database.ID
	w.call(http.MethodGet, w.at, "", &d)
	w.passwords = map[string]string{}
	for _, u := range d.Database.Users {
		w.passwords[u.Name] = u.Password
	}
	port, err := w.servers.Open(d.Database.ID, "ip:203.0.113.7", false)
	if err != nil {
		w.Fatal(err)
	}
	w.serves = port.Serves
	if w.host, w.port, err = net.SplitHostPort(port.Address); err != nil {
		w.Fatal(err)
	}
}

func (w *tried) call(method, path, body string, into any) {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, "https://sandbox.example.com"+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+simulated.DefaultToken)
	answer, err := w.api.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode > 299 {
		w.Fatalf("%s %s: %s %s %v", method, path, answer.Status, raw, err)
	}
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			w.Fatal(err)
		}
	}
}

// sign makes a user.
func (w *tried) sign(name string) {
	w.Helper()
	var made struct{ User struct{ Password string } }
	w.call(http.MethodPost, w.at+"/users", `{"name": "`+name+`"}`, &made)
	w.passwords[name] = made.User.Password
}

func (w *tried) command(ctx context.Context, env []string, program string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, program, args...)
	c.Env = append(c.Environ(), append(env, "PGHOST="+w.host, "PGPORT="+w.port, "PGSSLMODE=require")...)
	return c
}

func (w *tried) psql(ctx context.Context, user, db string) *exec.Cmd {
	return w.command(ctx, []string{"PGUSER=" + user, "PGPASSWORD=" + w.passwords[user]}, "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", db)
}

// client is the engine's own, signed in as somebody.
func (w *tried) client(ctx context.Context, user, db string) *exec.Cmd {
	if w.engine == databases.MySQL {
		return w.command(ctx, []string{"MYSQL_PWD=" + w.passwords[user]}, "mysql", "--host="+w.host, "--port="+w.port, "--user="+user, "--ssl-mode=REQUIRED", "--batch", "--skip-column-names", db)
	}
	return w.psql(ctx, user, db)
}

// as is what somebody sees who says a statement; the error is the server's.
func (w *tried) as(user, db, statement string) (string, error) {
	c := w.client(w.Context(), user, db)
	c.Stdin = strings.NewReader(statement)
	out, err := c.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (w *tried) may(user, db, statement string) string {
	w.Helper()
	out, err := w.as(user, db, statement)
	if err != nil {
		w.Fatalf("%s may not %q in %s: %v\n%s", user, statement, db, err, out)
	}
	return out
}

func (w *tried) mayNot(user, db, statement string) {
	w.Helper()
	if out, err := w.as(user, db, statement); err == nil || !strings.Contains(out, "denied") && !strings.Contains(out, "must be owner") {
		w.Errorf("%s may %q in %s: %v %s", user, statement, db, err, out)
	}
}

// grant runs the Job's own words. The first user signs in under a name of its turn.
func (w *tried) grant(first string, users ...user) {
	w.Helper()
	m := &maker{entry: entry{ID: "databases/orders", Name: "orders", Spec: v1alpha1.Database{Engine: w.engine, Databases: []string{"orders", "reports"}}}, kind: engines[w.engine]}
	env := []string{"ADMIN=" + w.passwords["doadmin"]}
	for i, u := range users {
		name := u.name
		if i == 0 {
			name = first
		}
		env = append(env, variable("USER", i)+"="+name, variable("PASSWORD", i)+"="+w.passwords[name])
	}
	script := m.job(users).Spec.Template.Spec.Containers[0].Command
	if out, err := w.command(w.Context(), env, script[0], script[1:]...).CombinedOutput(); err != nil {
		w.Fatalf("the Job failed: %v\n%s", err, out)
	}
}

func web() user {
	return user{name: "k8or-web", client: &product.Client{Name: "web"}, privileges: "readWrite", databases: []string{"orders"}}
}

// TestAUserOfAnotherTurnOwnsWhatTheOneBeforeMade runs the Job's own words with psql against a real PostgreSQL.
func TestAUserOfAnotherTurnOwnsWhatTheOneBeforeMade(t *testing.T) {
	t.Parallel()
	w := try(t)
	analyst := user{name: "analyst", privileges: "read", databases: []string{"orders"}}
	w.sign("analyst")
	w.sign("k8or-web")
	w.grant("k8or-web", web(), analyst)
	w.may("k8or-web", "orders", "CREATE TABLE carts (id serial PRIMARY KEY, what text); INSERT INTO carts (what) VALUES ('a shoe')")
	if got := w.may("analyst", "orders", "SELECT what FROM carts"); got != "a shoe" {
		t.Errorf("who may read reads %q", got)
	}
	w.grant("k8or-web", web(), analyst) // the Job may run again at any time

	w.sign("k8or-web_2")
	w.grant("k8or-web_2", web(), analyst)
	w.may("k8or-web", "orders", "INSERT INTO carts (what) VALUES ('by a pod that runs on')")
	w.may("k8or-web_2", "orders", "ALTER TABLE carts ADD COLUMN price int; INSERT INTO carts (what, price) VALUES ('a hat', 3)")
	w.may("k8or-web_2", "orders", "CREATE TABLE later (id int)")
	w.may("k8or-web", "orders", "INSERT INTO later VALUES (1)")
	w.may("analyst", "orders", "SELECT * FROM later")
	w.mayNot("analyst", "orders", "INSERT INTO later VALUES (2)")
	// Whatever DigitalOcean does when it deletes a user, nothing that is left speaks of it: not even DROP ROLE alone is refused.
	if got := w.may("doadmin", "orders", "SELECT count(*) FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = '\"k8or-web\"'::regrole"); got != "0" {
		t.Errorf("%s things depend on the user whose turn is over, want none", got)
	}
	w.call(http.MethodDelete, w.at+"/users/k8or-web", "", nil)
	w.may("k8or-web_2", "orders", "ALTER TABLE later ADD COLUMN more int; DELETE FROM carts")
}

// TestWhatAUserMayBecomesWhatTheDocumentSays narrows a user of a real PostgreSQL, takes a database from it, and gives all of it back.
func TestWhatAUserMayBecomesWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	w := try(t)
	both := []string{"orders", "reports"}
	shop, analyst, gone := web(), user{name: "analyst", privileges: "admin", databases: both}, user{name: "gone", privileges: "readWrite", databases: both}
	shop.databases = both
	for _, name := range []string{"k8or-web", "analyst", "gone"} {
		w.sign(name)
	}
	w.grant("k8or-web", shop, analyst, gone)
	for _, db := range both {
		w.may("k8or-web", db, "CREATE TABLE carts (id serial PRIMARY KEY, what text)")
		w.may("gone", db, "CREATE TABLE letters (id serial)")
		w.may("analyst", db, "CREATE TABLE notes (id serial, what text); INSERT INTO notes (what) VALUES ('mine'); INSERT INTO carts (what) VALUES ('a shoe'); INSERT INTO letters DEFAULT VALUES")
		w.may("analyst", db, "CREATE SCHEMA workshop; CREATE TABLE workshop.bench (id int)")
	}

	analyst.privileges, analyst.databases = "read", []string{"orders"}
	undisturbed := w.watch("k8or-web", "reports", "INSERT INTO carts (what) VALUES ('all the while')")
	w.grant("k8or-web", shop, analyst) // and gone left the document, which leaves the user and what it made
	undisturbed()
	for _, table := range []string{"carts", "notes", "letters"} {
		w.may("analyst", "orders", "SELECT * FROM "+table)
		w.mayNot("analyst", "orders", "INSERT INTO "+table+" DEFAULT VALUES")
		w.mayNot("analyst", "orders", "DROP TABLE "+table)
		w.mayNot("analyst", "orders", "GRANT ALL ON "+table+" TO CURRENT_USER; INSERT INTO "+table+" DEFAULT VALUES")
		w.mayNot("analyst", "reports", "SELECT * FROM "+table)
		w.may("k8or-web", "reports", "INSERT INTO "+table+" DEFAULT VALUES")
	}
	for _, db := range both {
		w.mayNot("analyst", db, "CREATE TABLE more (id int)")
		w.mayNot("analyst", db, "CREATE SCHEMA more")
		w.mayNot("analyst", db, "INSERT INTO workshop.bench VALUES (1)")
		w.may("k8or-web", db, "CREATE TABLE later (id serial)")
		w.may("gone", db, "CREATE TABLE epilogue (id serial)")
		w.mayNot("analyst", db, "INSERT INTO later DEFAULT VALUES")
		w.mayNot("analyst", db, "INSERT INTO epilogue DEFAULT VALUES")
	}
	w.may("analyst", "orders", "SELECT * FROM later, epilogue")
	w.mayNot("analyst", "reports", "SELECT * FROM later")

	analyst.privileges, analyst.databases = "readWrite", both
	w.grant("k8or-web", shop, analyst)
	for _, db := range both {
		w.may("analyst", db, "INSERT INTO carts DEFAULT VALUES; INSERT INTO notes DEFAULT VALUES; INSERT INTO later DEFAULT VALUES; CREATE TABLE more (id int)")
	}
}

// watch says a statement over and over in one session until it is told to stop, and then fails unless all went well.
func (w *tried) watch(user, db, statement string) (stop func()) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	c := w.psql(ctx, user, db)
	c.Stdin = strings.NewReader(statement + " \\watch 0.01\n")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		cancel()
		w.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	return func() {
		w.Helper()
		select {
		case err := <-ended:
			w.Errorf("%s could not go on with %q meanwhile: %v\n%s", user, statement, err, out.String())
		default:
			cancel()
			<-ended
		}
		cancel()
	}
}
