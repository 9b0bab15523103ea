// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/messaging"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// accounts makes a user of Kafka's, with a Secret, for each app that uses the entry, for each user of the document, and for
// probes.
func (m maker) accounts(b *product.Building) error {
	rotate := len(m.users) > 0 && b.Rotates()
	if rotate {
		b.Unrotated(slices.Sorted(maps.Keys(m.Spec.Users)))
	}
	for _, app := range m.users {
		before, err := b.AppNamespace(app.Namespace)
		if err != nil {
			return err
		}
		name := "app-" + app.Name
		d := m.access(name).Secret(app.Namespace, app.SecretName(m.ID))
		id := m.ID + graph.ID("/apps/"+app.Name)
		turn := kube.Turn{Kind: "KafkaUser", Name: name, Rotate: rotate, Reader: kube.SecretKey{Namespace: d.Namespace, Name: d.Name, Key: messaging.KeyUsername}}
		if err := m.account(b, id, name, m.every(app), d, []kube.Turn{turn}, before); err != nil {
			return err
		}
		messaging.Bind(b, m.ID, app, d, id)
		probe := messaging.Probe(m.ID, app, messaging.Keys(d), m.topicNames())
		probe.PodLabels, probe.Look = map[string]string{messaging.ProbeLabel: m.Namespace()}, "k8or logs "+string(m.ID)
		product.Offer(b, probe)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Spec.Users)) {
		d := m.access(name).Secret(m.Namespace(), name+".binding")
		if err := m.account(b, m.ID+graph.ID("/users/"+name), name, granted(name, m.Spec.Users[name].Grants), d, nil); err != nil {
			return err
		}
	}
	d := m.access(probeUser).Secret(m.Namespace(), probeUser+".binding")
	return m.account(b, m.ID+"/probe", probeUser, append(produce(probeTopic), consume(probeUser, probeTopic)...), d, nil)
}

// account is a user of Kafka's and the Secret of whoever it is for, made once Strimzi has made its password. Those of apps take
// turns: Strimzi makes the old password void as it makes another.
func (m maker) account(b *product.Building, id graph.ID, name string, acls []any, d kube.Derived, turns []kube.Turn, after ...graph.ID) error {
	user, err := object("KafkaUser", name, m.Name, map[string]any{
		"authentication": map[string]any{"type": "scram-sha-512"},
		"authorization":  map[string]any{"type": "simple", "acls": acls},
	})
	if err != nil {
		return err
	}
	_, err = b.Set(id, product.SetSpec{Namespace: m.Namespace(), Objects: []*unstructured.Unstructured{user}, Derived: []kube.Derived{d}, Turns: turns},
		graph.After(append([]graph.ID{m.ID}, after...)...))
	return err
}

// access is how a user reaches Kafka: its password is where Strimzi keeps it, under the user's name, the authority beside the
// cluster's own.
func (m maker) access(user string) messaging.Access {
	return messaging.Access{
		Bootstrap: fmt.Sprintf("%s-kafka-bootstrap.%s.svc:%d", m.Name, m.Namespace(), listenerPort), Protocol: "SASL_SSL", Mechanism: "SCRAM-SHA-512",
		Credentials: []kube.Field{{Key: messaging.KeyUsername, Text: user, Turn: user},
			{Key: messaging.KeyPassword, Turn: user, From: &kube.SecretKey{Namespace: m.Namespace(), Name: user, Key: "password"}}},
		CA: &kube.Field{Key: messaging.KeyCA, From: &kube.SecretKey{Namespace: m.Namespace(), Name: m.Name + "-cluster-ca-cert", Key: "ca.crt"}},
	}
}

// every is what an app may do that uses the entry: write and read all topics of the document, in groups of consumers and
// transactions of its own name, or only read them. It may make, change and delete nothing.
func (m maker) every(app product.Client) []any {
	may, writes := []string{"Describe", "Read", "Write"}, app.Privileges != product.Reads
	if !writes {
		may = may[:2]
	}
	var acls []any
	for _, topic := range m.topicNames() {
		acls = append(acls, acl("topic", topic, may...))
	}
	acls = append(acls, own("group", app.Name, "Describe", "Read")...)
	if writes {
		acls = append(acls, own("transactionalId", app.Name, "Describe", "Write")...)
	}
	return acls
}

// granted is what the document allows a user.
func granted(user string, grants []v1alpha1.TopicGrant) []any {
	var acls []any
	reads := false
	for _, g := range grants {
		switch g.Permission {
		case "consume":
			acls, reads = append(acls, acl("topic", g.Topic, "Describe", "Read")), true
		case "produce":
			acls = append(acls, acl("topic", g.Topic, "Describe", "Write"))
		case "both":
			acls, reads = append(acls, acl("topic", g.Topic, "Describe", "Read", "Write")), true
		case "admin":
			acls, reads = append(acls, acl("topic", g.Topic, "All")), true
		}
	}
	if reads {
		acls = append(acls, own("group", user, "Describe", "Read")...)
	}
	return append(acls, own("transactionalId", user, "Describe", "Write")...)
}

func produce(topic string) []any { return []any{acl("topic", topic, "Describe", "Write")} }

func consume(group, topic string) []any {
	return append([]any{acl("topic", topic, "Describe", "Read")}, own("group", group, "Describe", "Read")...)
}

// own are rules for the groups or transactions of a name: the name itself, and what follows it after a dot, which no other
// app's name can begin with.
func own(resource, name string, operations ...string) []any {
	return []any{acl(resource, name, operations...), acl(resource, name+".*", operations...)}
}

// acl allows operations on what has a name, or begins with it where a star follows.
func acl(resource, name string, operations ...string) any {
	at := map[string]any{"type": resource, "name": name, "patternType": "literal"}
	if prefix, ok := strings.CutSuffix(name, "*"); ok && prefix != "" { // a star alone is Kafka's own word for all
		at["name"], at["patternType"] = prefix, "prefix"
	}
	var can []any
	for _, o := range operations {
		can = append(can, o)
	}
	return map[string]any{"resource": at, "operations": can}
}
