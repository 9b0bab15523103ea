// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/sandbox/memkube"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

func TestASetGoesAfterWhatStandsOnIt(t *testing.T) {
	t.Parallel()
	sets := []Inventory{{Name: "operator"}, {Name: "kafka", Needs: []string{"operator"}}, {Name: "app", Needs: []string{"kafka"}}}
	for _, row := range []struct {
		why      string
		wanted   []string
		teardown bool
		set      string
		want     string
	}{
		{"what stands on it is going too", nil, false, "operator", "kafka"},
		{"nothing stands on it", nil, false, "app", ""},
		{"what stood on it stays, and stands on something else by now", []string{"kafka"}, false, "operator", ""},
		{"everything goes, whatever was wanted before", []string{"kafka"}, true, "operator", "kafka"},
	} {
		k := NewKinds(KindsOptions{})
		for _, name := range row.wanted {
			k.Objects(graph.Known(Access{}), Set{Name: name})
		}
		if got, _ := k.stoodOn(sets, row.teardown, row.set); got.Name != row.want {
			t.Errorf("%s waits for %q, want %q, since %s", row.set, got.Name, row.want, row.why)
		}
	}
}

// topics is a set with the definition of topics, and one topic if asked.
func topics(with bool) Set {
	set := Set{Name: "events", Namespace: "default", Objects: []*unstructured.Unstructured{{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": "kafkatopics.kafka.strimzi.io"},
		"spec": map[string]any{"group": "kafka.strimzi.io", "scope": "Namespaced",
			"names": map[string]any{"kind": "KafkaTopic", "plural": "kafkatopics", "singular": "kafkatopic", "listKind": "KafkaTopicList"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}},
	}}}}
	if with {
		set.Objects = append(set.Objects, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic", "metadata": map[string]any{"name": "clicks"}, "spec": map[string]any{"partitions": int64(3)}}})
	}
	return set
}

func TestATopicThatIsTakenOutIsKeptAndSaid(t *testing.T) {
	t.Parallel()
	c := New(Options{Platform: "shop-x7k2p9", Transport: wire.Transport(memkube.New(memkube.Options{})), Credentials: func(context.Context) (Credentials, error) {
		return Credentials{Server: "https://memkube.invalid", Token: "none", Expires: time.Now().Add(time.Hour)}, nil
	}})
	apply := func(set Set) {
		t.Helper()
		for range 50 {
			applied, err := c.Apply(t.Context(), set)
			if err != nil {
				t.Fatal(err)
			}
			if applied.Done {
				return
			}
		}
		t.Fatal("the set is not applied after 50 steps")
	}
	apply(topics(true))
	view, err := c.Look(t.Context(), topics(false))
	if err != nil {
		t.Fatal(err)
	}
	if len(view.Changes) != 1 || view.Changes[0].Action != Keep {
		t.Errorf("without the topic the plan is %v, want to keep it", view.Changes)
	}
	pruned, err := c.Prune(t.Context(), topics(false), holdsData)
	if err != nil || !pruned.Done || !slices.ContainsFunc(pruned.Kept, func(k Kept) bool { return k.ID.Name == "clicks" }) {
		t.Errorf("pruning ends with %+v, %v, want the topic kept", pruned, err)
	}
	if view, err = c.Look(t.Context(), topics(false)); err != nil || len(view.Changes) > 0 {
		t.Errorf("a second look finds %v, %v, want nothing to do", view.Changes, err)
	}
}

