// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// moves checks what takes its data from another entry, for rules that hold for every product.
func (c *checker) moves() {
	brokers := map[string]string{}
	for name, m := range c.given.Spec.Messaging {
		brokers[name] = m.MigrateFrom
	}
	for _, name := range sorted(brokers) {
		c.source("messaging", name, brokers)
	}
	from := map[string]string{}
	for name, d := range c.given.Spec.Databases {
		from[name] = d.MigrateFrom
	}
	for _, name := range sorted(from) {
		at := Join("spec.databases", name)
		source, ok := c.source("databases", name, from)
		d, s := c.given.Spec.Databases[name], c.given.Spec.Databases[source]
		if d.MigrateFrom != "" && d.RestoreFrom != nil {
			c.add(FieldError{Path: at + ".migrateFrom", Code: CodeMigrateFrom, What: fmt.Sprintf("databases/%s would begin with the data of two others", name), Why: "what a backup brings would be in the way of what is copied; restoreFrom is given",
				See: at + ".restoreFrom", Fix: "keep migrateFrom for a server that goes on being written to, or restoreFrom for a backup"})
		}
		if len(d.IgnoreDatabases) > 0 && d.MigrateFrom == "" {
			c.add(FieldError{Path: at + ".ignoreDatabases", Code: CodeMigrateFrom, What: "ignoreDatabases would have no effect", Why: "it says what is not copied, and without migrateFrom nothing is", Fix: "remove it, or name a source by migrateFrom"})
		}
		c.restored(name, d)
		switch {
		case !ok:
		case d.Engine != s.Engine:
			c.add(FieldError{Path: at + ".migrateFrom", Code: CodeMigrateFrom, What: fmt.Sprintf("databases/%s is a %s and databases/%s a %s", name, d.Engine, source, s.Engine),
				Why: "what one engine writes no other reads; the other is given", See: Join("spec.databases", source) + ".engine", Fix: "name a source of the same engine; to change engines, the app has to export and import its data"})
		case d.Version != "" && s.Version != "" && Older(d.Version, s.Version):
			c.add(FieldError{Path: at + ".version", Code: CodeMigrateFrom, What: fmt.Sprintf("version %s would take its data from version %s", d.Version, s.Version),
				Why: "data go to the same version or a newer one; the other is given", See: Join("spec.databases", source) + ".version", Fix: fmt.Sprintf("write version: %q or a newer one", s.Version)})
		}
	}
}

// restored checks whose backup a database begins with, where that is another entry.
func (c *checker) restored(name string, d Database) {
	if d.RestoreFrom == nil {
		return
	}
	at := Join("spec.databases", name) + ".restoreFrom.database"
	source, entry := strings.CutPrefix(d.RestoreFrom.Database, "databases/")
	s, there := c.given.Spec.Databases[source]
	switch { // what is neither is a database cluster's own name, or the entry of one that is kept
	case entry && source == name:
		c.add(FieldError{Path: at, Code: CodeMigrateFrom, What: fmt.Sprintf("databases/%s would begin with its own backup", name), Why: "a database is restored into a new one beside it, which leaves the old one as it is",
			Fix: "give the new one a name of its own, and let the apps' `uses` name it once it is there"})
	case entry && there && s.Engine != d.Engine:
		c.add(FieldError{Path: at, Code: CodeMigrateFrom, What: fmt.Sprintf("databases/%s is a %s and databases/%s a %s", name, d.Engine, source, s.Engine), Why: "what one engine writes no other reads; the other is given",
			See: Join("spec.databases", source) + ".engine", Fix: "name a database of the same engine"})
	}
}

// source is the entry that an entry of a category takes its data from, by its name; from has them all. It is false where there is
// none, or none that could be.
func (c *checker) source(category, name string, from map[string]string) (string, bool) {
	if from[name] == "" {
		return "", false
	}
	at, given := Join("spec."+category, name)+".migrateFrom", from[name]
	source, ok := strings.CutPrefix(given, category+"/")
	_, there := from[source]
	switch {
	case !ok || !there:
		var others []string
		for _, o := range sorted(from) {
			if o != name {
				others = append(others, category+"/"+o)
			}
		}
		fix := "name another entry of " + category
		if category == "databases" {
			fix += "; one that somebody else runs is an entry with `product: existing`"
		}
		c.add(FieldError{Path: at, Code: CodeBadReference, What: fmt.Sprintf("there is no %q to take data from", given), Given: given, Choices: others, Fix: fix})
		return "", false
	case source == name:
		c.add(FieldError{Path: at, Code: CodeMigrateFrom, What: fmt.Sprintf("%s would take its data from itself", given), Fix: "name the entry that has the data, or remove migrateFrom"})
		return "", false
	}
	// A circle is told once, at the first of its entries.
	way := []string{name}
	for next, ok := source, true; ok && next != "" && !slices.Contains(way, next); next, ok = strings.CutPrefix(from[next], category+"/") {
		way = append(way, next)
	}
	if last := strings.TrimPrefix(from[way[len(way)-1]], category+"/"); last == name {
		if name == slices.Min(way) {
			c.add(FieldError{Path: at, Code: CodeMigrateFrom, What: fmt.Sprintf("data would go in a circle: %s", strings.Join(append(way, name), " from ")), Why: "none of them would be the one that has the data",
				Fix: "remove migrateFrom of the one that has them"})
		}
		return "", false
	}
	return source, true
}

// Older reports whether version a comes before b, by its numbers: 9.6 before 16, 16 before 16.2.
func Older(a, b string) bool {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		m, errX := strconv.Atoi(x)
		n, errY := strconv.Atoi(y)
		if errX != nil || errY != nil {
			return cmp.Compare(x, y)
		}
		return cmp.Compare(m, n)
	}) < 0
}
