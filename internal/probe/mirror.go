// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// side is one of two Kafkas, with what its topics hold.
type side struct {
	*Kafka
	opts   []kgo.Opt
	client *kgo.Client
	held   map[partition]span
}

// sideOf connects to a Kafka and looks at topics of it.
func sideOf(ctx context.Context, g given, binding string, topics []string) (*side, error) {
	s := &side{Kafka: &Kafka{Binding: binding}}
	var err error
	if s.opts, err = s.options(g); err != nil {
		return nil, err
	}
	if s.client, err = kgo.NewClient(s.opts...); err != nil {
		return nil, fmt.Errorf("make a client of Kafka: %w", err)
	}
	known, err := s.look(ctx, s.client, topics)
	if err == nil {
		s.held, err = s.spans(ctx, s.client, known)
	}
	if err != nil {
		s.client.Close()
		return nil, err
	}
	return s, nil
}

// prove counts what each topic holds in both Kafkas, partition by partition, the source first, so that a message that comes meanwhile
// is not missed; looks for the newest message of each partition of the source, since messages of the target's own could stand in for
// missing ones; and compares the positions of groups of consumers. A mirror keeps the order of a partition, so that what came before
// its newest message is there as well. Where a topic is compacted or written in transactions, positions are counted and not messages.
func (m *Mirror) prove(ctx context.Context, g given) (string, error) {
	source, err := sideOf(ctx, g, m.Source, m.Topics)
	if err != nil {
		return "", err
	}
	defer source.client.Close()
	groups, err := source.groups(ctx, source.client)
	if err != nil {
		return "", err
	}
	at, err := source.positions(ctx, source.client, groups, source.held)
	if err != nil {
		return "", err
	}
	newest, err := source.newest(ctx)
	if err != nil {
		return "", err
	}
	target, err := sideOf(ctx, g, m.Target, m.Topics)
	if err != nil {
		return "", err
	}
	defer target.client.Close()
	unseen, err := target.lacks(ctx, newest)
	if err != nil {
		return "", err
	}
	said, err := m.counted(source.held, target.held, unseen)
	if err != nil {
		return "", err
	}
	moved, err := moved(ctx, source, target, at)
	return said + "; " + moved, err
}

// counted says how many messages of the source are in the target, and fails where any is not.
func (m *Mirror) counted(source, target map[partition]span, unseen []partition) (string, error) {
	var said []string
	var missing int64
	for _, topic := range m.Topics {
		var all, lacks, more int64
		for p, s := range source {
			if p.topic == topic {
				all, lacks, more = all+s.size(), lacks+max(0, s.size()-target[p].size()), more+max(0, target[p].size()-s.size())
			}
		}
		missing += lacks
		word := fmt.Sprintf("%s: %d of %d messages", topic, all-lacks, all)
		if more > 0 {
			word += fmt.Sprintf(" and %d that are not there, so that the number alone proves nothing", more)
		}
		said = append(said, word)
	}
	t := &trouble{look: "the same again in a while: the mirror is behind what is written; if the number does not fall, the KafkaMirrorMaker2's status says why"}
	switch {
	case missing > 0:
		t.what = fmt.Sprintf("%d messages are not here yet (%s)", missing, strings.Join(said, ", "))
	case len(unseen) > 0:
		t.what = fmt.Sprintf("the newest message of %s is not here yet (%s)", listed(unseen), strings.Join(said, ", "))
	default:
		return strings.Join(said, ", ") + ", with the newest of each partition", nil
	}
	return "", t
}

func listed(parts []partition) string {
	var out []string
	for _, p := range parts {
		out = append(out, p.String())
	}
	return strings.Join(out, ", ")
}

// again is how many messages a group of consumers may get twice, where it has read all there is: MirrorMaker's offset.lag.max. One
// that is behind is translated in steps that grow with how far it is, so that it may get as many again. Source: its OffsetSyncStore.
const again = 100

// moved compares where groups of consumers are, by what each has yet to read, once the mirror had time to carry over what was read
// in the source until now. Where a partition holds messages that the source has not, what is left to read tells nothing; that there
// is a position is still wanted.
func moved(ctx context.Context, source, target *side, at map[string]map[partition]int64) (string, error) {
	groups := slices.Sorted(maps.Keys(at))
	if len(groups) == 0 {
		return "no group of consumers has a position there", nil
	}
	var late, open []string
	compare := func() (bool, error) {
		here, err := target.positions(ctx, target.client, groups, target.held)
		if err != nil {
			return false, err
		}
		late, open = nil, nil
		for _, group := range groups {
			for _, p := range sorted(at[group]) {
				what := fmt.Sprintf("%s in %s", group, p)
				s, t := source.held[p], target.held[p]
				position, there := here[group][p]
				left := s.end - at[group][p]
				twice := t.end - position - left
				switch {
				case at[group][p] < s.begin:
					open = append(open, what+", whose next message is not kept any more")
				case !there:
					late = append(late, what+" has no position here")
				case t.size() > s.size():
					open = append(open, what+", where there are more messages than there")
				case twice > max(again, left):
					late = append(late, fmt.Sprintf("%s would get %d messages again", what, twice))
				}
			}
		}
		return len(late) == 0, nil
	}
	deadline, _ := ctx.Deadline()                                         // Run gives every probe one
	waiting, cancel := context.WithTimeout(ctx, time.Until(deadline)*3/4) // the rest is for the last answer
	defer cancel()
	level, err := until(waiting, compare)
	if err != nil {
		return "", err
	}
	if !level {
		return "", &trouble{what: "groups of consumers are not where they are in the other Kafka: " + strings.Join(late, ", "),
			look: "the same again in a while: the mirror carries positions over every ten seconds, as long as nobody consumes in that group here; if it stays so, the mirror's logs"}
	}
	said := "groups of consumers go on from where they are: " + strings.Join(groups, ", ")
	if len(open) > 0 {
		said += "; not compared: " + strings.Join(open, ", ")
	}
	return said, nil
}
