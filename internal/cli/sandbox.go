// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/companion"
	"github.com/k8or/k8or/internal/problem"
)

func (a *app) sandboxCommand() *cobra.Command {
	c := &cobra.Command{Use: "sandbox", GroupID: "start", Short: "Simulated clouds on this machine: no account, no money, no network", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	c.AddCommand(a.sandboxStart(), a.sandboxStop(), a.sandboxStatus(), a.sandboxReset(), a.sandboxEnv(), a.sandboxRequests(), a.sandboxFault())
	return c
}

// boxDir is the sandbox's folder.
func (a *app) boxDir() string {
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
		if ok {
			if err := s.Stop(cmd.Context(), a.boxDir()); err != nil {
				return err
			}
		}
		return a.print(map[string]any{"running": false}, func(w io.Writer) { fmt.Fprintln(w, "The sandbox is not running.") })
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

func (a *app) sandboxEnv() *cobra.Command {
	return a.boxVerb("env", "Print what an unchanged doctl, Terraform or kubectl needs to speak to it", func(_ context.Context, s *companion.Sandbox) error {
		vars := [][2]string{{"DIGITALOCEAN_API_URL", s.DigitalOcean}, {"DIGITALOCEAN_ACCESS_TOKEN", s.Token}, {"DIGITALOCEAN_TOKEN", s.Token}}
		m := map[string]any{}
		for _, v := range vars {
			m[v[0]] = v[1]
		}
		return a.print(m, func(w io.Writer) {
			for _, v := range vars {
				fmt.Fprintf(w, "export %s=%s\n", v[0], v[1])
			}
			fmt.Fprintln(w, "# eval \"$(k8or sandbox env)\"; the token is good in the sandbox alone")
		})
	})
}

func (a *app) sandboxRequests() *cobra.Command {
	var reset bool
	c := a.boxVerb("requests", "Count and list the calls that were made to each cloud", func(ctx context.Context, s *companion.Sandbox) error {
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
			for cloud, r := range said {
				counts, order := map[string]int{}, []string{}
				for _, c := range r.List {
					line := fmt.Sprintf("%-6s %-60s %d", c.Method, c.Path, c.Status)
					if counts[line] == 0 {
						order = append(order, line)
					}
					counts[line]++
				}
				if a.debug {
					for _, line := range order {
						fmt.Fprintf(w, "%5d × %s\n", counts[line], line)
					}
				}
				fmt.Fprintf(w, "%d calls were made to %s; `--debug` lists them.\n", r.Calls, cloud)
			}
		})
	})
	c.Flags().BoolVar(&reset, "reset", false, "start counting anew after printing")
	return c
}

func (a *app) sandboxFault() *cobra.Command {
	var rule struct {
		Method      string  `json:"method,omitempty"`
		Path        string  `json:"path,omitempty"`
		Status      int     `json:"status,omitempty"`
		Drop        string  `json:"drop,omitempty"`
		Times       int     `json:"times,omitempty"`
		Probability float64 `json:"probability,omitempty"`
	}
	var clear bool
	c := a.boxVerb("fault", "Make calls fail on purpose, list such rules, or clear them", func(ctx context.Context, s *companion.Sandbox) error {
		switch {
		case clear:
			var removed map[string]int
			if err := s.Call(ctx, http.MethodDelete, "/faults", nil, &removed); err != nil {
				return err
			}
			return a.print(map[string]any{"removed": removed["removed"]}, func(w io.Writer) { fmt.Fprintln(w, strconv.Itoa(removed["removed"])+" rules were removed.") })
		case rule.Path != "" || rule.Status != 0 || rule.Drop != "":
			var added map[string]any
			if err := s.Call(ctx, http.MethodPost, "/faults", rule, &added); err != nil {
				return err
			}
			return a.print(added, func(w io.Writer) { fmt.Fprintf(w, "Added: %v\n", added) })
		}
		var said map[string]any
		if err := s.Call(ctx, http.MethodGet, "/faults", nil, &said); err != nil {
			return err
		}
		return a.print(said, func(w io.Writer) {
			rules, _ := said["faults"].([]any)
			for _, r := range rules {
				fmt.Fprintf(w, "%v\n", r)
			}
			fmt.Fprintf(w, "%d rules.\n", len(rules))
		})
	})
	f := c.Flags()
	f.StringVar(&rule.Method, "method", "", "the method, any when left out")
	f.StringVar(&rule.Path, "path", "", "the path, with * for a part of it: /v2/vpcs")
	f.IntVar(&rule.Status, "status", 0, "answer with this status and do nothing")
	f.StringVar(&rule.Drop, "drop", "", "before or after: close the connection without an answer before or after the change is made")
	f.IntVar(&rule.Times, "times", 0, "how often; always when left out")
	f.Float64Var(&rule.Probability, "probability", 0, "how likely, 0 to 1; surely when left out")
	f.BoolVar(&clear, "clear", false, "remove all rules")
	return c
}
