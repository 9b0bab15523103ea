// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

func at(seconds float64) time.Time {
	return time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
}

func TestCriticalPathAddsTheSlowestOfEachLink(t *testing.T) {
	t.Parallel()
	events := []event{
		{Time: at(0), Type: "run-started"},
		{Time: at(1.5), Type: "node-done", Node: "vpc", Kind: "digitalocean/vpc"},
		{Time: at(31), Type: "node-done", Node: "cluster", Kind: "digitalocean/cluster"},
		{Time: at(45), Type: "node-done", Node: "gateways/public", Kind: "kubernetes/set"},
		{Time: at(60), Type: "node-done", Node: "gateways/public/routes/any", Kind: "kubernetes/set"},
	}
	lives := []life{
		{Kind: "vpc", Created: at(-50), Ready: at(-10)}, // stood before the run
		{Kind: "vpc", Created: at(0), Ready: at(1)},
		{Kind: "kubernetes_cluster", Created: at(2), Ready: at(30)},
		{Kind: "node_pool", Created: at(2), Ready: at(20)},
		{Kind: "droplet", Created: at(2)}, // never ready
		{Kind: "load_balancer", Created: at(33), Ready: at(43)},
		{Kind: "project", Created: at(0), Ready: at(300)}, // nothing waits for it
	}
	stages, least := criticalPath(lives, events)
	if want := 39 * time.Second; least != want {
		t.Errorf("got %s, want %s: 1 s for the VPC, 28 s for the cluster, 10 s for the load balancer", least, want)
	}
	want := []Stage{{"VPC", 1, 0.5}, {"cluster with its nodes", 28, 1}, {"load balancer of the gateway", 10, 2}}
	if len(stages) != len(want) {
		t.Fatalf("got %v, want %v", stages, want)
	}
	for i := range want {
		if stages[i] != want[i] {
			t.Errorf("link %d: got %v, want %v", i, stages[i], want[i])
		}
	}
}

func TestCriticalPathIsTheLongestOfThoseSideBySide(t *testing.T) {
	t.Parallel()
	events := []event{
		{Time: at(0), Type: "run-started"},
		{Time: at(1.5), Type: "node-done", Node: "vpc", Kind: "digitalocean/vpc"},
		{Time: at(31), Type: "node-done", Node: "cluster", Kind: "digitalocean/cluster"},
		{Time: at(35), Type: "node-done", Node: "databases/orders", Kind: "digitalocean/database"},
		{Time: at(43), Type: "node-done", Node: "databases/search", Kind: "digitalocean/database"},
	}
	lives := []life{
		{Kind: "vpc", Created: at(0), Ready: at(1)},
		{Kind: "kubernetes_cluster", Created: at(2), Ready: at(30)},
		{Kind: "database", Created: at(2), Ready: at(34)},
		{Kind: "database", Created: at(3), Ready: at(42)},
	}
	want := []Stage{{"VPC", 1, 0.5}, {"slowest database", 39, 1}}
	if stages, least := criticalPath(lives, events); least != 40*time.Second || !slices.Equal(stages, want) {
		t.Errorf("got %s by %v, want 40s by %v", least, stages, want)
	}
	lives = append(lives, life{Kind: "load_balancer", Created: at(32), Ready: at(44)})
	if stages, least := criticalPath(lives, events); least != 41*time.Second || len(stages) != 3 {
		t.Errorf("with a load balancer after the cluster: got %s by %v, want 41s by three links", least, stages)
	}
}

func TestCriticalPathOfARunWithoutEventsIsEmpty(t *testing.T) {
	t.Parallel()
	if stages, least := criticalPath([]life{{Kind: "vpc", Created: at(0), Ready: at(1)}}, nil); stages != nil || least != 0 {
		t.Errorf("got %v and %s, want nothing", stages, least)
	}
}

