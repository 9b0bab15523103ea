// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/companion"
	"github.com/k8or/k8or/internal/problem"
)

func (a *app) sandboxCommand() *cobra.Command {
	c := &cobra.Command{Use: "sandbox", GroupID: "start", Short: "Simulated clouds on this machine: no account, no money, no network", Args: verbs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	c.AddCommand(a.sandboxStart(), a.sandboxStop(), a.sandboxStatus(), a.sandboxReset(), a.sandboxEnv(), a.sandboxRequests(), a.sandboxFault())
	return c
}

// boxDir is the sandbox's folder.
func (a *app) boxDir() string {
	if a.sandboxDir != "" {
		return a.sandboxDir
	}
	if dir := a.get("K8OR_SANDBOX_DIR"); dir != "" {
		return dir
	}
	return filepath.Join(a.stateDir(), "sandbox")
}

// startBox starts the sandbox, or finds it running.
func (a *app) startBox(ctx context.Context, o companion.StartOptions) (*companion.Sandbox, error) {
	o.Dir = a.boxDir()
	if s, ok, err := companion.Running(ctx, o.Dir); err != nil || ok {
		return s, err
	}
	finder := companion.Finder{Executable: a.Executable, Version: a.Version, Cache: filepath.Join(a.cacheDir(), "companions")}
	path, err := finder.Find(ctx, "k8or-sandbox")
	if err != nil {
		return nil, err
	}
	// The control plane is needed later, and the sandbox itself waits for it; here it is only looked for.
	if o.ControlPlane == "" {
		if found, err := finder.Find(ctx, "k8or-controlplane"); err == nil {
			o.ControlPlane = found
		}
	}
	return companion.Start(ctx, path, o)
}

// planes refuses what needs simulated clusters, where these would wait for ever for a control plane that is nowhere.
func (a *app) planes(ctx context.Context) error {
	if !a.sandbox {
		return nil
	}
	s, err := a.box(ctx)
	if err != nil {
		return err
	}
	var said struct {
		ControlPlane struct {
			Problem string `json:"problem"`
		} `json:"controlplane"`
	}
	if err := s.Call(ctx, http.MethodGet, "/status", nil, &said); err != nil || said.ControlPlane.Problem == "" {
		return err
	}
	return &problem.Problem{Code: problem.CompanionMissing, Kind: problem.Preflight, Title: "the sandbox's clusters cannot come up: there is no k8or-controlplane", Why: said.ControlPlane.Problem,
		Fix: "in a clone, `make controlplane` puts it into bin/, which takes some minutes the first time; then run the same command again. `k8or plan --sandbox` does without it"}
}

// box is the running sandbox, or a problem that says how to start it.
func (a *app) box(ctx context.Context) (*companion.Sandbox, error) {
	s, ok, err := companion.Running(ctx, a.boxDir())
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, &problem.Problem{Code: problem.SandboxNotRunning, Title: "no sandbox is running in " + a.boxDir(), Fix: "`k8or sandbox start`"}
	}
	return s, nil
}

// boxVerb is a verb of the running sandbox.
func (a *app) boxVerb(use, short string, run func(context.Context, *companion.Sandbox) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		s, err := a.box(cmd.Context())
		if err != nil {
			return err
		}
		return run(cmd.Context(), s)
	}}
}

func (a *app) sandboxStart() *cobra.Command {
	var o companion.StartOptions
	c := &cobra.Command{Use: "start", Short: "Start the sandbox; what it held is still there", Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		if o.Speed < 1 || o.Speed > 100 {
			return usage("--speed is from 1 to 100, not %g", o.Speed)
		}
		s, err := a.startBox(cmd.Context(), o)
		if err != nil {
			return err
		}
		return a.print(map[string]any{"digitalocean": s.DigitalOcean, "speed": s.Speed, "dir": a.boxDir(), "pid": s.PID}, func(w io.Writer) {
			fmt.Fprintf(w, "The sandbox is running at %g times the speed of life: %s (state in %s).\n", s.Speed, s.DigitalOcean, a.boxDir())
		})
	}}
	c.Flags().Float64Var(&o.Speed, "speed", defaultSpeed, "how many times faster than life, 1 to 100")
	c.Flags().StringVar(&o.ControlPlane, "controlplane", "", "the k8or-controlplane binary")
	c.Flags().BoolVar(&o.GodoStates, "godo-states", false, "say `deleted` where DigitalOcean says deleting, for unchanged clients built on godo")
	return c
}

