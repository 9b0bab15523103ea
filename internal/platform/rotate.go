// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

// rotation is what a rotation is about: the entries whose credentials change, and the apps that use them.
func rotation(entries []graph.ID, about product.Platform) graph.Selection {
	var s graph.Selection
	seen := map[graph.ID]bool{}
	for _, id := range entries {
		s.Only = append(s.Only, string(id))
		if id == "mesh" { // whose pods are everybody's who joined
			s.Only = append(s.Only, about.Joined()...)
		}
		for _, c := range about.Clients(id) {
			if !seen[c.ID()] {
				seen[c.ID()] = true
				s.Only = append(s.Only, string(c.ID()))
			}
		}
	}
	return s
}

// PlanRotation says what [Options.Rotate] would do: new credentials beside those that are there, the Secrets and apps that go
// over to them, and what goes at last. It writes nothing; [Platform.Up] carries it out. Where an earlier rotation was cut off,
// it is that one which is finished.
func (p *Platform) PlanRotation(ctx context.Context) (*Plan, error) {
	var known []string
	for _, e := range p.doc.Spec.Entries() {
		known = append(known, e.ID())
	}
	for _, name := range slices.Sorted(maps.Keys(p.doc.Spec.Apps)) { // which hand out nothing, and are told what they were given by
		known = append(known, "apps/"+name)
	}
	for _, id := range p.options.Rotate {
		if !slices.Contains(known, string(id)) {
			return nil, nothingCalled(string(id), known)
		}
	}
	plan, err := p.Plan(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range p.options.Rotate {
		for _, st := range plan.whole {
			if st.Node == id && st.State == graph.Absent && st.Err == nil {
				return nil, &problem.Problem{Code: problem.BadUsage, Kind: problem.Usage, Title: fmt.Sprintf("%s is not there yet, so nobody has credentials of it", id), Fix: "`k8or up` makes it"}
			}
		}
	}
	onItsWay := slices.ContainsFunc(plan.whole, func(st graph.Step) bool { return st.State == graph.Pending })
	if !plan.Changes() && len(plan.Problems) == 0 && !onItsWay {
		if slices.Contains(p.options.Rotate, "mesh") { // of which there is always another anchor to make, but for this
			return nil, &problem.Problem{Code: problem.BadUsage, Kind: problem.Usage, Title: "the last rotation of mesh is not over", Why: "the trust anchor before stays until no proxy has a certificate under it",
				Fix: "`k8or up` takes it away a day later, and says until then what it waits for; rotate after that"}
		}
		return nil, &problem.Problem{Code: problem.BadUsage, Kind: problem.Usage, Title: "nobody has credentials that could be changed: no app uses " + joined(p.options.Rotate),
			Fix: "name an entry that apps have in their `uses`"}
	}
	return plan, nil
}

func joined(ids []graph.ID) string {
	var out []string
	for _, id := range ids {
		out = append(out, string(id))
	}
	return strings.Join(out, ", ")
}

// reads says what still runs with the credentials that who uses an entry had before its Secret was written anew, so that these
// stay until it is gone: a pod, or a backup under way. Empty where there is nothing.
func (p *Platform) reads(ctx context.Context, entry graph.ID, app string) (string, error) {
	for _, c := range p.about().Clients(entry) {
		if c.Name != app {
			continue
		}
		access, ok, err := p.find(ctx, graph.NewCall())
		if err != nil || !ok {
			return "", err
		}
		if len(c.Works) > 0 {
			return stillWorks(ctx, p.kinds.Cluster(access.ID), c.Works)
		}
		pod, err := p.kinds.Cluster(access.ID).OlderThan(ctx, c.Namespace, c.SecretName(entry))
		return kube.StillReads(pod, kube.SecretKey{Namespace: c.Namespace, Name: c.SecretName(entry)}), err
	}
	return "", nil
}
