// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"time"
)

// databaseTopic is a topic of a Kafka cluster.
type databaseTopic struct {
	Name       string                     `json:"name"`
	Partitions int                        `json:"partitions"`
	Replicas   int                        `json:"replicas"`
	State      string                     `json:"state"` // configuring or active
	Config     map[string]json.RawMessage `json:"config"`
}

// topicSteps: a topic is `configuring` for some seconds. The id is the cluster's.
var topicSteps = map[string]step{
	"active": {takes: 8 * time.Second, spread: 0.5, do: topicsActive, source: "Terraform's provider waits for `active`; no figure is published"},
}

// Defaults and limits of topics: docs.digitalocean.com, Kafka topics, 2025-11; a replica is on another node each.
const (
	defaultPartitions = 1
	defaultReplicas   = 2
	maxPartitions     = 2048
)

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

type topicInput struct {
	Name       string                     `json:"name"`
	Partitions *int                       `json:"partition_count"`
	Replicas   *int                       `json:"replication_factor"`
	Config     map[string]json.RawMessage `json:"config"`
}

func (d *database) topic(name string) *databaseTopic {
	for _, t := range d.Topics {
		if t.Name == name {
			return t
		}
	}
	return nil
}

func (t *databaseTopic) view() object {
	return object{"name": t.Name, "partition_count": t.Partitions, "replication_factor": t.Replicas, "state": t.State}
}

// whole shows a topic with its partitions, which are empty: nobody produces into a simulated cluster.
func (t *databaseTopic) whole() object {
	partitions := []object{}
	for i := range t.Partitions {
		partitions = append(partitions, object{"id": i, "earliest_offset": 0, "in_sync_replicas": t.Replicas, "size": 0, "consumer_groups": []object{}})
	}
	return object{
		"name": t.Name, "replication_factor": t.Replicas, "state": t.State, "partitions": partitions, "config": withDefaults(theConfigs["topic"], t.Config),
	}
}

func (c *Cloud) withKafka(f func(*request, *database) (any, error)) func(*request) (any, error) {
	return c.withDatabase(func(q *request, d *database) (any, error) {
		if err := d.only(q.URL.Path[len(d.path())+1:], "kafka"); err != nil {
			return nil, err
		}
		return f(q, d)
	})
}

func (c *Cloud) withTopic(f func(*request, *database, *databaseTopic) (any, error)) func(*request) (any, error) {
	return c.withKafka(func(q *request, d *database) (any, error) {
		t := d.topic(q.PathValue("topic"))
		if t == nil {
			return nil, notFound()
		}
		return f(q, d, t)
	})
}

func (c *Cloud) listTopics(_ *request, d *database) (any, error) {
	views := []object{}
	for _, t := range d.Topics {
		views = append(views, t.view())
	}
	return object{"topics": views}, nil
}

func (c *Cloud) getTopic(_ *request, _ *database, t *databaseTopic) (any, error) {
	return object{"topic": t.whole()}, nil
}

// apply checks a body and puts it into a topic; nothing is changed when it says no.
func (in topicInput) apply(d *database, t *databaseTopic) error {
	changed := *t
	if in.Partitions != nil {
		changed.Partitions = *in.Partitions
	}
	if in.Replicas != nil {
		changed.Replicas = *in.Replicas
	}
	switch {
	case changed.Partitions < max(1, t.Partitions) || changed.Partitions > maxPartitions:
		return invalid("partition_count must be from %d to %d: it can only grow", max(1, t.Partitions), maxPartitions)
	case changed.Replicas < 2 || changed.Replicas > d.Nodes:
		return invalid("replication_factor must be from 2 to %d, the number of nodes", d.Nodes)
	}
	if err := checkConfig(theConfigs["topic"], in.Config, "config."); err != nil {
		return err
	}
	changed.Config = maps.Clone(t.Config)
	if changed.Config == nil {
		changed.Config = map[string]json.RawMessage{}
	}
	maps.Copy(changed.Config, in.Config)
	*t = changed
	return nil
}

func (c *Cloud) createTopic(q *request, d *database) (any, error) {
	var in topicInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := d.made("create topic"); err != nil {
		return nil, err
	}
	if !topicName.MatchString(in.Name) {
		return nil, invalid("invalid topic name %q", in.Name)
	}
	if d.topic(in.Name) != nil {
		return nil, invalid("topic name is not available")
	}
	if in.Partitions == nil {
		in.Partitions = new(defaultPartitions)
	}
	if in.Replicas == nil {
		in.Replicas = new(defaultReplicas)
	}
	t := &databaseTopic{Name: in.Name, State: "configuring"}
	if err := in.apply(d, t); err != nil {
		return nil, err
	}
	d.Topics = append(d.Topics, t)
	c.begin(q.account, "database-topic", d.ID, "active")
	return object{"topic": t.whole()}, nil
}

func (c *Cloud) updateTopic(q *request, d *database, t *databaseTopic) (any, error) {
	var in topicInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Name != "" && in.Name != t.Name {
		return nil, invalid("a topic cannot be renamed")
	}
	if err := in.apply(d, t); err != nil {
		return nil, err
	}
	t.State = "configuring"
	c.begin(q.account, "database-topic", d.ID, "active")
	return object{"topic": t.whole()}, nil
}

func topicsActive(_ *Cloud, a *account, id string) {
	if d := a.Databases.find(id); d != nil {
		for _, t := range d.Topics {
			t.State = "active"
		}
	}
}

func (c *Cloud) deleteTopic(_ *request, d *database, t *databaseTopic) (any, error) {
	d.Topics = slices.DeleteFunc(d.Topics, func(other *databaseTopic) bool { return other == t })
	return nil, nil
}
