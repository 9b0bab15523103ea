// SPDX-License-Identifier: Apache-2.0

// Package messaging has what the products of the category messaging share: the Secret that each app gets that uses an entry. What a product does in its own way stays in its folder.
package messaging

import (
	"fmt"
	"strings"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/secret"
)

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

// Data is such a Secret where others make its data: a cloud.
func Data(bootstrap, protocol, mechanism, username string, password, ca secret.Text) map[string]secret.Text {
	return map[string]secret.Text{"type": secret.New(Type), "provider": secret.New("k8or"), KeyBootstrap: secret.New(bootstrap), KeyProtocol: secret.New(protocol),
		KeyMechanism: secret.New(mechanism), KeyUsername: secret.New(username), KeyPassword: password, KeyCA: ca}
}

// Bind makes an app's Secret known to it; ready is the node after which it is there.
func Bind(b *product.Building, entry graph.ID, user product.Client, d kube.Derived, ready graph.ID) {
	b.Bind(entry, user, Type, Keys(d), ready)
}

// Keys are those that a Secret has.
func Keys(d kube.Derived) []string {
	var keys []string
	for _, f := range d.Fields {
		if !f.Unwritten {
			keys = append(keys, f.Key)
		}
	}
	return keys
}

// ProbeLabel is on the pods of a client's probe, with the entry's namespace as its value, so that a policy can let them in.
const ProbeLabel = "k8or.io/probe"

// Probe proves that a client can use an entry, by the very Secret that it has: it signs in and, of the topics that k8or knows of,
// reads each and asks for leave to write where the client writes. In the client's topics nothing is written. Keys are those that the
// Secret has.
func Probe(entry graph.ID, c product.Client, keys, topics []string) product.Probe {
	files := map[string]kube.SecretKey{}
	for _, key := range keys {
		files["kafka/"+key] = kube.SecretKey{Namespace: c.Namespace, Name: c.SecretName(entry), Key: key}
	}
	p := product.Probe{Entry: entry, Name: "sign-in-" + c.Name, Proves: "a broker lets " + c.Name + " in, by the Secret that it got", Namespace: c.Namespace, Files: files,
		Spec: probe.Spec{Kafka: &probe.Kafka{Binding: probe.Folder + "/kafka"}}}
	if len(topics) == 0 {
		return p
	}
	p.Name, p.Spec.Kafka.Topics, p.Spec.Kafka.Group = "topics-"+c.Name, topics, c.Name
	p.Proves = fmt.Sprintf("%s may read and write %s, by the Secret that it got; nothing is written", c.Name, strings.Join(topics, ", "))
	if p.Spec.Kafka.Writes = c.Privileges != product.Reads; !p.Spec.Kafka.Writes {
		p.Proves = fmt.Sprintf("%s may read %s, by the Secret that it got", c.Name, strings.Join(topics, ", "))
	}
	return p
}