func TestEventsAreReadWithoutTheResult(t *testing.T) {
	t.Parallel()
	got, timings, err := parseRun([]byte(`{"version":1,"seq":1,"time":"2026-11-24T09:00:00Z","type":"run-started"}
{"version":1,"seq":2,"time":"2026-11-24T09:00:01Z","type":"node-done","node":"vpc","kind":"digitalocean/vpc"}
{"version":1,"type":"result","result":{"done":{"create":9},"timings":[{"node":"vpc","began":"2026-11-24T09:00:00Z","ended":"2026-11-24T09:00:01Z","critical":true}]}}
`))
	if err != nil || len(got) != 2 || got[1].Kind != "digitalocean/vpc" || !got[1].Time.Equal(at(1)) {
		t.Errorf("got %v and %v, want the two events before the result", got, err)
	}
	if len(timings) != 1 || !timings[0].Critical || !timings[0].Ended.Equal(at(1)) {
		t.Errorf("got the timings %v, want the one of the result", timings)
	}
	if _, _, err := parseRun([]byte("a person's text\n")); err == nil {
		t.Error("text that is no event was taken for one")
	}
}

func TestLongestChainTakesTheCloudsWordWhereThereIsOne(t *testing.T) {
	t.Parallel()
	timings := []timing{
		{Node: "vpc", Began: at(0), Ended: at(2), Critical: true},        // the cloud took one second
		{Node: "cluster", Began: at(2), Ended: at(12), Critical: true},   // and here eight
		{Node: "apps/web", Began: at(13), Ended: at(16), Critical: true}, // in the cluster: as the engine saw it
		{Node: "databases/a", Began: at(2), Ended: at(9), Critical: false},
	}
	events := []event{{Node: "vpc", Kind: "digitalocean/vpc"}, {Node: "cluster", Kind: "digitalocean/cluster"}, {Node: "apps/web", Kind: "kubernetes/objects"}}
	lives := []life{{Kind: "vpc", Created: at(0), Ready: at(1)}, {Kind: "kubernetes_cluster", Created: at(2), Ready: at(7)}, {Kind: "droplet", Created: at(3), Ready: at(11)},
		{Kind: "database", Created: at(2), Ready: at(9)}}
	if got := longestChain(timings, events, lives); got != 12*time.Second {
		t.Errorf("got %s, want 1 + 8 + 3 s", got)
	}
}

func TestReportSaysWhichGoalsAreMissed(t *testing.T) {
	t.Parallel()
	r := &Report{Machine: "k8or dev", Speed: 10, Figures: []Figure{
		{Name: "quick", Value: 20, Unit: "ms", Goal: 30}, {Name: "slow", Value: 31, Unit: "ms", Goal: 30}, {Name: "free", Value: 68.2, Unit: "MB"}}}
	var out bytes.Buffer
	r.text(&out)
	for name, want := range map[string]string{"quick": "met", "slow": "MISSED", "free": "68 MB"} {
		found := false
		for line := range strings.Lines(out.String()) {
			found = found || strings.HasPrefix(line, name+" ") && strings.HasSuffix(strings.TrimSpace(line), want)
		}
		if !found {
			t.Errorf("the line of %q does not end in %q:\n%s", name, want, &out)
		}
	}
}

func TestAmountsHaveTheDigitsThatMeanSomething(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value      float64
		unit, want string
	}{{1.0894, "", "1.09"}, {8, "", "8"}, {1.10, "", "1.10"}, {24.4, "ms", "24 ms"}, {3.26, "ms", "3.3 ms"}, {40.2, "s", "40.20 s"}, {67.75, "MB", "68 MB"}} {
		if got := amount(c.value, c.unit); got != c.want {
			t.Errorf("%v %s: got %q, want %q", c.value, c.unit, got, c.want)
		}
	}
}

func TestProcessStatusIsReadInBytes(t *testing.T) {
	t.Parallel()
	got := parseStatus("Name:\tk8or-sandbox\nPPid:\t17\nVmHWM:\t   40000 kB\nVmRSS:\t   35144 kB\n")
	if want := (status{parent: 17, resident: 35144 << 10}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
