// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/catalog/messaging"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

// An entry with migrateFrom gets a KafkaMirrorMaker2 beside it, which Strimzi runs in the cluster wherever the two Kafkas are. It
// copies the topics that both name, under the same names, and the positions of groups of consumers.

// mirrorPod is MirrorMaker's one pod. It is an estimate: what it needs follows the bytes that it moves.
var mirrorPod = pod{250, 1024, 1536, 768}

// mirrorName is the name of an entry's KafkaMirrorMaker2. The Kafka's own name would make its pods those of the Kafka to some.
func mirrorName(entry string) string { return entry + "-mirror" }

// mirrorPods are the labels of its pods.
func mirrorPods(entry string) map[string]string {
	return map[string]string{"strimzi.io/cluster": mirrorName(entry), "strimzi.io/kind": "KafkaMirrorMaker2"}
}

// namespaceOf is the namespace of another entry of this category.
func namespaceOf(name string) string { return "messaging-" + name }

// chooseMirror declares the pod that Strimzi derives.
func chooseMirror(s *product.Selecting, e entry) {
	if e.Spec.MigrateFrom == "" {
		return
	}
	s.Want("strimzi")
	s.Footprint(fit.Workload{Name: mirrorName(e.Name), Replicas: 1, CPU: mirrorPod.cpu, Memory: mirrorPod.memory, Pool: e.Spec.Pool, Tolerates: tolerates(e.Spec.Pool)})
}

// mirror gives a Kafka in the cluster that messages are copied from or to a user for that.
func (m maker) mirror(b *product.Building) error {
	acls := m.mirrorACLs()
	if len(acls) == 0 {
		return nil
	}
	id, access := m.ID+"/mirror", m.access(messaging.MirrorUser)
	if err := m.account(b, id, messaging.MirrorUser, acls, access.Secret(m.Namespace(), messaging.MirrorSecret), nil); err != nil {
		return err
	}
	product.Offer(b, messaging.Mirrored{Entry: m.ID, Namespace: m.Namespace(), Ready: id, Bootstrap: graph.Known(access.Bootstrap), Username: graph.Known(messaging.MirrorUser), Mechanism: "scram-sha-512"})
	offerMirror(b, m.entry)
	return nil
}

// mirrorACLs are what the mirror may do: read the topics and positions of a source, write those of a target, and keep its own topics
// there. Source: the rights that Kafka's documentation names for the calls of MirrorMaker's connectors.
func (m maker) mirrorACLs() []any {
	var acls []any
	look := []string{"Describe", "DescribeConfigs"}
	if len(messaging.MirroredTo(m.platform, m.ID)) > 0 {
		for _, topic := range m.topicNames() {
			acls = append(acls, acl("topic", topic, append(look, "Read")...))
		}
		acls = append(acls, acl("group", "*", "Describe"))
	}
	if source := m.Spec.MigrateFrom; source != "" {
		for _, topic := range m.topicNames() {
			acls = append(acls, acl("topic", topic, append(look, "Alter", "Read", "Write")...))
		}
		for _, topic := range []string{messaging.MirrorUser + "-*", "mm2-offset-syncs.*", strings.TrimPrefix(source, "messaging/") + ".checkpoints.internal"} {
			acls = append(acls, acl("topic", topic, "All"))
		}
		acls = append(acls, acl("group", "*", "Describe", "Read"))
	}
	if len(acls) == 0 {
		return nil
	}
	return append(acls, map[string]any{"resource": map[string]any{"type": "cluster"}, "operations": []any{"Describe", "DescribeConfigs"}})
}

// managedMirror is the mirror's user at DigitalOcean. No app's has this name: theirs begin with a letter or a digit after the prefix.
const managedMirror = digitalocean.UserPrefix + "-mirror"

