// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// mostNodes is how many nodes a cluster may have. DigitalOcean allows 1,000 under conditions that
// k8or does not set up.
const mostNodes = 512

// oldestMinor is the oldest Kubernetes minor whose clusters k8or makes: the first with VPC-native
// networking.
const oldestMinor = 31

func (c *checker) cluster() {
	cluster, path := c.given.Spec.Cluster, "spec.cluster"
	if cluster.Existing != "" {
		for _, f := range fieldsOf(reflect.ValueOf(cluster)) {
			if f.name != "existing" && !f.value.IsZero() {
				c.add(FieldError{Path: Join(path, f.name), Code: CodeExistingCluster,
					What: fmt.Sprintf("%s cannot be given for an existing cluster", f.name),
					Why:  "an existing cluster is used, never changed", Fix: "remove it, or remove existing to have a cluster made"})
			}
		}
		return
	}
	if minor, err := strconv.Atoi(middle(cluster.Version)); err == nil && minor < oldestMinor {
		c.add(FieldError{Path: Join(path, "version"), Code: CodeVersionUnsupported, What: fmt.Sprintf("Kubernetes %s is too old", cluster.Version),
			Why: fmt.Sprintf("k8or makes clusters from 1.%d on", oldestMinor), Fix: "use `version: \"1.36\"`"})
	}
	if cluster.Exact() && cluster.AutoUpgrade != nil && *cluster.AutoUpgrade {
		c.add(FieldError{Path: Join(path, "autoUpgrade"), Code: CodePinnedUpgrade, What: "an exact release cannot be upgraded by itself",
			Why: fmt.Sprintf("version %s is given", cluster.Version), See: Join(path, "version"),
			Fix: "remove autoUpgrade, or give the minor alone as version"})
	}
	c.nodePools(Join(path, "nodePools"))
	c.subnets(path)
	if cluster.ControlPlaneAccess != nil {
		c.addresses(cluster.ControlPlaneAccess.Allow, path+".controlPlaneAccess.allow")
	}
}

// middle is the minor in a version such as 1.36.3-do.0.
func middle(version string) string {
	parts := strings.Split(version, ".")
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}

func (c *checker) nodePools(path string) {
	pools := c.filled.Spec.Cluster.NodePools
	nodes, open, least := 0, false, 0
	for _, name := range sorted(pools) {
		pool, at := pools[name], Join(path, name)
		switch {
		case pool.Count != nil && pool.Autoscale != nil:
			c.add(FieldError{Path: Join(at, "autoscale"), Code: CodeCountAndAutoscale,
				What: fmt.Sprintf("node pool %q cannot have both count and autoscale", name), Why: "count is given", See: Join(at, "count"),
				Fix: fmt.Sprintf("keep one of them; `count: %d` is the same as `autoscale: {min: %[1]d, max: %[1]d}`", *pool.Count)})
		case pool.Count == nil && pool.Autoscale == nil:
			c.add(FieldError{Path: at, Code: CodeCountMissing, What: fmt.Sprintf("node pool %q has neither count nor autoscale", name),
				Fix: "add `count: 2`, or `autoscale: {min: 2, max: 4}`"})
		case pool.Autoscale != nil && pool.Autoscale.Max != 0 && pool.Autoscale.Min > pool.Autoscale.Max:
			c.add(FieldError{Path: at + ".autoscale.min", Code: CodeAutoscaleBounds,
				What: fmt.Sprintf("min %d is above max %d", pool.Autoscale.Min, pool.Autoscale.Max), Fix: "swap them, or raise max"})
		}
		if pool.Autoscale != nil {
			nodes += pool.Autoscale.Max
			least += pool.Autoscale.Min
		} else if pool.Count != nil {
			nodes += *pool.Count
			least += *pool.Count
		}
		open = open || !keepsOff(pool.Taints)
		c.labels(pool, at)
	}
	if nodes > mostNodes {
		c.add(FieldError{Path: path, Code: CodeTooManyNodes, What: fmt.Sprintf("the node pools add up to %d nodes", nodes),
			Why: fmt.Sprintf("a cluster has at most %d", mostNodes), Fix: "lower count or autoscale.max"})
	}
	if !open {
		c.add(FieldError{Path: path, Code: CodeAllTainted, What: "every node pool keeps ordinary pods off",
			Why: "DNS and other parts of Kubernetes itself would have nowhere to run", Fix: "leave one pool without taints"})
	}
	if c.complete(pools) && least == 0 {
		c.add(FieldError{Path: path, Code: CodeNoNodePool, What: "the cluster may be left without any node",
			Why: "every pool may shrink to none, and DigitalOcean wants one node at least", Fix: "set `min: 1` in one of them"})
	}
}

// complete says whether each pool has a size to count by.
func (c *checker) complete(pools map[string]NodePool) bool {
	for _, pool := range pools {
		if (pool.Count == nil) == (pool.Autoscale == nil) || pool.Count != nil && *pool.Count < 1 {
			return false
		}
	}
	return true
}

func keepsOff(taints []Taint) bool {
	for _, taint := range taints {
		if taint.Effect != "PreferNoSchedule" {
			return true
		}
	}
	return false
}

// owned are the beginnings of labels and taints that others set on nodes.
var owned = []string{"k8or.io/", "doks.digitalocean.com/", "kubernetes.io/", "k8s.io/", "node.kubernetes.io/", "node-role.kubernetes.io/", "topology.kubernetes.io/", "beta.kubernetes.io/", "cluster-autoscaler.kubernetes.io/"}

const (
	labelKey   = `^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`
	labelValue = `^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$`
)

func (c *checker) labels(pool NodePool, path string) {
	for _, key := range sorted(pool.Labels) {
		c.label(key, pool.Labels[key], Join(Join(path, "labels"), key))
	}
	seen := map[string]bool{}
	for i, taint := range pool.Taints {
		at := Join(Join(path, "taints"), i)
		if taint.Key != "" {
			c.label(taint.Key, taint.Value, at)
		}
		id := taint.Key + ":" + taint.Effect
		if seen[id] {
			c.add(FieldError{Path: at, Code: CodeReservedLabel, What: fmt.Sprintf("taint %s is given twice", id), Fix: "keep one of them"})
		}
		seen[id] = true
	}
}

func (c *checker) label(key, value, path string) {
	for _, prefix := range owned {
		if strings.HasPrefix(key, prefix) {
			c.add(FieldError{Path: path, Code: CodeReservedLabel, What: fmt.Sprintf("%q is not yours to set", key),
				Why: fmt.Sprintf("what begins with %s is set by k8or, Kubernetes or DigitalOcean", prefix), Fix: "choose a name of your own"})
			return
		}
	}
	switch {
	case !matches(labelKey, key):
		c.add(FieldError{Path: path, Code: CodeBadName, What: fmt.Sprintf("%q cannot be a label or taint", key),
			Why: "Kubernetes wants up to 63 letters, digits, dots, hyphens and underscores, with a domain and a slash before them if you like", Fix: "choose another name"})
	case !matches(labelValue, value):
		c.add(FieldError{Path: path, Code: CodeBadFormat, What: fmt.Sprintf("%q cannot be the value of a label or taint", value),
			Why: "Kubernetes wants up to 63 letters, digits, dots, hyphens and underscores", Fix: "choose another value"})
	}
}
