// SPDX-License-Identifier: Apache-2.0

package snapshots

import (
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/k8or/k8or/internal/product"
)

const (
	name  = "snapshots" // of what is in the schedule's own namespace
	group = "snapshot.storage.k8s.io"
	// reader is the account by which a probe looks at the CronJob and at snapshots.
	reader = name + "-probe"
	// takes is how long a run may take.
	takes = time.Hour
	// nobody is a user that owns nothing.
	nobody = 65532
)

var labels = map[string]string{"app.kubernetes.io/name": name}

// class is the name of the schedule's VolumeSnapshotClass, and of what else is not in a namespace.
func class(e entry) string { return "k8or-" + e.Name }

// objects are the class, the CronJob and the few rights that it has.
func objects(p product.Platform, e entry) ([]*unstructured.Unstructured, error) {
	typed := append(rights(e), cronJob(p, e))
	out, err := product.Objects(typed...)
	if err != nil {
		return nil, err
	}
	reads, err := product.Reader(reader, e.Namespace(), class(e)+"-probe",
		rbacv1.PolicyRule{APIGroups: []string{"batch"}, Resources: []string{"cronjobs"}, ResourceNames: []string{name}, Verbs: []string{"get"}},
		rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{"volumesnapshots"}, Verbs: []string{"list"}})
	if err != nil {
		return nil, err
	}
	out = append(out, reads...)
	// Snapshots outlive the namespaces that their VolumeSnapshots are in: who means to delete one says so of its content.
	return append(out, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": group + "/v1", "kind": "VolumeSnapshotClass", "metadata": map[string]any{"name": class(e)},
		"driver": "dobs.csi.digitalocean.com", "deletionPolicy": "Retain",
	}}), nil
}

// rights are those of the schedule's ServiceAccount: to read claims and to make, read and delete VolumeSnapshots where the claims
// are, and to say of a content that its snapshot goes with it. Where the document names the claims, the first of these hold in
// their namespaces alone.
func rights(e entry) []runtime.Object {
	meta := func(name, namespace string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, Namespace: namespace}
	}
	rbac := func(kind string) metav1.TypeMeta {
		return metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: kind}
	}
	who := []rbacv1.Subject{{Kind: "ServiceAccount", Name: name, Namespace: e.Namespace()}}
	role := func(name string) rbacv1.RoleRef {
		return rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: name}
	}
	everywhere := []rbacv1.PolicyRule{{APIGroups: []string{group}, Resources: []string{"volumesnapshotcontents"}, Verbs: []string{"get", "patch"}}}
	if len(e.Spec.Volumes) == 0 {
		everywhere = append(everywhere, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"list"}})
	}
	inside := class(e) + "-volumes"
	out := []runtime.Object{
		&corev1.ServiceAccount{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}, ObjectMeta: meta(name, e.Namespace()), AutomountServiceAccountToken: new(false)},
		&rbacv1.ClusterRole{TypeMeta: rbac("ClusterRole"), ObjectMeta: meta(class(e), ""), Rules: everywhere},
		&rbacv1.ClusterRoleBinding{TypeMeta: rbac("ClusterRoleBinding"), ObjectMeta: meta(class(e), ""), RoleRef: role(class(e)), Subjects: who},
		&rbacv1.ClusterRole{TypeMeta: rbac("ClusterRole"), ObjectMeta: meta(inside, ""), Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"persistentvolumeclaims"}, Verbs: []string{"get", "list"}},
			{APIGroups: []string{group}, Resources: []string{"volumesnapshots"}, Verbs: []string{"get", "list", "watch", "create", "delete"}},
		}},
	}
	if len(e.Spec.Volumes) == 0 {
		return append(out, &rbacv1.ClusterRoleBinding{TypeMeta: rbac("ClusterRoleBinding"), ObjectMeta: meta(inside, ""), RoleRef: role(inside), Subjects: who})
	}
	for _, namespace := range namespaces(e.Spec) {
		out = append(out, &rbacv1.RoleBinding{TypeMeta: rbac("RoleBinding"), ObjectMeta: meta(inside, namespace), RoleRef: role(inside), Subjects: who})
	}
	return out
}

// cronJob runs the script. It passes the restricted Pod Security Standard.
func cronJob(p product.Platform, e entry) runtime.Object {
	env := func(name, value string) corev1.EnvVar { return corev1.EnvVar{Name: name, Value: value} }
	confined := product.Confined()
	confined.ReadOnlyRootFilesystem = new(true)
	pod := corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever, ServiceAccountName: name, AutomountServiceAccountToken: new(true), EnableServiceLinks: new(false),
		SecurityContext: &corev1.PodSecurityContext{RunAsUser: new(int64(nobody)), RunAsGroup: new(int64(nobody))},
		Containers: []corev1.Container{{
			Name: name, Image: kubectl, Command: []string{"/bin/bash", "-c", script}, SecurityContext: confined,
			Env: []corev1.EnvVar{
				env("SCHEDULE", e.Name), env("KEEP", strconv.Itoa(keep(e))), env("CLASS", class(e)), env("CLAIMS", strings.Join(e.Spec.Volumes, " ")),
				env("PLATFORM", p.Metadata.Name+"-"+p.Metadata.UID), env("HOME", "/tmp"),
			},
			TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
			VolumeMounts:             []corev1.VolumeMount{{Name: "tmp", MountPath: "/tmp"}}, // kubectl keeps what it has discovered there
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
				Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")},
			},
		}},
		Volumes: []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: new(resource.MustParse("64Mi"))}}}},
	}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: pod}
	return &batchv1.CronJob{
		TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "CronJob"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: e.Namespace()},
		Spec: batchv1.CronJobSpec{
			Schedule: e.Spec.Schedule, TimeZone: new("Etc/UTC"), ConcurrencyPolicy: batchv1.ForbidConcurrent, StartingDeadlineSeconds: new(int64(3600)),
			SuccessfulJobsHistoryLimit: new(int32(1)), FailedJobsHistoryLimit: new(int32(3)),
			JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{BackoffLimit: new(int32(1)), ActiveDeadlineSeconds: new(int64(takes / time.Second)), Template: template}},
		},
	}
}
