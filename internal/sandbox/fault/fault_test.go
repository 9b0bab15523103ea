// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"encoding/json"
	"testing"
	"time"
)

func TestRulesMeetPathsByPattern(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		pattern, path string
		want          bool
	}{
		{"/v2/vpcs", "/v2/vpcs", true},
		{"/v2/vpcs", "/v2/vpcs/1", false},
		{"/v2/vpcs/*", "/v2/vpcs/1", true},
		{"/v2/vpcs/*", "/v2/vpcs/1/members", false},
		{"/v2/vpcs/*/members", "/v2/vpcs/1/members", true},
		{"/v2/kubernetes/**", "/v2/kubernetes/clusters/1/node_pools", true},
		{"/v2/kubernetes/**", "/v2/kubernetes", true},
		{"/v2/kubernetes/**", "/v2/vpcs", false},
		{"/v2/*/clusters/**", "/v2/kubernetes/clusters/1", true},
		{"/**", "/anything/at/all", true},
	} {
		s := &Set{}
		if _, err := s.Add(Rule{Path: row.pattern, Status: 500}); err != nil {
			t.Fatal(err)
		}
		if got := s.Meet("GET", row.path).Status == 500; got != row.want {
			t.Errorf("%s meets %s: %v, want %v", row.pattern, row.path, got, row.want)
		}
	}
}

func TestRulesCountNthAndTimes(t *testing.T) {
	t.Parallel()
	s := &Set{}
	for _, r := range []Rule{{Path: "/a", Nth: 3, Status: 500}, {Path: "/a", Times: 1, Delay: Duration(time.Second)}} {
		if _, err := s.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	var got []Effect
	for range 4 {
		got = append(got, s.Meet("GET", "/a"))
	}
	if got[0].Delay != time.Second || got[1] != (Effect{}) || got[2].Status != 500 || got[3] != (Effect{}) {
		t.Errorf("effects are %+v", got)
	}
	if list := s.List(); list[0].Met != 4 || list[0].Fired != 1 {
		t.Errorf("the rule counted %+v", list[0])
	}
	if s.Remove("fault-1") != 1 || s.Remove("") != 1 || len(s.List()) != 0 {
		t.Error("rules stayed after their removal")
	}
}

func TestDurationsAreWrittenAsInGo(t *testing.T) {
	t.Parallel()
	var r Rule
	if err := json.Unmarshal([]byte(`{"path":"/a","delay":"1m30s"}`), &r); err != nil || time.Duration(r.Delay) != 90*time.Second {
		t.Errorf("got %v, %v", r.Delay, err)
	}
	if err := json.Unmarshal([]byte(`{"path":"/a","delay":90}`), &r); err == nil {
		t.Error("a bare number was taken for a duration")
	}
}
