// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/ui/plain"
)

// Verification prints what came of the probes.
func (s Style) Verification(w io.Writer, v *platform.Verification) {
	if v.Sandbox {
		fmt.Fprintln(w, s.paint(yellow, "SANDBOX: no containers run here, so nothing is proven; what was looked at is said below."))
	}
	fmt.Fprintf(w, "%s\n\n", s.paint(bold, "Platform "+v.Platform))
	named := func(p platform.Probed) string { return strings.TrimSpace(string(p.Entry) + " " + p.Name) }
	var all []string
	for _, p := range v.Probes {
		all = append(all, named(p))
	}
	width := column(34, all...)
	for _, p := range v.Probes {
		mark, colour := "✓", green
		switch p.State {
		case probe.Failed:
			mark, colour = "✗", red
		case probe.Simulated:
			mark, colour = "~", yellow
		}
		fmt.Fprintf(w, "%s %-*s %-9s  %s  %s\n", s.paint(colour, mark), width, named(p), p.State, p.Message, s.paint(dim, plain.Duration(time.Duration(p.Elapsed*float64(time.Second)))))
		for _, c := range p.Checked {
			fmt.Fprintf(w, "    checked: %s\n", c)
		}
		for _, c := range p.Unchecked {
			fmt.Fprintf(w, "    not checked: %s\n", c)
		}
		if p.State == probe.Failed {
			fmt.Fprintf(w, "    was to prove: %s\n", p.Proves)
			if p.Look != "" {
				fmt.Fprintf(w, "    look at: %s\n", p.Look)
			}
		}
	}
	if len(v.Probes) == 0 {
		fmt.Fprintln(w, "There is nothing to prove: no entry brings a probe.")
	}
	if len(v.Unproven) > 0 {
		var names []string
		for _, id := range v.Unproven {
			names = append(names, string(id))
		}
		fmt.Fprintf(w, "\n%s %s\n", s.paint(dim, "without a probe:"), strings.Join(names, ", "))
	}
}
