// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/secret"
)

// UserPrefix begins the names of users that k8or makes for apps. It is their mark within a database cluster: of all others
// none is deleted unless it is named.
const UserPrefix = "k8or-"

// DatabaseUser is a user of a database cluster. DigitalOcean makes up the password.
type DatabaseUser struct {
	On       *Estate
	Database graph.Value[DatabaseOut] `graph:"parent"`
	In       string                   // the cluster's name
	// Name is the user's. One that begins with [UserPrefix] takes turns: it is the name of the first.
	Name string
	UserSettings
}

// UserSettings are what a user may do, for the engines that say it when a user is made. For the others SQL says it.
type UserSettings struct {
	Topics    []TopicGrant `json:"acl,omitempty"`            // Kafka
	Indexes   []IndexGrant `json:"opensearch_acl,omitempty"` // OpenSearch
	MongoUser *MongoUser   `json:"mongo_user_settings,omitempty"`
}

// TopicGrant is what a user may do with topics of Kafka: admin, consume, produce or produceconsume.
type TopicGrant struct {
	ID         string `json:"id,omitempty"`
	Topic      string `json:"topic"`
	Permission string `json:"permission"`
}

// IndexGrant is what a user may do with indexes of OpenSearch: deny, admin, read, readwrite or write.
type IndexGrant struct {
	Index      string `json:"index"`
	Permission string `json:"permission"`
}

// MongoUser is what a user of MongoDB may do: readOnly, readWrite or dbAdmin, in these databases.
type MongoUser struct {
	Databases []string `json:"databases"`
	Role      string   `json:"role"`
}

// UserOut is a user that is there, with what somebody needs to sign in.
type UserOut struct {
	// Name is what it signs in as: that of its turn.
	Name string
	// Password is empty where DigitalOcean does not show it again.
	Password secret.Text
	// Certificate and Key are Kafka's other way to sign in.
	Certificate, Key secret.Text
	// CA is the authority of the server's certificate, in PEM.
	CA       secret.Text
	Database DatabaseOut

	settings UserSettings
	next     string // the name of the turn that is to follow, where a rotation is asked for
	on       *Estate
}

type databaseUser struct {
	Name        string       `json:"name"`
	Role        string       `json:"role"`
	Password    string       `json:"password"`
	Certificate string       `json:"access_cert"`
	Key         string       `json:"access_key"`
	Settings    UserSettings `json:"settings"`
}

var _ graph.Resource[UserOut] = (*DatabaseUser)(nil)

// Kind is the kind of database users.
func (u *DatabaseUser) Kind() *graph.Kind { return u.On.databaseUsers }

// Key is the cluster's name and the user's.
func (u *DatabaseUser) Key() string { return u.In + "/" + u.Name }

func usersPath(id string) string { return "/v2/databases/" + id + "/users" }

func (e *Estate) allUsers(ctx context.Context, c *graph.Call, id string) ([]databaseUser, error) {
	return ofDatabase[databaseUser](ctx, c, e, "databases/"+id+"/users", usersPath(id), "users")
}

// Observe finds the user by its name.
func (u *DatabaseUser) Observe(ctx context.Context, c *graph.Call) (graph.Observed[UserOut], error) {
	parent, ok := u.Database.Get(c)
	if !ok || parent.ID == "" || parent.State == databaseCreating {
		return graph.Observed[UserOut]{}, nil
	}
	all, err := u.On.allUsers(ctx, c, parent.ID)
	if notFound(err) {
		return graph.Observed[UserOut]{}, nil
	}
	if err != nil {
		return graph.Observed[UserOut]{}, err
	}
	name, next := u.Name, ""
	if takesTurns(u.Name) {
		there := turns(u.Name, all)
		if len(there) > 0 {
			name = atTurn(u.Name, there[len(there)-1])
		}
		if wanted := atTurn(u.Name, u.On.wantedTurn(u.In, u.Name, there)); wanted != name {
			next = wanted
		}
	}
	i := slices.IndexFunc(all, func(o databaseUser) bool { return o.Name == name })
	if i < 0 {
		return graph.Observed[UserOut]{}, nil
	}
	o, err := u.observed(ctx, c, parent, all[i])
	o.Out.next = next
	return o, err
}

func (u *DatabaseUser) observed(ctx context.Context, c *graph.Call, parent DatabaseOut, w databaseUser) (graph.Observed[UserOut], error) {
	o := graph.Observed[UserOut]{State: graph.Ready, ID: w.Name, Out: UserOut{Name: w.Name, Password: secret.New(w.Password), Certificate: secret.New(w.Certificate),
		Key: secret.New(w.Key), Database: parent, settings: w.Settings, on: u.On}}
	if o.Out.Password.Empty() {
		o.Out.Password = u.On.shownOnce(parent.ID, w.Name)
	}
	var err error
	o.Out.CA, err = u.On.authority(ctx, c, parent.ID)
	return o, err
}

