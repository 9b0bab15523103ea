// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// prove counts what each topic holds in both Kafkas, partition by partition, the source first, so that a message that comes meanwhile
// is not missed. Where a topic is compacted or written in transactions, positions are counted and not messages.
func (m *Mirror) prove(ctx context.Context, g given) (string, error) {
	source, err := count(ctx, g, m.Source, m.Topics)
	if err != nil {
		return "", err
	}
	target, err := count(ctx, g, m.Target, m.Topics)
	if err != nil {
		return "", err
	}
	var said []string
	missing := int64(0)
	for _, topic := range m.Topics {
		var all, lacks int64
		for partition, n := range source[topic] {
			all += n
			lacks += max(0, n-target[topic][partition])
		}
		missing += lacks
		said = append(said, fmt.Sprintf("%s: %d of %d messages", topic, all-lacks, all))
	}
	if missing > 0 {
		return "", &trouble{what: fmt.Sprintf("%d messages are not here yet (%s)", missing, strings.Join(said, ", ")),
			look: "the same again in a while: the mirror is behind what is written; if the number does not fall, the KafkaMirrorMaker2's status says why"}
	}
	return strings.Join(said, ", "), nil
}

// count is how many messages each partition of topics holds, by the Binding of a Kafka.
func count(ctx context.Context, g given, binding string, topics []string) (map[string]map[int32]int64, error) {
	k := &Kafka{Binding: binding, Topic: strings.Join(topics, ", ")}
	opts, err := k.options(g)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("make a client of Kafka: %w", err)
	}
	defer client.Close()
	ask := kmsg.NewMetadataRequest()
	for _, topic := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(topic)
		ask.Topics = append(ask.Topics, t)
	}
	known, err := ask.RequestWith(ctx, client)
	if err != nil {
		return nil, k.told("no broker answers", err)
	}
	out := map[string]map[int32]int64{}
	for _, side := range []int64{-1, -2} { // Kafka's words for the end and the beginning
		list := kmsg.NewListOffsetsRequest()
		list.ReplicaID = -1
		for _, t := range known.Topics {
			if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
				k.Topic = *t.Topic
				return nil, k.told("the topic "+k.Topic+" cannot be looked at", err)
			}
			of := kmsg.NewListOffsetsRequestTopic()
			of.Topic = *t.Topic
			for _, p := range t.Partitions {
				at := kmsg.NewListOffsetsRequestTopicPartition()
				at.Partition, at.Timestamp = p.Partition, side
				of.Partitions = append(of.Partitions, at)
			}
			list.Topics = append(list.Topics, of)
		}
		answer, err := list.RequestWith(ctx, client)
		if err != nil {
			return nil, k.told("the positions of topics cannot be read", err)
		}
		for _, t := range answer.Topics {
			if out[t.Topic] == nil {
				out[t.Topic] = map[int32]int64{}
			}
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					k.Topic = t.Topic
					return nil, k.told(fmt.Sprintf("the position of %s cannot be read in partition %d", t.Topic, p.Partition), err)
				}
				out[t.Topic][p.Partition] += map[int64]int64{-1: p.Offset, -2: -p.Offset}[side]
			}
		}
	}
	return out, nil
}
