// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Goals of the project, printed beside the figures.
const (
	goalChain    = 1.15
	goalStartUp  = 30  // ms
	goalPlan     = 150 // ms
	goalSandbox  = 15  // s
	startUpRuns  = 21
	planRuns     = 11
	noOpPlanRuns = 5
)

// goals are those that were set for one document: another one has other kinds to list, and more that is ready in the cluster's own
// time.
type goals struct{ path, calls float64 }

// goalsOf are a document's, by the name of its folder; zeros where none were set. A database may cost a plan one call, and one more
// for each family of things in it: six have a firewall, five users, three databases, and Kafka topics.
func goalsOf(example string) goals {
	return map[string]goals{
		"starter":       {path: 1.10, calls: 12},
		"six-databases": {path: 1.10, calls: 12 + 6 + 6 + 5 + 3 + 1},
	}[filepath.Base(example)]
}

// machine says what was measured, and where.
func (b *bench) machine(ctx context.Context) string {
	said := "k8or"
	if o, err := b.k8or(ctx, "version"); err == nil {
		said = strings.TrimSpace(string(o.out))
	}
	said = fmt.Sprintf("%s on %d cores", said, runtime.NumCPU())
	// Others on the machine slow everything down, so a reader wants to know whether there were any.
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		if load := strings.Fields(string(raw)); len(load) > 0 {
			said += ", load " + load[0] + " before it began"
		}
	}
	return said
}

func (b *bench) sizes(_ context.Context, r *Report) error {
	for _, name := range names {
		info, err := os.Stat(binary(b.bin, name))
		if err != nil {
			return fmt.Errorf("weigh %s: %w", name, err)
		}
		r.add(Figure{Name: "size of " + name, Value: megabytes(info.Size()), Unit: "MB"})
	}
	return nil
}

func (b *bench) startUp(ctx context.Context, r *Report) error {
	for _, c := range []struct {
		verb string
		goal float64
	}{{"version", goalStartUp}, {"validate", 0}} {
		runs, err := b.repeat(ctx, startUpRuns, c.verb)
		if err != nil {
			return err
		}
		r.add(Figure{Name: "k8or " + c.verb, Value: runs.median(), Unit: "ms", Goal: c.goal, How: fmt.Sprintf("median of %d processes; the quickest took %s", startUpRuns, amount(runs.least(), "ms"))})
	}
	return nil
}

func (b *bench) sandbox(ctx context.Context, r *Report) error {
	o, err := b.k8or(ctx, "sandbox", "start", "--speed", fmt.Sprintf("%g", b.speed))
	if err != nil {
		return err
	}
	r.add(Figure{Name: "k8or sandbox start", Value: o.took.Seconds(), Unit: "s", Goal: goalSandbox, How: "until it answers; a control plane is started with each cluster"})
	return nil
}

// emptyPlan measures a plan of everything, with no cloud but the one on this machine.
func (b *bench) emptyPlan(ctx context.Context, r *Report) error {
	runs, err := b.repeat(ctx, planRuns, "plan", "--sandbox", "-o", "json")
	if err != nil {
		return err
	}
	r.add(Figure{Name: "offline k8or plan", Value: runs.median(), Unit: "ms", Goal: goalPlan, How: fmt.Sprintf("nothing stands yet; median of %d, the quickest took %s", planRuns, amount(runs.least(), "ms"))})
	r.memory("k8or plan", runs.peak)
	o, err := b.k8or(ctx, "plan", "--sandbox", "-o", "json")
	if err != nil {
		return err
	}
	var plan struct {
		Notes []string `json:"notes"`
	}
	if err := json.Unmarshal(o.out, &plan); err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	r.Notes = append(r.Notes, plan.Notes...)
	return nil
}

func (r *Report) memory(what string, peak int64) {
	if peak > 0 {
		r.add(Figure{Name: "memory of " + what, Value: megabytes(peak), Unit: "MB", How: "resident at the most"})
	}
}

