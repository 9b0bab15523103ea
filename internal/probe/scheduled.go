// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// kubeObject is an object of Kubernetes' API, as far as it is looked at.
type kubeObject map[string]any

// at is a field's value as text, by its path; empty for none.
func (o kubeObject) at(path string) string {
	var v any = map[string]any(o)
	for key := range strings.SplitSeq(path, ".") {
		inner, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = inner[key]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func (o kubeObject) name() string { return o.at("metadata.namespace") + "/" + o.at("metadata.name") }

// time is a field's time; zero for none.
func (o kubeObject) time(path string) time.Time {
	t, err := time.Parse(time.RFC3339, o.at(path))
	if err != nil {
		return time.Time{}
	}
	return t
}

const created = "metadata.creationTimestamp"

// prove looks at the newest of what was made, and when a run last ended well.
func (s *Scheduled) prove(ctx context.Context, g given) (string, error) {
	c, err := g.call("", s.CA, "", "")
	if err != nil {
		return "", err
	}
	token, err := g.file(s.Token)
	if err != nil {
		return "", err
	}
	c.token = string(token)
	var schedule kubeObject
	if err := s.read(ctx, c, s.Schedule, &schedule); err != nil {
		return "", err
	}
	var list struct {
		Items []kubeObject `json:"items"`
	}
	if err := s.read(ctx, c, s.Made, &list); err != nil {
		return "", err
	}
	slices.SortFunc(list.Items, func(a, b kubeObject) int { return b.time(created).Compare(a.time(created)) })
	now := time.Now()
	if err := s.newest(list.Items, now); err != nil {
		return "", err
	}
	last, what := schedule.time(s.Succeeded), "a run ended well"
	if s.Succeeded == "" {
		if i := slices.IndexFunc(list.Items, func(o kubeObject) bool { return o.at(s.Field) == s.Whole }); i >= 0 {
			last, what = list.Items[i].time(created), list.Items[i].name()+" was begun, which is whole"
		}
	}
	since := schedule.time(created)
	due := now.Add(-s.Every - s.Takes)
	switch {
	case !last.Before(due) && !last.IsZero():
		return fmt.Sprintf("%s %s ago, and the schedule comes every %s at least", what, ago(now, last), s.Every), nil
	case since.After(due):
		return fmt.Sprintf("the schedule is %s old, and comes every %s at least: nothing is late", ago(now, since), s.Every), nil
	case last.IsZero():
		return "", &trouble{what: fmt.Sprintf("no run has ended well since the schedule was made %s ago, and it comes every %s at least", ago(now, since), s.Every), look: "what is told of its runs"}
	}
	return "", &trouble{what: fmt.Sprintf("%s %s ago, and nothing since, and the schedule comes every %s at least", what, ago(now, last), s.Every), look: "what is told of its runs"}
}

// newest says what is wrong with the newest of what was made, or nothing.
func (s *Scheduled) newest(made []kubeObject, now time.Time) error {
	if len(made) == 0 {
		return nil
	}
	state, age := made[0].at(s.Field), ago(now, made[0].time(created))
	switch {
	case slices.Contains(s.Spoiled, state):
		return &trouble{what: fmt.Sprintf("the newest, %s of %s ago, has %s %s, not %s", made[0].name(), age, s.Field, state, s.Whole), look: "what is told of it"}
	case state != s.Whole && age > s.Takes:
		return &trouble{what: fmt.Sprintf("the newest, %s, is not done after %s: its %s is %q, not %s", made[0].name(), age, s.Field, state, s.Whole), look: "what is told of it"}
	}
	return nil
}

// ago is how long ago something was, in whole seconds.
func ago(now, then time.Time) time.Duration { return now.Sub(then).Truncate(time.Second) }

// read asks the API server for an object or a list.
func (s *Scheduled) read(ctx context.Context, c *caller, path string, into any) error {
	got, err := c.do(ctx, http.MethodGet, strings.TrimRight(s.API, "/")+path, nil)
	if err != nil {
		return err
	}
	if err := denied("the API server", got); err != nil {
		return err
	}
	if got.status != http.StatusOK {
		return &trouble{what: fmt.Sprintf("the API server answers %d to %s", got.status, path), look: "whether the schedule and the definition of what it makes are there"}
	}
	if err := json.Unmarshal(got.body, into); err != nil {
		return fmt.Errorf("read what the API server says to %s: %w", path, err)
	}
	return nil
}
