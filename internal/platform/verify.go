// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

// Verification is what came of all probes.
type Verification struct {
	Platform string `json:"platform"`
	Sandbox  bool   `json:"sandbox"`
	// Probes are in the order of the document.
	Probes []Probed `json:"probes"`
	// Unproven are the entries asked for that bring no probe.
	Unproven []graph.ID `json:"unproven,omitempty"`
	// Elapsed is how long all took together, in seconds.
	Elapsed float64 `json:"elapsedSeconds"`
}

// Broken counts the probes that failed.
func (v *Verification) Broken() int {
	n := 0
	for _, p := range v.Probes {
		if p.State == probe.Failed {
			n++
		}
	}
	return n
}

// Probed is one probe and what came of it.
type Probed struct {
	Entry graph.ID `json:"entry"`
	Name  string   `json:"name,omitempty"`
	// Kind is what speaks to it: http, database, kafka, prometheus, alert, logs, registry, bucket, certificate, mesh, mirror, dns, egress, outside, scheduled.
	Kind   string `json:"kind"`
	Proves string `json:"proves"`
	probe.Finding
}

// VerifyOptions say what is proven and how.
type VerifyOptions struct {
	// Only are entries or categories: gateways/public, gateways. None means all. Except are left out of them.
	Only, Except []string
	// Image is what Jobs run: k8or itself. Empty means that there is none, which only a sandbox can do without.
	Image string
	// Each is told of every probe as it ends, one at a time. It may be nil.
	Each func(Probed)
}

// together is how many probes run at a time, so that they do not load what they probe.
const together = 4

// Verify proves what the platform's products are for, each by a Job in the cluster. Whether a probe passed is in the result;
// the error is for what kept probes from being run at all. When the context ends, what was begun is taken away first.
func (p *Platform) Verify(ctx context.Context, o VerifyOptions) (*Verification, error) {
	began := time.Now()
	c, err := p.outline(ctx)
	if err != nil {
		return nil, p.explainAll(err).Err()
	}
	probes, unproven, err := chosenProbes(c, o.Only, o.Except)
	if err != nil {
		return nil, err
	}
	if o.Image == "" && !p.options.Sandbox {
		return nil, noProbeImage()
	}
	access, _, err := p.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	v := &Verification{Platform: p.Name(), Sandbox: p.options.Sandbox, Unproven: unproven, Probes: make([]Probed, len(probes))}
	at := prover{Platform: p, cluster: p.kinds.Cluster(access.ID), sets: c.Sets, image: cmp.Or(o.Image, noImage)}
	if err := at.cluster.SweepTasks(ctx, sweepAfter); err != nil {
		return nil, p.explainAll(kube.Tell(err)).Err()
	}
	told := make(chan struct{}, 1)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(together)
	for i, one := range probes {
		group.Go(func() error {
			found, err := at.prove(ctx, one)
			if err != nil {
				return fmt.Errorf("probe %s: %w", one.Entry, err)
			}
			v.Probes[i] = Probed{Entry: one.Entry, Name: one.Name, Kind: one.Spec.Kind(), Proves: one.Proves, Finding: found}
			if o.Each != nil {
				told <- struct{}{}
				o.Each(v.Probes[i])
				<-told
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, p.explainAll(err).Err()
	}
	v.Elapsed = time.Since(began).Seconds()
	return v, nil
}

// noImage stands for the image of probes in a sandbox, where nothing runs.
const noImage = "ghcr.io/k8or/k8or:none"

func noProbeImage() error {
	return &problem.Problem{Code: problem.NoProbeImage, Title: "there is no image for the probes of this k8or", Why: "it is no release, and only releases have an image",
		Fix: "give one that has this k8or as its entry point with --image, or use a release"}
}

// chosenProbes are the probes of the entries asked for, and those of them that have none. A word that names nothing of the
// document is an error that says what there is.
func chosenProbes(c *product.Composition, only, except []string) (probes []product.Probe, unproven []graph.ID, err error) {
	wanted := func(id graph.ID, word string) bool {
		return string(id) == word || strings.HasPrefix(string(id), word+"/")
	}
	var known []string
	for _, e := range c.Entries {
		known = append(known, string(e.ID))
	}
	for _, word := range slices.Concat(only, except) {
		if !slices.ContainsFunc(c.Entries, func(e product.Chosen) bool { return wanted(e.ID, word) }) {
			return nil, nil, nothingCalled(word, known)
		}
	}
	all := c.Probes()
	for _, e := range c.Entries {
		named := func(words []string) bool {
			return slices.ContainsFunc(words, func(word string) bool { return wanted(e.ID, word) })
		}
		if len(only) > 0 && !named(only) || named(except) {
			continue
		}
		before := len(probes)
		for _, one := range all {
			if one.Entry == e.ID {
				probes = append(probes, one)
			}
		}
		if len(probes) == before {
			unproven = append(unproven, e.ID)
		}
	}
	return probes, unproven, nil
}

// nothingCalled says that a word names nothing of the platform.
func nothingCalled(word string, known []string) error {
	pr := &problem.Problem{Code: problem.BadUsage, Kind: problem.Usage, Title: fmt.Sprintf("the document has nothing called %q", word), Why: "it has " + problem.OneOf(known), Fix: "name one of these"}
	if near := problem.DidYouMean(word, known); near != "" {
		pr.Fix = near
	} else if i := slices.IndexFunc(known, func(id string) bool { return strings.HasSuffix(id, "/"+word) }); i >= 0 {
		pr.Fix = problem.DidYouMean(known[i], known)
	}
	return pr
}
