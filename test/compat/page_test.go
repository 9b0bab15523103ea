// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// result is what came of one client's turn.
type result struct {
	part     part
	versions []string
	actions  []action
}

const intro = `# Unchanged clients against the sandbox

Written by ` + "`make compat`" + `. It runs binaries that know nothing of k8or against the sandbox, with a real Kubernetes control
plane behind each simulated cluster, at %d times the speed of life. They are named by ` + "`K8OR_DOCTL`, `K8OR_TERRAFORM`" + `,
` + "`K8OR_TERRAFORM_PROVIDER`, `K8OR_KUBECTL` and `K8OR_AWS`" + `; what is not named is not run. Versions are what the binaries, or their file names, say. The sandbox is started with ` + "`--godo-states`" + `: it
says ` + "`deleted`" + ` of a cluster that is going, since clients built on godo cannot read the published ` + "`deleting`" + `.

What doctl and Terraform said to the DigitalOcean API is kept, without tokens, in ` + "`test/compat/testdata`" + `; the tests say it again
to the simulated cloud and want the same answers. kubectl speaks to the control plane itself, so there is no such record of it.

Nobody has compared these results with the real cloud: they show that the clients are content, not that DigitalOcean would
answer the same.
`

// drawn are the ids in an action's name that are others with each run.
var drawn = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|DO00[0-9A-Z]{16}`)

// page is docs/compat.md.
func page(all []result) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, intro, speed)
	today := time.Now().UTC().Format(time.DateOnly)
	b.WriteString("\n| client | version | date | result |\n|---|---|---|---|\n")
	for _, r := range all {
		if len(r.actions) == 0 {
			fmt.Fprintf(&b, "| %s | | %s | not run |\n", r.part.title, today)
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d of %d actions work |\n", r.part.title, strings.Join(r.versions, ", "), today, r.worked(), len(r.actions))
	}
	for _, r := range all {
		fmt.Fprintf(&b, "\n## %s\n\n", r.part.title)
		if len(r.actions) == 0 {
			fmt.Fprintf(&b, "not run\n")
			continue
		}
		b.WriteString("| action | result |\n|---|---|\n")
		for _, a := range r.actions {
			fmt.Fprintf(&b, "| %s | %s |\n", strings.ReplaceAll(drawn.ReplaceAllString(a.name, "…"), "|", "\\|"), a.outcome())
		}
	}
	return b.Bytes()
}

func (r result) worked() int {
	n := 0
	for _, a := range r.actions {
		if a.err == nil {
			n++
		}
	}
	return n
}

// outcome is one line for a table.
func (a action) outcome() string {
	if a.err == nil {
		return "works"
	}
	line := strings.ReplaceAll(strings.Join(strings.Fields(a.err.Error()), " "), "|", "\\|")
	if len(line) > 200 {
		line = line[:200] + "…"
	}
	return "fails: " + line
}
