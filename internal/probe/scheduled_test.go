// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/probe"
)

// apiServer answers as Kubernetes does to who bears the token, with a schedule of an age and what it made.
func apiServer(t *testing.T, schedule string, made ...string) *httptest.Server {
	mux := http.NewServeMux()
	say := func(path, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer t0ken" {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			fmt.Fprint(w, body)
		})
	}
	say("/schedule", schedule)
	say("/made", `{"kind":"List","items":[`+strings.Join(made, ",")+`]}`)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestScheduledWantsTheNewestWholeAndOnTime(t *testing.T) {
	t.Parallel()
	const day, hour = 24 * time.Hour, time.Hour
	at := func(ago time.Duration) string { return time.Now().Add(-ago).UTC().Format(time.RFC3339) }
	schedule := func(age time.Duration) string {
		return fmt.Sprintf(`{"metadata":{"name":"s","creationTimestamp":%q}}`, at(age))
	}
	ran := func(age, success time.Duration) string {
		return fmt.Sprintf(`{"metadata":{"name":"s","creationTimestamp":%q},"status":{"lastSuccessfulTime":%q}}`, at(age), at(success))
	}
	one := func(name string, age time.Duration, phase string) string {
		return fmt.Sprintf(`{"metadata":{"namespace":"backups","name":%q,"creationTimestamp":%q},"status":{"phase":%q}}`, name, at(age), phase)
	}
	for name, c := range map[string]struct {
		schedule  string
		made      []string
		succeeded string
		state     probe.State
		words     []string
	}{
		"on time":                 {schedule(30 * day), []string{one("old", 36*hour, "Completed"), one("new", 12*hour, "Completed")}, "", probe.Passed, []string{"backups/new", "12h0m", "every 24h"}},
		"being made":              {schedule(30 * day), []string{one("new", time.Minute, "InProgress"), one("old", day, "Completed")}, "", probe.Passed, []string{"backups/old"}},
		"a new platform":          {schedule(hour), nil, "", probe.Passed, []string{"nothing is late"}},
		"a new cluster, old ones": {schedule(hour), []string{one("old", 9*day, "Completed")}, "", probe.Passed, []string{"nothing is late"}},
		"never":                   {schedule(30 * day), nil, "", probe.Failed, []string{"no run has ended well"}},
		"not since":               {schedule(30 * day), []string{one("old", 9*day, "Completed")}, "", probe.Failed, []string{"backups/old", "216h", "nothing since"}},
		"spoiled":                 {schedule(30 * day), []string{one("old", 13*hour, "Completed"), one("new", hour, "PartiallyFailed")}, "", probe.Failed, []string{"backups/new", "PartiallyFailed, not Completed"}},
		"spoiled, the first":      {schedule(hour), []string{one("new", time.Minute, "Failed")}, "", probe.Failed, []string{"backups/new"}},
		"never ends":              {schedule(30 * day), []string{one("new", 5*hour, "InProgress"), one("old", 13*hour, "Completed")}, "", probe.Failed, []string{"is not done after 5h0m"}},
		"nothing to make":         {ran(30*day, hour), nil, "status.lastSuccessfulTime", probe.Passed, []string{"a run ended well 1h0m"}},
		"runs that end badly":     {ran(30*day, 9*day), []string{one("one", hour, "Completed")}, "status.lastSuccessfulTime", probe.Failed, []string{"a run ended well 216h", "nothing since"}},
		"a schedule that is gone": {`{"metadata":{}}`, nil, "", probe.Failed, []string{"no run has ended well"}},
		"what is not Kubernetes'": {"<html>", nil, "", probe.Failed, []string{"read what the API server says"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apiServer(t, c.schedule, c.made...)
			spec := probe.Spec{Timeout: short, Scheduled: &probe.Scheduled{API: s.URL, Token: "token", Schedule: "/schedule", Every: day, Takes: 4 * hour, Made: "/made", Field: "status.phase",
				Whole: "Completed", Spoiled: []string{"PartiallyFailed", "Failed"}, Succeeded: c.succeeded}}
			f, _ := run(t, spec, map[string]string{"token": "t0ken"})
			if f.State != c.state {
				t.Fatalf("it %s, want %s: %s", f.State, c.state, f.Message)
			}
			for _, word := range c.words {
				if !strings.Contains(f.Message, word) {
					t.Errorf("it does not say %q: %s", word, f.Message)
				}
			}
			spec.Scheduled.Made = "/elsewhere"
			f, _ = run(t, spec, map[string]string{"token": "t0ken"})
			if f.State != probe.Failed {
				t.Errorf("without a list of what is made it %s: %s", f.State, f.Message)
			}
			f, _ = run(t, spec, map[string]string{"token": "another"})
			wants(t, f, probe.Failed, "does not let the credentials do this")
		})
	}
}