// defaultSpeed is the speed of demo and tests.
const defaultSpeed = 60

func (a *app) sandboxStop() *cobra.Command {
	return &cobra.Command{Use: "stop", Short: "Stop the sandbox; what it holds is kept", Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		s, ok, err := companion.Running(cmd.Context(), a.boxDir())
		if err != nil {
			return err
		}
		said := "The sandbox was not running."
		if ok {
			if err := s.Stop(cmd.Context(), a.boxDir()); err != nil {
				return err
			}
			said = "The sandbox has stopped; what it holds is kept in " + a.boxDir() + "."
		}
		return a.print(map[string]any{"running": false}, func(w io.Writer) { fmt.Fprintln(w, said) })
	}}
}

func (a *app) sandboxStatus() *cobra.Command {
	return &cobra.Command{Use: "status", Short: "Say whether it runs, and what it holds", Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		s, ok, err := companion.Running(cmd.Context(), a.boxDir())
		if err != nil {
			return err
		}
		if !ok {
			return a.print(map[string]any{"running": false, "dir": a.boxDir()}, func(w io.Writer) { fmt.Fprintln(w, "The sandbox is not running: `k8or sandbox start`.") })
		}
		var said map[string]any
		if err := s.Call(cmd.Context(), http.MethodGet, "/status", nil, &said); err != nil {
			return err
		}
		said["running"], said["dir"] = true, a.boxDir()
		return a.print(said, func(w io.Writer) {
			fmt.Fprintf(w, "The sandbox is running (process %d) at %g times the speed of life.\nDigitalOcean: %s\nState: %s\n", s.PID, s.Speed, s.DigitalOcean, a.boxDir())
			if clusters, ok := said["clusters"].([]any); ok {
				fmt.Fprintf(w, "Clusters: %d\n", len(clusters))
			}
			if plane, ok := said["controlplane"].(map[string]any); ok && plane["problem"] != nil {
				fmt.Fprintf(w, "Control plane: %s\n", plane["problem"])
			}
		})
	}}
}

func (a *app) sandboxReset() *cobra.Command {
	return a.boxVerb("reset", "Forget everything it holds", func(ctx context.Context, s *companion.Sandbox) error {
		if err := s.Call(ctx, http.MethodPost, "/reset", nil, nil); err != nil {
			return err
		}
		return a.print(map[string]any{"reset": true}, func(w io.Writer) { fmt.Fprintln(w, "The sandbox is empty.") })
	})
}

func (a *app) sandboxRequests() *cobra.Command {
	var list, reset bool
	c := a.boxVerb("requests", "Count the calls that were made to each cloud, and list them if asked to", func(ctx context.Context, s *companion.Sandbox) error {
		var said map[string]struct {
			Calls int `json:"calls"`
			List  []struct {
				Method string `json:"method"`
				Path   string `json:"path"`
				Status int    `json:"status"`
			} `json:"list"`
		}
		if err := s.Call(ctx, http.MethodGet, "/requests", nil, &said); err != nil {
			return err
		}
		if reset {
			if err := s.Call(ctx, http.MethodDelete, "/requests", nil, nil); err != nil {
				return err
			}
		}
		return a.print(said, func(w io.Writer) {
			for _, cloud := range slices.Sorted(maps.Keys(said)) {
				r := said[cloud]
				if r.Calls == 0 && cloud != "digitalocean" {
					continue // most platforms never speak to it
				}
				counts, order := map[string]int{}, []string{}
				for _, c := range r.List {
					line := fmt.Sprintf("%-6s %-60s %d", c.Method, c.Path, c.Status)
					if counts[line] == 0 {
						order = append(order, line)
					}
					counts[line]++
				}
				hint := "; --list lists them"
				if list {
					hint = ""
					for _, line := range order {
						fmt.Fprintf(w, "%5d × %s\n", counts[line], line)
					}
				}
				fmt.Fprintf(w, "%d calls were made to %s%s.\n", r.Calls, cloud, hint)
			}
		})
	})
	c.Flags().BoolVar(&list, "list", false, "list them: how often, method, path and status")
	c.Flags().BoolVar(&reset, "reset", false, "start counting anew after printing")
	return c
}

