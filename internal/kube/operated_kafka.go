// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// nodePool is for Strimzi's KafkaNodePools, which have no condition: they name the nodes that there are. A broker that is to go
// stays among them until nothing is on it. New brokers that are not filled yet work, and are not waited for.
func nodePool(live *unstructured.Unstructured) (State, string) {
	want, _, _ := unstructured.NestedInt64(live.Object, "spec", "replicas")
	ids, seen, _ := unstructured.NestedSlice(live.Object, "status", "nodeIds")
	switch have := int64(len(ids)); {
	case !seen:
		return InProgress, "its operator has not seen it yet"
	case have > want:
		return InProgress, fmt.Sprintf("it has %d nodes and is to have %d: those that go are emptied first", have, want)
	case have < want:
		return InProgress, fmt.Sprintf("it has %d of %d nodes", have, want)
	}
	return Ready, ""
}
