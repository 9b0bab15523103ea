// SPDX-License-Identifier: Apache-2.0

package database

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	driver "github.com/go-sql-driver/mysql"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

// mysql is the machine's MySQL.
type mysql struct {
	server  string // its path
	version string
	owner   *owner // who must run it; nil: we may ourselves
}

// findMySQL looks for `mysqld` in the PATH; nil when it is not there, or is MariaDB's, whose users may do other things.
func findMySQL(o *owner) program {
	server, err := exec.LookPath("mysqld")
	if err != nil {
		return nil
	}
	out, err := exec.Command(server, "--no-defaults", "--version").Output()
	if err != nil || strings.Contains(string(out), "MariaDB") {
		return nil
	}
	_, version, _ := strings.Cut(strings.TrimSpace(string(out)), "Ver ")
	version, _, _ = strings.Cut(version, " ")
	return &mysql{server, version, o}
}

func (m *mysql) what() string             { return "MySQL " + m.version }
func (m *mysql) template() string         { return templateDir + "-mysql" }
func (m *mysql) sign() string             { return "mysql.ibd" }
func (m *mysql) socket(dir string) string { return filepath.Join(dir, "mysql.sock") }
func (m *mysql) lock(dir string) string   { return filepath.Join(dir, "mysqld.pid") }

// wordFile has the password of our own user. Clients come by the same socket as we do, so that it needs one.
const wordFile = "word"

// metricsSchema is a database that every cluster has. Source: docs.digitalocean.com, MySQL, modify user privileges, 2025-04.
const metricsSchema = "metrics_user_telegraf"

// small keeps a server's files and memory small, and what it writes from being waited for.
var small = []string{"--innodb-redo-log-capacity=8M", "--innodb-buffer-pool-size=24M", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF", "--innodb-use-native-aio=OFF",
	"--performance-schema=OFF", "--skip-log-bin", "--skip-networking", "--mysqlx=OFF", "--secure-file-priv=NULL"}

