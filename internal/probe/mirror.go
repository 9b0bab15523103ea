// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
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
		for partition, s := range source[topic] {
			t := target[topic][partition]
			all += s.end - s.begin
			lacks += max(0, (s.end-s.begin)-(t.end-t.begin))
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

// count is what each partition of topics holds, by the Binding of a Kafka.
func count(ctx context.Context, g given, binding string, topics []string) (map[string]map[int32]span, error) {
	k := &Kafka{Binding: binding}
	opts, err := k.options(g)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("make a client of Kafka: %w", err)
	}
	defer client.Close()
	known, err := k.look(ctx, client, topics)
	if err != nil {
		return nil, err
	}
	return k.spans(ctx, client, known)
}
