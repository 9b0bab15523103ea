// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/ui/text"
)

func (a *app) planCommand() *cobra.Command {
	var out string
	var detailed, defaults bool
	c := &cobra.Command{
		Use: "plan", GroupID: "run", Short: "What would change, what it costs a month, whether it fits; changes nothing", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			if defaults {
				return a.showDefaults(o)
			}
			plan, err := o.Plan(cmd.Context())
			if err != nil {
				return err
			}
			if out != "" {
				if err := savePlan(out, o, plan); err != nil {
					return err
				}
			}
			if err := a.showPlan(plan); err != nil {
				return err
			}
			if o.newUID != "" && a.output == "text" {
				fmt.Fprintln(a.Stdout, "\nThe document has no uid yet; `k8or up` writes one into it before it makes anything, another than the names above end in.")
			}
			if blocking := plan.Blocking(); len(blocking) > 0 {
				return blocking
			}
			if detailed && plan.Changes() {
				return exitCode(2)
			}
			return nil
		},
	}
	a.selects(c)
	a.loses(c)
	c.Flags().StringVar(&out, "out", "", "also write the plan to a file, for `k8or up --plan`")
	c.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 when there are changes")
	c.Flags().BoolVar(&defaults, "show-defaults", false, "print the document with every default filled in instead")
	return c
}

// showPlan prints a plan in the way asked for.
func (a *app) showPlan(plan *platform.Plan) error {
	if a.output == "markdown" {
		a.style(false).Markdown(a.Stdout, plan)
		return nil
	}
	return a.print(plan, func(w io.Writer) { a.style(a.StdoutTerminal).Plan(w, plan) })
}

func (a *app) showDefaults(o *opened) error {
	out, err := yaml.Marshal(o.Documented())
	if err != nil {
		return err
	}
	return a.print(map[string]any{"sandbox": a.sandbox, "document": o.Documented()}, func(w io.Writer) { a.yaml(w, out) })
}

// yaml prints YAML that is to be used as it is, with a comment where it is about a sandbox.
func (a *app) yaml(w io.Writer, raw []byte) {
	if a.sandbox {
		fmt.Fprintln(w, "# "+text.SandboxLine)
	}
	w.Write(raw) //nolint:errcheck // Main tells what could not be printed
}

// savedPlan is a plan in a file: what was shown, and for which platform.
type savedPlan struct {
	Version  int    `json:"version"`
	Platform string `json:"platform"`
	Document string `json:"document"` // a digest of what the document said
	// Selection is what the plan is about.
	Selection graph.Selection `json:"selection,omitzero"`
	// Lose is the data that carrying it out may destroy.
	Lose []string    `json:"allowDataLoss,omitempty"`
	Plan *graph.Plan `json:"plan"`
}

// digest is what a document says, in few characters; that up writes the account into it changes nothing.
func digest(doc *v1alpha1.Platform) (string, error) {
	said := *doc
	said.Spec.Account = ""
	raw, err := json.Marshal(said)
	if err != nil {
		return "", fmt.Errorf("digest the document: %w", err)
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(raw)), nil
}

func savePlan(path string, o *opened, plan *platform.Plan) error {
	if o.newUID != "" {
		return &problem.Problem{Code: problem.NoIdentity, Kind: problem.Usage, Title: "a plan cannot be saved while the document has no uid",
			Why: "the platform would be another one the next time", Fix: "`k8or init --uid` writes one into it"}
	}
	said, err := digest(o.Documented())
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(savedPlan{Version: outputVersion, Platform: plan.Platform, Document: said, Selection: o.selection, Lose: o.lose, Plan: &graph.Plan{Steps: plan.Steps}}, "", "  ")
	if err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	return document.Write(path, append(raw, '\n'), 0o600)
}

// readPlan reads a plan that was saved.
func readPlan(path string) (*savedPlan, error) {
	raw, err := os.ReadFile(path)
	var saved savedPlan
	if err == nil {
		err = json.Unmarshal(raw, &saved)
	}
	if err == nil && (saved.Version != outputVersion || saved.Plan == nil) {
		err = fmt.Errorf("its version is %d, and this k8or reads %d", saved.Version, outputVersion)
	}
	if err != nil {
		return nil, &problem.Problem{Code: problem.PlanStale, Kind: problem.Usage, Title: fmt.Sprintf("%s is not a plan that can be carried out", path), Why: err.Error(),
			Fix: "make one with `k8or plan --out " + path + "`", Cause: err}
	}
	return &saved, nil
}

// fits refuses a plan that was saved for another platform, another document or another selection.
func (saved *savedPlan) fits(path string, o *opened) (*graph.Plan, error) {
	if saved.Platform != o.Name() {
		return nil, &problem.Problem{Code: problem.PlanStale, Kind: problem.Usage, Title: fmt.Sprintf("%s is a plan of %s, and this is %s", path, saved.Platform, o.Name())}
	}
	said, err := digest(o.Documented())
	if err != nil {
		return nil, err
	}
	if saved.Document != said {
		return nil, &problem.Problem{Code: problem.PlanStale, Title: fmt.Sprintf("the document has changed since %s was made; nothing was changed", path),
			Why: "the plan is no longer what the document wants", Fix: "make a new plan with `k8or plan --out " + path + "`, and have that approved"}
	}
	return saved.Plan, nil
}
