// SPDX-License-Identifier: Apache-2.0

package database

import (
	"fmt"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

// mark is the comment on what the API made, so that what clients make by SQL is left alone.
const mark = "made by the API"

// level makes users and databases as the API says: missing ones are made, those it no longer names go, passwords follow.
func (p *postgresAdmin) level(spec digitalocean.DatabaseServer) error {
	if err := p.users(spec); err != nil {
		return err
	}
	if err := p.databases(spec); err != nil {
		return err
	}
	return p.dropUsers(spec)
}

func (p *postgresAdmin) column(query string) ([]string, error) {
	rows, err := p.query(query)
	var values []string
	for _, r := range rows {
		values = append(values, r[0])
	}
	return values, err
}

func (p *postgresAdmin) users(spec digitalocean.DatabaseServer) error {
	there, err := p.column("SELECT rolname FROM pg_roles")
	if err != nil {
		return fmt.Errorf("list users: %w", err)
	}
	for _, u := range spec.Users {
		want := u.Password + fmt.Sprint(u.Replication)
		if slices.Contains(there, u.Name) && p.applied[u.Name] == want {
			continue
		}
		var statements []string
		if !slices.Contains(there, u.Name) {
			statements = append(statements, "CREATE ROLE "+name(u.Name), "COMMENT ON ROLE "+name(u.Name)+" IS "+text(mark))
		}
		may := " NOREPLICATION"
		if u.Replication {
			may = " REPLICATION"
		}
		if u.Primary {
			may += " CREATEDB CREATEROLE"
		}
		statements = append(statements, "ALTER ROLE "+name(u.Name)+" LOGIN"+may+" PASSWORD "+text(u.Password))
		if _, err := p.query(strings.Join(statements, ";")); err != nil {
			return fmt.Errorf("make user %s: %w", u.Name, err)
		}
		p.applied[u.Name] = want
	}
	return nil
}

// databases belong to the cluster's first user.
func (p *postgresAdmin) databases(spec digitalocean.DatabaseServer) error {
	there, err := p.column("SELECT datname FROM pg_database")
	if err != nil {
		return fmt.Errorf("list databases: %w", err)
	}
	for _, db := range spec.Databases {
		if slices.Contains(there, db) {
			continue
		}
		if _, err := p.query("CREATE DATABASE " + name(db) + " OWNER " + name(primary(spec))); err != nil {
			return fmt.Errorf("make database %s: %w", db, err)
		}
		if _, err := p.query("COMMENT ON DATABASE " + name(db) + " IS " + text(mark)); err != nil {
			return fmt.Errorf("mark database %s: %w", db, err)
		}
	}
	ours, err := p.column("SELECT datname FROM pg_database WHERE shobj_description(oid, 'pg_database') = " + text(mark))
	if err != nil {
		return fmt.Errorf("list databases: %w", err)
	}
	for _, db := range ours {
		if slices.Contains(spec.Databases, db) {
			continue
		}
		if _, err := p.query("DROP DATABASE " + name(db) + " WITH (FORCE)"); err != nil {
			return fmt.Errorf("delete database %s: %w", db, err)
		}
	}
	return nil
}

func primary(spec digitalocean.DatabaseServer) string {
	for _, u := range spec.Users {
		if u.Primary {
			return u.Name
		}
	}
	return superuser
}

// dropUsers ends the sessions of users that are gone, and leaves what they own to the first user.
func (p *postgresAdmin) dropUsers(spec digitalocean.DatabaseServer) error {
	ours, err := p.column("SELECT rolname FROM pg_roles WHERE shobj_description(oid, 'pg_authid') = " + text(mark))
	if err != nil {
		return fmt.Errorf("list users: %w", err)
	}
	for _, u := range ours {
		if slices.ContainsFunc(spec.Users, func(known digitalocean.DatabaseUser) bool { return known.Name == u }) {
			continue
		}
		if err := p.dropUser(u, primary(spec)); err != nil {
			return fmt.Errorf("delete user %s: %w", u, err)
		}
		delete(p.applied, u)
	}
	return nil
}

func (p *postgresAdmin) dropUser(user, heir string) error {
	if _, err := p.query("ALTER ROLE " + name(user) + " NOLOGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = " + text(user)); err != nil {
		return err
	}
	all, err := p.column("SELECT datname FROM pg_database WHERE datallowconn")
	if err != nil {
		return err
	}
	for _, db := range all {
		in, err := openSession(p.socket, superuser, db)
		if err != nil {
			return err
		}
		_, err = in.query("REASSIGN OWNED BY " + name(user) + " TO " + name(heir) + "; DROP OWNED BY " + name(user))
		in.close()
		if err != nil {
			return err
		}
	}
	_, err = p.query("DROP ROLE " + name(user))
	return err
}
