// SPDX-License-Identifier: Apache-2.0

// Package fault makes a simulated cloud misbehave on request: by rules, each of which says which requests it meets and
// what becomes of them.
package fault

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Rule meets requests by method and path and gives them one effect or several. An empty Method meets all; in Path each
// `*` stands for one segment or a part of one, and a last segment `**` for any rest.
type Rule struct {
	ID     string `json:"id,omitempty"`
	Method string `json:"method,omitempty"`
	Path   string `json:"path"`

	Nth         int     `json:"nth,omitempty"`         // only the nth request met, from 1; 0 means every one
	Probability float64 `json:"probability,omitempty"` // of each met, 0 means always
	Seed        uint64  `json:"seed,omitempty"`        // of the dice
	Times       int     `json:"times,omitempty"`       // fires at most so often; 0 means without end

	Status     int      `json:"status,omitempty"`     // answered instead of the cloud, nothing changed
	RetryAfter int      `json:"retryAfter,omitempty"` // seconds, a header beside Status
	Message    string   `json:"message,omitempty"`    // of the error body beside Status
	Drop       Drop     `json:"drop,omitempty"`       // the connection closes without an answer
	Delay      Duration `json:"delay,omitempty"`      // model time before the request is looked at
	Stale      Duration `json:"stale,omitempty"`      // a list hides what was created less than this model time ago
	Ends       string   `json:"ends,omitempty"`       // "error": what this request creates will end in its error state

	Met   int `json:"met"`   // how many requests it met so far
	Fired int `json:"fired"` // how many it gave its effect
}

// Drop says when an answer is lost.
type Drop string

// The two ways to lose an answer: before anything happened, and after the change was made.
const (
	DropBefore Drop = "before"
	DropAfter  Drop = "after"
)

// Duration is a time.Duration written as in Go ("1m30s").
type Duration time.Duration

// MarshalJSON writes "1m30s".
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads "1m30s".
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("a duration is written as text, like \"90s\": %w", err)
	}
	v, err := time.ParseDuration(text)
	*d = Duration(v)
	return err
}

// Check says what is wrong with a rule.
func (r Rule) Check() error {
	switch {
	case !strings.HasPrefix(r.Path, "/"):
		return fmt.Errorf("fault rule: path %q must begin with a slash, like /v2/vpcs", r.Path)
	case r.Probability < 0 || r.Probability > 1:
		return fmt.Errorf("fault rule on %s: probability %g is not between 0 and 1", r.Path, r.Probability)
	case r.Status != 0 && (r.Status < 400 || r.Status > 599):
		return fmt.Errorf("fault rule on %s: status %d is not an error (400 to 599)", r.Path, r.Status)
	case r.Drop != "" && r.Drop != DropBefore && r.Drop != DropAfter:
		return fmt.Errorf("fault rule on %s: drop is %q, it may be before or after", r.Path, r.Drop)
	case r.Ends != "" && r.Ends != "error":
		return fmt.Errorf("fault rule on %s: ends is %q, it may be error", r.Path, r.Ends)
	case r.Status == 0 && r.Drop == "" && r.Delay == 0 && r.Stale == 0 && r.Ends == "":
		return fmt.Errorf("fault rule on %s has no effect: give it status, drop, delay, stale or ends", r.Path)
	}
	return nil
}

// Effect is what becomes of one request: the sum of the rules that fired. The zero value does nothing.
type Effect struct {
	Status     int
	RetryAfter int
	Message    string
	Drop       Drop
	Delay      time.Duration
	Stale      time.Duration
	EndsError  bool
}

// Set is the rules of one cloud. The zero value holds none; a nil Set never does anything.
type Set struct {
	mu    sync.Mutex
	next  int
	rules []*live
}

type live struct {
	Rule
	dice *rand.Rand
}

// Add checks a rule and puts it in force. The result carries its id.
func (s *Set) Add(r Rule) (Rule, error) {
	if err := r.Check(); err != nil {
		return r, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	if r.ID == "" {
		r.ID = fmt.Sprintf("fault-%d", s.next)
	}
	r.Met, r.Fired = 0, 0
	s.rules = append(s.rules, &live{r, rand.New(rand.NewPCG(r.Seed, 1))})
	return r, nil
}

// List returns the rules in force, oldest first.
func (s *Set) List() []Rule {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Rule, len(s.rules))
	for i, r := range s.rules {
		out[i] = r.Rule
	}
	return out
}

// Remove takes the rule with this id out of force, or all of them when id is empty, and says how many went.
func (s *Set) Remove(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.rules)
	s.rules = slices.DeleteFunc(s.rules, func(r *live) bool { return id == "" || r.ID == id })
	return before - len(s.rules)
}

// Meet tells the rules of a request and returns what becomes of it.
func (s *Set) Meet(method, requestPath string) Effect {
	var e Effect
	if s == nil {
		return e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		if r.meets(method, requestPath) && r.fires() {
			r.add(&e)
		}
	}
	return e
}

func (r *live) meets(method, requestPath string) bool {
	if r.Method != "" && !strings.EqualFold(r.Method, method) {
		return false
	}
	pattern := r.Path
	if rest, ok := strings.CutSuffix(pattern, "/**"); ok {
		segments := strings.Count(rest, "/")
		cut := strings.SplitAfterN(requestPath+"/", "/", segments+2)
		if len(cut) < segments+2 {
			return false
		}
		pattern, requestPath = rest, strings.TrimSuffix(strings.Join(cut[:segments+1], ""), "/")
	}
	ok, err := path.Match(pattern, requestPath)
	return err == nil && ok
}

func (r *live) fires() bool {
	r.Met++
	if r.Times > 0 && r.Fired >= r.Times {
		return false
	}
	if r.Nth > 0 && r.Met != r.Nth {
		return false
	}
	if r.Probability > 0 && r.dice.Float64() >= r.Probability {
		return false
	}
	r.Fired++
	return true
}

func (r *live) add(e *Effect) {
	if r.Status != 0 {
		e.Status, e.RetryAfter, e.Message = r.Status, r.RetryAfter, r.Message
	}
	if r.Drop != "" {
		e.Drop = r.Drop
	}
	e.Delay += time.Duration(r.Delay)
	e.Stale = max(e.Stale, time.Duration(r.Stale))
	e.EndsError = e.EndsError || r.Ends == "error"
}