// mirror gives a Kafka of DigitalOcean's that messages are copied from or to a user for that.
func (m managed) mirror(after []graph.ID) error {
	var may []digitalocean.TopicGrant
	switch {
	case m.Spec.MigrateFrom != "": // DigitalOcean has no rights for positions and new topics but these
		may = []digitalocean.TopicGrant{{Topic: "*", Permission: "admin"}}
	case len(messaging.MirroredTo(m.b.Platform(), m.ID)) > 0:
		for _, topic := range slices.Sorted(maps.Keys(m.Spec.Topics)) {
			may = append(may, digitalocean.TopicGrant{Topic: topic, Permission: "consume"})
		}
	default:
		return nil
	}
	id := m.ID + "/mirror"
	user, err := m.account(id, managedMirror, m.Namespace(), messaging.MirrorSecret, may, after)
	if err != nil {
		return err
	}
	bootstrap := graph.Map(m.out, func(o digitalocean.DatabaseOut) string { return net.JoinHostPort(o.Host, strconv.Itoa(o.Port)) })
	product.Offer(m.b, messaging.Mirrored{Entry: m.ID, Namespace: m.Namespace(), Ready: id, Bootstrap: bootstrap,
		Username: graph.Map(user, func(u digitalocean.UserOut) string { return u.Name }), Mechanism: "scram-sha-256"})
	offerMirror(m.b, m.entry)
	return nil
}

// offerMirror makes the mirror's logs known.
func offerMirror(b *product.Building, e entry) {
	if e.Spec.MigrateFrom == "" {
		return
	}
	product.Offer(b, product.LogSource{Entry: e.ID, Namespace: e.Namespace(), Labels: mirrorPods(e.Name), Multiline: "java"})
}

// wire adds the mirror of an entry that takes its messages from another.
func wire(w *product.Wiring, e entry) error {
	if e.Spec.MigrateFrom == "" {
		return nil
	}
	ends := map[graph.ID]messaging.Mirrored{}
	for _, m := range product.Offered[messaging.Mirrored](w) {
		ends[m.Entry] = m
	}
	source, target := ends[graph.ID(e.Spec.MigrateFrom)], ends[e.ID]
	operators := product.Offered[product.Operator](w)
	i := slices.IndexFunc(operators, func(o product.Operator) bool { return o.Name == "strimzi" })
	if source.Entry == "" || target.Entry == "" || i < 0 {
		return fmt.Errorf("%s: nobody offers what mirroring %s takes", e.ID, e.Spec.MigrateFrom)
	}
	// A pod reads the Secrets of its own namespace alone.
	copied := kube.Derived{Name: messaging.MirroredSecret, Namespace: e.Namespace(), Type: "servicebinding.io/" + messaging.Type}
	files := map[string]kube.SecretKey{}
	for _, key := range []string{messaging.KeyBootstrap, messaging.KeyProtocol, messaging.KeyMechanism, messaging.KeyUsername, messaging.KeyPassword, messaging.KeyCA} {
		copied.Fields = append(copied.Fields, kube.Field{Key: key, From: &kube.SecretKey{Namespace: source.Namespace, Name: messaging.MirrorSecret, Key: key}})
		files["source/"+key] = kube.SecretKey{Namespace: e.Namespace(), Name: messaging.MirroredSecret, Key: key}
		files["target/"+key] = kube.SecretKey{Namespace: e.Namespace(), Name: messaging.MirrorSecret, Key: key}
	}
	before := e.ID + "/mirror-source"
	if _, err := w.Set(before, product.SetSpec{Derived: []kube.Derived{copied}}, graph.After(source.Ready, target.Ready)); err != nil {
		return err
	}
	topics := mirrored(w.Platform(), e)
	spec := mirrorMaker(w.Platform(), e, source, target, topics)
	o, err := object("KafkaMirrorMaker2", mirrorName(e.Name), "", spec)
	if err != nil {
		return err
	}
	late := graph.Map(graph.Join(target.Bootstrap, target.Username, source.Bootstrap, source.Username), func(known []string) map[string]any {
		whole := o.DeepCopy().Object["spec"].(map[string]any)
		for i, end := range []any{whole["target"], whole["mirrors"].([]any)[0].(map[string]any)["source"]} {
			end := end.(map[string]any)
			end["bootstrapServers"] = known[2*i]
			end["authentication"].(map[string]any)["username"] = known[2*i+1]
		}
		return map[string]any{"target": whole["target"], "mirrors": whole["mirrors"]}
	})
	if err := w.Patched(e.ID+"/mirroring", e.Namespace(), o, late, graph.After(before), operators[i].After()); err != nil {
		return err
	}
	w.ProbeLate(product.Probe{Entry: e.ID, Name: "mirror", Proves: fmt.Sprintf("all messages of %s that are in %s are here too, and groups of consumers go on from where they are", strings.Join(topics, ", "), e.Spec.MigrateFrom),
		Spec:  probe.Spec{Timeout: 2 * time.Minute, Mirror: &probe.Mirror{Source: "/probe/source", Target: "/probe/target", Topics: topics}},
		Files: files, Namespace: e.Namespace(), Look: "k8or logs " + string(e.ID)})
	w.Note("%[1]s mirrors %[2]s: both run. Once `k8or verify %[1]s` finds nothing missing, let the apps' `uses` name %[1]s instead of %[2]s and run `k8or up`; then remove migrateFrom, which ends the mirror", e.ID, e.Spec.MigrateFrom)
	return nil
}

