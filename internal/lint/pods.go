// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/product"
)

// pods holds the pods of one workload against the rules about pods.
func (t *task) pods(s product.PodSet) {
	t.at = product.Rendered{For: s.For, Namespace: s.Namespace}
	found := func(rule string, severity Severity, why, fix string) {
		t.found(s.Object, s.Template.Annotations, Finding{Rule: rule, Severity: severity, Why: why, Fix: fix})
	}
	kind, spec := s.Object.GetKind(), s.Template.Spec
	if kind == "Pod" {
		found("bare-pods", Warns, "nothing makes this pod again when its node is replaced", "make it a Deployment, a StatefulSet or a Job")
	}
	if _, ok := spec.NodeSelector[corev1.LabelHostname]; ok {
		found("node-name-pod-selector", Warns, "it selects a node by its name, and an upgrade gives nodes new ones", "select a node pool: "+product.PoolLabel)
	}
	for _, v := range spec.Volumes {
		if v.HostPath != nil {
			found("hostpath-volume", Warns, fmt.Sprintf("volume %s is a path of the node, which goes with the node", v.Name), "keep data in a claim, or say in the annotation "+DisabledChecks+" of the pod that it must be so")
		}
		if v.PersistentVolumeClaim != nil && kind != "StatefulSet" && t.claims[s.Namespace+"/"+v.PersistentVolumeClaim.ClaimName] {
			found("dobs-pod-owner", Warns, fmt.Sprintf("volume %s is DigitalOcean's block storage and can be on one node at a time, and a %s may have an old and a new pod at once", v.Name, kind),
				"make it a StatefulSet; where there is one copy and strategy: {type: Recreate}, it is enough to say so in the annotation "+DisabledChecks+" of the pod")
		}
	}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		if r := c.Resources; len(r.Requests)+len(r.Limits)+len(r.Claims) == 0 {
			found("resource-requirements", Warns, fmt.Sprintf("container %s asks for no CPU or memory, so nobody keeps room for it", c.Name), "give it resources.requests")
		}
		registry, name, tag := image(c.Image)
		switch {
		case registry == "docker.pkg.github.com":
			found("docker-pkg-github-com-registry", Blocks, fmt.Sprintf("containerd cannot pull %s", c.Image), "pull it from ghcr.io")
		case registry == "" || registry == "docker.io" && !strings.Contains(name, "/"):
			found("fully-qualified-image", Suggests, fmt.Sprintf("the image %s of container %s does not say where it is from", c.Image, c.Name), "name its registry in full, such as docker.io/library/…")
		}
		if tag == "" || tag == "latest" {
			found("latest-tag", Suggests, fmt.Sprintf("the image %s of container %s is another one tomorrow", c.Image, c.Name), "name an exact tag")
		}
	}
}

// image takes a reference apart: "quay.io/acme/web:1" is quay.io, acme/web and 1. A registry that is not said is empty; of an
// image by digest, the digest is the tag.
func image(ref string) (registry, name, tag string) {
	name = ref
	if first, rest, ok := strings.Cut(ref, "/"); ok && (strings.ContainsAny(first, ".:") || first == "localhost") {
		registry, name = first, rest
	}
	if before, digest, ok := strings.Cut(name, "@"); ok {
		name, tag = before, digest
		name, _, _ = strings.Cut(name, ":")
		return registry, name, tag
	}
	name, tag, _ = strings.Cut(name, ":")
	return registry, name, tag
}

// cronJob finds jobs that may run beside themselves.
func (t *task) cronJob(o *unstructured.Unstructured) {
	policy, _, _ := unstructured.NestedString(o.Object, "spec", "concurrencyPolicy")
	if policy == "" || policy == "Allow" {
		t.found(o, o.GetAnnotations(), Finding{Rule: "cronjob-concurrency", Severity: Suggests, Why: "it starts again although its last run has not ended", Fix: "set concurrencyPolicy: Forbid, or Replace"})
	}
}

// ordinary are the kinds that clusterlint does not want in the namespace default.
var ordinary = []string{"PersistentVolumeClaim.", "ConfigMap.", "Service.", "Secret.", "ServiceAccount.", "Pod.", "Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "ReplicaSet.apps", "Job.batch", "CronJob.batch"}

func (t *task) defaultNamespace(o *unstructured.Unstructured) {
	if slices.Contains(ordinary, kindOf(o)) && t.namespaceOf(o) == corev1.NamespaceDefault {
		t.found(o, o.GetAnnotations(), Finding{Rule: "default-namespace", Severity: Suggests, Why: "it stands in the namespace default, where names and rights are everybody's", Fix: "give it a namespace of its own"})
	}
}
