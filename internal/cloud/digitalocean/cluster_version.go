// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/k8or/k8or/internal/graph"
)

// diffVersion compares as far as the wanted version goes. An edit over several minors is one change, carried out step by
// step.
func (k *Cluster) diffVersion(have string) (graph.Change, bool) {
	change := graph.Change{Path: "version", Before: have, After: k.Version}
	switch releaseOf(have).compare(releaseOf(k.Version)) {
	case 0:
		return change, false
	case 1:
		change.Risk = graph.Refused
		change.Note = fmt.Sprintf("Kubernetes never goes back: write version: %q", minorOf(have))
	default:
		change.Risk = graph.Restarts
		change.Note = "one minor at a time; nodes are replaced, so every pod moves once a minor"
	}
	return change, true
}

// minorOf is 1.36 of 1.36.3-do.0.
func minorOf(version string) string {
	r := releaseOf(version)
	return fmt.Sprintf("%d.%d", r[0], r[1])
}

// slug is the version as a create understands it: a minor, or a full release. What lacks the build gets the newest one.
func (k *Cluster) slug(ctx context.Context, c *graph.Call) (string, error) {
	if wanted := releaseOf(k.Version); wanted[2] < 0 || wanted[3] >= 0 {
		return k.Version, nil
	}
	return k.offered(ctx, c)
}

// offered is the newest release that DigitalOcean offers of the wanted version.
func (k *Cluster) offered(ctx context.Context, c *graph.Call) (string, error) {
	options, err := k.On.client.KubernetesOptions(ctx, c)
	if err != nil {
		return "", err
	}
	for _, slug := range options.Versions {
		if releaseOf(slug).compare(releaseOf(k.Version)) == 0 {
			return slug, nil
		}
	}
	return "", graph.Permanent(&ErrNotOffered{What: "Kubernetes version", Wanted: k.Version, Offered: options.Versions})
}

// nextVersion asks what the cluster can be upgraded to and takes the furthest step that does not go beyond what is wanted.
// No step is taken towards what is not offered at all.
func (k *Cluster) nextVersion(ctx context.Context, c *graph.Call, path, have string) (string, error) {
	if _, err := k.offered(ctx, c); err != nil {
		return "", fmt.Errorf("upgrade cluster %q from %s: %w", k.Name, have, err)
	}
	var answer struct {
		Versions []struct {
			Slug string `json:"slug"`
		} `json:"available_upgrade_versions"`
	}
	if err := k.On.client.get(ctx, path+"/upgrades", &answer); err != nil {
		return "", fmt.Errorf("ask for the upgrades of cluster %q: %w", k.Name, err)
	}
	var offered []string
	for _, v := range answer.Versions {
		offered = append(offered, v.Slug)
	}
	wanted, now := releaseOf(k.Version), releaseOf(have)
	for _, slug := range newest(offered) {
		r := releaseOf(slug)
		if r.compare(wanted) <= 0 && r.compare(now) > 0 && r[1]-now[1] <= 1 {
			return slug, nil
		}
	}
	return "", graph.Permanent(fmt.Errorf("upgrade cluster %q from %s to %s: %w", k.Name, have, k.Version, &ErrNoUpgrade{Have: have, Want: k.Version, Offered: newest(offered)}))
}

// ErrNoUpgrade says that DigitalOcean offers no step towards the wanted version.
type ErrNoUpgrade struct {
	Have, Want string
	Offered    []string
}

// Error says what is offered instead.
func (e *ErrNoUpgrade) Error() string {
	if len(e.Offered) == 0 {
		return fmt.Sprintf("DigitalOcean offers no upgrade from %s now", e.Have)
	}
	return fmt.Sprintf("DigitalOcean offers %s, which do not lead to %s", few(e.Offered), e.Want)
}

// release is a version's numbers: 1.36.3-do.0 is {1, 36, 3, 0}. A part that is not given is -1.
type release [4]int

// releaseOf reads "1.36", "1.36.3" and "1.36.3-do.0".
func releaseOf(version string) release {
	r := release{-1, -1, -1, -1}
	numbers, build, _ := strings.Cut(version, "-do.")
	for i, part := range strings.SplitN(numbers, ".", 3) {
		if n, err := strconv.Atoi(part); err == nil {
			r[i] = n
		}
	}
	if n, err := strconv.Atoi(build); err == nil {
		r[3] = n
	}
	return r
}

// compare compares as far as both are given.
func (r release) compare(other release) int {
	for i := range r {
		if r[i] < 0 || other[i] < 0 {
			return 0
		}
		if d := cmp.Compare(r[i], other[i]); d != 0 {
			return d
		}
	}
	return 0
}

// newest sorts versions, newest first.
func newest(versions []string) []string {
	sorted := slices.Clone(versions)
	slices.SortFunc(sorted, func(a, b string) int { return releaseOf(b).compare(releaseOf(a)) })
	return sorted
}
