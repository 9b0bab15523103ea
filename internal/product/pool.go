// SPDX-License-Identifier: Apache-2.0

package product

import corev1 "k8s.io/api/core/v1"

// OnPool is what binds pods to a node pool of the document, as a pod's spec and most charts' values say it: the pool's label,
// and that they bear its taints. It is empty for no pool.
func (p Platform) OnPool(pool string) map[string]any {
	if pool == "" {
		return map[string]any{}
	}
	out := map[string]any{"nodeSelector": map[string]any{PoolLabel: pool}}
	var bears []any
	for _, t := range p.Spec.Cluster.NodePools[pool].Taints {
		bears = append(bears, map[string]any{"key": t.Key, "operator": "Equal", "value": t.Value, "effect": t.Effect})
	}
	if bears != nil {
		out["tolerations"] = bears
	}
	return out
}

// PutOnPool is OnPool for a typed pod.
func (p Platform) PutOnPool(pod *corev1.PodSpec, pool string) {
	if pool == "" {
		return
	}
	pod.NodeSelector = map[string]string{PoolLabel: pool}
	for _, t := range p.Spec.Cluster.NodePools[pool].Taints {
		pod.Tolerations = append(pod.Tolerations, corev1.Toleration{Key: t.Key, Operator: corev1.TolerationOpEqual, Value: t.Value, Effect: corev1.TaintEffect(t.Effect)})
	}
}
