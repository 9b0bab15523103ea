// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"strings"
)

// mysqlPrivileges are what a user may do in its databases, in MySQL's words. What a database knows is all that readWrite has.
var mysqlPrivileges = map[string]string{
	"read": "SELECT, SHOW VIEW",
	"readWrite": "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER, EVENT, EXECUTE, LOCK TABLES, CREATE TEMPORARY TABLES, " +
		"CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE",
	"admin": "ALL PRIVILEGES",
}

// grantsToo reports whether MySQL takes a grant of one database for one of another as well. Source: dev.mysql.com, MySQL 8.4, GRANT
// statement, "quoting".
func grantsToo(name, other string) bool {
	if name == other || len(name) != len(other) {
		return false
	}
	for i := range len(name) {
		if name[i] != '_' && name[i] != other[i] {
			return false
		}
	}
	return true
}

// mysqlSurplus says how a user loses what it holds and should not have, which it is asked for itself: everybody sees its own rights.
// MySQL has no transaction around them, so that nothing is taken to be given again, with one exception. DigitalOcean makes a user with
// the rights of doadmin, beyond any database and with the right to pass them on; all of that goes at once, right before what it may do
// is given, and before anybody signs in as it: a user's Secret is written after this Job.
//
// That, the user says itself, and so what it holds of MySQL's dynamic rights, whose names have an underscore. Some databases of
// DigitalOcean's own are closed to doadmin (partial_revokes), and MySQL lets nobody take such from somebody to whom not the same
// databases are closed (error 3879): not from a user who has little left, for one. The rest doadmin takes, each by its name and place.
// Source: docs.digitalocean.com, MySQL, modify user privileges and manage users, 2025-04; dev.mysql.com, MySQL 8.4, partial revokes.
const mysqlSurplus = `surplus() {
own=$(as "$1" "$2" <<SQL
SELECT CONCAT(IF(MAX(privilege_type = 'CREATE USER'), 'REVOKE ALL PRIVILEGES, GRANT OPTION', CONCAT('REVOKE ', GROUP_CONCAT(privilege_type SEPARATOR ', '), ' ON *.*')), ' FROM ', grantee, ';')
  FROM information_schema.user_privileges WHERE grantee = '''$1''@''%''' AND (privilege_type = 'CREATE USER' OR INSTR(privilege_type, '_') AND is_grantable = 'YES') GROUP BY grantee;
SQL
)
if [ -n "$own" ]; then printf '%s\n' "$own" | as "$1" "$2"; fi
as "$1" "$2" <<SQL
SELECT CONCAT('REVOKE ', GROUP_CONCAT(privilege_type SEPARATOR ', '), ' ON *.* FROM ', grantee, ';') FROM information_schema.user_privileges
  WHERE grantee = '''$1''@''%''' AND privilege_type <> 'USAGE' GROUP BY grantee;
SELECT CONCAT('REVOKE GRANT OPTION ON ', place, '.* FROM ', grantee, ';') FROM (
  SELECT grantee, is_grantable, '*' AS place FROM information_schema.user_privileges
  UNION SELECT grantee, is_grantable, CONCAT('\` + "`" + `', table_schema, '\` + "`" + `') FROM information_schema.schema_privileges) AS held WHERE grantee = '''$1''@''%''' AND is_grantable = 'YES';
SELECT CONCAT('REVOKE ', GROUP_CONCAT(privilege_type SEPARATOR ', '), ' ON \` + "`" + `', table_schema, '\` + "`" + `.* FROM ', grantee, ';') FROM information_schema.schema_privileges
  WHERE grantee = '''$1''@''%''' AND privilege_type <> 'USAGE' AND NOT ($3) GROUP BY table_schema, grantee;
SQL
}
`

// mysql makes what each user may do what it should be.
func (m *maker) mysql(users []user) string {
	var b strings.Builder
	b.WriteString(mysqlSurplus)
	for i, u := range users {
		user := variable("USER", i)
		kept := "table_schema IN ('" + strings.Join(u.databases, "', '") + "')"
		if u.privileges != "admin" {
			kept += " AND privilege_type IN ('" + strings.ReplaceAll(mysqlPrivileges[u.privileges], ", ", "', '") + "')"
		}
		fmt.Fprintf(&b, "lost=$(surplus \"$%s\" \"$%s\" \"%s\")\nas doadmin \"$ADMIN\" <<SQL\n$lost\n", user, variable("PASSWORD", i), kept)
		for _, db := range u.databases {
			fmt.Fprintf(&b, "GRANT %s ON \\`%s\\`.* TO '$%s'@'%%';\n", mysqlPrivileges[u.privileges], db, user)
		}
		b.WriteString("SQL\n")
	}
	return b.String()
}
