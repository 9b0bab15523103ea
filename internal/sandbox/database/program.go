// SPDX-License-Identifier: Apache-2.0

package database

import (
	"os/exec"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

// program is a database server that the machine has. A server's folder holds its `data`, and its socket beside them.
type program interface {
	what() string     // name and version
	template() string // the folder of a new server's data, in the place of all servers
	initialise(data string) error
	sign() string                             // a file that data have
	run(dir string, connections int) []string // the signal that ends it, and its command line
	socket(dir string) string
	lock(dir string) string // a file whose first line is the number of the process that has the data
	open(dir string) (admin, error)
}

// admin is our own session in a running server.
type admin interface {
	// level makes users and databases as the API says: missing ones are made, those it no longer names go, passwords follow.
	level(digitalocean.DatabaseServer) error
	// copyTo copies the data into a folder that is not there yet. Last is an earlier copy, whose files may be shared; empty: none.
	copyTo(to, last string) error
	close()
}

// command is a program run by the owner. Its environment is empty but for the PATH: nothing of ours is its business.
func command(o *owner, path string, args ...string) *exec.Cmd {
	c := exec.Command(path, args...)
	c.Env = []string{"PATH=" + pathVariable(), "LC_ALL=C"}
	c.Dir = "/"
	runAs(c, o)
	return c
}
