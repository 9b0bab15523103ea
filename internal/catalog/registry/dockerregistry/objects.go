// SPDX-License-Identifier: Apache-2.0

package dockerregistry

import (
	"crypto/sha256"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/internal/lint"
	"github.com/k8or/k8or/internal/product"
)

// port is where the registry answers, debugPort where it shows its metrics.
const port, debugPort = 5000, 5001

// instance is one running registry: the platform's own, or the mirror of another.
type instance struct {
	name string
	entry
	platform product.Platform
	store    store
	upstream string // of a mirror
}

// store is where images are kept: a bucket with a key to it, or where there is none a volume.
type store struct {
	bucket product.Bucket
	key    product.Binding
}

// volume says that images are kept on a volume.
func (s store) volume() bool { return s.bucket.Name == "" }

// driver is the store as Distribution's configuration says it. By its directory, the platform's name and uid, a new cluster of the same
// platform finds the images of the old one, and the bucket may hold other things. The address stands for all buckets, so that the
// bucket's name belongs in the path: https://github.com/distribution/distribution/issues/4528.
func (i instance) driver() (name string, settings map[string]any) {
	if i.store.volume() {
		return "filesystem", map[string]any{"rootdirectory": "/var/lib/registry"}
	}
	of := i.platform.Metadata
	return "s3", map[string]any{"bucket": i.store.bucket.Name, "region": i.store.bucket.Region, "regionendpoint": i.store.bucket.Endpoint, "forcepathstyle": true,
		"rootdirectory": fmt.Sprintf("/%s-%s/%s", of.Name, of.UID, i.name)}
}

// environment is the key to the bucket, under the names that the AWS SDK looks for: Distribution reads variables of its own as YAML, and
// not every secret is one that reads as itself.
func (i instance) environment() []corev1.EnvVar {
	var out []corev1.EnvVar
	if i.store.volume() {
		return nil
	}
	for _, v := range [][2]string{{"AWS_ACCESS_KEY_ID", product.AccessKey}, {"AWS_SECRET_ACCESS_KEY", product.SecretKey}} {
		out = append(out, corev1.EnvVar{Name: v[0], ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: i.store.key.Secret}, Key: v[1]}}})
	}
	return out
}

func (i instance) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: i.Namespace(), Labels: map[string]string{"app.kubernetes.io/name": i.name}}
}

// config is the registry's configuration, in the form of Distribution 3.
func (i instance) config() (string, error) {
	driver, settings := i.driver()
	c := map[string]any{
		"version": "0.1",
		"log":     map[string]any{"level": "info", "formatter": "json"},
		"storage": map[string]any{driver: settings, "delete": map[string]any{"enabled": true}},
		"http": map[string]any{"addr": fmt.Sprintf(":%d", port), "headers": map[string]any{"X-Content-Type-Options": []any{"nosniff"}},
			"debug": map[string]any{"addr": fmt.Sprintf(":%d", debugPort), "prometheus": map[string]any{"enabled": true, "path": "/metrics"}}},
		"auth":   map[string]any{"htpasswd": map[string]any{"realm": "registry", "path": "/auth/htpasswd"}},
		"health": map[string]any{"storagedriver": map[string]any{"enabled": true, "interval": "10s", "threshold": 3}},
	}
	if i.upstream != "" {
		c["proxy"] = map[string]any{"remoteurl": i.upstream, "ttl": "168h"}
	}
	raw, err := yaml.Marshal(c)
	return string(raw), err
}

