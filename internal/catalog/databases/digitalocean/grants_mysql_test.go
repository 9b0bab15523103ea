// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/databases"
)

// client stands in for mysql: it notes who says what and what the users ask, and answers those with what they are said to hold.
const client = `#!/bin/sh
for a in "$@"; do case $a in --user=*) user=${a#--user=} ;; esac; done
said=$(cat)
case $said in *"'CREATE USER'"*) what=own ;; SELECT*) what=rest ;; *) printf '%s: %s\n' "$user" "$said" >>said; exit ;; esac
printf '%s\n' "$said" >>asked
if [ -e "$user.$what" ]; then cat "$user.$what"; fi
`

// tryMySQL makes the database cluster orders of a real MySQL, with databases orders and reports.
func tryMySQL(t *testing.T) *tried {
	t.Helper()
	version, err := exec.CommandContext(t.Context(), "mysql", "--version").Output()
	if err != nil || strings.Contains(string(version), "MariaDB") {
		t.Skip("the machine has no mysql of MySQL's, so that nothing real can be tried")
	}
	w := tryOf(t, databases.MySQL)
	if strings.HasPrefix(w.serves, "simulated") {
		t.Skipf("the database is %s, so that nothing real can be tried", w.serves)
	}
	return w
}

// mayNone wants MySQL to refuse each statement.
func (w *tried) mayNone(user, db string, statements ...string) {
	w.Helper()
	c := w.client(w.Context(), user, db)
	c.Args = append(c.Args, "--force")
	c.Stdin = strings.NewReader(strings.Join(statements, ";\n"))
	if out, _ := c.CombinedOutput(); strings.Count(string(out), "denied") != len(statements) {
		w.Errorf("%s may some of %q in %s: %s", user, statements, db, out)
	}
}

// repeat has somebody say a statement in one session after another until it is told to stop, and then fails unless all went well.
func (w *tried) repeat(user, db, statement string) (stop func()) {
	over := make(chan struct{})
	failed := make(chan string, 1)
	go func() {
		defer close(failed)
		for {
			select {
			case <-over:
				return
			default:
			}
			if out, err := w.as(user, db, statement); err != nil {
				failed <- out
				return
			}
		}
	}()
	return func() {
		w.Helper()
		close(over)
		if out := <-failed; out != "" {
			w.Errorf("%s could not go on with %q meanwhile: %s", user, statement, out)
		}
	}
}

// TestWhatAUserOfMySQLMayBecomesWhatTheDocumentSays runs the Job's own words with mysql against a real MySQL, whose API gives each new user the
// rights of doadmin: they are narrowed, taken and given back, whoever gave them.
func TestWhatAUserOfMySQLMayBecomesWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	w := tryMySQL(t)
	both := []string{"orders", "reports"}
	shop, analyst := web(), user{name: "analyst", privileges: "admin", databases: both}
	shop.databases = both
	w.sign("k8or-web")
	w.sign("analyst")
	w.may("analyst", "mysql", "SELECT user FROM user") // as DigitalOcean makes it
	w.grant("k8or-web", shop, analyst)
	for _, db := range both {
		w.may("k8or-web", db, "CREATE TABLE carts (id int AUTO_INCREMENT PRIMARY KEY, what text); CREATE TABLE log (id int PRIMARY KEY); CREATE INDEX whats ON carts (what(9)); CREATE VIEW seen AS SELECT what FROM carts; "+
			"CREATE TRIGGER counts AFTER INSERT ON carts FOR EACH ROW INSERT INTO log VALUES (NEW.id); CREATE PROCEDURE clean() DELETE FROM log; CREATE TEMPORARY TABLE t (id int PRIMARY KEY); "+
			"LOCK TABLES carts WRITE; UNLOCK TABLES; CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM log; CALL clean(); DROP EVENT nightly; DROP VIEW seen")
		w.may("analyst", db, "INSERT INTO carts (what) VALUES ('a shoe')")
	}
	beyond := func(name string) {
		t.Helper()
		w.mayNone(name, "orders", "SELECT user FROM mysql.user", "CREATE DATABASE more", "CREATE TABLE defaultdb.t (id int PRIMARY KEY)", "CREATE USER friend", "ALTER USER doadmin IDENTIFIED BY 'x'",
			"GRANT SELECT ON orders.* TO '"+name+"'", "SET GLOBAL max_connections = 1", "FLUSH PRIVILEGES")
		if got := w.may(name, "orders", "SELECT COUNT(*) FROM information_schema.user_privileges WHERE privilege_type <> 'USAGE' OR is_grantable = 'YES'"); got != "0" {
			t.Errorf("%s holds %s rights beyond its databases, want none", name, got)
		}
	}
	beyond("k8or-web")
	beyond("analyst")

	analyst.privileges, analyst.databases = "read", []string{"orders"}
	undisturbed := w.repeat("k8or-web", "reports", "INSERT INTO carts (what) VALUES ('all the while')")
	for range 2 { // the Job may run again at any time
		w.grant("k8or-web", shop, analyst)
	}
	undisturbed()
	reads := func() {
		t.Helper()
		beyond("analyst")
		w.may("analyst", "orders", "SELECT * FROM carts")
		w.mayNone("analyst", "orders", "INSERT INTO carts (what) VALUES ('a hat')", "UPDATE carts SET what = 'x'", "DELETE FROM carts", "DROP TABLE carts", "CREATE TABLE t (id int PRIMARY KEY)",
			"CALL clean()", "SELECT * FROM reports.carts")
	}
	reads()

	// What somebody gave it by hand goes, though MySQL lets doadmin take little at once from who has no rights to the databases that are closed to doadmin.
	for _, given := range []string{"PROCESS ON *.*", "SELECT, INSERT ON *.*", "ROLE_ADMIN ON *.*", "ALL ON reports.*", "INSERT ON orders.*"} {
		w.may("doadmin", "orders", "GRANT "+given+" TO analyst WITH GRANT OPTION")
		w.grant("k8or-web", shop, analyst)
		reads()
	}

	analyst.privileges, analyst.databases = "readWrite", both
	w.sign("k8or-web_2") // of another turn
	w.grant("k8or-web_2", shop, analyst)
	w.may("k8or-web", "orders", "INSERT INTO carts (what) VALUES ('by a pod that runs on')")
	w.call("DELETE", w.at+"/users/k8or-web", "", nil)
	beyond("k8or-web_2")
	w.may("k8or-web_2", "reports", "DROP TRIGGER counts; ALTER TABLE carts ADD COLUMN price int; DELETE FROM carts")
	w.may("analyst", "reports", "INSERT INTO carts (what) VALUES ('a hat')")
	if out, err := w.as("k8or-web", "orders", "SELECT 1"); err == nil || !strings.Contains(out, "Access denied") {
		t.Errorf("the user whose turn is over: %v %s", err, out)
	}
}

