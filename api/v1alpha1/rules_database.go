// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"slices"
	"strings"
)

// namePattern is what databases, their users and pools may be called: what every engine and SQL's quotes take.
const (
	namePattern = `^[a-z_][a-z0-9_-]{0,59}$`
	nameMeans   = "up to 60 lower-case letters, digits, hyphens and underscores, beginning with a letter"
)

// databases checks the databases, for rules that hold for every product.
func (c *checker) databases() {
	for _, name := range sorted(c.given.Spec.Databases) {
		d, at := c.given.Spec.Databases[name], Join("spec.databases", name)
		if d.Product == "existing" {
			continue
		}
		c.access(d.Access, Join(at, "access"))
		for i, db := range d.Databases {
			c.databaseName(db, "a database", Join(Join(at, "databases"), i))
		}
		for _, user := range sorted(d.Users) {
			at := Join(Join(at, "users"), user)
			c.databaseName(user, "a user", at)
			if strings.HasPrefix(user, "k8or-") || user == "doadmin" {
				c.add(FieldError{Path: at, Code: CodeReservedName, What: fmt.Sprintf("the user name %q is kept", user), Why: "apps' own users begin with k8or-, and doadmin is DigitalOcean's", Fix: "choose another name"})
			}
			for i, db := range d.Users[user].Databases {
				c.ofDatabases(db, d, name, Join(Join(at, "databases"), i))
			}
		}
		variables := map[string]string{} // of apps, which the names of pools become
		for _, pool := range sorted(d.ConnectionPools) {
			at, p := Join(Join(at, "connectionPools"), pool), d.ConnectionPools[pool]
			c.databaseName(pool, "a connection pool", at)
			variable := strings.ReplaceAll(pool, "-", "_")
			if other, taken := variables[variable]; taken {
				c.add(FieldError{Path: at, Code: CodeDatabaseName, What: fmt.Sprintf("apps could not tell the connection pools %q and %q apart", other, pool),
					Why: "in the names of their variables a hyphen is an underscore", Fix: "choose another name"})
			}
			variables[variable] = pool
			c.ofDatabases(p.Database, d, name, Join(at, "database"))
			app, ofApp := strings.CutPrefix(p.User, "apps/")
			switch _, there := d.Users[p.User]; {
			case ofApp && slices.Contains(c.given.Spec.Apps[app].Entries(), "databases/"+name), there, p.User == "":
			default:
				c.add(FieldError{Path: Join(at, "user"), Code: CodeBadReference, What: fmt.Sprintf("there is no user %q of this database", p.User), Given: p.User, Choices: sorted(d.Users),
					Fix: "name one of its users, or an app that uses it, such as apps/web"})
			}
		}
	}
}

// access checks who is let in beside the platform's cluster.
func (c *checker) access(given []string, at string) {
	if given != nil && len(given) == 0 {
		c.add(FieldError{Path: at, Code: CodeDatabaseAccess, What: "access is an empty list", Why: "at the clouds that means everybody",
			Fix: "remove it: the platform's own cluster is let in and nobody else; or name who is meant"})
	}
	if len(given) > maxAccess {
		c.add(FieldError{Path: at, Code: CodeDatabaseAccess, What: fmt.Sprintf("%d are more than the %d that can be let in", len(given), maxAccess),
			Why: "DigitalOcean takes 100, and two are the platform's cluster and a server that data come from", Fix: "join addresses into ranges, or let Droplets in by a tag"})
	}
	for i, who := range given {
		at := Join(at, i)
		if id, droplet := strings.CutPrefix(who, "droplet:"); droplet {
			c.accessDroplet(id, at)
		} else if tag, tagged := strings.CutPrefix(who, "tag:"); tagged {
			c.accessTag(tag, at)
		} else {
			c.accessAddress(who, at)
		}
	}
}

// maxAccess is how many a database lets in beside the platform's cluster and the server that its data come from. Source: the published
// description of PUT /v2/databases/{id}/firewall takes 100 rules.
const maxAccess = 100 - 2

func (c *checker) accessAddress(text, at string) {
	prefix, err := rangeOf(text)
	switch {
	case err != nil:
		c.add(FieldError{Path: at, Code: CodeDatabaseAccess, What: fmt.Sprintf("%q is no address, no range, no Droplet and no tag", text), Given: text,
			Fix: "write it as 203.0.113.7, 203.0.113.0/24, droplet:3164494 or tag:bastion"})
	case !prefix.Addr().Is4():
		c.add(FieldError{Path: at, Code: CodeDatabaseAccess, What: fmt.Sprintf("%q is not IPv4", text), Given: text, Why: "the firewalls of databases know IPv4 alone", Fix: "name the IPv4 address"})
	case prefix.Bits() < 8:
		c.add(FieldError{Path: at, Code: CodeDatabaseAccess, What: fmt.Sprintf("%q would let in the internet", text), Given: text, Why: "a database is for those who are named", Fix: "name single addresses, or ranges of /8 and narrower"})
	}
}

func (c *checker) accessDroplet(id, at string) {
	if !matches(`^[1-9][0-9]{0,18}$`, id) {
		c.add(FieldError{Path: at, Code: CodeDatabaseAccess, What: fmt.Sprintf("%q is not the id of a Droplet", id), Given: id, Why: "it is a number, and another one for each Droplet",
			Fix: "write it as droplet:3164494, as `doctl compute droplet list` shows it; or let Droplets in by a tag, which they may bear from the beginning"})
	}
}

// ofAllNodes are the tags that DigitalOcean puts onto the nodes of every cluster.
var ofAllNodes = []string{"k8s", "k8s-worker", "k8s:worker"}

func (c *checker) accessTag(tag, at string) {
	switch {
	case !matches(tagPattern, tag):
		c.add(FieldError{Path: at, Code: CodeDatabaseAccess, What: fmt.Sprintf("%q cannot be a tag", tag), Given: tag, Why: "a tag is letters, digits, dashes, underscores and colons", Fix: "write it as DigitalOcean shows it"})
	case slices.Contains(ofAllNodes, strings.ToLower(tag)):
		c.add(FieldError{Path: at, Code: CodeDatabaseAccess, What: fmt.Sprintf("the tag %s would let in every cluster of the team", tag), Given: tag, Why: "DigitalOcean puts it onto the nodes of each of them",
			Fix: "name one cluster by its tag, k8s: and its id; the platform's own is let in already"})
	}
}

// databaseName checks a name that is used in SQL.
func (c *checker) databaseName(name, what, at string) {
	if !matches(namePattern, name) {
		c.add(FieldError{Path: at, Code: CodeDatabaseName, What: fmt.Sprintf("%q cannot be the name of %s", name, what), Why: "it takes " + nameMeans, Fix: "choose another name"})
	}
}

// ofDatabases checks that a database is one of the entry's.
func (c *checker) ofDatabases(name string, d Database, entry, at string) {
	have := d.Databases
	if len(have) == 0 {
		have = []string{strings.ReplaceAll(entry, "-", "_")}
	}
	if !slices.Contains(have, name) {
		c.add(FieldError{Path: at, Code: CodeBadReference, What: fmt.Sprintf("there is no database %q", name), Given: name, Choices: have, Fix: "name one of " + strings.Join(have, ", ")})
	}
}