func (m *mysql) initialise(data string) error {
	word, first := rand.Text(), data+".sql"
	defer os.Remove(first)
	statements := "CREATE USER " + superuser + "@localhost IDENTIFIED BY '" + word + "';\nGRANT ALL ON *.* TO " + superuser + "@localhost WITH GRANT OPTION;\n" +
		"ALTER USER root@localhost ACCOUNT LOCK;\nCREATE DATABASE " + metricsSchema + ";\n"
	if err := os.WriteFile(first, []byte(statements), 0o600); err != nil {
		return err
	}
	if err := giveAway(first, m.owner); err != nil {
		return err
	}
	init := command(m.owner, m.server, append([]string{"--no-defaults", "--initialize-insecure", "--datadir=" + data, "--init-file=" + first}, small...)...)
	if out, err := init.CombinedOutput(); err != nil {
		return fmt.Errorf("mysqld --initialize: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return os.WriteFile(filepath.Join(data, wordFile), []byte(word), 0o600)
}

// run ends it by SIGTERM. Its modes are DigitalOcean's, and that rights to all databases leave out some.
func (m *mysql) run(dir string, connections int) []string {
	return append([]string{"TERM", m.server, "--no-defaults", "--datadir=" + filepath.Join(dir, "data"), "--socket=" + m.socket(dir), "--pid-file=" + m.lock(dir),
		"--max-connections=" + strconv.Itoa(connections), "--sql-mode=" + digitalocean.DefaultSQLMode, "--sql-require-primary-key=ON", "--partial-revokes=ON",
		"--plugin-load-add=mysql_clone.so"}, small...)
}

func (m *mysql) open(dir string) (admin, error) {
	word, err := os.ReadFile(filepath.Join(filepath.Dir(dir), m.template(), wordFile))
	if err != nil {
		return nil, err
	}
	c := driver.NewConfig()
	c.Net, c.Addr, c.User, c.Passwd, c.Logger = "unix", m.socket(dir), superuser, string(word), &driver.NopLogger{}
	connector, err := driver.NewConnector(c)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	if err := db.Ping(); err != nil {
		db.Close()
		return nil, err
	}
	return &mysqlAdmin{db, filepath.Join(dir, "made"), map[string]string{}, map[string]string{}}, nil
}

// mysqlAdmin is our own session in a MySQL.
type mysqlAdmin struct {
	db      *sql.DB
	made    string            // a file that names the databases that the API made, a line each
	applied map[string]string // the passwords that were set, by user
	set     map[string]string // the parameters that were
}

func (m *mysqlAdmin) close() { m.db.Close() }

// copyTo clones the data, which shares nothing with earlier copies.
func (m *mysqlAdmin) copyTo(to, _ string) error {
	_, err := m.db.Exec("CLONE LOCAL DATA DIRECTORY = " + quote(to))
	return err
}

func (m *mysqlAdmin) level(spec digitalocean.DatabaseServer) error {
	if err := m.databases(spec); err != nil {
		return err
	}
	if err := m.users(spec); err != nil {
		return err
	}
	return m.parameters(spec)
}

func (m *mysqlAdmin) column(query string, args ...any) ([]string, error) {
	rows, err := m.db.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var values []string
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, rows.Err()
}

func (m *mysqlAdmin) exec(statements ...string) error {
	for _, s := range statements {
		if _, err := m.db.Exec(s); err != nil {
			return err
		}
	}
	return nil
}

// everywhere is what DigitalOcean lets its own user doadmin do, and every user that its API makes: next to everything, in all databases
// but in some, which it may only read. Sources: docs.digitalocean.com, MySQL, manage users and databases, and modify user privileges,
// 2025-04, for that a new user has the rights of doadmin and which databases are left out; what SHOW GRANTS says in one of its tutorials,
// digitalocean.com/community, managed databases connection and backups, for the rest. The page on privileges shows fewer in its example.
const everywhere = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, CREATE TEMPORARY TABLES, LOCK TABLES, " +
	"EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER, CREATE ROLE, DROP ROLE, " +
	"REPLICATION_APPLIER, ROLE_ADMIN"

const butIn = "INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, CREATE VIEW, SHOW VIEW, " +
	"CREATE ROUTINE, ALTER ROUTINE, EVENT, TRIGGER"

// users follow the API; what a user may do is said once, when it is made.
func (m *mysqlAdmin) users(spec digitalocean.DatabaseServer) error {
	there, err := m.column("SELECT user FROM mysql.user WHERE host = '%'")
	if err != nil {
		return fmt.Errorf("list users: %w", err)
	}
	for _, u := range spec.Users {
		who := quote(u.Name) + "@'%'"
		statements := []string{"ALTER USER " + who + " IDENTIFIED BY " + quote(u.Password)}
		if !slices.Contains(there, u.Name) {
			statements = []string{"CREATE USER " + who + " IDENTIFIED BY " + quote(u.Password) + " COMMENT " + quote(mark), "GRANT " + everywhere + " ON *.* TO " + who + " WITH GRANT OPTION"}
			for _, schema := range []string{"mysql", "sys", metricsSchema} {
				statements = append(statements, "REVOKE "+butIn+" ON "+schema+".* FROM "+who)
			}
		} else if m.applied[u.Name] == u.Password {
			continue
		}
		if err := m.exec(statements...); err != nil {
			return fmt.Errorf("make user %s: %w", u.Name, err)
		}
		m.applied[u.Name] = u.Password
	}
	ours, err := m.column("SELECT user FROM information_schema.user_attributes WHERE host = '%' AND attribute->>'$.comment' = ?", mark)
	if err != nil {
		return fmt.Errorf("list users: %w", err)
	}
	for _, u := range ours {
		if slices.ContainsFunc(spec.Users, func(known digitalocean.DatabaseUser) bool { return known.Name == u }) {
			continue
		}
		if err := m.exec("DROP USER " + quote(u) + "@'%'"); err != nil { // whose sessions go on, as MySQL has it
			return fmt.Errorf("delete user %s: %w", u, err)
		}
		delete(m.applied, u)
	}
	return nil
}

func (m *mysqlAdmin) databases(spec digitalocean.DatabaseServer) error {
	there, err := m.column("SHOW DATABASES")
	if err != nil {
		return fmt.Errorf("list databases: %w", err)
	}
	for _, db := range spec.Databases {
		if !slices.Contains(there, db) {
			if err := m.exec("CREATE DATABASE " + backquote(db)); err != nil {
				return fmt.Errorf("make database %s: %w", db, err)
			}
		}
	}
	text, err := os.ReadFile(m.made)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for db := range strings.Lines(string(text)) {
		if db = strings.TrimSpace(db); slices.Contains(spec.Databases, db) {
			continue
		}
		if err := m.exec("DROP DATABASE IF EXISTS " + backquote(db)); err != nil {
			return fmt.Errorf("delete database %s: %w", db, err)
		}
	}
	return os.WriteFile(m.made, []byte(strings.Join(spec.Databases, "\n")), 0o600)
}

// readOnly is MySQL's error for a variable that cannot be set while it runs.
const readOnly = 1238

// parameters are those of the API that are variables, as far as they can be set while the server runs.
func (m *mysqlAdmin) parameters(spec digitalocean.DatabaseServer) error {
	for _, name := range slices.Sorted(maps.Keys(spec.Parameters)) {
		value := string(spec.Parameters[name])
		if m.set[name] == value {
			continue
		}
		there, err := m.column("SELECT variable_name FROM performance_schema.global_variables WHERE variable_name = ?", name)
		if err != nil {
			return fmt.Errorf("look for the parameter %s: %w", name, err)
		}
		if len(there) > 0 {
			if s, err := strconv.Unquote(value); err == nil {
				value = quote(s)
			}
			err := m.exec("SET GLOBAL " + backquote(name) + " = " + value)
			if e, ok := errors.AsType[*driver.MySQLError](err); err != nil && (!ok || e.Number != readOnly) {
				return fmt.Errorf("set the parameter %s: %w", name, err)
			}
		}
		m.set[name] = string(spec.Parameters[name])
	}
	return nil
}

// quote is an SQL string, backquote an SQL identifier, in whatever mode MySQL is.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}

func backquote(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }
