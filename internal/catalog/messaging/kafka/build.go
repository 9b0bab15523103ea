// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/messaging"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

func build(b *product.Building, e entry) error {
	if e.Placement == product.Managed {
		return buildManaged(b, e)
	}
	b.Estate().Elsewhere(string(e.ID))
	operator, err := b.Operator("strimzi")
	if err != nil {
		return err
	}
	version, err := versionOf(e)
	if err != nil {
		return err
	}
	m := maker{entry: e, platform: b.Platform(), version: version, users: b.Platform().Clients(e.ID)}
	objects, err := m.objects(b)
	if err != nil {
		return err
	}
	if _, err := b.Set(e.ID, product.SetSpec{Namespace: e.Namespace(), Objects: objects, Guards: m.guards(), Protected: m.protected()}, operator.After()); err != nil {
		return err
	}
	if err := m.accounts(b); err != nil {
		return err
	}
	if err := m.mirror(b); err != nil {
		return err
	}
	m.say(b)
	m.offer(b)
	return nil
}

// versionOf is the exact release of Kafka that the document asks for: a minor is its newest patch.
func versionOf(e entry) (string, error) {
	if e.Spec.Version == "" {
		return newest, nil
	}
	for _, r := range slices.Backward(releases) {
		if r == e.Spec.Version || strings.HasPrefix(r, e.Spec.Version+".") {
			return r, nil
		}
	}
	return "", &problem.Problem{Code: v1alpha1.CodeUnknownWord, Kind: problem.Usage, Path: "spec.messaging." + e.Name + ".version",
		Title: fmt.Sprintf("Kafka %s is not a version that this k8or can run", e.Spec.Version), Why: "its operator, Strimzi 1.2, runs " + strings.Join(releases, ", "),
		Fix: "use one of them, a minor such as 4.3, or leave version out for " + newest}
}

// maker makes the objects of one Kafka.
type maker struct {
	entry
	platform product.Platform
	version  string
	users    []product.Client
}

// The parts of a Kafka, by the names of their node pools.
const brokerPool, controllerPool = "brokers", "controllers"

// objects are the Kafka, its pools of nodes, and its topics, in their namespace.
func (m maker) objects(b *product.Building) ([]*unstructured.Unstructured, error) {
	kafka, err := object("Kafka", m.Name, "", m.kafka())
	if err != nil {
		return nil, err
	}
	home := b.EntryNamespace(m.Namespace())
	if m.protected() {
		home.SetAnnotations(map[string]string{"k8or.io/deletion-protection": "true"})
	}
	out := []*unstructured.Unstructured{home}
	for _, name := range []string{brokerPool, controllerPool} {
		o, err := object("KafkaNodePool", name, m.Name, m.pool(name))
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	topics, err := m.topics()
	return append(append(out, kafka), topics...), err
}

// protected says whether the document keeps it from being deleted.
func (m maker) protected() bool {
	return m.Spec.DeletionProtection != nil && *m.Spec.DeletionProtection
}

// pool is the spec of a pool of nodes in one role, with the document's laid over it. Brokers and controllers are apart, so that the
// number of brokers can change: that of controllers cannot.
func (m maker) pool(name string) map[string]any {
	z, n, role, disk, over := sizeOf(m.Spec), brokersOf(m.Spec), "broker", diskOf(m.Spec), m.Options.NodePools.Brokers
	p := z.broker
	if name == controllerPool {
		n, role, disk, over, p = controllersOf(n), "controller", controllerDisk, m.Options.NodePools.Controllers, z.controller
	}
	template := m.place()
	template["topologySpreadConstraints"] = []any{map[string]any{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
		"labelSelector": map[string]any{"matchLabels": map[string]any{"strimzi.io/cluster": m.Name, "strimzi.io/pool-name": name}}}}
	template["terminationGracePeriodSeconds"] = 120
	return product.Overlay(map[string]any{
		"replicas": n, "roles": []any{role}, "resources": p.resources(), "jvmOptions": p.java(),
		"storage": map[string]any{"type": "jbod", "volumes": []any{map[string]any{
			"id": 0, "type": "persistent-claim", "size": disk, "class": classOf(m.Spec), "deleteClaim": false, "kraftMetadata": "shared"}}},
		"template": map[string]any{"pod": template},
	}, over)
}

// place is where pods run: on the pool that the document names, whose taints they bear.
func (m maker) place() map[string]any {
	out := map[string]any{}
	if m.Spec.Pool == "" {
		return out
	}
	out["affinity"] = map[string]any{"nodeAffinity": map[string]any{"requiredDuringSchedulingIgnoredDuringExecution": map[string]any{
		"nodeSelectorTerms": []any{map[string]any{"matchExpressions": []any{map[string]any{"key": product.PoolLabel, "operator": "In", "values": []any{m.Spec.Pool}}}}}}}}
	if bears, ok := m.platform.OnPool(m.Spec.Pool)["tolerations"]; ok {
		out["tolerations"] = bears
	}
	return out
}

// kafka is the spec of the cluster as a whole, with the document's laid over it.
func (m maker) kafka() map[string]any {
	z, brokers := sizeOf(m.Spec), brokersOf(m.Spec)
	copies := copiesOf(brokers)
	config := product.Merge(map[string]any{
		"auto.create.topics.enable":  false, // topics are the document's: a slip of the pen must not make one
		"default.replication.factor": copies, "min.insync.replicas": inSyncOf(copies),
		"offsets.topic.replication.factor": copies, "transaction.state.log.replication.factor": copies, "transaction.state.log.min.isr": inSyncOf(copies),
	}, m.Options.Config)
	spec := map[string]any{
		"kafka": map[string]any{
			"version": m.version, "config": config,
			"listeners": []any{map[string]any{"name": "tls", "port": listenerPort, "type": "internal", "tls": true,
				"authentication": map[string]any{"type": "scram-sha-512"}, "networkPolicyPeers": m.peers()}},
			"authorization": map[string]any{"type": "simple"},
			"metricsConfig": map[string]any{"type": "strimziMetricsReporter"},
		},
		"entityOperator": map[string]any{
			"topicOperator": map[string]any{"resources": z.entity.resources()}, "userOperator": map[string]any{"resources": z.entity.resources()},
			// A finalizer would hold a topic's object, and with it the namespace, after the operator has gone.
			"template": map[string]any{"topicOperatorContainer": map[string]any{"env": []any{map[string]any{"name": "STRIMZI_USE_FINALIZERS", "value": "false"}}}},
		},
		"kafkaExporter": map[string]any{"topicRegex": ".*", "groupRegex": ".*", "resources": z.exporter.resources()},
	}
	if brokers > 1 { // it refuses to run beside a single broker
		spec["cruiseControl"] = map[string]any{"resources": z.cruise.resources(), "jvmOptions": z.cruise.java(),
			"autoRebalance": []any{map[string]any{"mode": "add-brokers"}, map[string]any{"mode": "remove-brokers"}}}
	}
	if place := m.place(); len(place) > 0 {
		for _, part := range []string{"entityOperator", "kafkaExporter", "cruiseControl"} {
			if at, ok := spec[part].(map[string]any); ok {
				at["template"] = product.Merge(map[string]any{"pod": place}, template(at))
			}
		}
	}
	return product.Merge(spec, m.Spec.Values)
}

// template is what a part says of its own template.
func template(part map[string]any) map[string]any {
	t, _ := part["template"].(map[string]any)
	return t
}

const listenerPort = 9093

// peers are the pods that the brokers' network policy lets in: those of the apps that use this entry and of their probes, and this
// namespace's own, where others run. Users that the document names itself may be anywhere in the cluster.
func (m maker) peers() []any {
	space := func(name string) map[string]any {
		return map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": name}}
	}
	if len(m.Spec.Users) > 0 {
		return []any{map[string]any{"namespaceSelector": map[string]any{}}}
	}
	out := []any{map[string]any{"namespaceSelector": space(m.Namespace())}}
	var probed []string
	for _, u := range m.users {
		out = append(out, map[string]any{"namespaceSelector": space(u.Namespace),
			"podSelector": map[string]any{"matchLabels": map[string]any{"app.kubernetes.io/name": u.Name}}})
		if !slices.Contains(probed, u.Namespace) {
			probed = append(probed, u.Namespace)
			out = append(out, map[string]any{"namespaceSelector": space(u.Namespace),
				"podSelector": map[string]any{"matchLabels": map[string]any{messaging.ProbeLabel: m.Namespace()}}})
		}
	}
	for _, name := range slices.Sorted(slices.Values(messaging.MirroredTo(m.platform, m.ID))) {
		out = append(out, map[string]any{"namespaceSelector": space(namespaceOf(name)), "podSelector": map[string]any{"matchLabels": product.Texts(mirrorPods(name))}})
	}
	return out
}

// guards refuse what a Kafka that stands cannot follow.
func (m maker) guards() []kube.Guard {
	const first = "spec.storage.volumes[0]."
	var out []kube.Guard
	for _, pool := range []string{brokerPool, controllerPool} {
		out = append(out, kube.Guard{Kind: "KafkaNodePool", Name: pool, Field: first + "size", Refuse: shrinks("a disk", "keep the size, or make a new entry beside this one and move the messages")},
			kube.Guard{Kind: "KafkaNodePool", Name: pool, Field: first + "class", Refuse: func(_, _ string) string {
				return "the storage class of a disk is fixed once it is made: make a new entry beside this one and move the messages"
			}})
	}
	out = append(out, kube.Guard{Kind: "KafkaNodePool", Name: brokerPool, Field: "spec.replicas", Refuse: func(before, after string) string {
		have, want := copiesOf(number(before)), copiesOf(number(after))
		if have == want {
			return ""
		}
		return fmt.Sprintf("Kafka's own topics were made with %s, this number of brokers would have them with %d, and its quorum of controllers is fixed: make a new entry beside this one and move the messages", copies(have), want)
	}, Tell: moves})
	out = append(out, kube.Guard{Kind: "KafkaNodePool", Name: controllerPool, Field: "spec.replicas", Refuse: func(_, _ string) string {
		return "the number of controllers is fixed once they are made: make a new entry beside this one and move the messages"
	}})
	for _, name := range m.topicNames() {
		out = append(out, kube.Guard{Kind: "KafkaTopic", Name: topicObject(name), Field: "spec.partitions", Refuse: shrinks("the number of a topic's partitions", "keep it, or make a new topic")})
	}
	return out
}

// moves says what another number of brokers moves. Strimzi keeps a broker for as long as it holds anything.
func moves(before, after string) string {
	have, want := number(before), number(after)
	switch {
	case want > have && have > 1:
		return fmt.Sprintf("Cruise Control then moves partitions onto %s, from all others; clients see nothing of it", count(want-have, "new broker"))
	case want < have:
		return fmt.Sprintf("Cruise Control first moves every partition off %s onto the %d that stay, which need the room for them; a broker goes once nothing is on it, and its disk stays as a claim",
			count(have-want, "broker"), want)
	}
	return ""
}

// copies is a number of copies in words.
func copies(n int) string {
	if n == 1 {
		return "one copy"
	}
	return fmt.Sprintf("%d copies", n)
}

// count is a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "the " + thing
	}
	return fmt.Sprintf("the %d %ss", n, thing)
}

