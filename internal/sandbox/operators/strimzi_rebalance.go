// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"fmt"
	"slices"
)

func never(Object) bool { return false }

// holdsPartitions is whether the brokers of a Kafka hold anything: there is no broker to ask, so where there is a topic, each
// is taken to hold a part of it.
func holdsPartitions(w World, kafka Object) bool {
	for _, t := range w.List(kafkaTopics) {
		if t.GetNamespace() == kafka.GetNamespace() && t.GetLabels()["strimzi.io/cluster"] == kafka.GetName() {
			return true
		}
	}
	return false
}

// rebalances is whether a Kafka is told to empty brokers by itself before they go.
func rebalances(kafka Object) bool {
	return slices.ContainsFunc(mapsAt(kafka.Object, "spec", "cruiseControl", "autoRebalance"), func(m map[string]any) bool {
		return m["mode"] == "remove-brokers"
	})
}

// mayShrink is whether a pool's highest nodes may go: controllers always, brokers once nothing is on them. Strimzi asks them;
// here Cruise Control has had its time to empty them, by itself or for a KafkaRebalance.
func mayShrink(s *Scene, kafka Object) bool {
	if !hasRole(s.Object, "broker") || !holdsPartitions(s.World, kafka) {
		return true
	}
	if rebalances(kafka) && isReady(s.Get(deployments, kafka.GetNamespace(), kafka.GetName()+"-cruise-control")) {
		return s.Ripe(strimziRebalances)
	}
	leaving := surplus(s.Object)
	for _, r := range s.List(kafkaRebalances) {
		if r.GetNamespace() != kafka.GetNamespace() || r.GetLabels()["strimzi.io/cluster"] != kafka.GetName() ||
			textAt(r.Object, "spec", "mode") != "remove-brokers" || conditionOf(r, "Ready") != "True" {
			continue
		}
		emptied := listAt(r.Object, "spec", "brokers")
		if !slices.ContainsFunc(leaving, func(id int64) bool { return !slices.Contains(emptied, any(id)) }) {
			return true
		}
	}
	return false
}

// surplus are the numbers of a pool's nodes beyond those it wants.
func surplus(pool Object) []int64 {
	var ids []int64
	for _, id := range listAt(pool.Object, "status", "nodeIds") {
		if n, ok := id.(int64); ok {
			ids = append(ids, n)
		}
	}
	slices.Sort(ids)
	return ids[min(len(ids), int(numberAt(pool.Object, 0, "spec", "replicas"))):]
}

// warnings say which pools cannot shrink.
func warnings(s *Scene, pools []Object) []condition {
	for _, p := range pools {
		if n := len(surplus(p)); n > 0 && !rebalances(s.Object) {
			return []condition{{"Warning", "True", "ScaleDownPreventionCheck", fmt.Sprintf(
				"Reverting scale-down of KafkaNodePool %s by changing number of replicas to %d", p.GetName(), numberAt(p.Object, 0, "spec", "replicas")+int64(n)), 0}}
		}
	}
	return nil
}

// autoRebalance is what a Kafka says of its rebalancing by itself; nil when it is not told to. Only emptying brokers before
// they go is played; new ones fill up in no time.
func autoRebalance(s *Scene, pools []Object) map[string]any {
	if len(listAt(s.Object.Object, "spec", "cruiseControl", "autoRebalance")) == 0 {
		return nil
	}
	var leaving []int64
	for _, p := range pools {
		leaving = append(leaving, surplus(p)...)
	}
	out := map[string]any{"state": "Idle", "lastTransitionTime": stamp(s.Wall)}
	if len(leaving) > 0 && rebalances(s.Object) {
		out["state"] = "RebalanceOnScaleDown"
		out["modes"] = []any{map[string]any{"mode": "remove-brokers", "brokers": all(leaving)}}
	}
	if was := mapAt(s.Object.Object, "status", "autoRebalance"); was["state"] == out["state"] && was["lastTransitionTime"] != nil {
		out["lastTransitionTime"] = was["lastTransitionTime"]
	}
	return out
}

const (
	rebalanceAnnotation = "strimzi.io/rebalance"
	rebalanceApproval   = "strimzi.io/rebalance-auto-approval"
)

// playRebalance takes a KafkaRebalance from a proposal, once it is approved, to its end. The whole takes as long as it takes in
// life; approved later than that, it is done at once.
func playRebalance(s *Scene) Outcome {
	kafka := s.Get(kafkas, s.Object.GetNamespace(), s.Object.GetLabels()["strimzi.io/cluster"])
	says := func(state string) Outcome {
		return Outcome{Status: map[string]any{
			"observedGeneration": s.Object.GetGeneration(), "conditions": conditions(s.Object, s.Wall, condition{state, "True", "", "", 0}),
		}}
	}
	if kafka == nil {
		return Outcome{}
	}
	if mapAt(kafka.Object, "spec", "cruiseControl") == nil {
		return Outcome{Status: map[string]any{
			"observedGeneration": s.Object.GetGeneration(), "conditions": conditions(s.Object, s.Wall, condition{
				"NotReady", "True", "InvalidResourceException", "Kafka resource lacks 'cruiseControl' declaration. No deployed Cruise Control for doing a rebalance.", 0}),
		}}
	}
	switch {
	case conditionOf(s.Object, "Ready") == "True" && numberAt(s.Object.Object, 0, "status", "observedGeneration") == s.Object.GetGeneration():
		return Outcome{}
	case !isReady(s.Get(deployments, kafka.GetNamespace(), kafka.GetName()+"-cruise-control")), !s.Ripe(strimziRebalances / 2):
		return says("PendingProposal")
	case conditionOf(s.Object, "Rebalancing") == "True" && s.Object.GetAnnotations()[rebalanceAnnotation] != "":
		self := s.Object.DeepCopy()
		notes := self.GetAnnotations()
		delete(notes, rebalanceAnnotation) // the operator takes it away once it is followed
		self.SetAnnotations(notes)
		return Outcome{Self: self}
	case conditionOf(s.Object, "Rebalancing") == "True" && s.Ripe(strimziRebalances):
		return says("Ready")
	case conditionOf(s.Object, "Rebalancing") == "True":
		return Outcome{}
	case s.Object.GetAnnotations()[rebalanceAnnotation] == "approve", s.Object.GetAnnotations()[rebalanceApproval] == "true":
		return says("Rebalancing")
	}
	return says("ProposalReady")
}
