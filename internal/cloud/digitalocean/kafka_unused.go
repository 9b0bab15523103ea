// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/graph"
)

// topicPart is a partition of a topic. Nothing was ever written to one that has no bytes and begins where topics begin: one whose
// messages have all expired begins later.
type topicPart struct {
	Size     *int64 `json:"size"`
	Earliest *int64 `json:"earliest_offset"`
}

func (p topicPart) unused() bool {
	return p.Size != nil && p.Earliest != nil && *p.Size == 0 && *p.Earliest == 0
}

// Elsewhere says that the document wants an entry, and not in a database cluster: one that it has there goes without being named where
// nothing was ever written to it.
func (e *Estate) Elsewhere(entry string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.elsewhere[entry] = true
}

// moved reports whether the document wants an entry elsewhere.
func (e *Estate) moved(entry string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.elsewhere[entry]
}

// unused reports whether it is known that nothing was ever written to a Kafka, and says what is known. It costs a call for each topic.
func (e *Estate) unused(ctx context.Context, c *graph.Call, d database) (bool, string) {
	all, err := e.allTopics(ctx, c, d.ID)
	if err != nil {
		return false, fmt.Sprintf("whether its topics hold messages is not known: %v", err)
	}
	for _, t := range all {
		if v1alpha1.KafkasOwn(t.Name) {
			continue
		}
		whole, err := e.topic(ctx, d.ID, t.Name)
		if err != nil {
			return false, fmt.Sprintf("whether its topic %s holds messages is not known: %v", t.Name, err)
		}
		if len(whole.Partitions) == 0 {
			return false, fmt.Sprintf("whether its topic %s holds messages is not known: DigitalOcean does not tell its partitions", t.Name)
		}
		for _, p := range whole.Partitions {
			if !p.unused() {
				return false, fmt.Sprintf("its topic %s was written to", t.Name)
			}
		}
	}
	return true, "nothing was ever written to its topics"
}
