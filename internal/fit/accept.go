// SPDX-License-Identifier: Apache-2.0

package fit

import "strings"

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
func (p Pool) accepts(w Workload) bool {
	if w.Pool != "" && w.Pool != p.Name {
		return false
	}
	for k, v := range w.NodeSelector {
		if !p.mayHave(k, v) {
			return false
		}
	}
	for _, t := range p.Taints {
		if t.Effect != "PreferNoSchedule" && !w.tolerates(t) {
			return false
		}
	}
	return true
}

// mayHave says whether the pool's nodes can carry a label. Those that the cloud and Kubernetes put on nodes are known only in
// part here; of the others of theirs, such as a zone, nothing is claimed and they count as there.
func (p Pool) mayHave(label, value string) bool {
	if have, ok := p.Labels[label]; ok {
		return have == value
	}
	switch label {
	case "kubernetes.io/os":
		return value == "linux"
	case "kubernetes.io/arch":
		return value == "amd64"
	case "node.kubernetes.io/instance-type":
		return p.Size == "" || value == p.Size
	}
	domain, _, _ := strings.Cut(label, "/")
	return domain == "kubernetes.io" || strings.HasSuffix(domain, ".kubernetes.io") || domain == "doks.digitalocean.com"
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