// Diff compares what the user may do.
func (u *DatabaseUser) Diff(c *graph.Call, have graph.Observed[UserOut]) []graph.Change {
	d := graph.Fields(c)
	d.Wanted("grants", grants(have.Out.settings), grants(u.UserSettings), graph.InPlace)
	if have.Out.next != "" {
		d.Add(graph.Change{Path: "user", Before: have.Out.Name, After: have.Out.next, Anew: true, Note: "made beside it; the old one goes once nobody signs in as it"})
	}
	return d.Changes()
}

// grants are what a user may do, in words and in order.
func grants(s UserSettings) []string {
	var out []string
	for _, t := range s.Topics {
		out = append(out, "topic "+t.Topic+" "+t.Permission)
	}
	for _, i := range s.Indexes {
		out = append(out, "index "+i.Index+" "+i.Permission)
	}
	if m := s.MongoUser; m != nil {
		for _, d := range m.Databases {
			out = append(out, "database "+d+" "+m.Role)
		}
	}
	slices.Sort(out)
	return out
}

// Create makes the user.
func (u *DatabaseUser) Create(ctx context.Context, c *graph.Call) (graph.Observed[UserOut], error) {
	return u.make(ctx, c, u.Database.Read(c), u.Name)
}

// make makes the user under a name: that of its first turn, or of another.
func (u *DatabaseUser) make(ctx context.Context, c *graph.Call, parent DatabaseOut, name string) (graph.Observed[UserOut], error) {
	var answer struct {
		User databaseUser `json:"user"`
	}
	if err := u.On.client.send(ctx, http.MethodPost, usersPath(parent.ID), u.body(name), &answer); err != nil {
		return graph.Observed[UserOut]{}, fmt.Errorf("create user %q of database cluster %s: %w", name, parent.Name, nameTaken(busy(err)))
	}
	u.On.keepPassword(parent.ID, answer.User)
	graph.Forget(c, "digitalocean/databases/"+parent.ID+"/users")
	return u.observed(ctx, c, parent, answer.User)
}

func (u *DatabaseUser) body(name string) map[string]any {
	body := map[string]any{"name": name}
	if len(grants(u.UserSettings)) > 0 {
		body["settings"] = u.UserSettings
	}
	return body
}

// Update writes anew what the user may do, or makes its next turn, which may that from the beginning.
func (u *DatabaseUser) Update(ctx context.Context, c *graph.Call, have graph.Observed[UserOut], changes []graph.Change) (graph.Observed[UserOut], error) {
	if slices.ContainsFunc(changes, func(change graph.Change) bool { return change.Path == "user" }) {
		return u.next(ctx, c, have)
	}
	id := u.Database.Read(c).ID
	body := map[string]any{"settings": u.UserSettings}
	if err := u.On.client.send(ctx, http.MethodPut, usersPath(id)+"/"+url.PathEscape(have.Out.Name), body, nil); err != nil {
		return have, fmt.Errorf("change what user %q may do: %w", have.Out.Name, busy(err))
	}
	have.Out.settings = u.UserSettings
	graph.Forget(c, "digitalocean/databases/"+id+"/users")
	return have, nil
}

// inDatabase is where something in a database cluster is: names are unique within a cluster alone. Until is the user whose
// turn came after this one's; empty where it is not known to be used by anybody.
type inDatabase struct{ cluster, name, entry, until string }

// listUsers finds the users of the clusters that stay: those of one that goes go with it. The newest of an app's is what the document
// may want; one whose turn is over is wanted by nobody.
func (e *Estate) listUsers(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	ours, err := e.ourDatabases(ctx, c)
	if err != nil || c.Teardown {
		return nil, err
	}
	items, err := e.listPeople(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, d := range ours {
		if d.Status == databaseCreating || d.Engine == "valkey" { // which has no users but its own
			continue
		}
		users, err := e.allUsers(ctx, c, d.ID)
		if notFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entry := e.mark.entryOf(d.Tags)
		for _, u := range users {
			if !takesTurns(u.Name) {
				continue
			}
			base, turn := turnOf(u.Name)
			wanted := e.wantedTurn(d.Name, base, turns(base, users))
			item := graph.Item{Key: d.Name + "/" + base, ID: d.ID + "/" + u.Name, Owner: graph.ID(entry), Ref: inDatabase{cluster: d.ID, name: u.Name},
				Title: fmt.Sprintf("user %s of database %s", u.Name, d.Name)}
			if turn < wanted {
				item.Key = d.Name + "/" + u.Name + " (old)"
				item.Ref = inDatabase{d.ID, u.Name, entry, base}
				item.Title += ", once nobody signs in as it"
			}
			items = append(items, item)
		}
	}
	return items, nil
}

// deleteUser deletes a user: nobody signs in as it any more.
func (e *Estate) deleteUser(ctx context.Context, c *graph.Call, item graph.Item) (string, error) {
	at, _ := item.Ref.(inDatabase)
	if at.until != "" && e.options.Reads != nil {
		if waiting, err := e.options.Reads(ctx, graph.ID(at.entry), strings.TrimPrefix(at.until, UserPrefix)); err != nil || waiting != "" {
			return waiting, err
		}
	}
	return e.deleteInsider(usersPath)(ctx, c, item)
}