// No real MySQL is asked: this holds what the shell makes of the Job's words.
func TestAUserOfMySQLLosesWhatItHoldsBeyondTheDocument(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"mysql":        client,
		"k8or-web.own": "REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'k8or-web'@'%';\n", // as DigitalOcean makes a user
		"analyst.rest": "REVOKE DELETE, INSERT ON `orders`.* FROM 'analyst'@'%';\nREVOKE SELECT ON `reports`.* FROM 'analyst'@'%';\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	m := &maker{entry: entry{ID: "databases/shop", Name: "shop", Spec: v1alpha1.Database{Engine: databases.MySQL, Databases: []string{"orders", "reports"}}}, kind: engines[databases.MySQL]}
	script := m.job([]user{{name: "k8or-web", privileges: "readWrite", databases: []string{"orders"}}, {name: "analyst", privileges: "read", databases: []string{"orders"}}}).Spec.Template.Spec.Containers[0].Command
	c := exec.CommandContext(t.Context(), script[0], script[1:]...)
	c.Dir = dir
	c.Env = append(c.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "PGHOST=db", "PGPORT=25060", "ADMIN=a", "USER_0=k8or-web", "PASSWORD_0=b", "USER_1=analyst", "PASSWORD_1=c")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("the Job failed: %v\n%s", err, out)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want := "k8or-web: REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'k8or-web'@'%';\ndoadmin: \nGRANT " + mysqlPrivileges["readWrite"] + " ON `orders`.* TO 'k8or-web'@'%';\n" +
		"doadmin: REVOKE DELETE, INSERT ON `orders`.* FROM 'analyst'@'%';\nREVOKE SELECT ON `reports`.* FROM 'analyst'@'%';\nGRANT SELECT, SHOW VIEW ON `orders`.* TO 'analyst'@'%';\n"
	if got := read("said"); got != want {
		t.Errorf("they say:\n%s\nwant:\n%s", got, want)
	}
	asked := read("asked")
	for _, want := range []string{
		"' ON `', table_schema, '`.* FROM ', grantee",
		"CONCAT('`', table_schema, '`')",
		"grantee = '''analyst''@''%''' AND privilege_type <> 'USAGE' AND NOT (table_schema IN ('orders') AND privilege_type IN ('SELECT', 'SHOW VIEW'))",
	} {
		if !strings.Contains(asked, want) {
			t.Errorf("nobody asks for what holds beyond %s:\n%s", want, asked)
		}
	}
}
