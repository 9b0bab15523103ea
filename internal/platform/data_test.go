// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/graph"
)

func TestDataThatWouldStayBehindIsRefused(t *testing.T) {
	t.Parallel()
	steps := []graph.Step{
		{Node: "messaging/events", Kind: "kubernetes/set", Action: graph.Create},
		{Node: "digitalocean/database:shop-kafka-events", Kind: "digitalocean/database", Title: "database shop-kafka-events", Action: graph.Keep, Data: "messaging/events", Owner: "messaging/events"},
	}
	p := open(t, small, nil)
	if list := p.judgeData(steps); len(list) != 1 || !strings.Contains(list[0].Title, "messaging/events would begin empty") || !strings.Contains(list[0].Fix, "--allow-data-loss=messaging/events") {
		t.Errorf("another placement that would begin empty is not refused: %v", list)
	}
	p.options.Lose = []string{"messaging/events"}
	if list := p.judgeData(steps); len(list) != 0 {
		t.Errorf("data that was given up by name is still held: %v", list)
	}
	p.options.Lose = []string{"messaging/event"}
	if list := p.judgeData(steps); len(list) != 2 || !strings.Contains(list[1].Fix, `did you mean "messaging/events"`) {
		t.Errorf("a slip of the pen passes as a decision: %v", list)
	}
	p.options.Lose = nil
	steps[1].Reason = "its topic clicks was written to"
	if list := p.judgeData(steps); len(list) != 1 || !strings.HasSuffix(list[0].Why, "for now: its topic clicks was written to") {
		t.Errorf("why it may not move is told as %v", list)
	}
	steps[1].Action, steps[1].Data, steps[1].Empty = graph.Delete, "", true
	steps = append(steps, graph.Step{Node: "digitalocean/database-user:k8or-web", Kind: "digitalocean/database-user", Action: graph.Delete, Owner: "messaging/events"})
	if list := p.judgeData(steps); len(list) != 0 {
		t.Errorf("what is known to be empty does not move by one word: %v", list)
	}
	steps = append(steps, graph.Step{Node: "digitalocean/database:another", Kind: "digitalocean/database", Action: graph.Keep, Data: "messaging/events", Owner: "messaging/events"})
	if list := p.judgeData(steps); len(list) != 1 {
		t.Errorf("beside what is empty, data that stay behind are not told: %v", list)
	}
}