// A topic that is taken out has the id that it has in a Kafka of DigitalOcean's, by which it is given up.
func TestATopicThatIsTakenOutGoesByItsName(t *testing.T) {
	t.Parallel()
	access, c := Access{ID: "c1", Endpoint: "https://memkube.invalid"}, &graph.Call{}
	kinds := func(set Set, transport http.RoundTripper) *Kinds {
		k := NewKinds(KindsOptions{Platform: "shop-x7k2p9", Find: func(context.Context, *graph.Call) (Access, bool, error) { return access, true, nil },
			Credentials: func(context.Context, string) (Credentials, error) {
				return Credentials{Server: access.Endpoint, Token: "none", Expires: time.Now().Add(time.Hour)}, nil
			},
			Connect: func(o Options) *Cluster { o.Transport = transport; return New(o) }})
		set.Known = map[string]string{"node": "messaging/events"}
		k.Objects(graph.Known(access), set)
		return k
	}
	transport := wire.Transport(memkube.New(memkube.Options{}))
	topic := func(name string, spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic", "metadata": map[string]any{"name": name}, "spec": spec}}
	}
	before := topics(true)
	before.Objects = append(before.Objects, topic("user-clicks-1f2e3d4c", map[string]any{"topicName": "User_Clicks"}))
	after := topics(true)
	list := func(set Set) []graph.Item {
		t.Helper()
		k := kinds(set, transport)
		for range 50 {
			o, err := k.apply(t.Context(), access.ID, k.topical[set.Name])
			if err != nil {
				t.Fatal(err)
			}
			if o.Message == "applied" {
				items, err := k.list(t.Context(), graph.NewCall())
				if err != nil {
					t.Fatal(err)
				}
				return slices.DeleteFunc(items, func(it graph.Item) bool { return it.Data == "" })
			}
		}
		t.Fatal("the set is not applied after 50 steps")
		return nil
	}
	if items := list(before); len(items) > 0 {
		t.Errorf("topics of the document are up for a decision: %v", items)
	}
	theirs := topic("theirs", map[string]any{})
	theirs.SetNamespace("default")
	direct, err := kinds(after, transport).Cluster(access.ID).Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := direct.Create(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	items := list(after)
	if len(items) != 1 || items[0].Data != "messaging/events/topics/User_Clicks" || items[0].Owner != "messaging/events" {
		t.Fatalf("a topic that was taken out is told as %+v", items)
	}
	k := kinds(after, transport)
	if _, err := k.delete(t.Context(), c, items[0]); err != nil {
		t.Fatal(err)
	}
	if items := list(after); len(items) > 0 {
		t.Errorf("it is given up, and there is still %v", items)
	}
	for name, want := range map[string]bool{"clicks": true, "theirs": true, "user-clicks-1f2e3d4c": false} {
		live, err := k.Cluster(access.ID).Answer(t.Context(), ID{"kafka.strimzi.io", "v1", "KafkaTopic", "default", name})
		if err != nil || (live != nil) != want {
			t.Errorf("the topic %s is there: %v, %v, want %v", name, live != nil, err, want)
		}
	}
	none := topics(false)
	definition := none.Objects[0].DeepCopy()
	definition.SetName("kafkas.kafka.strimzi.io")
	if err := unstructured.SetNestedStringMap(definition.Object, map[string]string{"kind": "Kafka", "plural": "kafkas", "singular": "kafka", "listKind": "KafkaList"}, "spec", "names"); err != nil {
		t.Fatal(err)
	}
	none.Objects = append(none.Objects, definition, &unstructured.Unstructured{Object: map[string]any{"apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka", "metadata": map[string]any{"name": "events"}}})
	if items := list(none); len(items) != 1 || items[0].Data != "messaging/events/topics/clicks" {
		t.Errorf("the last topic that was taken out is told as %+v", items)
	}
}

func TestAStrimziResourceIsReadyWhenItSaysSo(t *testing.T) {
	t.Parallel()
	kafka := func(conditions ...any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka",
			"metadata": map[string]any{"name": "events", "generation": int64(1)}, "status": map[string]any{"observedGeneration": int64(1), "conditions": conditions}}}
	}
	if got := standing(kafka(map[string]any{"type": "Ready", "status": "True"})); got.State != Ready {
		t.Errorf("a Kafka that is ready is %v: %s", got.State, got.Message)
	}
	got := standing(kafka(map[string]any{"type": "NotReady", "status": "True", "reason": "Creating", "message": "Kafka cluster is being deployed"}))
	if got.State != InProgress || got.Message != "Kafka cluster is being deployed" {
		t.Errorf("a Kafka that is being deployed is %v: %s", got.State, got.Message)
	}
	if got := standing(kafka()); got.State != InProgress {
		t.Errorf("a Kafka that its operator has not seen is %v", got.State)
	}
}