func (i instance) objects() ([]*unstructured.Unstructured, error) {
	config, err := i.config()
	if err != nil {
		return nil, err
	}
	all := []runtime.Object{&corev1.ConfigMap{TypeMeta: kind("v1", "ConfigMap"), ObjectMeta: i.meta(i.name + "-config"), Data: map[string]string{"config.yml": config}}}
	if i.store.volume() {
		className := class(i.Spec)
		all = append(all, &corev1.PersistentVolumeClaim{TypeMeta: kind("v1", "PersistentVolumeClaim"), ObjectMeta: i.meta(i.name), Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: &className,
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(sizeOf(i.Spec).disk)}}}})
	}
	return product.Objects(append(all,
		&corev1.ServiceAccount{TypeMeta: kind("v1", "ServiceAccount"), ObjectMeta: i.meta(i.name), AutomountServiceAccountToken: new(false)},
		i.deployment(config),
		&corev1.Service{TypeMeta: kind("v1", "Service"), ObjectMeta: i.meta(i.name), Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app.kubernetes.io/name": i.name},
			Ports:    []corev1.ServicePort{{Name: "http", Port: port, TargetPort: intstr.FromString("http")}}}},
		i.admit(),
	)...)
}

// collectLately collects garbage in a pod that began because the schedule had it begin, and not in one that moved to another node: in a
// bucket it takes a request for every manifest and tag. `kubectl rollout restart` notes the time on the pod, in UTC.
const collectLately = `now=$(date -u +%s)
for hour in "$(date -u +%Y-%m-%dT%H)" "$(date -u -d "@$((now - 3600))" +%Y-%m-%dT%H)"; do
  case "$RESTARTED_AT" in "$hour":*) exec registry garbage-collect --delete-untagged /etc/distribution/config.yml ;; esac
done`

// collector is what collects garbage before the registry serves.
func (i instance) collector(c corev1.Container) corev1.Container {
	c.Name, c.Command = "collect-garbage", []string{"/bin/sh", "-ec"}
	if i.store.volume() {
		c.Args = []string{"[ ! -d /var/lib/registry/docker/registry/v2/repositories ] || registry garbage-collect --delete-untagged /etc/distribution/config.yml"}
		return c
	}
	c.Args = []string{collectLately}
	c.Env = append(c.Env, corev1.EnvVar{Name: "RESTARTED_AT", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.annotations['kubectl.kubernetes.io/restartedAt']"}}})
	return c
}

// storedIn is where a Deployment says in which bucket its images are; it says nothing of a volume.
const storedIn = "k8or.io/bucket"

// deployment is one copy: its volume can be on one node only, and before it serves, nobody writes, and garbage can be collected.
func (i instance) deployment(config string) runtime.Object {
	resources := resources(i.entry)
	var mounts []corev1.VolumeMount
	var volumes []corev1.Volume
	if i.store.volume() {
		mounts = append(mounts, corev1.VolumeMount{Name: "images", MountPath: "/var/lib/registry"})
		volumes = append(volumes, corev1.Volume{Name: "images", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: i.name}}})
	}
	mounts = append(mounts, corev1.VolumeMount{Name: "config", MountPath: "/etc/distribution", ReadOnly: true}, corev1.VolumeMount{Name: "auth", MountPath: "/auth", ReadOnly: true})
	volumes = append(volumes,
		corev1.Volume{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: i.name + "-config"}}}},
		corev1.Volume{Name: "auth", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: authSecret, Items: []corev1.KeyToPath{{Key: "htpasswd", Path: "htpasswd"}}}}})
	pod := corev1.PodSpec{
		ServiceAccountName: i.name, AutomountServiceAccountToken: new(false),
		SecurityContext: &corev1.PodSecurityContext{RunAsUser: new(int64(1000)), FSGroup: new(int64(1000)), FSGroupChangePolicy: new(corev1.FSGroupChangeOnRootMismatch)},
		Containers: []corev1.Container{{
			Name: "registry", Image: image, Args: []string{"serve", "/etc/distribution/config.yml"}, Resources: resources, SecurityContext: confined(), VolumeMounts: mounts, Env: i.environment(),
			Ports:          []corev1.ContainerPort{{Name: "http", ContainerPort: port}, {Name: "metrics", ContainerPort: debugPort}},
			ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromString("http")}}, PeriodSeconds: 5},
			LivenessProbe:  &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromString("http")}}, PeriodSeconds: 10, FailureThreshold: 6},
		}},
		Volumes: volumes,
	}
	if i.upstream == "" { // a mirror drops what is old by itself
		pod.InitContainers = []corev1.Container{i.collector(corev1.Container{Image: image, Resources: resources, SecurityContext: confined(), VolumeMounts: mounts, Env: i.environment()})}
	}
	i.platform.PutOnPool(&pod, i.Spec.Pool)
	annotations := map[string]string{"k8or.io/config": fmt.Sprintf("%x", sha256.Sum256([]byte(config)))[:16]}
	meta := i.meta(i.name)
	if i.store.volume() {
		// DOKS wants a StatefulSet, so that there are never two; one copy, Recreate and a disk of one node keep to that as well.
		annotations[lint.DisabledChecks] = "dobs-pod-owner"
	} else {
		meta.Annotations = map[string]string{storedIn: i.store.bucket.Name}
	}
	return &appsv1.Deployment{TypeMeta: kind("apps/v1", "Deployment"), ObjectMeta: meta, Spec: appsv1.DeploymentSpec{
		Replicas: new(int32(1)), Strategy: appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
		Selector: &metav1.LabelSelector{MatchLabels: meta.Labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: meta.Labels, Annotations: annotations}, Spec: pod},
	}}
}

