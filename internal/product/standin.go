// SPDX-License-Identifier: Apache-2.0

package product

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// StandIn gives a workload that stands in for a chart's what the chart would read from values of the names that most charts have:
// replicaCount, image, resources, env, nodeSelector, tolerations and persistence.size.
func StandIn(o *unstructured.Unstructured, vals map[string]any) error {
	container, err := FirstContainer(o)
	if err != nil {
		return err
	}
	spec := o.Object["spec"].(map[string]any) // it has a container
	pod := spec["template"].(map[string]any)["spec"].(map[string]any)
	for _, field := range []struct {
		of          map[string]any
		name, value string
	}{{spec, "replicas", "replicaCount"}, {container, "resources", "resources"}, {container, "env", "env"}, {pod, "nodeSelector", "nodeSelector"}, {pod, "tolerations", "tolerations"}} {
		if v := vals[field.value]; v != nil {
			field.of[field.name] = v
		}
	}
	if image, ok := vals["image"].(map[string]any); ok && image["repository"] != nil && image["tag"] != nil {
		container["image"] = fmt.Sprintf("%v:%v", image["repository"], image["tag"])
	}
	persistence, _ := vals["persistence"].(map[string]any)
	claims, _ := spec["volumeClaimTemplates"].([]any)
	if size := persistence["size"]; size != nil && len(claims) == 1 {
		return unstructured.SetNestedField(claims[0].(map[string]any), size, "spec", "resources", "requests", "storage")
	}
	return nil
}
