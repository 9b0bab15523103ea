// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/sandbox/fault"
)

func (b *bench) fault(r fault.Rule) {
	b.Helper()
	if _, err := b.faults.Add(r); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) names(path, key string) []string {
	b.Helper()
	var names []string
	for _, item := range b.do(200, "GET", path, "")[key].([]any) {
		names = append(names, at(item, "name").(string))
	}
	return names
}

func TestFaultAnswersWithAStatusAndChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fault(fault.Rule{Method: "POST", Path: "/v2/tags", Status: 503, Times: 1, RetryAfter: 7})
	status, h, out := b.try("POST", "/v2/tags", `{"name":"a"}`)
	if status != 503 || out["id"] != "service_unavailable" || h.Get("retry-after") != "7" {
		t.Errorf("got %d %v", status, out)
	}
	b.do(404, "GET", "/v2/tags/a", "")
	b.do(201, "POST", "/v2/tags", `{"name":"a"}`)
}

func TestFaultDropsTheAnswerBeforeOrAfterTheChange(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, row := range []struct {
		drop fault.Drop
		want int
	}{{fault.DropBefore, 0}, {fault.DropAfter, 1}} {
		b.faults.Remove("")
		b.fault(fault.Rule{Method: "POST", Path: "/v2/*", Drop: row.drop, Nth: 1})
		r, _ := http.NewRequest("POST", "https://api.digitalocean.com/v2/tags", strings.NewReader(`{"name":"`+string(row.drop)+`"}`))
		r.Header.Set("Authorization", "Bearer "+b.token)
		if _, err := b.client.Do(r); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("drop %s: got error %v, want an unexpected EOF", row.drop, err)
		}
		if got := len(b.names("/v2/tags", "tags")); got != row.want {
			t.Errorf("drop %s: %d tags are there, want %d", row.drop, got, row.want)
		}
	}
	if count, calls := b.record.Calls(); count != 4 || calls[0].Status != 0 || calls[0].RequestID == "" {
		t.Errorf("the record has %d calls: %v", count, calls)
	}
}

func TestFaultLetsListsLagBehindCreates(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fault(fault.Rule{Method: "GET", Path: "/v2/tags", Stale: fault.Duration(30 * time.Second)})
	b.do(201, "POST", "/v2/tags", `{"name":"a"}`)
	if got := b.names("/v2/tags", "tags"); len(got) != 0 {
		t.Errorf("the stale list shows %v", got)
	}
	b.do(200, "GET", "/v2/tags/a", "")
	b.clock.Advance(30 * time.Second)
	if got := b.names("/v2/tags", "tags"); len(got) != 1 {
		t.Errorf("after the lag the list shows %v", got)
	}
}

func TestFaultsWithASeedFallTheSameWay(t *testing.T) {
	t.Parallel()
	run := func() string {
		b := newBench(t)
		b.fault(fault.Rule{Path: "/v2/**", Probability: 0.5, Seed: 7, Status: 500})
		var seen strings.Builder
		for range 20 {
			status, _, _ := b.try("GET", "/v2/account", "")
			seen.WriteString(http.StatusText(status)[:1])
		}
		return seen.String()
	}
	first := run()
	if second := run(); first != second || !strings.Contains(first, "I") || !strings.Contains(first, "O") {
		t.Errorf("two runs: %s and %s", first, second)
	}
}

func TestFaultRulesThatSayNothingAreRefused(t *testing.T) {
	t.Parallel()
	for _, r := range []fault.Rule{
		{Path: "v2", Status: 500}, {Path: "/v2"}, {Path: "/v2", Status: 200}, {Path: "/v2", Drop: "now"},
		{Path: "/v2", Status: 500, Probability: 2}, {Path: "/v2", Ends: "well"},
	} {
		if _, err := new(fault.Set).Add(r); err == nil {
			t.Errorf("%+v was accepted", r)
		}
	}
}
