// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
)

// Dim paints what stands beside the matter.
func (s Style) Dim(text string) string { return s.paint(dim, text) }

// Why prints who asked for a thing, what uses it, and why it is not ready.
func (s Style) Why(w io.Writer, y *platform.Why) {
	if y.Sandbox {
		fmt.Fprintln(w, s.paint(yellow, "SANDBOX: simulated, and nothing here costs money."))
	}
	fmt.Fprint(w, s.paint(bold, y.Thing))
	if y.Product != "" {
		fmt.Fprintf(w, "  %s", y.Product)
	}
	fmt.Fprintf(w, "\n\nasked for by  %s\n", strings.Join(y.Asked, "; "))
	list := func(title string, ids []graph.ID, none string) {
		var names []string
		for _, id := range ids {
			names = append(names, string(id))
		}
		if len(names) == 0 {
			names = []string{none}
		}
		fmt.Fprintf(w, "%-12s  %s\n", title, strings.Join(names, ", "))
	}
	list("needs", y.Needs, "nothing")
	list("used by", y.UsedBy, "nothing")
	if y.Ready {
		fmt.Fprintf(w, "\n%s It is ready.\n", s.paint(green, "✓"))
		return
	}
	fmt.Fprintf(w, "\n%s It is not ready:\n", s.paint(red, "✗"))
	for _, h := range y.Health {
		if h.State != "ready" {
			fmt.Fprintf(w, "  %-32s %s\n", h.Node, h.State)
		}
	}
	fmt.Fprintf(w, "\n%s\n", s.paint(bold, "Because, the root cause first:"))
	for i, c := range y.Causes {
		at := string(c.Node)
		if c.Object != "" {
			at += ", " + c.Object
		}
		seen := ""
		if c.Seen != nil {
			seen = s.paint(dim, "  "+c.Seen.Format(time.RFC3339))
		}
		fmt.Fprintf(w, "%3d. %s: %s%s\n", i+1, at, c.Message, seen)
	}
}
