// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"cmp"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/registry"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

func build(b *product.Building, e entry) error {
	base, err := b.Foundation()
	if err != nil {
		return err
	}
	name := cmp.Or(e.Options.Name, b.Estate().Mark().String())
	out := graph.Add(b.Graph(), e.ID, &digitalocean.Registry{On: b.Estate(), Name: name, Region: region(b.Platform(), e), Tier: e.Spec.Tier,
		Protected: e.Spec.DeletionProtection != nil && *e.Spec.DeletionProtection})
	access := e.ID + "/access"
	graph.Add(b.Graph(), access, &digitalocean.RegistryAccess{On: b.Estate(), Registry: out, Name: name, Rotate: b.Rotates(),
		HeldBy:  digitalocean.SecretName{Namespace: kube.SystemNamespace, Name: name},
		Cluster: graph.Map(base.Access, func(a kube.Access) string { return a.ID })})
	registry.Join(b, product.PodPolicy{Entry: e.ID, Ready: access, PullSecret: name}, digitalocean.RegistryHost+"/"+name+"/")
	// DigitalOcean keeps the Secret in every namespace, those of probes included.
	product.Offer(b, product.Probe{Entry: e.ID, Name: "sign-in", Proves: "the Secret that pods pull with signs in at the registry, for its images and no others'",
		Spec: probe.Spec{Registry: &probe.Registry{Host: digitalocean.RegistryHost, Repository: name + "/k8or-probe", Config: "config.json", SignIn: true}}, Namespace: kube.SystemNamespace,
		Files: map[string]kube.SecretKey{"config.json": {Namespace: kube.SystemNamespace, Name: name, Key: ".dockerconfigjson"}},
		Look:  "the cluster's registries in the control panel, and `k8or why registry`"})
	if e.Spec.Credentials == nil {
		b.Note("nobody collects garbage in the registry %s: give registry.credentials a token with the scopes registry:read and registry:update, or run `doctl registry garbage-collection start`", name)
		return nil
	}
	return collect(b, e, name)
}

// collector starts a garbage collection by DigitalOcean's API. The image is of the program that it is.
const collector = "docker.io/curlimages/curl:8.14.1"

// collect starts garbage collections by the document's schedule. DigitalOcean has no schedule of its own, so a CronJob asks for
// each, with a token that the document gives for this alone.
func collect(b *product.Building, e entry, name string) error {
	token, err := b.Platform().SecretField("token", *e.Spec.Credentials, "spec.registry.credentials", e.Namespace())
	if err != nil {
		return err
	}
	token.Unwritten = true
	space := b.EntryNamespace(e.Namespace())
	labels := space.GetLabels()
	labels["pod-security.kubernetes.io/enforce"] = "restricted"
	space.SetLabels(labels)
	signIn := kube.Derived{Name: "collect", Namespace: e.Namespace(), Fields: []kube.Field{token, {Key: "header", Compute: func(fields map[string][]byte, _ []byte) ([]byte, error) {
		return append([]byte("Authorization: Bearer "), fields["token"]...), nil // a file, so that the token is in no list of processes
	}}}}
	home := e.ID + "/namespace"
	if _, err := b.Set(home, product.SetSpec{Namespace: e.Namespace(), Objects: []*unstructured.Unstructured{space}, Derived: []kube.Derived{signIn}}); err != nil {
		return err
	}
	job, err := product.Objects(cronJob(b.Platform(), e, name))
	if err != nil {
		return err
	}
	_, err = b.Objects(e.ID+"/garbage-collection", e.Namespace(), job, graph.After(home, e.ID))
	return err
}

func cronJob(p product.Platform, e entry, name string) *batchv1.CronJob {
	url := fmt.Sprintf("%s/v2/registries/%s/garbage-collection", digitalocean.DefaultURL, name)
	pod := corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, AutomountServiceAccountToken: new(false),
		SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: new(true), RunAsUser: new(int64(100)), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
		Volumes:         []corev1.Volume{{Name: "sign-in", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "collect", Items: []corev1.KeyToPath{{Key: "header", Path: "header"}}}}}},
		Containers: []corev1.Container{{Name: "collect", Image: collector,
			Command: []string{"curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "60", "--request", "POST", "--header", "@/sign-in/header", "--header", "Content-Type: application/json",
				"--data", `{"type": "untagged manifests and unreferenced blobs"}`, url},
			VolumeMounts:    []corev1.VolumeMount{{Name: "sign-in", MountPath: "/sign-in", ReadOnly: true}},
			SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: new(false), ReadOnlyRootFilesystem: new(true), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("16Mi")},
				Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")}},
		}}}
	p.PutOnPool(&pod, e.Spec.Pool)
	labels := map[string]string{"app.kubernetes.io/name": "collect"}
	return &batchv1.CronJob{TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "CronJob"}, ObjectMeta: metav1.ObjectMeta{Name: "garbage-collection", Namespace: e.Namespace()},
		Spec: batchv1.CronJobSpec{Schedule: e.Spec.GarbageCollection, ConcurrencyPolicy: batchv1.ForbidConcurrent, SuccessfulJobsHistoryLimit: new(int32(1)), FailedJobsHistoryLimit: new(int32(3)),
			JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{BackoffLimit: new(int32(2)), Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: pod}}}}}
}
