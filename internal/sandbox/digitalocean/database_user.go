// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"regexp"
	"slices"
)

// databaseUser is one user of a cluster. The first is the cluster's own.
type databaseUser struct {
	Name     string        `json:"name"`
	Role     string        `json:"role"` // primary or normal
	Password string        `json:"password"`
	Plugin   string        `json:"plugin"` // of MySQL
	Settings *userSettings `json:"settings"`
	Cert     string        `json:"cert"` // PEM; of Kafka
	Key      string        `json:"key"`  // PEM; of Kafka
}

// userSettings are what an engine lets a user do; which fields count depends on the engine.
type userSettings struct {
	Replication *bool      `json:"pg_allow_replication,omitempty"`
	ACL         []kafkaACL `json:"acl,omitempty"`
	Indexes     []indexACL `json:"opensearch_acl,omitempty"`
	Mongo       *mongoUser `json:"mongo_user_settings,omitempty"`
}

type kafkaACL struct {
	ID         string `json:"id,omitempty"`
	Topic      string `json:"topic"`
	Permission string `json:"permission"`
}

type indexACL struct {
	Index      string `json:"index"`
	Permission string `json:"permission"`
}

type mongoUser struct {
	Databases []string `json:"databases,omitempty"`
	Role      string   `json:"role,omitempty"`
}

type mysqlSettings struct {
	Plugin string `json:"auth_plugin"`
}

// defaultPlugin is what MySQL 8 authenticates with.
const defaultPlugin = "caching_sha2_password"

func (s *mysqlSettings) check(d *database) error {
	if s == nil {
		return nil
	}
	if err := d.only("mysql_settings", "mysql", "advanced_mysql"); err != nil {
		return err
	}
	if s.Plugin != defaultPlugin && s.Plugin != "mysql_native_password" {
		return invalid("auth_plugin %q is not one of mysql_native_password, %s", s.Plugin, defaultPlugin)
	}
	return nil
}

// check holds settings against the engine and its words.
func (s *userSettings) check(d *database) error {
	if s == nil {
		return nil
	}
	for _, f := range []struct {
		name    string
		given   bool
		engines []string
	}{
		{"pg_allow_replication", s.Replication != nil, []string{"pg", "advanced_pg"}},
		{"acl", len(s.ACL) > 0, []string{"kafka"}},
		{"opensearch_acl", len(s.Indexes) > 0, []string{"opensearch"}},
		{"mongo_user_settings", s.Mongo != nil, []string{"mongodb"}},
	} {
		if f.given && !d.is(f.engines...) {
			return invalid("settings.%s is not supported for %s clusters", f.name, d.Engine)
		}
	}
	for _, e := range s.ACL {
		if e.Topic == "" || !slices.Contains([]string{"admin", "consume", "produce", "produceconsume"}, e.Permission) {
			return invalid("settings.acl: a topic and a permission of admin, consume, produce or produceconsume are required")
		}
	}
	for _, e := range s.Indexes {
		if e.Index == "" || !slices.Contains([]string{"deny", "admin", "read", "readwrite", "write"}, e.Permission) {
			return invalid("settings.opensearch_acl: an index and a permission of deny, admin, read, readwrite or write are required")
		}
	}
	if s.Mongo != nil && s.Mongo.Role != "" && !slices.Contains([]string{"readOnly", "readWrite", "dbAdmin"}, s.Mongo.Role) {
		return invalid("settings.mongo_user_settings.role %q is not one of readOnly, readWrite, dbAdmin", s.Mongo.Role)
	}
	return nil
}

// keptSettings is what a cluster remembers of settings: ACLs get ids. What was not said is not shown either, as in the published
// example: Terraform's provider would take an empty answer for a change to undo.
func (c *Cloud) keptSettings(s *userSettings) *userSettings {
	if s == nil {
		s = &userSettings{}
	}
	for i := range s.ACL {
		if s.ACL[i].ID == "" {
			s.ACL[i].ID = "acl" + c.newName(12)
		}
	}
	return s
}

// newDatabaseUser makes a user with a password of its own; a Kafka user has a certificate too.
func (c *Cloud) newDatabaseUser(d *database, name, role string) *databaseUser {
	u := &databaseUser{Name: name, Role: role, Password: c.newPassword(), Settings: c.keptSettings(nil)}
	if d.is("mysql", "advanced_mysql") {
		u.Plugin = defaultPlugin
	}
	return u
}

// newPassword looks as DigitalOcean's do.
func (c *Cloud) newPassword() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	b := []byte("AVNS_")
	for range 19 {
		b = append(b, alphabet[c.random.IntN(len(alphabet))])
	}
	return string(b)
}

// managesUsers says whether the API manages users and databases of the engine; of those in memory it does not.
func (d *database) managesUsers() bool { return !d.is("redis", "valkey") }

func (d *database) user(name string) *databaseUser {
	for _, u := range d.Users {
		if u.Name == name {
			return u
		}
	}
	return nil
}

// viewUser shows the password to who may see it; MongoDB's only when it is new.
func (d *database) viewUser(q *request, u *databaseUser, fresh bool) object {
	o := object{"name": u.Name, "role": u.Role}
	if q.seesCredentials() && (fresh || d.Engine != "mongodb") {
		o["password"] = u.Password
		if u.Cert != "" {
			o["access_cert"], o["access_key"] = u.Cert, u.Key
		}
	}
	if u.Plugin != "" {
		o["mysql_settings"] = object{"auth_plugin": u.Plugin}
	}
	if s := u.Settings; s != nil && (s.Replication != nil || len(s.ACL) > 0 || len(s.Indexes) > 0 || s.Mongo != nil) {
		o["settings"] = s
	}
	return o
}

