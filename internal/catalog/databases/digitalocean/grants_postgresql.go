// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"strings"
)

// rights is a role of PostgreSQL that nobody signs in as: what a user may do is said of it, and what the user makes belongs to
// it, since a user's sessions begin as it. So a user of another turn may the same and owns the same, and one whose turn is over
// can go, for nothing belongs to it or speaks of it. No user's name has a dot.
func rights(name string) string { return name + ".rights" }

// postgres lets users into their databases and nowhere else: who writes makes tables of its own and shares them with all who
// write; who reads reads them. First come the roles, and doadmin becomes a member of each, so that it may speak for every owner;
// then each user leaves what it made under its own name to its role; then each database is levelled.
func (m *maker) postgres(users []user) string {
	var b strings.Builder
	fmt.Fprintf(&b, "home=%s\nas doadmin \"$ADMIN\" \"$home\" <<SQL\n", quoted(m.names()[0]))
	for i, u := range users {
		fmt.Fprintf(&b, "DO \\$\\$ BEGIN CREATE ROLE \"%[1]s\" NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END \\$\\$;\nGRANT \"%[1]s\" TO \"$%[2]s\";\n", rights(u.name), variable("USER", i))
	}
	b.WriteString("SQL\n" + postgresJoins)
	for i, u := range users {
		user, password, role := variable("USER", i), variable("PASSWORD", i), rights(u.name)
		if u.privileges != "read" {
			fmt.Fprintf(&b, "as \"$%s\" \"$%s\" \"$home\" <<SQL\nSET ROLE NONE;\nALTER ROLE SESSION_USER SET role = '%s';\nSQL\n", user, password, role)
		}
		fmt.Fprintf(&b, "open=$(open_to \"$%s\")\nfor db in $open; do\nas \"$%s\" \"$%s\" \"$db\" <<SQL\nSET ROLE NONE;\nREASSIGN OWNED BY SESSION_USER TO \"%s\";\nSQL\ndone\n", user, user, password, role)
	}
	return b.String() + strings.Replace(postgresLevel, "WANTED", strings.Join(wanted(users), ",\n    "), 1)
}

// wanted are the users' rights as rows of SQL: the role, its databases, what it may do with each of them, with the schema, and with tables and sequences.
func wanted(users []user) []string {
	var rows []string
	for _, u := range users {
		database, schema, data := "CONNECT, TEMPORARY", "USAGE, CREATE", "ALL"
		switch u.privileges {
		case "read":
			database, schema, data = "CONNECT", "USAGE", "SELECT"
		case "admin":
			database += ", CREATE"
		}
		rows = append(rows, fmt.Sprintf("('%s', '{%s}', '%s', '%s', '%s')", rights(u.name), strings.Join(u.databases, ","), database, schema, data))
	}
	return rows
}

// postgresJoins makes doadmin a member of all such roles, also of those whose users left the document. Up to version 15 it asks
// for the right to go on doing so, which from 16 on whoever makes a role has by itself, and which an upgrade does not bring. Then
// it can say which of doadmin's databases are open to somebody: names by lines.
const postgresJoins = `as doadmin "$ADMIN" "$home" <<'SQL'
DO $$
DECLARE
  role text;
BEGIN
  FOR role IN SELECT rolname FROM pg_roles WHERE rolname LIKE '%.rights' AND NOT pg_has_role(oid, 'USAGE') LOOP
    EXECUTE format('GRANT %I TO %I', role, current_user) ||
      CASE WHEN current_setting('server_version_num')::int < 160000 THEN ' WITH ADMIN OPTION' ELSE '' END;
  END LOOP;
END $$;
SQL
open_to() {
as doadmin "$ADMIN" "$home" <<SQL
SELECT datname FROM pg_database WHERE datallowconn AND pg_has_role(datdba, 'USAGE') AND has_database_privilege('$1', oid, 'CONNECT') ORDER BY datname;
SQL
}
set -f
IFS='
'
`

// postgresLevel makes what each role may do in each database what it should be, in one transaction a database, so that who keeps
// its rights never misses them. Who may no longer write owns nothing there any more, since an owner can always give itself
// everything: it goes to doadmin.
const postgresLevel = `open=$(open_to doadmin)
for db in $open; do
as doadmin "$ADMIN" "$db" <<'SQL'
DO $$
DECLARE
  want record;
  thing record;
  here boolean;
BEGIN
  FOR want IN SELECT * FROM (VALUES
    WANTED
  ) AS rights (role, databases, database, schema, data) LOOP
    here := current_database() = ANY (want.databases::text[]);
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM %I', current_database(), want.role);
    EXECUTE format('REVOKE ALL ON SCHEMA public FROM %I', want.role);
    IF here THEN
      EXECUTE format('GRANT %s ON DATABASE %I TO %I', want.database, current_database(), want.role);
      EXECUTE format('GRANT %s ON SCHEMA public TO %I', want.schema, want.role);
    END IF;
    IF NOT here OR want.data = 'SELECT' THEN
      EXECUTE format('REASSIGN OWNED BY %I TO %I', want.role, current_user);
    END IF;
    FOR thing IN SELECT rolname AS owner, what FROM pg_roles, unnest('{TABLES,SEQUENCES}'::text[]) AS what WHERE rolname LIKE '%.rights' AND rolname <> want.role LOOP
      EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public REVOKE ALL ON %s FROM %I', thing.owner, thing.what, want.role);
      IF here THEN
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public GRANT %s ON %s TO %I', thing.owner, want.data, thing.what, want.role);
      END IF;
    END LOOP;
    FOR thing IN SELECT oid::regclass AS name, CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS what FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND pg_get_userbyid(relowner) <> want.role AND pg_has_role(relowner, 'USAGE') LOOP
      EXECUTE format('REVOKE ALL ON %s %s FROM %I', thing.what, thing.name, want.role);
      IF here THEN
        EXECUTE format('GRANT %s ON %s %s TO %I', want.data, thing.what, thing.name, want.role);
      END IF;
    END LOOP;
  END LOOP;
END $$;
SQL
done
`
