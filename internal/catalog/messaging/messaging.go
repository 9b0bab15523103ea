// SPDX-License-Identifier: Apache-2.0

// Package messaging has what the products of the category messaging share: which apps use an entry, and the Secret that each
// of them gets. What a product does in its own way stays in its folder.
package messaging

import (
	"maps"
	"slices"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// User is an app that has an entry in its `uses`.
type User struct {
	Name      string // the app's: "web"
	Namespace string // where it runs
}

// ID is the app's node.
func (u User) ID() graph.ID { return graph.ID("apps/" + u.Name) }

// Users are the apps that use an entry, by name.
func Users(p product.Platform, entry graph.ID) []User {
	var out []User
	for _, name := range slices.Sorted(maps.Keys(p.Spec.Apps)) {
		if app := p.Spec.Apps[name]; slices.Contains(app.Uses, string(entry)) {
			out = append(out, User{Name: name, Namespace: app.Namespace})
		}
	}
	return out
}

// Check refuses what no product of this category does yet.
func Check[O any](_ product.Platform, e product.Entry[v1alpha1.Messaging, O]) []product.Refusal {
	if e.Spec.MigrateFrom == "" {
		return nil
	}
	return []product.Refusal{{Field: "migrateFrom", What: "migrateFrom would have no effect", Why: "this version of k8or moves no messages from one broker to another",
		Fix: "remove it and keep both entries, mirror the topics (Kafka's MirrorMaker does that), point each app's `uses` at the new entry, and remove the old one once nobody reads from it"}}
}

// Type is what Secrets of this category are for, by the servicebinding.io specification.
const Type = "kafka"

// Access is how Kafka is reached.
type Access struct {
	// Bootstrap is where a client begins: host:port, or several with commas.
	Bootstrap string
	// Protocol is Kafka's security.protocol, Mechanism its sasl.mechanism; empty for none.
	Protocol, Mechanism string
	// Credentials are the fields of user name and password, CA the one of the authority to believe; nil for none.
	Credentials []kube.Field
	CA          *kube.Field
}

// Keys of a Secret, as the specification and Kafka's own words have them.
const (
	KeyBootstrap = "bootstrap-servers"
	KeyUsername  = "username"
	KeyPassword  = "password"
	KeyCA        = "ca.crt"
	KeyProtocol  = "security-protocol"
	KeyMechanism = "sasl-mechanism"
)

// Secret is what somebody needs to use Kafka, in the form of the servicebinding.io specification.
func (a Access) Secret(namespace, name string) kube.Derived {
	d := kube.Derived{Name: name, Namespace: namespace, Type: "servicebinding.io/" + Type, Fields: []kube.Field{
		{Key: "type", Text: Type}, {Key: "provider", Text: "k8or"}, {Key: KeyBootstrap, Text: a.Bootstrap}, {Key: KeyProtocol, Text: a.Protocol},
	}}
	if a.Mechanism != "" {
		d.Fields = append(d.Fields, kube.Field{Key: KeyMechanism, Text: a.Mechanism})
	}
	d.Fields = append(d.Fields, a.Credentials...)
	if a.CA != nil {
		d.Fields = append(d.Fields, *a.CA)
	}
	return d
}

// SecretName is the name of a user's Secret. Its dots keep it apart from the names of apps.
func SecretName(user User, entry graph.ID) string {
	return user.Name + "." + strings.ReplaceAll(string(entry), "/", ".")
}

// Bind makes an app's Secret known to it; ready is the node after which it is there.
func Bind(b *product.Building, entry graph.ID, user User, d kube.Derived, ready graph.ID) {
	var keys []string
	for _, f := range d.Fields {
		if !f.Unwritten {
			keys = append(keys, f.Key)
		}
	}
	slices.Sort(keys)
	product.Offer(b, product.Binding{Entry: entry, User: user.ID(), Namespace: user.Namespace, Secret: d.Name, Type: Type, Keys: keys, Ready: ready})
}