// shrinks refuses a smaller amount.
func shrinks(what, fix string) func(before, after string) string {
	return func(before, after string) string {
		b, berr := resource.ParseQuantity(strings.Trim(before, `"`))
		a, aerr := resource.ParseQuantity(strings.Trim(after, `"`))
		if berr != nil || aerr != nil || a.Cmp(b) >= 0 {
			return ""
		}
		return fmt.Sprintf("%s can grow and never shrinks: %s", what, fix)
	}
}

func number(text string) int {
	q, err := resource.ParseQuantity(strings.Trim(text, `"`))
	if err != nil {
		return 0
	}
	return int(q.Value())
}

// say tells the reader of the plan what the document leaves weaker than it could be.
func (m maker) say(b *product.Building) {
	if n := brokersOf(m.Spec); n < 3 {
		b.Note("%s keeps each message on %d of %d brokers; with three, it would survive the loss of one", m.ID, copiesOf(n), n)
	}
	if len(m.Spec.Topics) == 0 {
		b.Note("%s has no topics, and none is made by itself: nobody can write to it yet", m.ID)
	}
}

// object is a custom resource of Strimzi's; kafka says which Kafka it belongs to, empty for a Kafka itself.
func object(kind, name, kafka string, spec map[string]any) (*unstructured.Unstructured, error) {
	meta := map[string]any{"name": name}
	if kafka != "" {
		meta["labels"] = map[string]any{"strimzi.io/cluster": kafka}
	}
	raw, err := json.Marshal(map[string]any{"apiVersion": "kafka.strimzi.io/v1", "kind": kind, "metadata": meta, "spec": spec})
	if err != nil {
		return nil, fmt.Errorf("make %s %s: %w", kind, name, err)
	}
	o := &unstructured.Unstructured{}
	return o, o.UnmarshalJSON(raw) // numbers become what the API's machinery takes
}
