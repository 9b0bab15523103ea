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

// rights proves what the user of a Binding may do with topics that are others': it reads from each of them, and asks the broker
// whether it may write to it and consume in its group (KIP-430). No message is written, and no group joined.
func (k *Kafka) rights(ctx context.Context, client *kgo.Client) (string, error) {
	known, err := k.look(ctx, client, k.Topics)
	if err != nil {
		return "", err
	}
	held, err := k.spans(ctx, client, known)
	if err != nil {
		return "", err
	}
	wanted, can := []kmsg.ACLOperation{kmsg.ACLOperationRead}, "can be read"
	if k.Writes {
		wanted, can = append(wanted, kmsg.ACLOperationWrite), "can be read and written to"
	}
	for _, t := range known {
		if err := lacks("the topic "+*t.Topic, t.AuthorizedOperations, wanted...); err != nil {
			return "", err
		}
		if err := k.fetch(ctx, client, t, held); err != nil {
			return "", err
		}
	}
	said := strings.Join(k.Topics, ", ") + " " + can
	if k.Group == "" {
		return said, nil
	}
	ask := kmsg.NewPtrDescribeGroupsRequest()
	ask.Groups, ask.IncludeAuthorizedOperations = []string{k.Group}, true
	answer, err := ask.RequestWith(ctx, client)
	if err == nil && len(answer.Groups) == 1 {
		err = kerr.ErrorForCode(answer.Groups[0].ErrorCode)
	}
	if err != nil {
		return "", k.told("the group "+k.Group+" cannot be looked at", err)
	}
	for _, group := range answer.Groups { // one that is not there yet has rights too
		if err := lacks("the group "+k.Group, group.AuthorizedOperations, kmsg.ACLOperationRead); err != nil {
			return "", err
		}
	}
	return said + ", in the group " + k.Group, nil
}

// lacks says which operation a user may not do, if any. The broker's word has a bit for each that it may.
func lacks(what string, may int32, wanted ...kmsg.ACLOperation) error {
	for _, o := range wanted {
		if may&(1<<int32(o)) == 0 {
			return &trouble{what: fmt.Sprintf("the user of the Binding lacks the right %s of %s", o, what), look: "the user's ACLs"}
		}
	}
	return nil
}

// fetch reads from a partition of a topic, at its beginning. Where there is nothing, the broker's leave is what is proven.
func (k *Kafka) fetch(ctx context.Context, client *kgo.Client, t kmsg.MetadataResponseTopic, held map[partition]span) error {
	k.Topic = *t.Topic
	for _, p := range t.Partitions[:1] {
		ask := kmsg.NewPtrFetchRequest()
		ask.MaxWaitMillis, ask.MaxBytes = 100, 1 // the least that is answered is one batch
		of, at := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
		of.Topic, at.Partition, at.FetchOffset, at.PartitionMaxBytes = k.Topic, p.Partition, held[partition{k.Topic, p.Partition}].begin, 1
		of.Partitions = append(of.Partitions, at)
		ask.Topics = append(ask.Topics, of)
		answer, err := ask.RequestWith(ctx, client.Broker(int(p.Leader)))
		if err == nil {
			err = kerr.ErrorForCode(answer.ErrorCode)
		}
		if err != nil {
			return k.told("the topic "+k.Topic+" cannot be read", err)
		}
		for _, t := range answer.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return k.told("the topic "+k.Topic+" cannot be read", err)
				}
			}
		}
	}
	return nil
}
