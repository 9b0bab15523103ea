// SPDX-License-Identifier: Apache-2.0

package operators

import "strings"

// controllerOf finds an operator's own workload: one of its image with a ready pod. Nil when there is none.
func controllerOf(w World, op *Operator) Object {
	if op.Image == "" {
		return nil
	}
	return workloadOf(w, op.Image)
}

// workloadOf finds a workload with a ready pod, one of whose containers has an image that ends in these elements.
func workloadOf(w World, image string) Object {
	for _, o := range w.List(deployments) {
		if numberAt(o.Object, 0, "status", "readyReplicas") > 0 && runs(o, image) {
			return o
		}
	}
	for _, o := range w.List(statefulSets) {
		if numberAt(o.Object, 0, "status", "readyReplicas") > 0 && runs(o, image) {
			return o
		}
	}
	for _, o := range w.List(daemonSets) {
		if numberAt(o.Object, 0, "status", "numberReady") > 0 && runs(o, image) {
			return o
		}
	}
	return nil
}

// runs is whether a container of a workload has an image whose repository ends in these elements, whatever the registry, so
// that a mirror counts too.
func runs(workload Object, image string) bool {
	for _, c := range mapsAt(workload.Object, "spec", "template", "spec", "containers") {
		if repository := repositoryOf(textAt(c, "image")); repository == image || strings.HasSuffix(repository, "/"+image) {
			return true
		}
	}
	return false
}

// repositoryOf is an image without its tag and digest.
func repositoryOf(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if colon := strings.LastIndex(image, ":"); colon > strings.LastIndex(image, "/") {
		image = image[:colon]
	}
	return image
}

// environment is the value of a variable of a workload's container that runs an image, and where it comes from when it is a
// field of the pod.
func environment(workload Object, variable string) (value, field string, ok bool) {
	for _, c := range mapsAt(workload.Object, "spec", "template", "spec", "containers") {
		for _, e := range mapsAt(c, "env") {
			if textAt(e, "name") == variable {
				return textAt(e, "value"), textAt(e, "valueFrom", "fieldRef", "fieldPath"), true
			}
		}
	}
	return "", "", false
}

// isReady is whether a workload of the cluster's has all the pods it wants, and they are ready.
func isReady(o Object) bool {
	if o == nil {
		return false
	}
	want := numberAt(o.Object, 1, "spec", "replicas")
	return numberAt(o.Object, 0, "status", "observedGeneration") == o.GetGeneration() && numberAt(o.Object, 0, "status", "readyReplicas") >= want &&
		numberAt(o.Object, 0, "status", "updatedReplicas") >= want
}
