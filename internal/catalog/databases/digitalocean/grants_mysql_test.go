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

// client stands in for mysql: it notes what doadmin says and what the others ask, and answers those with what they are said to hold.
const client = `#!/bin/sh
for a in "$@"; do case $a in --user=*) user=${a#--user=} ;; esac; done
said=$(cat)
if [ "$user" = doadmin ]; then printf '%s\n' "$said" >>said; exit; fi
printf '%s\n' "$said" >>asked
case $said in *user_privileges*) what=beyond ;; *) what=databases ;; esac
if [ -e "$user.$what" ]; then cat "$user.$what"; fi
`

// No real MySQL is asked: this holds what the shell makes of the Job's words.
func TestAUserOfMySQLLosesWhatItHoldsBeyondTheDocument(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"mysql":             client,
		"k8or-web.beyond":   "REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'k8or-web'@'%';\n", // as DigitalOcean makes a user
		"analyst.databases": "REVOKE DELETE, INSERT ON `orders`.* FROM 'analyst'@'%';\nREVOKE SELECT ON `reports`.* FROM 'analyst'@'%';\n",
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
	want := "REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'k8or-web'@'%';\nGRANT " + mysqlPrivileges["readWrite"] + " ON `orders`.* TO 'k8or-web'@'%';\n" +
		"REVOKE DELETE, INSERT ON `orders`.* FROM 'analyst'@'%';\nREVOKE SELECT ON `reports`.* FROM 'analyst'@'%';\nGRANT SELECT, SHOW VIEW ON `orders`.* TO 'analyst'@'%';\n"
	if got := read("said"); got != want {
		t.Errorf("doadmin says:\n%s\nwant:\n%s", got, want)
	}
	asked := read("asked")
	for _, want := range []string{
		"' ON `', table_schema, '`.* FROM '",
		"grantee = '''analyst''@''%''' AND privilege_type <> 'USAGE' AND NOT (table_schema IN ('orders') AND privilege_type IN ('SELECT', 'SHOW VIEW'))",
	} {
		if !strings.Contains(asked, want) {
			t.Errorf("nobody asks for what holds beyond %s:\n%s", want, asked)
		}
	}
}