func TestAKafkaIsEmptyWhereEveryPartitionEndsWhereItBegins(t *testing.T) {
	t.Parallel()
	own := "kafka_topic_partitions{topic=\"__consumer_offsets\"} 1\nkafka_topic_partition_oldest_offset{partition=\"0\",topic=\"__consumer_offsets\"} 0\n" +
		"kafka_topic_partition_current_offset{partition=\"0\",topic=\"__consumer_offsets\"} 9\n"
	clicks := func(partitions, first, last string) string {
		return own + "kafka_topic_partitions{topic=\"clicks\"} " + partitions + "\nkafka_topic_partition_oldest_offset{partition=\"0\",topic=\"clicks\"} " + first +
			"\nkafka_topic_partition_current_offset{partition=\"0\",topic=\"clicks\"} " + last + "\n"
	}
	for _, row := range []struct {
		metrics string
		status  int
		empty   bool
		said    string
	}{
		{clicks("1", "0", "0"), 200, true, "no topic of it holds a message"},
		{clicks("1", "1.2e+06", "1.2e+06"), 200, true, "no topic of it holds a message"}, // all have expired
		{clicks("1", "0", "3"), 200, false, "its topics hold messages: clicks"},
		{clicks("2", "0", "0"), 200, false, "is not known: its exporter does not tell both ends"},
		{own, 200, false, "is not known: its exporter tells of 0 of its 1 topic"},
		{"", 200, false, "is not known: its exporter does not tell"},
		{"", 503, false, "is not known: read the metrics of default/events-kafka-exporter-1: the cluster answers 503"},
	} {
		memory := wire.Transport(memkube.New(memkube.Options{}))
		way := roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/api/v1/namespaces/default/pods/events-kafka-exporter-1:9404/proxy/metrics" {
				return &http.Response{StatusCode: row.status, Status: fmt.Sprint(row.status), Body: io.NopCloser(strings.NewReader(row.metrics)), Request: r}, nil
			}
			return memory.RoundTrip(r)
		})
		k := NewKinds(KindsOptions{Platform: "shop-x7k2p9", Credentials: func(context.Context, string) (Credentials, error) {
			return Credentials{Server: "https://memkube.invalid", Token: "none", Expires: time.Now().Add(time.Hour)}, nil
		}, Connect: func(o Options) *Cluster { o.Transport = way; return New(o) }})
		set := Inventory{Name: "messaging-events", Objects: []ID{{"kafka.strimzi.io", "v1", "Kafka", "default", "events"}, {"kafka.strimzi.io", "v1", "KafkaTopic", "default", "clicks"},
			{"kafka.strimzi.io", "v1", "KafkaTopic", "default", "k8or-probe"}}}
		if empty, said := k.kafkaIsEmpty(t.Context(), graph.NewCall(), Access{ID: "c1"}, set); empty || !strings.Contains(said, "is not known: its exporter: no ready pod") {
			t.Errorf("without its exporter, it is empty: %t, since %s", empty, said)
		}
		direct, err := k.Cluster("c1").Client(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "events-kafka-exporter-1", Labels: map[string]string{"strimzi.io/name": "events-kafka-exporter"}},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "exporter", Image: "registry.example.com/exporter:1"}}}}
		if err := direct.Create(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
		ready := client.RawPatch(types.MergePatchType, []byte(`{"status":{"conditions":[{"type":"Ready","status":"True"}]}}`))
		if err := direct.Status().Patch(t.Context(), pod, ready); err != nil {
			t.Fatal(err)
		}
		if empty, said := k.kafkaIsEmpty(t.Context(), graph.NewCall(), Access{ID: "c1"}, set); empty != row.empty || !strings.Contains(said, row.said) {
			t.Errorf("of %q, it is empty: %t, since %s; want %s", row.metrics, empty, said, row.said)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
