// SPDX-License-Identifier: Apache-2.0

package product

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// StandIn gives a workload that stands in for a chart's what its footprint does not follow of the values, under the names that most
// charts have for it: image, env, nodeSelector and tolerations.
func StandIn(o *unstructured.Unstructured, vals map[string]any) error {
	container, err := FirstContainer(o)
	if err != nil {
		return err
	}
	pod := o.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any) // it has a container
	for name, of := range map[string]map[string]any{"env": container, "nodeSelector": pod, "tolerations": pod} {
		if v := vals[name]; v != nil {
			of[name] = v
		}
	}
	if image, ok := vals["image"].(map[string]any); ok && image["repository"] != nil && image["tag"] != nil {
		container["image"] = fmt.Sprintf("%v:%v", image["repository"], image["tag"])
	}
	return nil
}
