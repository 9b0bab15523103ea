// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/k8or/k8or/internal/graph"
)

// KafkaTopic is a topic of a managed Kafka. It holds messages: one that the document does not speak of any more stays until it is
// named, and goes with its cluster.
type KafkaTopic struct {
	On      *Estate
	Cluster graph.Value[DatabaseOut] `graph:"parent"`
	In      string                   // the cluster's name
	Name    string
	// Partitions may grow; Replicas is on how many brokers each of them is.
	Partitions, Replicas int
	// Config are Kafka's own settings by DigitalOcean's names: retention_ms. Only these are compared, each by a call of its own
	// topic, since the list does not tell them.
	Config map[string]any
}

// TopicOut is a topic that is there.
type TopicOut struct {
	Name                 string
	partitions, replicas int
	config               map[string]any
}

type kafkaTopic struct {
	Name       string         `json:"name"`
	State      string         `json:"state"`
	Replicas   int            `json:"replication_factor"`
	Partitions []topicPart    `json:"partitions"`
	Config     map[string]any `json:"config"`
}

var _ graph.Resource[TopicOut] = (*KafkaTopic)(nil)

// Kind is the kind of topics.
func (t *KafkaTopic) Kind() *graph.Kind { return t.On.kafkaTopics }

// Key is the cluster's name and the topic's.
func (t *KafkaTopic) Key() string { return t.In + "/" + t.Name }

func topicsPath(id string) string { return "/v2/databases/" + id + "/topics" }

func (e *Estate) allTopics(ctx context.Context, c *graph.Call, id string) ([]kafkaTopic, error) {
	return ofDatabase[kafkaTopic](ctx, c, e, "databases/"+id+"/topics", topicsPath(id), "topics")
}

// Observe finds the topic in the cluster's list and, where it is there, reads it whole.
func (t *KafkaTopic) Observe(ctx context.Context, c *graph.Call) (graph.Observed[TopicOut], error) {
	var none graph.Observed[TopicOut]
	parent, ok := t.Cluster.Get(c)
	if !ok || parent.ID == "" || parent.State == databaseCreating {
		return none, nil
	}
	all, err := t.On.allTopics(ctx, c, parent.ID)
	if notFound(err) {
		return none, nil
	}
	if err != nil || !slices.ContainsFunc(all, func(o kafkaTopic) bool { return o.Name == t.Name }) {
		return none, err
	}
	whole, err := t.On.topic(ctx, parent.ID, t.Name)
	if notFound(err) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	return observedTopic(whole), nil
}

// topic reads a topic whole.
func (e *Estate) topic(ctx context.Context, id, name string) (kafkaTopic, error) {
	var answer struct {
		Topic kafkaTopic `json:"topic"`
	}
	err := e.client.get(ctx, topicsPath(id)+"/"+url.PathEscape(name), &answer)
	return answer.Topic, err
}

func observedTopic(w kafkaTopic) graph.Observed[TopicOut] {
	o := graph.Observed[TopicOut]{State: graph.Ready, ID: w.Name, Out: TopicOut{Name: w.Name, partitions: len(w.Partitions), replicas: w.Replicas, config: w.Config}}
	if w.State != "active" && w.State != "" {
		o.State, o.Message = graph.Pending, w.State
	}
	return o
}

// Diff compares partitions, copies and the given settings.
func (t *KafkaTopic) Diff(c *graph.Call, have graph.Observed[TopicOut]) []graph.Change {
	d := graph.Fields(c)
	risk, note := graph.InPlace, "a message's key may lead to another partition than before"
	if t.Partitions < have.Out.partitions {
		risk, note = graph.Refused, fmt.Sprintf("a topic keeps its partitions: write %d or more", have.Out.partitions)
	}
	d.Wanted("partitions", have.Out.partitions, t.Partitions, risk, note)
	d.Wanted("replicas", have.Out.replicas, t.Replicas, graph.InPlace)
	for _, name := range slices.Sorted(maps.Keys(t.Config)) {
		d.Wanted("config."+name, written(have.Out.config[name]), written(t.Config[name]), graph.InPlace)
	}
	return d.Changes()
}

func (t *KafkaTopic) body() map[string]any {
	body := map[string]any{"name": t.Name, "partition_count": t.Partitions, "replication_factor": t.Replicas}
	if len(t.Config) > 0 {
		body["config"] = t.Config
	}
	return body
}

// Create makes the topic.
func (t *KafkaTopic) Create(ctx context.Context, c *graph.Call) (graph.Observed[TopicOut], error) {
	id := t.Cluster.Read(c).ID
	if err := t.On.client.send(ctx, http.MethodPost, topicsPath(id), t.body(), nil); err != nil {
		return graph.Observed[TopicOut]{}, fmt.Errorf("create topic %q in %s: %w", t.Name, t.In, nameTaken(busy(err)))
	}
	graph.Forget(c, "digitalocean/databases/"+id+"/topics")
	return graph.Observed[TopicOut]{State: graph.Pending, ID: t.Name, Message: "configuring"}, nil
}

// Update writes the topic anew.
func (t *KafkaTopic) Update(ctx context.Context, c *graph.Call, have graph.Observed[TopicOut], _ []graph.Change) (graph.Observed[TopicOut], error) {
	id := t.Cluster.Read(c).ID
	body := t.body()
	delete(body, "name")
	if err := t.On.client.send(ctx, http.MethodPut, topicsPath(id)+"/"+url.PathEscape(t.Name), body, nil); err != nil {
		return have, fmt.Errorf("change topic %q of %s: %w", t.Name, t.In, busy(err))
	}
	have.State, have.Message = graph.Pending, "configuring"
	return have, nil
}