// withDatabaseUser finds the user that the path names.
func (c *Cloud) withDatabaseUser(f func(*request, *database, *databaseUser) (any, error)) func(*request) (any, error) {
	return c.withDatabase(func(q *request, d *database) (any, error) {
		if err := d.usersAllowed(); err != nil {
			return nil, err
		}
		u := d.user(q.PathValue("user"))
		if u == nil {
			return nil, notFound()
		}
		return f(q, d, u)
	})
}

func (d *database) usersAllowed() error {
	if !d.managesUsers() {
		return invalid("user management is not supported for %s clusters", d.Engine)
	}
	return nil
}

func (c *Cloud) listDatabaseUsers(q *request, d *database) (any, error) {
	if err := d.usersAllowed(); err != nil {
		return nil, err
	}
	views := []object{}
	for _, u := range d.Users {
		views = append(views, d.viewUser(q, u, false))
	}
	return object{"users": views}, nil
}

func (c *Cloud) getDatabaseUser(q *request, d *database, u *databaseUser) (any, error) {
	return object{"user": d.viewUser(q, u, false)}, nil
}

type databaseUserInput struct {
	Name     string         `json:"name"`
	MySQL    *mysqlSettings `json:"mysql_settings"`
	Settings *userSettings  `json:"settings"`
	ReadOnly *bool          `json:"readonly"` // to be deprecated; of MongoDB
	// read-only, ignored
	Role     any `json:"role"`
	Password any `json:"password"`
	Cert     any `json:"access_cert"`
	Key      any `json:"access_key"`
}

// databaseWord is the name of a user, a database or a pool; what exactly is allowed is not published.
var databaseWord = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_.@-]{0,62}$`)

func (c *Cloud) createDatabaseUser(q *request, d *database) (any, error) {
	var in databaseUserInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := d.usersAllowed(); err != nil {
		return nil, err
	}
	if err := d.made("create user"); err != nil {
		return nil, err
	}
	if !databaseWord.MatchString(in.Name) {
		return nil, invalid("invalid user name %q", in.Name)
	}
	if d.user(in.Name) != nil {
		return nil, invalid("user name is not available")
	}
	if in.ReadOnly != nil {
		if err := d.only("readonly", "mongodb"); err != nil {
			return nil, err
		}
		if *in.ReadOnly && in.Settings == nil {
			in.Settings = &userSettings{Mongo: &mongoUser{Role: "readOnly"}}
		}
	}
	if err := in.MySQL.check(d); err != nil {
		return nil, err
	}
	if err := in.Settings.check(d); err != nil {
		return nil, err
	}
	u := c.newDatabaseUser(d, in.Name, "normal")
	u.Settings = c.keptSettings(in.Settings)
	if in.MySQL != nil {
		u.Plugin = in.MySQL.Plugin
	}
	if d.Engine == "kafka" {
		var err error
		if u.Cert, u.Key, err = c.databaseCA(q.account).client(u.Name, c.clock.Wall()); err != nil {
			return nil, err
		}
	}
	d.Users = append(d.Users, u)
	return object{"user": d.viewUser(q, u, true)}, nil
}

func (c *Cloud) updateDatabaseUser(q *request, d *database, u *databaseUser) (any, error) {
	var in struct {
		Settings *userSettings `json:"settings"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Settings == nil {
		return nil, invalid("settings is required")
	}
	if err := d.made("update user"); err != nil {
		return nil, err
	}
	if err := in.Settings.check(d); err != nil {
		return nil, err
	}
	u.Settings = c.keptSettings(in.Settings)
	return object{"user": d.viewUser(q, u, false)}, nil
}

// resetDatabaseUser makes a new password; the old one is void at once.
func (c *Cloud) resetDatabaseUser(q *request, d *database, u *databaseUser) (any, error) {
	var in struct {
		MySQL    *mysqlSettings `json:"mysql_settings"`
		Settings *userSettings  `json:"settings"` // godo has it; the API says nothing of it
	}
	if len(q.body) > 0 {
		if err := q.decode(&in); err != nil {
			return nil, err
		}
	}
	if err := d.made("reset user"); err != nil {
		return nil, err
	}
	if err := in.MySQL.check(d); err != nil {
		return nil, err
	}
	if err := in.Settings.check(d); err != nil {
		return nil, err
	}
	if in.MySQL != nil {
		u.Plugin = in.MySQL.Plugin
	}
	if in.Settings != nil {
		u.Settings = c.keptSettings(in.Settings)
	}
	u.Password = c.newPassword()
	return object{"user": d.viewUser(q, u, true)}, nil
}

func (c *Cloud) deleteDatabaseUser(_ *request, d *database, u *databaseUser) (any, error) {
	if u.Role == "primary" {
		return nil, invalid("the primary user %s cannot be deleted", u.Name)
	}
	if err := d.made("delete user"); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(d.Pools, func(p *databasePool) bool { return p.User == u.Name }) {
		return nil, invalid("user %s is used by a connection pool", u.Name)
	}
	d.Users = slices.DeleteFunc(d.Users, func(other *databaseUser) bool { return other == u })
	return nil, nil
}
