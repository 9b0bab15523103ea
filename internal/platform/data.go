// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/problem"
)

// judgeData refuses what would leave data behind unsaid: an entry that holds data, or of which nobody knows that it holds none, and that
// is made anew, empty, by another product or in another placement; and decisions about data that is not there, since a slip of the pen must not pass as one.
func (p *Platform) judgeData(steps []graph.Step) problem.List {
	var list problem.List
	for _, s := range steps {
		if s.Action != graph.Create || !holdsData(s.Node) || slices.Contains(p.options.Lose, string(s.Node)) {
			continue
		}
		empty := slices.ContainsFunc(steps, func(old graph.Step) bool { return old.Empty && old.Owner == s.Node })
		for _, old := range steps {
			leaves := old.Action == graph.Delete || old.Action == graph.Keep
			if empty && old.Data == "" {
				continue // with it goes what belongs to it, such as its users
			}
			if leaves && old.Kind != s.Kind && (old.Owner == s.Node || old.Data == string(s.Node)) {
				list = append(list, p.given.At("spec."+strings.ReplaceAll(string(s.Node), "/", "."), &problem.Problem{Code: problem.DataUndecided, Kind: problem.Preflight,
					Title: fmt.Sprintf("%s would begin empty, and its data stay behind", s.Node), Why: strings.TrimSuffix(fmt.Sprintf("%s is there and is not what the document asks for now: %s", cmp.Or(old.Title, string(old.Node)), old.Reason), ": "),
					Fix: fmt.Sprintf("give the new one another name and let it take the data by migrateFrom, so that both run until they have moved; or, if they are not needed, --allow-data-loss=%s", s.Node)}))
				break
			}
		}
	}
	for _, name := range p.options.Lose {
		known := func(s graph.Step) bool { return s.Data == name || string(s.Node) == name && holdsData(s.Node) }
		if slices.ContainsFunc(steps, known) {
			continue
		}
		pr := &problem.Problem{Code: problem.BadUsage, Kind: problem.Usage, Title: fmt.Sprintf("the platform has no data store %q that could go", name), Fix: "`k8or plan` names those that it keeps"}
		var names []string
		for _, s := range steps {
			if s.Data != "" {
				names = append(names, s.Data)
			}
		}
		if near := problem.Nearest(name, names); near != "" {
			pr.Fix = fmt.Sprintf("did you mean %q?", near)
		}
		list = append(list, pr)
	}
	return list
}

// holdsData reports whether a node is an entry of a category whose things hold data.
func holdsData(id graph.ID) bool {
	category, rest, _ := strings.Cut(string(id), "/")
	if id == "registry" {
		return true
	}
	if category == "storage" {
		category, rest, _ = strings.Cut(rest, "/")
	}
	return slices.Contains([]string{"databases", "messaging", "spaces"}, category) && rest != "" && !strings.Contains(rest, "/")
}
