// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// afterLast is what follows the last time that a text stands in another, or nothing.
func afterLast(text, part string) string {
	if i := strings.LastIndex(text, part); i >= 0 {
		return text[i+len(part):]
	}
	return ""
}

// status is the cluster's: ready once all nodes are and it had the time to form.
func (e *elasticsearchSpec) status(s *Scene, prefix string) map[string]any {
	namespace := s.Object.GetNamespace()
	var want, available int64
	done := s.Ripe(eckReconciles)
	for _, n := range e.NodeSets {
		set := s.Get(statefulSets, namespace, prefix+"-"+n.Name)
		want += int64(n.Count)
		if set == nil {
			done = false
			continue
		}
		available += numberAt(set.Object, 0, "status", "readyReplicas")
		done = done && isReady(set) && numberAt(set.Object, 0, "spec", "replicas") == int64(n.Count) &&
			numberAt(set.Object, 0, "status", "replicas") == int64(n.Count)
	}
	was := textAt(s.Object.Object, "status", "health")
	reachable := available > 0 && (was == "green" || was == "yellow" || s.Ripe(eckClusterForms))
	health := "unknown"
	switch {
	case reachable && available < want, reachable && want == 1:
		health = "yellow"
	case reachable:
		health = "green"
	}
	phase, version := "ApplyingChanges", textAt(s.Object.Object, "status", "version")
	if done && reachable {
		phase, version = "Ready", e.Version
	}
	service := fmt.Sprintf("Service %s/%s-internal-http has ", namespace, prefix)
	is := []condition{{"ReconciliationComplete", truth(phase == "Ready"), "", "", 0}}
	if phase != "Ready" {
		is[0].message = "Reconciliation is in progress"
	}
	if version == "" {
		is = append(is, condition{"RunningDesiredVersion", "Unknown", "", "No running version reported", 0})
	} else {
		is = append(is, condition{"RunningDesiredVersion", truth(version == e.Version), "", "All nodes are running version " + version, 0})
	}
	if reachable {
		is = append(is, condition{"ElasticsearchIsReachable", "True", "", service + "endpoints", 0})
	} else {
		is = append(is, condition{"ElasticsearchIsReachable", "False", "", service + "no endpoint", 0})
	}
	status := map[string]any{
		"availableNodes": available, "health": health, "phase": phase, "conditions": conditions(s.Object, s.Wall, is...),
		"observedGeneration":   s.Object.GetGeneration(),
		"inProgressOperations": map[string]any{"downscale": map[string]any{}, "upgrade": map[string]any{}, "upscale": map[string]any{}},
	}
	if version != "" {
		status["version"] = version
	}
	return status
}

// ownClaims makes a cluster the owner of its claims, so that they go with it, unless its policy is to delete them on
// scale-down only. ECK has no finalizer: what is not owned when the cluster goes stays.
func ownClaims(s *Scene, policy string) []Object {
	var out []Object
	for _, c := range s.List(claims) {
		if c.GetNamespace() != s.Object.GetNamespace() || c.GetLabels()["elasticsearch.k8s.elastic.co/cluster-name"] != s.Object.GetName() || c.GetDeletionTimestamp() != nil {
			continue
		}
		is := false
		for _, o := range c.GetOwnerReferences() {
			is = is || o.UID == s.Object.GetUID()
		}
		want := policy != "DeleteOnScaledownOnly"
		if is == want {
			continue
		}
		next := c.DeepCopy()
		if want {
			owned(next, s.Object, false)
		} else {
			next.SetOwnerReferences([]metav1.OwnerReference{})
		}
		out = append(out, next)
	}
	return out
}