// faultRule is what calls a simulated cloud gets wrong, in the words of the sandbox's admin API.
type faultRule struct {
	ID          string  `json:"id,omitempty"`
	Method      string  `json:"method,omitempty"`
	Path        string  `json:"path"`
	Nth         int     `json:"nth,omitempty"`
	Probability float64 `json:"probability,omitempty"`
	Seed        uint64  `json:"seed,omitempty"`
	Times       int     `json:"times,omitempty"`
	Status      int     `json:"status,omitempty"`
	RetryAfter  int     `json:"retryAfter,omitempty"`
	Message     string  `json:"message,omitempty"`
	Drop        string  `json:"drop,omitempty"`
	Delay       string  `json:"delay,omitempty"`
	Stale       string  `json:"stale,omitempty"`
	Ends        string  `json:"ends,omitempty"`
	Met         int     `json:"met,omitempty"`
	Fired       int     `json:"fired,omitempty"`
}

// String is the rule in one line.
func (r faultRule) String() string {
	effects := []string{}
	say := func(when bool, format string, args ...any) {
		if when {
			effects = append(effects, fmt.Sprintf(format, args...))
		}
	}
	say(r.Status != 0, "status %d", r.Status)
	say(r.RetryAfter != 0, "retry after %d s", r.RetryAfter)
	say(r.Drop != "", "dropped %s", r.Drop)
	say(r.Delay != "" && r.Delay != "0s", "delayed %s", r.Delay)
	say(r.Stale != "" && r.Stale != "0s", "stale for %s", r.Stale)
	say(r.Ends != "", "ends in %s", r.Ends)
	say(r.Nth != 0, "number %d only", r.Nth)
	say(r.Times != 0, "at most %d times", r.Times)
	say(r.Probability != 0, "probability %g", r.Probability)
	return fmt.Sprintf("%-8s %-6s %-36s %s; met %d, fired %d", r.ID, cmp.Or(r.Method, "any"), r.Path, strings.Join(effects, ", "), r.Met, r.Fired)
}

func (a *app) sandboxFault() *cobra.Command {
	var rule faultRule
	var clear bool
	c := a.boxVerb("fault", "Make calls fail on purpose, list such rules, or clear them", func(ctx context.Context, s *companion.Sandbox) error {
		switch {
		case clear:
			var removed map[string]int
			if err := s.Call(ctx, http.MethodDelete, "/faults", nil, &removed); err != nil {
				return err
			}
			return a.print(removed, func(w io.Writer) { fmt.Fprintf(w, "Rules removed: %d.\n", removed["removed"]) })
		case rule != faultRule{}:
			if rule.Path == "" {
				return usage("a fault needs --path, the calls that it meets: --path /v2/vpcs, or --path '/v2/**' for all")
			}
			var added faultRule
			if err := s.Call(ctx, http.MethodPost, "/faults", rule, &added); err != nil {
				return err
			}
			return a.print(added, func(w io.Writer) { fmt.Fprintf(w, "Added: %s\n", added) })
		}
		var said struct {
			Faults []faultRule `json:"faults"`
		}
		if err := s.Call(ctx, http.MethodGet, "/faults", nil, &said); err != nil {
			return err
		}
		return a.print(said, func(w io.Writer) {
			for _, r := range said.Faults {
				fmt.Fprintln(w, r)
			}
			fmt.Fprintf(w, "Rules in force: %d.\n", len(said.Faults))
		})
	})
	flags := c.Flags()
	flags.StringVar(&rule.Path, "path", "", "the calls it meets: /v2/vpcs, with * for one part, and ** for any rest at the end")
	flags.StringVar(&rule.Method, "method", "", "the method, any when left out")
	flags.IntVar(&rule.Nth, "nth", 0, "only the nth call that it meets, from 1")
	flags.IntVar(&rule.Times, "times", 0, "how often; always when left out")
	flags.Float64Var(&rule.Probability, "probability", 0, "how likely, 0 to 1; surely when left out")
	flags.Uint64Var(&rule.Seed, "seed", 0, "of the dice, beside --probability")
	flags.IntVar(&rule.Status, "status", 0, "answer with this status and do nothing")
	flags.IntVar(&rule.RetryAfter, "retry-after", 0, "seconds, a header beside --status")
	flags.StringVar(&rule.Message, "message", "", "of the error beside --status")
	flags.StringVar(&rule.Drop, "drop", "", "before or after: close the connection without an answer before or after the change is made")
	flags.StringVar(&rule.Delay, "delay", "", "wait so long in simulated time before looking at the call: 30s")
	flags.StringVar(&rule.Stale, "stale", "", "lists hide what was made less than this simulated time ago: 10s")
	flags.StringVar(&rule.Ends, "ends", "", "error: what the call makes ends in its error state")
	flags.BoolVar(&clear, "clear", false, "remove all rules")
	return c
}
