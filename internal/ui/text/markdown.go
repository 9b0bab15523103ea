// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"io"
	"strings"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
)

// Markdown prints a plan for a review, such as a comment on a pull request.
func (s Style) Markdown(w io.Writer, p *platform.Plan) {
	fmt.Fprintf(w, "### Plan of `%s`\n\n", p.Platform)
	if p.Sandbox {
		fmt.Fprintf(w, "> %s\n\n", SandboxLine)
	}
	counts := map[graph.Action]int{}
	for _, st := range p.Steps {
		counts[st.Action]++
	}
	if !p.Changes() {
		fmt.Fprintln(w, "Nothing to do: the platform is as the document says.")
	} else {
		fmt.Fprintf(w, "%s\n\n| | what | action | a month | risk | why |\n|---|---|---|---:|---|---|\n", summary(counts))
		for _, st := range p.Steps {
			if st.Action == graph.None {
				continue
			}
			var why []string
			if r := reason(st, p.Steps); r != "" {
				why = append(why, cell(r))
			}
			if st.Err != nil {
				why = append(why, cell(st.Err.Error()))
			}
			for _, c := range st.Changes {
				why = append(why, "`"+strings.ReplaceAll(cell(change(c)), "`", "'")+"`")
			}
			cost := strings.Replace(monthly(p.Costs[st.Node]), " a month", "", 1)
			fmt.Fprintf(w, "| `%s` | %s | %s | %s | %s | %s |\n", st.Action.Glyph(), cell(title(st)), st.Action, cost, st.Risk, strings.Join(why, "<br>"))
		}
	}
	fmt.Fprintf(w, "\n**Cost:** %s a month (%s)\n\n| for | what | a month | price of |\n|---|---|---:|---|\n", p.Bill, p.Cost)
	for _, l := range p.Bill.Lines {
		amount := "unknown"
		if l.Known {
			amount = span(l.Low, l.High)
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", l.For, l.What, amount, l.Date)
	}
	if p.Budget != nil {
		fmt.Fprintf(w, "\n**Budget:** %s\n", p.Budget)
	}
	if len(p.Fit.Pools) > 0 {
		fmt.Fprintf(w, "\n**Room on the nodes:** %s\n\n| pool | nodes | CPU asked | memory asked | head room | on one node |\n|---|---:|---|---|---|---|\n", fits(p.Fit))
		for _, pool := range p.Fit.Pools {
			fmt.Fprintf(w, "| %s | %d | %s of %s | %s of %s | %s | %s |\n", pool.Name, pool.Nodes, pool.Requested.CPU, pool.Allocatable.CPU,
				pool.Requested.Memory, pool.Allocatable.Memory, room(pool.Free), room(pool.Largest))
		}
		for _, short := range p.Fit.Short {
			fmt.Fprintf(w, "\n- short: %s\n", short)
		}
	}
	if len(p.Upgrade) > 0 {
		fmt.Fprintf(w, "\n**%s**\n\n| | object | of | rule | why | fix |\n|---|---|---|---|---|---|\n", upgradeHead(p.Upgrade))
		for _, f := range p.Upgrade {
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", f.Severity, cell(f.Object), f.For, f.Rule, cell(f.Why), cell(f.Fix))
		}
	}
	for _, n := range p.Notes {
		fmt.Fprintf(w, "\n> %s\n", n)
	}
}

// cell keeps a text within one cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "\r\n", " ", "\n", " ").Replace(text)
}
