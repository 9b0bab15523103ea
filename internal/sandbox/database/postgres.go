// SPDX-License-Identifier: Apache-2.0

package database

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// postgres is the machine's PostgreSQL.
type postgres struct {
	initdb, server string // paths
	version        string
	owner          *owner // who must run it; nil: we may ourselves
}

// findPostgres looks for `postgres` and `initdb` in the PATH; nil when they are not there.
func findPostgres(o *owner) program {
	server, err := exec.LookPath("postgres")
	if err != nil {
		return nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return nil
	}
	out, err := exec.Command(server, "--version").Output()
	if err != nil {
		return nil
	}
	version := strings.TrimSpace(string(out))
	if words := strings.Fields(version); len(words) >= 3 {
		version = words[2]
	}
	return &postgres{initdb, server, version, o}
}

func (b *postgres) what() string             { return "PostgreSQL " + b.version }
func (b *postgres) template() string         { return templateDir }
func (b *postgres) sign() string             { return "PG_VERSION" }
func (b *postgres) socket(dir string) string { return filepath.Join(dir, ".s.PGSQL.5432") }
func (b *postgres) lock(dir string) string   { return filepath.Join(dir, "data", "postmaster.pid") }

func (b *postgres) initialise(data string) error {
	init := command(b.owner, b.initdb, "-D", data, "-U", superuser, "--auth=reject", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions", "--wal-segsize=1")
	if out, err := init.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(out)))
	}
	// Only we and what passed a cluster's firewall can reach its socket.
	rules := "local all " + superuser + " trust\nlocal replication all reject\nlocal all all scram-sha-256\n"
	return os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(rules), 0o600)
}

// run ends it by SIGINT, which is PostgreSQL's fast shutdown.
func (b *postgres) run(dir string, connections int) []string {
	line := []string{"INT", b.server, "-D", filepath.Join(dir, "data"), "-k", dir}
	for _, setting := range []string{
		"listen_addresses=", "port=5432", "max_connections=" + strconv.Itoa(connections), "superuser_reserved_connections=3",
		"fsync=off", "full_page_writes=off", "min_wal_size=2MB", "max_wal_size=32MB", "shared_buffers=8MB", "password_encryption=scram-sha-256", "log_statement=none",
		"log_min_error_statement=panic", // a failed statement may hold a password
	} {
		line = append(line, "-c", setting)
	}
	return line
}

func (b *postgres) open(dir string) (admin, error) {
	s, err := openSession(b.socket(dir), superuser, "postgres")
	if err != nil {
		return nil, err
	}
	return &postgresAdmin{s, dir, b.socket(dir), map[string]string{}}, nil
}

// postgresAdmin is our own session in a PostgreSQL.
type postgresAdmin struct {
	*session
	dir, socket string
	applied     map[string]string // the passwords that were set, by user
}

// copyTo copies by PostgreSQL's own way of doing that: its log is copied last and played when the copy is first started.
func (p *postgresAdmin) copyTo(to, last string) error {
	own, err := openSession(p.socket, superuser, "postgres")
	if err != nil {
		return err
	}
	defer own.close()
	if _, err := own.query("SELECT pg_backup_start('k8or', true)"); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(to, "pg_wal"), 0o700); err != nil {
		return err
	}
	data := filepath.Join(p.dir, "data")
	if err := (tree{data, to, last, []string{"pg_wal", "postmaster.pid", "postmaster.opts"}}).copy(); err != nil {
		return err
	}
	rows, err := own.query("SELECT labelfile FROM pg_backup_stop(false)")
	if err != nil {
		return err
	}
	if len(rows) != 1 {
		return fmt.Errorf("PostgreSQL gave no label")
	}
	if err := os.WriteFile(filepath.Join(to, "backup_label"), []byte(rows[0][0]), 0o600); err != nil {
		return err
	}
	return tree{from: filepath.Join(data, "pg_wal"), to: filepath.Join(to, "pg_wal")}.copy()
}
