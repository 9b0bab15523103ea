// SPDX-License-Identifier: Apache-2.0

package opensearch

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/sink"
	"github.com/k8or/k8or/internal/product"
)

// image has curl and a shell, and nothing else.
const image = "docker.io/curlimages/curl:8.14.1"

// files are what the Job puts into OpenSearch, by name. The policy is of Index State Management, which OpenSearch has in place of
// Elasticsearch's lifecycles.
func files(retention string) (map[string]string, error) {
	keep, turn := sink.Days(retention)
	type dict = map[string]any
	return sink.SetupFiles(script, dict{
		"policy.json": dict{"policy": dict{"description": "How long k8or keeps the logs of the platform", "default_state": "written", "states": []any{
			dict{"name": "written", "actions": []any{dict{"rollover": dict{"min_index_age": turn, "min_primary_shard_size": "10gb"}}},
				"transitions": []any{dict{"state_name": "old", "conditions": dict{"min_rollover_age": keep}}}},
			dict{"name": "old", "actions": []any{dict{"delete": dict{}}}, "transitions": []any{}},
		}, "ism_template": []any{dict{"index_patterns": []string{sink.Pattern}, "priority": 500}}}},
		"template.json": dict{"index_patterns": []string{sink.Pattern}, "data_stream": dict{}, "priority": 500, "template": dict{
			"settings": dict{"index.auto_expand_replicas": "0-1", "index.mapping.total_fields.limit": 2000},
			"mappings": sink.Mappings("flat_object")}},
		"managed.json": dict{"policy_id": "k8or-logs"},
	})
}

// job are the ConfigMap and the Job. The Job's name follows what it does, since a Job cannot be changed: another retention is another
// Job.
func job(e entry, user product.Binding) ([]*unstructured.Unstructured, error) {
	data, err := files(e.Spec.Retention)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	if err := json.NewEncoder(sum).Encode(map[string]any{"files": data, "image": image, "secret": user.Secret}); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("logs-setup-%x", sum.Sum(nil)[:4])
	var items []corev1.KeyToPath
	for _, key := range []string{"host", "port", "username", "password", "ca.crt"} {
		if slices.Contains(user.Keys, key) {
			items = append(items, corev1.KeyToPath{Key: key, Path: key})
		}
	}
	pod := corev1.PodSpec{RestartPolicy: corev1.RestartPolicyOnFailure, AutomountServiceAccountToken: new(false),
		SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: new(true), RunAsUser: new(int64(100)), FSGroup: new(int64(100)), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
		Volumes: []corev1.Volume{
			{Name: "setup", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}},
			{Name: "user", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: user.Secret, Items: items}}},
			{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		},
		Containers: []corev1.Container{{Name: "setup", Image: image, Command: []string{"sh", "/setup/setup.sh"},
			VolumeMounts:    []corev1.VolumeMount{{Name: "setup", MountPath: "/setup", ReadOnly: true}, {Name: "user", MountPath: "/user", ReadOnly: true}, {Name: "tmp", MountPath: "/tmp"}},
			SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: new(false), ReadOnlyRootFilesystem: new(true), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("16Mi")},
				Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")}},
		}}}
	return product.Objects(
		&corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data},
		&batchv1.Job{TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}, ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: batchv1.JobSpec{BackoffLimit: new(int32(6)), Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app.kubernetes.io/name": "logs-setup"}}, Spec: pod}}})
}
