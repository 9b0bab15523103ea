// SPDX-License-Identifier: Apache-2.0

package database

import (
	"os/exec"
	"strings"
)

// postgres is the machine's PostgreSQL.
type postgres struct {
	initdb, server string // paths
	version        string
	owner          *owner // who must run it; nil: we may ourselves
}

// findPostgres looks for `postgres` and `initdb` in the PATH; nil when they are not there, or nobody could run them.
func findPostgres() *postgres {
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
	owner, ok := whoRuns()
	if !ok {
		return nil
	}
	version := strings.TrimSpace(string(out))
	if words := strings.Fields(version); len(words) >= 3 {
		version = words[2]
	}
	return &postgres{initdb, server, version, owner}
}

// command is a program run by the owner. Its environment is empty but for the PATH: nothing of ours is its business.
func (b *postgres) command(path string, args ...string) *exec.Cmd {
	c := exec.Command(path, args...)
	c.Env = []string{"PATH=" + pathVariable(), "LC_ALL=C"}
	c.Dir = "/"
	runAs(c, b.owner)
	return c
}
