// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/messaging"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/secret"
	"github.com/k8or/k8or/internal/unit"
)

// Kafka as DigitalOcean runs it: its newest version, and the sizes that small, medium and large stand for. Source: its published
// options of 2026-08-07.
const managedNewest = "3.8"

var managedSizes = map[string]string{"small": "db-s-2vcpu-2gb", "medium": "db-s-2vcpu-4gb", "large": "gd-2vcpu-8gb"}

func soldAs(size string) string { return cmp.Or(managedSizes[cmp.Or(size, "small")], size) }

// leastReplicas is on how many brokers DigitalOcean keeps a topic at the least. Source: its provider for Terraform, 2.99.1,
// docs/resources/database_kafka_topic.md, which also names three parts as the least; its other documentation has one as the default.
const leastReplicas = 2

// checkManaged says what DigitalOcean cannot do of what the document asks.
func checkManaged(e entry) []product.Refusal {
	var out []product.Refusal
	if n := brokersOf(e.Spec); n%3 != 0 || n > 15 {
		out = append(out, product.Refusal{Field: "brokers", What: fmt.Sprintf("DigitalOcean has no Kafka of %d brokers", n), Why: "it sells them by threes, up to 15", Fix: "write 3, 6 or more by threes"})
	}
	for _, name := range slices.Sorted(maps.Keys(e.Spec.Topics)) {
		if or(e.Spec.Topics[name].Replicas, leastReplicas) < leastReplicas {
			out = append(out, product.Refusal{Field: "topics." + name + ".replicas", What: "DigitalOcean keeps a topic on two brokers at the least", Why: "one that goes for maintenance would take the only copy along",
				Fix: "write 2 or more, or remove it"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Spec.Topics)) {
		out = append(out, wrongConfig(name, e.Spec.Topics[name].Config)...)
	}
	if e.Spec.Pool != "" {
		out = append(out, product.Refusal{Field: "pool", What: "a Kafka of DigitalOcean's is on no node pool of yours", Why: "its brokers are DigitalOcean's machines", Fix: "remove pool, or write placement: cluster"})
	}
	out = append(out, product.Lack{Fields: []string{"storage.class"}, Why: "its disk is no volume of the cluster's", Fix: "remove it, or write placement: cluster"}.Of(e.Spec)...)
	if e.Options.Config != nil || e.Options.MaxLag != 0 || e.Options.NodePools.Brokers != nil || e.Options.NodePools.Controllers != nil {
		out = append(out, product.Refusal{Field: "options", What: "options are for a Kafka in the cluster", Why: "DigitalOcean keeps the brokers' settings itself", Fix: "remove options, or write placement: cluster"})
	}
	if len(e.Spec.Values) > 0 {
		out = append(out, product.Refusal{Field: "values", What: "values would have no effect", Why: "no chart of k8or's stands behind a Kafka of DigitalOcean's", Fix: "remove values, or write placement: cluster"})
	}
	return out
}

// wrongConfig says what DigitalOcean would not take of a topic's config. It is said by the names that the document uses.
func wrongConfig(topic string, config map[string]any) []product.Refusal {
	var out []product.Refusal
	at := v1alpha1.Join("topics", topic) + ".config"
	for _, name := range slices.Sorted(maps.Keys(config)) {
		for _, w := range digitalocean.WrongParameters("topic", map[string]any{underscored(name): config[name]}) {
			out = append(out, product.Refusal{Field: v1alpha1.Join(at, name), What: w.What, Why: w.Why, Fix: w.Fix})
		}
	}
	return out
}

// underscored is DigitalOcean's name of one of Kafka's settings, which Kafka itself writes with dots.
func underscored(name string) string { return strings.ReplaceAll(name, ".", "_") }

// chooseManaged declares what it costs.
func chooseManaged(s *product.Selecting, e entry) {
	n, slug := brokersOf(e.Spec), soldAs(e.Spec.Size)
	s.Bill(price.Item{What: fmt.Sprintf("kafka, %d × %s", n, slug), Kind: price.Database, Slug: "kafka/" + slug, Min: n, Max: n})
	s.Bill(price.Default().Storage(string(e.ID), "kafka/"+slug, managedDisk(e.Spec), 0)...)
}

// managedDisk is how large the document wants it; zero is what comes with the size.
func managedDisk(m v1alpha1.Messaging) unit.MiB {
	if m.Storage == nil {
		return 0
	}
	return product.MiB(m.Storage.Size)
}

// managed makes the nodes of one entry.
type managed struct {
	entry
	b    *product.Building
	name string // at DigitalOcean
	out  graph.Value[digitalocean.DatabaseOut]
}

func buildManaged(b *product.Building, e entry) error {
	base, err := b.Foundation()
	if err != nil {
		return err
	}
	m := managed{entry: e, b: b, name: b.Estate().NameOf("kafka-" + e.Name)}
	spec := digitalocean.DatabaseSpec{Name: m.name, Engine: "kafka", Version: cmp.Or(e.Spec.Version, managedNewest), Size: soldAs(e.Spec.Size), Nodes: brokersOf(e.Spec), Region: b.Platform().Spec.Region,
		Storage: managedDisk(e.Spec), Protected: e.Spec.DeletionProtection != nil && *e.Spec.DeletionProtection}
	b.Estate().Want(spec)
	if b.Rotates() {
		b.Estate().Rotate(m.name)
		b.Unrotated(slices.Sorted(maps.Keys(e.Spec.Users)))
	}
	m.out = graph.Add(b.Graph(), e.ID, &digitalocean.Database{On: b.Estate(), Entry: string(e.ID), DatabaseSpec: spec, VPC: base.Network, Project: base.Project})
	product.Offer(b, product.PrivateServer{Entry: e.ID, Ports: product.Ports{First: digitalocean.FirstDatabasePort, Last: digitalocean.LastDatabasePort}})
	graph.Add(b.Graph(), e.ID+"/firewall", &digitalocean.DatabaseFirewall{On: b.Estate(), Database: m.out, In: m.name,
		Cluster: graph.Map(base.Access, func(a kube.Access) string { return a.ID })})
	var topics []graph.ID
	for _, name := range append(slices.Sorted(maps.Keys(e.Spec.Topics)), probeTopic) {
		id := e.ID + graph.ID("/topics/"+name)
		graph.Add(b.Graph(), id, m.topic(name))
		topics = append(topics, id)
	}
	return m.users(topics)
}

// topic is a topic of the document, or the one that probes use.
func (m managed) topic(name string) *digitalocean.KafkaTopic {
	t := &digitalocean.KafkaTopic{On: m.b.Estate(), Cluster: m.out, In: m.name, Name: name}
	given, ours := m.Spec.Topics[name]
	if !ours {
		t.Partitions, t.Replicas, t.Config = 3, 3, map[string]any{"retention_ms": time.Hour.Milliseconds()}
		return t
	}
	t.Partitions, t.Replicas = messaging.Partitions(given), or(given.Replicas, 3)
	t.Config = map[string]any{"min_insync_replicas": or(given.MinInSync, inSyncOf(t.Replicas))}
	if given.Retention != "" {
		t.Config["retention_ms"] = retention(given).Milliseconds()
	}
	for key, value := range given.Config {
		t.Config[underscored(key)] = value
	}
	return t
}

// users gives each app, each user of the document and the probe a user and a Secret.
func (m managed) users(topics []graph.ID) error {
	home := m.ID + "/namespace"
	if _, err := m.b.Objects(home, m.Namespace(), []*unstructured.Unstructured{m.b.EntryNamespace(m.Namespace())}); err != nil {
		return err
	}
	after := append([]graph.ID{m.ID + "/firewall"}, topics...)
	for _, app := range m.b.Platform().Clients(m.ID) {
		before, err := m.b.AppNamespace(app.Namespace)
		if err != nil {
			return err
		}
		permission := "produceconsume"
		if app.Privileges == product.Reads {
			permission = "consume"
		}
		var may []digitalocean.TopicGrant
		for _, topic := range slices.Sorted(maps.Keys(m.Spec.Topics)) {
			may = append(may, digitalocean.TopicGrant{Topic: topic, Permission: permission})
		}
		id := m.ID + graph.ID("/apps/"+app.Name)
		if _, err := m.account(id, digitalocean.UserPrefix+app.Name, app.Namespace, app.SecretName(m.ID), may, append(after, before)); err != nil {
			return err
		}
		keys := slices.Sorted(maps.Keys(m.access(digitalocean.UserOut{})))
		m.b.Bind(m.ID, app, messaging.Type, keys, id)
		probe := messaging.Probe(m.ID, app, keys, slices.Sorted(maps.Keys(m.Spec.Topics)))
		probe.Look = "the database cluster " + m.name + " at DigitalOcean"
		product.Offer(m.b, probe)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Spec.Users)) {
		if _, err := m.account(m.ID+graph.ID("/secrets/"+name), name, m.Namespace(), name+".binding", topicGrants(m.Spec.Users[name].Grants), append(after, home)); err != nil {
			return err
		}
	}
	probing := []digitalocean.TopicGrant{{Topic: probeTopic, Permission: "produceconsume"}}
	if _, err := m.account(m.ID+"/probe", digitalocean.UserPrefix+"probe", m.Namespace(), probeUser+".binding", probing, append(after, home)); err != nil {
		return err
	}
	m.offer()
	if err := m.watch(home); err != nil {
		return err
	}
	return m.mirror(append(after, home))
}

func topicGrants(given []v1alpha1.TopicGrant) []digitalocean.TopicGrant {
	words := map[string]string{"produce": "produce", "consume": "consume", "both": "produceconsume", "admin": "admin"}
	var out []digitalocean.TopicGrant
	for _, g := range given {
		out = append(out, digitalocean.TopicGrant{Topic: g.Topic, Permission: words[g.Permission]})
	}
	return out
}

// account is a user and the Secret of whoever it is for.
func (m managed) account(id graph.ID, name, namespace, object string, may []digitalocean.TopicGrant, after []graph.ID) (graph.Value[digitalocean.UserOut], error) {
	user := graph.Add(m.b.Graph(), m.ID+graph.ID("/users/"+name), &digitalocean.DatabaseUser{On: m.b.Estate(), Database: m.out, In: m.name, Name: name,
		UserSettings: digitalocean.UserSettings{Topics: may}})
	return user, m.b.Filled(id, product.BindingSecret(namespace, object, messaging.Type), graph.Map(user, m.access), graph.After(after...))
}

// access is how a user reaches Kafka.
func (m managed) access(u digitalocean.UserOut) map[string]secret.Text {
	return messaging.Data(net.JoinHostPort(u.Database.Host, strconv.Itoa(u.Database.Port)), "SASL_SSL", "SCRAM-SHA-256", u.Name, u.Password, u.CA)
}

// offer makes it known to verify.
func (m managed) offer() {
	files := map[string]kube.SecretKey{}
	for key := range m.access(digitalocean.UserOut{}) {
		files["kafka/"+key] = kube.SecretKey{Namespace: m.Namespace(), Name: probeUser + ".binding", Key: key}
	}
	product.Offer(m.b, product.Probe{Entry: m.ID, Name: "message", Proves: "a message is written to all copies of a topic of k8or's own and read again, by a user who may do only that",
		Spec:  probe.Spec{Timeout: 2 * time.Minute, Kafka: &probe.Kafka{Binding: "/probe/kafka", Topic: probeTopic}},
		Files: files, Namespace: m.Namespace(), Look: "the database cluster " + m.name + " at DigitalOcean"})
}
