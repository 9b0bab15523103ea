// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Images lists the images that the objects run, sorted, each once: of every container in any pod template, of image
// volumes, and of custom resources that name one in a field called image. CRDs, ConfigMaps and Secrets are not read.
func Images(objects []*unstructured.Unstructured) []string {
	images := map[string]bool{}
	for _, o := range objects {
		if isCRD(o) || o.GroupVersionKind().Group == "" && (o.GetKind() == "ConfigMap" || o.GetKind() == "Secret") {
			continue
		}
		collectImages(o.Object, images)
	}
	return slices.Sorted(maps.Keys(images))
}

func collectImages(v any, images map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			collectImages(item, images)
		}
	case map[string]any:
		for key, item := range v {
			if key == "metadata" {
				continue
			}
			if key != "image" {
				collectImages(item, images)
				continue
			}
			switch image := item.(type) {
			case string:
				if image != "" {
					images[image] = true
				}
			case map[string]any: // an image volume
				if reference, ok := image["reference"].(string); ok && reference != "" {
					images[reference] = true
				}
			}
		}
	}
}
