// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
)

// isTopic reports whether an object is a topic of Strimzi's, with which the topic's messages go.
func isTopic(id ID) bool { return id.groupKind().String() == "KafkaTopic.kafka.strimzi.io" }

// hasTopics reports whether topics are beside an object: a Kafka of Strimzi's, also when the document names none of them any more, or a
// topic.
func hasTopics(o *unstructured.Unstructured) bool {
	return isTopic(IDOf(o)) || IDOf(o).groupKind().String() == "Kafka.kafka.strimzi.io"
}

// leftTopic is a topic that the document does not speak of any more, though of its Kafka.
type leftTopic struct {
	access Access
	live   *unstructured.Unstructured
}

// leftTopics are the platform's topics that sets had which the document wants, and have no longer. Each is kept until it is given up
// by name: that of its entry, and of the topic in Kafka.
func (k *Kinds) leftTopics(ctx context.Context, access Access, sets []Inventory) ([]graph.Item, error) {
	var items []graph.Item
	for _, s := range sets {
		k.mu.Lock()
		set, ok := k.topical[s.Name]
		k.mu.Unlock()
		if !ok {
			continue
		}
		wanted := func(name string) bool {
			return slices.ContainsFunc(set.Objects, func(o *unstructured.Unstructured) bool { return isTopic(IDOf(o)) && o.GetName() == name })
		}
		id := IDOf(set.Objects[slices.IndexFunc(set.Objects, hasTopics)])
		id.Kind, id.Namespace = "KafkaTopic", cmp.Or(id.Namespace, set.Namespace)
		cluster := k.Cluster(access.ID)
		all, err := cluster.Answers(ctx, id)
		if err != nil {
			return nil, err
		}
		for i := range all {
			live := &all[i]
			if wanted(live.GetName()) || cluster.strangerTo(live) != "" {
				continue
			}
			name, _, _ := unstructured.NestedString(live.Object, "spec", "topicName")
			name = cmp.Or(name, live.GetName())
			node := s.Known["node"]
			item := graph.Item{Key: s.Name + "/topics/" + live.GetName(), ID: s.Name + "/topics/" + live.GetName(), Title: fmt.Sprintf("topic %s of %s", name, node), Data: node + "/topics/" + name,
				Owner: graph.ID(node), Ending: live.GetDeletionTimestamp() != nil, Ref: leftTopic{access, live}}
			if s.Known[ProtectedKey] != "" {
				item.Protected = errProtected(node)
			}
			items = append(items, item)
		}
	}
	return items, nil
}
