// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// reach is how far from its end a partition's newest message may be: behind it are no more than marks of transactions.
const reach = 64

// newest are the last messages of partitions. Those that hold none are left out.
func (s *side) newest(ctx context.Context) (map[partition]*kgo.Record, error) {
	from, out := map[partition]int64{}, map[partition]*kgo.Record{}
	for p, held := range s.held {
		from[p] = max(held.begin, held.end-reach)
	}
	err := s.read(ctx, from, func(p partition, r *kgo.Record) bool {
		out[p] = r
		return true
	})
	return out, err
}

// lacks are the partitions that have not the message that they have elsewhere. A mirror keeps its key, value and time.
func (s *side) lacks(ctx context.Context, elsewhere map[partition]*kgo.Record) ([]partition, error) {
	times, there := map[partition]int64{}, map[partition]bool{}
	for p, r := range elsewhere {
		times[p] = r.Timestamp.UnixMilli()
	}
	from, err := s.since(ctx, s.client, times)
	if err != nil {
		return nil, err
	}
	err = s.read(ctx, from, func(p partition, r *kgo.Record) bool {
		want := elsewhere[p]
		kept := r.Attrs.TimestampType() == 1 || r.Timestamp.Equal(want.Timestamp) // 1: the broker writes its own
		there[p] = kept && bytes.Equal(r.Key, want.Key) && bytes.Equal(r.Value, want.Value)
		return !there[p]
	})
	var out []partition
	for _, p := range sorted(elsewhere) {
		if !there[p] {
			out = append(out, p)
		}
	}
	return out, err
}

// read hands over the messages of partitions from a position to what their end was, until each says that it goes on no longer. From
// no position, which is -1, and from the end there is nothing to read.
func (s *side) read(ctx context.Context, from map[partition]int64, each func(partition, *kgo.Record) bool) error {
	open, at := map[partition]bool{}, map[string]map[int32]kgo.Offset{}
	for p, offset := range from {
		if offset < 0 || offset >= s.held[p].end {
			continue
		}
		if at[p.topic] == nil {
			at[p.topic] = map[int32]kgo.Offset{}
		}
		open[p], at[p.topic][p.n] = true, kgo.NewOffset().At(offset)
	}
	if len(open) == 0 {
		return nil
	}
	client, err := kgo.NewClient(append(s.opts, kgo.ConsumePartitions(at), kgo.KeepControlRecords(), kgo.FetchMaxBytes(8<<20))...) // a Job has little memory
	if err != nil {
		return fmt.Errorf("make a client of Kafka: %w", err)
	}
	defer client.Close()
	for len(open) > 0 {
		got := client.PollFetches(ctx)
		if err := got.Err(); err != nil {
			return s.told(fmt.Sprintf("%s cannot be read", listed(sorted(open))), err)
		}
		for _, r := range got.Records() {
			p := partition{r.Topic, r.Partition}
			if goesOn := r.Attrs.IsControl() || !open[p] || each(p, r); !goesOn || r.Offset >= s.held[p].end-1 {
				delete(open, p)
			}
		}
	}
	return nil
}
