// SPDX-License-Identifier: Apache-2.0

package suite

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func quantity(s string) resource.Quantity { return resource.MustParse(s) }

func configMap(namespace, name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data,
	}
}

// parse reads a manifest of this package; what does not parse is an empty object, which every server refuses.
func parse(manifest, namespace string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &u.Object); err != nil {
		return u
	}
	if namespace != "" {
		u.SetNamespace(namespace)
	}
	return u
}

// podSpec is a pod that only the claim's own node admits.
func podSpec(selector map[string]string) corev1.PodSpec {
	return corev1.PodSpec{
		NodeSelector: selector,
		Tolerations:  []corev1.Toleration{{Key: "suite.k8or.io/own", Operator: corev1.TolerationOpExists}},
		Containers: []corev1.Container{{
			Name: "main", Image: "docker.io/library/nginx:1.29.3",
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": quantity("10m"), "memory": quantity("16Mi")}},
		}},
	}
}

func deployment(namespace, name string, replicas int32, selector map[string]string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: podSpec(selector)},
		},
	}
}

func definition(group string) *unstructured.Unstructured {
	u := parse(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: x}
spec:
  group: x
  scope: Namespaced
  names: {kind: Widget, listKind: WidgetList, plural: widgets, singular: widget}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
`, "")
	u.SetName("widgets." + group)
	_ = unstructured.SetNestedField(u.Object, group, "spec", "group") // spec is a map, as written above
	return u
}

func widget(group, namespace, name string, size int64) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": group + "/v1", "kind": "Widget", "spec": map[string]any{"size": size},
	}}
	u.SetNamespace(namespace)
	u.SetName(name)
	return u
}
