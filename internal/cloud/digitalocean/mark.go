// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/graph"
)

// Mark is how a platform marks its things: by name and uid. What lacks it is never touched.
type Mark struct {
	Name string // "shop"
	UID  string // "x7k2p9"
}

// String is name and uid, "shop-x7k2p9". It is also a fit name for what has no name of its own.
func (m Mark) String() string { return m.Name + "-" + m.UID }

// Tag is the mark where there are tags: "k8or:shop-x7k2p9".
func (m Mark) Tag() string { return "k8or:" + m.String() }

// Description is the mark where there are only descriptions: "k8or platform shop-x7k2p9".
func (m Mark) Description() string { return "k8or platform " + m.String() }

// MemoryTag remembers a cluster of this platform beyond its end, for the sake of what it leaves behind.
func (m Mark) MemoryTag(clusterID string) string { return m.memoryPrefix() + clusterID }

func (m Mark) memoryPrefix() string { return m.Tag() + ":k8s:" }

// claimTag remembers on a volume which claim it belonged to, beyond its cluster's end. Names of namespaces and claims
// have dots, which tags have not, and no underscores.
func (m Mark) claimTag(namespace, claim string) string {
	return m.claimPrefix() + namespace + ":" + strings.ReplaceAll(claim, ".", "_")
}

func (m Mark) claimPrefix() string { return m.Tag() + ":claim:" }

// claimOf reads a claim's tag: "apps/data".
func (m Mark) claimOf(tag string) (string, bool) {
	rest, ok := cutPrefixFold(tag, m.claimPrefix())
	if !ok {
		return "", false
	}
	namespace, claim, ok := strings.Cut(rest, ":")
	if !ok {
		return "", false
	}
	return namespace + "/" + strings.ReplaceAll(claim, "_", "."), true
}

// clusterOf reads a memory tag: the cluster's id.
func (m Mark) clusterOf(tag string) (id string, ok bool) { return cutPrefixFold(tag, m.memoryPrefix()) }

// tagged reports whether the mark is among tags.
func (m Mark) tagged(tags []string) bool { return hasTag(tags, m.Tag()) }

// described reports whether a description carries the mark; people may have written more around it.
func (m Mark) described(text string) bool {
	for rest := text; ; {
		i := strings.Index(rest, m.Description())
		if i < 0 {
			return false
		}
		rest = rest[i+len(m.Description()):]
		if rest == "" || !strings.ContainsAny(rest[:1], "abcdefghijklmnopqrstuvwxyz0123456789-") {
			return true
		}
	}
}

// hasTag finds a tag as DigitalOcean does: without regard to case.
func hasTag(tags []string, tag string) bool {
	for _, t := range tags {
		if strings.EqualFold(t, tag) {
			return true
		}
	}
	return false
}

func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// Namesakes are other platforms that have anything in the account, and this one's name or its uid.
func (e *Estate) Namesakes(ctx context.Context, c *graph.Call) ([]Mark, error) {
	tags, err := e.allTags(ctx, c)
	if err != nil {
		return nil, err
	}
	clusters, err := e.allClusters(ctx, c)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range tags {
		names = append(names, t.Name)
	}
	for _, k := range clusters {
		names = append(names, k.Tags...)
	}
	var others []Mark
	for _, name := range names {
		m, ok := markOf(name)
		if ok && m != e.mark && (m.Name == e.mark.Name || m.UID == e.mark.UID) && !slices.Contains(others, m) {
			others = append(others, m)
		}
	}
	return others, nil
}

// markOf reads the tag of a platform.
func markOf(tag string) (Mark, bool) {
	rest, ok := cutPrefixFold(tag, "k8or:")
	at := strings.LastIndex(rest, "-")
	if !ok || at < 1 || len(rest)-at-1 != uidLength || strings.Contains(rest, ":") {
		return Mark{}, false
	}
	return Mark{Name: strings.ToLower(rest[:at]), UID: strings.ToLower(rest[at+1:])}, true
}

// uidLength is how long a platform's uid is.
const uidLength = 6
