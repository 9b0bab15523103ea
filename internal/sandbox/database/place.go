// SPDX-License-Identifier: Apache-2.0

package database

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// place is where servers keep their data. That is a folder within the one asked for, unless a server could not use it: because
// another user must run it (PostgreSQL refuses to be root), who may not go through our folders, or because the path is longer
// than a socket's may be. Then it is a folder of that user's among the temporary ones, and the one asked for says which.
type place struct {
	asked string // empty: a temporary one, for this run alone
	owner *owner
	found string
}

const (
	templateDir = "template" // what the names of folders begin with that hold the data of a new server
	signFile    = "place"    // in the folder asked for, says where the place is
)

// longest is how long a socket's path may be, less what is put behind the folder: /12345678/.s.PGSQL.5432.
const longest = 103 - len("/12345678/.s.PGSQL.5432")

// folder finds the place, or makes it.
func (p *place) folder() (string, error) {
	if p.found != "" {
		return p.found, nil
	}
	found, err := p.find()
	if err == nil {
		err = giveAway(found, p.owner)
	}
	if err != nil {
		return "", fmt.Errorf("make a folder for the simulated databases' data: %w", err)
	}
	p.found = found
	return found, nil
}

func (p *place) find() (string, error) {
	if p.asked == "" {
		return os.MkdirTemp("", "k8or-databases-")
	}
	if err := os.MkdirAll(p.asked, 0o700); err != nil {
		return "", err
	}
	data := filepath.Join(p.asked, "data")
	if p.owner == nil && len(data) <= longest {
		return data, os.MkdirAll(data, 0o700)
	}
	sign := filepath.Join(p.asked, signFile)
	if text, err := os.ReadFile(sign); err == nil {
		last := strings.TrimSpace(string(text))
		if info, err := os.Lstat(last); err == nil && info.IsDir() && ownedBy(info, p.owner) {
			return last, nil
		}
	}
	fresh, err := os.MkdirTemp("", "k8or-databases-")
	if err != nil {
		return "", err
	}
	return fresh, os.WriteFile(sign, []byte(fresh+"\n"), 0o600)
}

// leave deletes the place where it was for this run alone, or where no cluster has data in it any more.
func (p *place) leave() {
	if p.found == "" {
		return
	}
	entries, err := os.ReadDir(p.found)
	used := err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !strings.HasPrefix(e.Name(), templateDir) })
	if p.asked != "" && used {
		return
	}
	os.RemoveAll(p.found) //nolint:errcheck // what is left is found again
	if p.asked != "" {
		os.Remove(filepath.Join(p.asked, signFile)) //nolint:errcheck // there may be none
	}
}