// mirrored are the topics that are in both entries, sorted.
func mirrored(p product.Platform, e entry) []string {
	source := p.Spec.Messaging[strings.TrimPrefix(e.Spec.MigrateFrom, "messaging/")].Topics
	return slices.DeleteFunc(slices.Sorted(maps.Keys(e.Spec.Topics)), func(topic string) bool { _, both := source[topic]; return !both })
}

// mirrorMaker is the KafkaMirrorMaker2, without what is known late. Topics keep their names; their settings and rights are the document's, and not those of the
// source; nothing is written to the source.
func mirrorMaker(p product.Platform, e entry, source, target messaging.Mirrored, topics []string) map[string]any {
	quoted := make([]string, len(topics))
	for i, topic := range topics {
		quoted[i] = regexp.QuoteMeta(topic)
	}
	end := func(m messaging.Mirrored, alias, secret string) map[string]any {
		return map[string]any{"alias": alias, "bootstrapServers": "",
			"tls":            map[string]any{"trustedCertificates": []any{map[string]any{"secretName": secret, "certificate": messaging.KeyCA}}},
			"authentication": map[string]any{"type": m.Mechanism, "username": "", "passwordSecret": map[string]any{"secretName": secret, "password": messaging.KeyPassword}}}
	}
	to := end(target, e.Name, messaging.MirrorSecret)
	to["groupId"] = messaging.MirrorUser
	for _, topic := range []string{"config", "offset", "status"} {
		to[topic+"StorageTopic"] = messaging.MirrorUser + "-" + topic
	}
	to["config"] = map[string]any{"config.storage.replication.factor": -1, "offset.storage.replication.factor": -1, "status.storage.replication.factor": -1}
	both := map[string]any{"replication.policy.class": "org.apache.kafka.connect.mirror.IdentityReplicationPolicy", "offset-syncs.topic.location": "target"}
	spec := map[string]any{
		"version": newest, "replicas": 1, "resources": mirrorPod.resources(), "jvmOptions": mirrorPod.java(), "target": to,
		"mirrors": []any{map[string]any{
			"source":        end(source, strings.TrimPrefix(e.Spec.MigrateFrom, "messaging/"), messaging.MirroredSecret),
			"topicsPattern": strings.Join(quoted, "|"), "groupsPattern": ".*",
			"sourceConnector": map[string]any{"tasksMax": max(1, min(4, len(topics))), "autoRestart": map[string]any{"enabled": true}, "config": product.Merge(both, map[string]any{
				"replication.factor": -1, "offset-syncs.topic.replication.factor": -1, "sync.topic.acls.enabled": false, "sync.topic.configs.enabled": false, "refresh.topics.interval.seconds": 60})},
			"checkpointConnector": map[string]any{"tasksMax": 1, "autoRestart": map[string]any{"enabled": true}, "config": product.Merge(both, map[string]any{
				"checkpoints.topic.replication.factor": -1, "sync.group.offsets.enabled": true, "sync.group.offsets.interval.seconds": 10, "emit.checkpoints.interval.seconds": 10,
				"refresh.groups.interval.seconds": 60})},
		}},
	}
	if e.Spec.Pool != "" {
		spec["template"] = map[string]any{"pod": maker{entry: e, platform: p}.place()}
	}
	return spec
}
