// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// partition is a part of a topic.
type partition struct {
	topic string
	n     int32
}

func (p partition) String() string { return fmt.Sprintf("%s (partition %d)", p.topic, p.n) }

// span is what a partition holds: from the position of its first message to the one that its next will have.
type span struct{ begin, end int64 }

func (s span) size() int64 { return s.end - s.begin }

// sorted are the partitions that something is told of, by topic and number.
func sorted[V any](of map[partition]V) []partition {
	return slices.SortedFunc(maps.Keys(of), func(a, b partition) int { return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.n, b.n)) })
}

// byTopic are the numbers of partitions, by topic.
func byTopic[V any](of map[partition]V) map[string][]int32 {
	out := map[string][]int32{}
	for _, p := range sorted(of) {
		out[p.topic] = append(out[p.topic], p.n)
	}
	return out
}

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

// Kafka's words for the beginning and the end of a partition, where it would have a time.
const (
	beginning = -2
	end       = -1
)

// spans are what the partitions of topics hold.
func (k *Kafka) spans(ctx context.Context, client *kgo.Client, topics []kmsg.MetadataResponseTopic) (map[partition]span, error) {
	first, last, out := map[partition]int64{}, map[partition]int64{}, map[partition]span{}
	for _, t := range topics {
		for _, p := range t.Partitions {
			first[partition{*t.Topic, p.Partition}], last[partition{*t.Topic, p.Partition}] = beginning, end
		}
	}
	begins, err := k.since(ctx, client, first)
	if err != nil {
		return nil, err
	}
	ends, err := k.since(ctx, client, last)
	for p := range first {
		out[p] = span{begins[p], ends[p]}
	}
	return out, err
}

// since are the positions of the first messages that are no older than a time, in milliseconds; -1 where there is none.
func (k *Kafka) since(ctx context.Context, client *kgo.Client, times map[partition]int64) (map[partition]int64, error) {
	out := map[partition]int64{}
	if len(times) == 0 {
		return out, nil
	}
	list := kmsg.NewListOffsetsRequest()
	list.ReplicaID = -1
	for topic, parts := range byTopic(times) {
		of := kmsg.NewListOffsetsRequestTopic()
		of.Topic = topic
		for _, n := range parts {
			at := kmsg.NewListOffsetsRequestTopicPartition()
			at.Partition, at.Timestamp = n, times[partition{topic, n}]
			of.Partitions = append(of.Partitions, at)
		}
		list.Topics = append(list.Topics, of)
	}
	answer, err := list.RequestWith(ctx, client)
	if err != nil {
		return nil, k.told("the positions of topics cannot be read", err)
	}
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				k.Topic = t.Topic
				return nil, k.told(fmt.Sprintf("the position of %s cannot be read", partition{t.Topic, p.Partition}), err)
			}
			out[partition{t.Topic, p.Partition}] = p.Offset
		}
	}
	return out, nil
}

// unmoved are the beginnings of groups' names that MirrorMaker leaves out by itself (its default of groups.exclude).
var unmoved = []string{"console-consumer-", "connect-", "__"}

// groups are the groups of consumers that a mirror moves.
func (k *Kafka) groups(ctx context.Context, client *kgo.Client) ([]string, error) {
	answer, err := kmsg.NewPtrListGroupsRequest().RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(answer.ErrorCode)
	}
	if err != nil {
		return nil, k.told("the groups of consumers cannot be listed", err)
	}
	var out []string
	for _, g := range answer.Groups {
		if !slices.ContainsFunc(unmoved, func(prefix string) bool { return strings.HasPrefix(g.Group, prefix) }) {
			out = append(out, g.Group)
		}
	}
	return out, nil
}

// positions are where groups go on reading, by group. Where one never read is left out.
func (k *Kafka) positions(ctx context.Context, client *kgo.Client, groups []string, of map[partition]span) (map[string]map[partition]int64, error) {
	out := map[string]map[partition]int64{}
	if len(groups) == 0 {
		return out, nil
	}
	ask := kmsg.NewPtrOffsetFetchRequest()
	for _, group := range groups {
		g := kmsg.NewOffsetFetchRequestGroup()
		g.Group = group
		for topic, parts := range byTopic(of) {
			t := kmsg.NewOffsetFetchRequestGroupTopic()
			t.Topic, t.Partitions = topic, parts
			g.Topics = append(g.Topics, t)
		}
		ask.Groups = append(ask.Groups, g)
	}
	answer, err := ask.RequestWith(ctx, client)
	if err != nil {
		return nil, k.told("the positions of groups cannot be read", err)
	}
	for _, g := range answer.Groups {
		err := kerr.ErrorForCode(g.ErrorCode)
		if errors.Is(err, kerr.GroupIDNotFound) { // nobody has read here in that group
			continue
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				err = cmp.Or(err, kerr.ErrorForCode(p.ErrorCode))
				if p.Offset < 0 {
					continue
				}
				if out[g.Group] == nil {
					out[g.Group] = map[partition]int64{}
				}
				out[g.Group][partition{t.Topic, p.Partition}] = p.Offset
			}
		}
		if err != nil {
			return nil, k.told("the position of the group "+g.Group+" cannot be read", err)
		}
	}
	return out, nil
}
