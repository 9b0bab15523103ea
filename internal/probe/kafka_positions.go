// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// span is what a partition holds: from the position of its first message to the one that its next will have.
type span struct{ begin, end int64 }

// look asks for topics and for what the user may do with each.
func (k *Kafka) look(ctx context.Context, client *kgo.Client, topics []string) ([]kmsg.MetadataResponseTopic, error) {
	ask := kmsg.NewMetadataRequest()
	ask.IncludeTopicAuthorizedOperations = true
	for _, topic := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(topic)
		ask.Topics = append(ask.Topics, t)
	}
	answer, err := ask.RequestWith(ctx, client)
	if err != nil {
		return nil, k.told("no broker answers", err)
	}
	for _, t := range answer.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			k.Topic = *t.Topic
			return nil, k.told("the topic "+k.Topic+" cannot be looked at", err)
		}
	}
	return answer.Topics, nil
}

// spans are what the partitions of topics hold.
func (k *Kafka) spans(ctx context.Context, client *kgo.Client, topics []kmsg.MetadataResponseTopic) (map[string]map[int32]span, error) {
	out := map[string]map[int32]span{}
	for _, side := range []int64{-2, -1} { // Kafka's words for the beginning and the end
		list := kmsg.NewListOffsetsRequest()
		list.ReplicaID = -1
		for _, t := range topics {
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
				out[t.Topic] = map[int32]span{}
			}
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					k.Topic = t.Topic
					return nil, k.told(fmt.Sprintf("the position of %s cannot be read in partition %d", t.Topic, p.Partition), err)
				}
				s := out[t.Topic][p.Partition]
				if side == -2 {
					s.begin = p.Offset
				} else {
					s.end = p.Offset
				}
				out[t.Topic][p.Partition] = s
			}
		}
	}
	return out, nil
}