// admit lets gateways in, and what runs beside the registry: a probe.
func (i instance) admit() runtime.Object {
	http := intstr.FromString("http")
	return &networkingv1.NetworkPolicy{TypeMeta: kind("networking.k8s.io/v1", "NetworkPolicy"), ObjectMeta: i.meta(i.name), Spec: networkingv1.NetworkPolicySpec{
		PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/name": i.name}},
		PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
		Ingress: []networkingv1.NetworkPolicyIngressRule{{Ports: []networkingv1.NetworkPolicyPort{{Port: &http}}, From: []networkingv1.NetworkPolicyPeer{
			{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"k8or.io/category": "gateways"}}}, {PodSelector: &metav1.LabelSelector{}}}}},
	}}
}

// collect restarts the registry on its schedule, since garbage may be collected only while nobody writes: the new pod does
// so before it serves.
func collect(e entry) ([]*unstructured.Unstructured, error) {
	name := "registry-collect-garbage"
	meta := metav1.ObjectMeta{Name: name, Namespace: e.Namespace(), Labels: map[string]string{"app.kubernetes.io/name": name}}
	job := batchv1.JobSpec{BackoffLimit: new(int32(2)), Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: meta.Labels}, Spec: corev1.PodSpec{
		ServiceAccountName: name, RestartPolicy: corev1.RestartPolicyNever,
		SecurityContext: &corev1.PodSecurityContext{RunAsUser: new(int64(1000))},
		Containers: []corev1.Container{{Name: "restart", Image: kubectl, Args: []string{"rollout", "restart", "deployment/registry"}, SecurityContext: confined(),
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("32Mi")},
				Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("128Mi")}}}},
	}}}
	return product.Objects(
		&corev1.ServiceAccount{TypeMeta: kind("v1", "ServiceAccount"), ObjectMeta: meta},
		&rbacv1.Role{TypeMeta: kind("rbac.authorization.k8s.io/v1", "Role"), ObjectMeta: meta,
			Rules: []rbacv1.PolicyRule{{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, ResourceNames: []string{"registry"}, Verbs: []string{"get", "patch"}}}},
		&rbacv1.RoleBinding{TypeMeta: kind("rbac.authorization.k8s.io/v1", "RoleBinding"), ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: name},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: name, Namespace: e.Namespace()}}},
		&batchv1.CronJob{TypeMeta: kind("batch/v1", "CronJob"), ObjectMeta: meta, Spec: batchv1.CronJobSpec{
			Schedule: e.Spec.GarbageCollection, ConcurrencyPolicy: batchv1.ForbidConcurrent, JobTemplate: batchv1.JobTemplateSpec{Spec: job}}},
	)
}

func confined() *corev1.SecurityContext {
	c := product.Confined()
	c.ReadOnlyRootFilesystem = new(true)
	return c
}

func kind(apiVersion, name string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: name}
}
