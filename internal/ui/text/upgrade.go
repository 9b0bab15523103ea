// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"io"

	"github.com/k8or/k8or/internal/lint"
	"github.com/k8or/k8or/internal/unit"
)

// Upgrade prints what DOKS would hold against the platform before it upgrades the cluster. What it does not ask itself is only
// counted.
func (s Style) Upgrade(w io.Writer, findings []lint.Finding) {
	if len(findings) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", s.paint(bold, upgradeHead(findings)))
	suggested := 0
	for _, f := range findings {
		if f.Severity == lint.Suggests {
			suggested++
			continue
		}
		colour := yellow
		if f.Severity == lint.Blocks {
			colour = red
		}
		fmt.Fprintf(w, "  %s %s of %s: %s\n    %s\n", s.paint(colour, string(f.Severity)+":"), f.Object, f.For, f.Why, s.paint(dim, fmt.Sprintf("fix: %s (%s)", f.Fix, f.Rule)))
	}
	if suggested > 0 {
		fmt.Fprintf(w, "  %s\n", s.paint(dim, unit.Count(suggested, "suggestion")+" that DOKS does not ask for; `-o json` tells them"))
	}
}

// upgradeHead counts what an upgrade of the cluster would find.
func upgradeHead(findings []lint.Finding) string {
	n := map[lint.Severity]int{}
	for _, f := range findings {
		n[f.Severity]++
	}
	switch {
	case n[lint.Blocks] > 0:
		return fmt.Sprintf("DOKS's upgrade checks: %s and %s", unit.Count(n[lint.Blocks], "error"), unit.Count(n[lint.Warns], "warning"))
	case n[lint.Warns] > 0:
		return "DOKS's upgrade checks: " + unit.Count(n[lint.Warns], "warning")
	}
	return "DOKS's upgrade checks: passed"
}