// up brings the platform up once, and joins its events with the sandbox's record.
func (b *bench) up(ctx context.Context, r *Report) error {
	o, err := b.k8or(ctx, "up", "--sandbox", "--yes", "-o", "json")
	if err != nil {
		return err
	}
	events, timings, err := parseRun(o.out)
	if err != nil {
		return err
	}
	var said struct {
		ReadyTimes []life `json:"readyTimes"`
	}
	if err := b.ask(ctx, "/ready-times", &said); err != nil {
		return err
	}
	stages, least := criticalPath(said.ReadyTimes, events)
	if least <= 0 {
		return fmt.Errorf("join the run with the sandbox's record: %d events and %d resources have no chain in common", len(events), len(said.ReadyTimes))
	}
	r.Path = stages
	r.add(
		Figure{Name: "wall ÷ critical path", Value: o.took.Seconds() / least.Seconds(), Goal: goalsOf(b.example).path,
			How: fmt.Sprintf("%s from the start of the process to its end, %s that the clouds truly took", amount(o.took.Seconds(), "s"), amount(least.Seconds(), "s"))},
		Figure{Name: "added by k8or", Value: (o.took - least).Seconds(), Unit: "s", How: "polling, its own work, and what pods take to be ready in the cluster"},
	)
	if chain := longestChain(timings, events, said.ReadyTimes); chain > 0 {
		r.add(Figure{Name: "wall ÷ longest chain", Value: o.took.Seconds() / chain.Seconds(), Goal: goalChain,
			How: fmt.Sprintf("of everything that waited for one another, in the cluster too: %s, with the clouds' own record where there is one", amount(chain.Seconds(), "s"))})
	}
	r.memory("k8or up", o.peak)
	return nil
}

// parseRun reads the lines of `up -o json`: the events, and the timings of the result that ends them.
func parseRun(out []byte) (events []event, timings []timing, err error) {
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var line struct {
			event
			Result struct {
				Timings []timing `json:"timings"`
			} `json:"result"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, nil, fmt.Errorf("read an event of the run: %w", err)
		}
		if line.Type == "result" {
			timings = line.Result.Timings
			continue
		}
		events = append(events, line.event)
	}
	return events, timings, lines.Err()
}

// nothingToDo counts the calls of runs that find everything as wanted.
func (b *bench) nothingToDo(ctx context.Context, r *Report) error {
	for _, c := range []struct {
		name string
		args []string
	}{
		{"calls per no-op plan", []string{"plan", "--sandbox", "--detailed-exitcode", "-o", "json"}}, // fails when there are changes
		{"calls per no-op up", []string{"up", "--sandbox", "--yes", "-o", "json"}},
	} {
		if _, err := b.calls(ctx); err != nil {
			return err
		}
		if _, err := b.k8or(ctx, c.args...); err != nil {
			return fmt.Errorf("a second run should have nothing to do: %w", err)
		}
		n, err := b.calls(ctx)
		if err != nil {
			return err
		}
		r.add(Figure{Name: c.name, Value: float64(n), Goal: goalsOf(b.example).calls, How: "to DigitalOcean"})
	}
	runs, err := b.repeat(ctx, noOpPlanRuns, "plan", "--sandbox", "-o", "json")
	if err != nil {
		return err
	}
	r.add(Figure{Name: "no-op k8or plan", Value: runs.median(), Unit: "ms", How: fmt.Sprintf("the platform stands, and its objects are compared by dry run; median of %d", noOpPlanRuns)})
	return nil
}

// calls is how many were made to DigitalOcean since the last time it was asked.
func (b *bench) calls(ctx context.Context) (int, error) {
	o, err := b.k8or(ctx, "sandbox", "requests", "-o", "json", "--reset")
	if err != nil {
		return 0, err
	}
	var said struct {
		DigitalOcean struct {
			Calls int `json:"calls"`
		} `json:"digitalocean"`
	}
	if err := json.Unmarshal(o.out, &said); err != nil {
		return 0, fmt.Errorf("read the count of calls: %w", err)
	}
	return said.DigitalOcean.Calls, nil
}

// announcement is what bench reads of the file in which a sandbox says where it is.
type announcement struct {
	PID        int    `json:"pid"`
	Admin      string `json:"admin"`
	AdminToken string `json:"adminToken"`
}

func (b *bench) announced() (a announcement, err error) {
	raw, err := os.ReadFile(filepath.Join(b.box(), "sandbox.json"))
	if err == nil {
		err = json.Unmarshal(raw, &a)
	}
	if err != nil {
		return a, fmt.Errorf("read where the sandbox is: %w", err)
	}
	return a, nil
}

// ask reads from the sandbox's admin API.
func (b *bench) ask(ctx context.Context, path string, into any) error {
	a, err := b.announced()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.Admin+path, nil)
	if err != nil {
		return fmt.Errorf("ask the sandbox for %s: %w", path, err)
	}
	req.Header.Set("Authorization", "Bearer "+a.AdminToken)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask the sandbox for %s: %w", path, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the sandbox for %s: it answered %s", path, answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return fmt.Errorf("ask the sandbox for %s: %w", path, err)
	}
	return nil
}
