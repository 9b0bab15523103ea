// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"slices"
	"strings"
)

// Taint keeps pods out of a pool unless they tolerate it. Effect is NoSchedule, NoExecute or PreferNoSchedule; the last only
// prefers, and keeps nothing out here.
type Taint struct {
	Key, Value, Effect string
}

// Toleration lets a pod run in spite of a taint, by Kubernetes' rules: Operator is Equal (the same as empty) or Exists; an
// empty Key with Exists matches every taint; an empty Effect matches every effect.
type Toleration struct {
	Key, Operator, Value, Effect string
}

// accepts says whether pods of the workload may run in the pool.
func (p Pool) accepts(w Workload) bool { return p.suits(w) && p.avoided(w, false) == 0 }

// suits says whether the pool's name and labels are what the workload asks for, whatever the taints.
func (p Pool) suits(w Workload) bool {
	if w.Pool != "" && w.Pool != p.Name {
		return false
	}
	for k, v := range w.NodeSelector {
		if !p.may(Requirement{k, "In", []string{v}}) {
			return false
		}
	}
	return len(w.Requires) == 0 || slices.ContainsFunc(w.Requires, func(term []Requirement) bool {
		return len(term) > 0 && !slices.ContainsFunc(term, func(r Requirement) bool { return !p.may(r) })
	})
}

// avoided counts the pool's taints that the workload does not tolerate: those that only prefer, or those that keep it out.
func (p Pool) avoided(w Workload, prefer bool) int {
	n := 0
	for _, t := range p.taints() {
		if (t.Effect == "PreferNoSchedule") == prefer && !w.tolerates(t) {
			n++
		}
	}
	return n
}

// taints are the pool's own and what DOKS adds to nodes with GPUs.
func (p Pool) taints() []Taint {
	switch {
	case strings.HasPrefix(p.Size, "gpu-mi"):
		return append(slices.Clip(p.Taints), Taint{Key: "amd.com/gpu", Effect: "NoSchedule"})
	case strings.HasPrefix(p.Size, "gpu-"):
		return append(slices.Clip(p.Taints), Taint{Key: "nvidia.com/gpu", Effect: "NoSchedule"})
	}
	return p.Taints
}

// may says whether the pool's nodes can satisfy a requirement. Labels that the cloud sets and that are not known here, such as
// a zone, are taken to satisfy it; unknown names them.
func (p Pool) may(r Requirement) bool {
	value, there, known := p.label(r.Key)
	return !known || r.holds(value, there)
}

// label is a label of the pool's nodes. It is not known where only the cloud can say.
func (p Pool) label(key string) (value string, there, known bool) {
	if have, ok := p.Labels[key]; ok {
		return have, true, true
	}
	switch key {
	case "kubernetes.io/os", "beta.kubernetes.io/os":
		return "linux", true, true
	case "kubernetes.io/arch", "beta.kubernetes.io/arch":
		return "amd64", true, true
	case "node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type":
		return p.Size, true, p.Size != ""
	case "node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master":
		return "", false, true // DigitalOcean runs the control plane elsewhere.
	}
	domain, _, _ := strings.Cut(key, "/")
	cloud := domain == "kubernetes.io" || strings.HasSuffix(domain, ".kubernetes.io") || domain == "doks.digitalocean.com" || key == "region"
	return "", false, !cloud
}

// unknown are the labels that the workload's nodes must have and of which only the cloud can say what they are.
func (w Workload) unknown(pools []Pool) []string {
	var keys []string
	ask := func(key string) {
		if !slices.Contains(keys, key) && slices.ContainsFunc(pools, func(p Pool) bool { _, _, known := p.label(key); return !known }) {
			keys = append(keys, key)
		}
	}
	for k := range w.NodeSelector {
		ask(k)
	}
	for _, term := range w.Requires {
		for _, r := range term {
			ask(r.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

func (w Workload) tolerates(t Taint) bool {
	for _, o := range w.Tolerates {
		if o.Effect != "" && o.Effect != t.Effect {
			continue
		}
		switch {
		case o.Operator == "Exists" && (o.Key == "" || o.Key == t.Key):
			return true
		case o.Operator != "Exists" && o.Key == t.Key && o.Value == t.Value:
			return true
		}
	}
	return false
}
