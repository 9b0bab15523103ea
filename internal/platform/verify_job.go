// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

const (
	probeContainer = "probe"
	// keepJob is how long Kubernetes keeps a probe's Job that nobody took away.
	keepJob = 10 * time.Minute
	// tokenLives is how long a token of an account's is good for, the least that Kubernetes grants.
	tokenLives = 10 * time.Minute
	// nobody is the user that the image runs as, and owns nothing.
	nobody = 65532
)

// probeNamespace is where a probe's Job runs: the product's choice, or the namespace that k8or keeps its own things in.
func probeNamespace(one product.Probe) string { return cmp.Or(one.Namespace, kube.SystemNamespace) }

// probeJob is a Job that carries one probe out with no right that it does not need: no token but what it names, no root, nothing to write but
// its last words, and of the Secrets only the keys that it names. It passes the restricted Pod Security Standard.
func probeJob(one product.Probe, spec probe.Spec, image string) (*batchv1.Job, error) {
	said, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("write the probe of %s: %w", one.Entry, err)
	}
	confined := product.Confined()
	confined.ReadOnlyRootFilesystem = new(true)
	limit := cmp.Or(spec.Timeout, probe.Standard) + toStart
	pod := corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever, AutomountServiceAccountToken: new(false), EnableServiceLinks: new(false),
		SecurityContext: &corev1.PodSecurityContext{RunAsUser: new(int64(nobody)), RunAsGroup: new(int64(nobody))},
		Containers: []corev1.Container{{
			Name: probeContainer, Image: image, Args: []string{"probe"}, Env: []corev1.EnvVar{{Name: probe.SpecVariable, Value: string(said)}},
			TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
			SecurityContext:          confined,
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("48Mi")},
				Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("192Mi")},
			},
		}},
	}
	sources := projected(one.Files)
	if one.Account != "" {
		pod.ServiceAccountName = one.Account
		sources = append(sources, corev1.VolumeProjection{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token", ExpirationSeconds: new(int64(max(limit, tokenLives) / time.Second))}},
			corev1.VolumeProjection{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"}, Items: []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}}}})
	}
	if len(sources) > 0 {
		pod.Volumes = []corev1.Volume{{Name: "files", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: sources}}}}
		pod.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "files", MountPath: probe.Folder, ReadOnly: true}}
	}
	return &batchv1.Job{
		TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{Name: jobName(one), Namespace: probeNamespace(one)},
		Spec: batchv1.JobSpec{BackoffLimit: new(int32(0)), TTLSecondsAfterFinished: new(int32(keepJob / time.Second)),
			ActiveDeadlineSeconds: new(int64(limit / time.Second)),
			Template:              corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: maps.Clone(one.PodLabels), Annotations: maps.Clone(one.PodAnnotations)}, Spec: pod}},
	}, nil
}

// projected are the Secrets' keys as files, one source a Secret.
func projected(files map[string]kube.SecretKey) []corev1.VolumeProjection {
	var out []corev1.VolumeProjection
	for _, path := range slices.Sorted(maps.Keys(files)) {
		key := files[path]
		item := corev1.KeyToPath{Key: key.Key, Path: strings.TrimPrefix(path, "/")}
		i := slices.IndexFunc(out, func(p corev1.VolumeProjection) bool { return p.Secret.Name == key.Name })
		if i < 0 {
			out = append(out, corev1.VolumeProjection{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: key.Name}}})
			i = len(out) - 1
		}
		out[i].Secret.Items = append(out[i].Secret.Items, item)
	}
	return out
}

// jobName is a name that no other run has, within Kubernetes' 63 characters.
func jobName(one product.Probe) string {
	name := "probe-" + string(one.Entry)
	if one.Name != "" {
		name += "-" + one.Name
	}
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	if len(name) > 52 {
		name = strings.TrimRight(name[:52], "-")
	}
	return name + "-" + strings.ToLower(rand.Text()[:8])
}
