// SPDX-License-Identifier: Apache-2.0

package app

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/lint"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

func fromImage(b *product.Building, e entry) error {
	before, err := b.AppNamespace(e.Spec.Namespace)
	if err != nil {
		return err
	}
	e.Spec.Image = b.Image(e.Spec.Image)
	m := maker{entry: e, platform: b.Platform()}
	secret, err := m.secret(b.Platform())
	if err != nil {
		return err
	}
	if m.uses, err = uses(b, e); err != nil {
		return err
	}
	first := after(m.uses, before)
	if e.Spec.BeforeRollout != nil {
		objects := []runtime.Object{m.beforeRollout()}
		if secret != nil {
			objects = append(objects, m.named(secret, "-before"))
		}
		id := e.ID + "/before-rollout"
		u, err := product.Objects(objects...)
		if err != nil {
			return err
		}
		if _, err := b.Objects(id, e.Spec.Namespace, u, graph.After(first...)); err != nil {
			return err
		}
		first = append(first, id)
	}
	if s := m.platform.Spec; len(e.Spec.Volumes) > 0 && s.Backups == nil && (s.Storage == nil || len(s.Storage.Snapshots) == 0) {
		b.Note("nothing takes copies of the volumes of %s: `storage: {snapshots: {nightly: {schedule: \"0 2 * * *\"}}}` does, and `backups` keeps them away from the cluster too", e.ID)
	}
	objects := m.objects()
	if secret != nil {
		objects = append([]runtime.Object{secret}, objects...)
	}
	u, err := product.Objects(objects...)
	if err != nil {
		return err
	}
	if _, err := b.Set(e.ID, product.SetSpec{Namespace: e.Spec.Namespace, Objects: u, Follows: follows(m.uses)}, graph.After(first...)); err != nil {
		return err
	}
	offer(b, e, e.Name)
	product.Offer(b, product.LogSource{Entry: e.ID, Namespace: e.Spec.Namespace, Labels: selector(e.Name), Multiline: e.Spec.Multiline})
	return apart(b, e, selector(e.Name))
}

// maker makes the objects of one app from an image.
type maker struct {
	entry
	platform product.Platform
	uses     []use
}

func (m maker) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: m.Spec.Namespace, Labels: labels(m.entry)}
}

func kind(apiVersion, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
}

// objects are everything but secrets and what runs before a rollout.
func (m maker) objects() []runtime.Object {
	a := m.Spec
	out := []runtime.Object{&corev1.ServiceAccount{TypeMeta: kind("v1", "ServiceAccount"), ObjectMeta: m.meta(m.Name), AutomountServiceAccountToken: new(false)}}
	for _, name := range slices.Sorted(maps.Keys(a.Volumes)) {
		v := a.Volumes[name]
		out = append(out, &corev1.PersistentVolumeClaim{
			TypeMeta: kind("v1", "PersistentVolumeClaim"), ObjectMeta: m.meta(m.Name + "-" + name),
			Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: &v.Class,
				Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(string(v.Size))}},
			},
		})
	}
	switch a.Kind {
	case "job":
		return append(out, m.job())
	case "cron":
		return append(out, m.cron())
	}
	out = append(out, m.deployment())
	if a.Port != nil {
		out = append(out, m.service())
	}
	if len(a.Routes) > 0 {
		out = append(out, m.admit())
	}
	if a.Autoscale != nil {
		out = append(out, m.autoscaler())
	}
	if replicas(a) > 1 {
		out = append(out, &policyv1.PodDisruptionBudget{TypeMeta: kind("policy/v1", "PodDisruptionBudget"), ObjectMeta: m.meta(m.Name),
			Spec: policyv1.PodDisruptionBudgetSpec{MaxUnavailable: new(intstr.FromInt32(1)), Selector: &metav1.LabelSelector{MatchLabels: selector(m.Name)}}})
	}
	return out
}

func (m maker) deployment() *appsv1.Deployment {
	d := &appsv1.Deployment{TypeMeta: kind("apps/v1", "Deployment"), ObjectMeta: m.meta(m.Name), Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: selector(m.Name)},
		Template: m.template(m.pod(m.Name)),
	}}
	if m.Spec.Autoscale == nil { // else the autoscaler owns the count
		d.Spec.Replicas = new(int32(replicas(m.Spec)))
	}
	if len(m.Spec.Volumes) > 0 { // a volume is mounted on one node at a time
		d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
	}
	if t := seconds(m.Spec.Timeout); t > 0 {
		d.Spec.ProgressDeadlineSeconds = new(int32(t))
	}
	return d
}

// template is a pod as its workload makes it.
func (m maker) template(p corev1.PodSpec) corev1.PodTemplateSpec {
	t := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels(m.entry)}, Spec: p}
	if len(m.Spec.Volumes) > 0 {
		// DOKS wants a StatefulSet, so that there are never two; one copy, Recreate and a disk of one node keep to that as well.
		t.Annotations = map[string]string{lint.DisabledChecks: "dobs-pod-owner"}
	}
	return t
}

// job runs once for each version of itself: its name carries a hash of what it runs.
func (m maker) job() *batchv1.Job {
	return m.jobOf(m.Name, m.pod(m.Name), m.Spec.Timeout)
}

// beforeRollout is the Job that has to succeed first. It has none of the app's volumes: they are made with the app, and one that is there
// is on the node of the copy that runs.
func (m maker) beforeRollout() *batchv1.Job {
	m.Spec.Volumes = nil
	p := m.pod(m.Name + "-before")
	p.ServiceAccountName = "default"
	p.Containers[0].Command, p.Containers[0].Args = m.Spec.BeforeRollout.Command, nil
	p.Containers[0].Ports, p.Containers[0].LivenessProbe, p.Containers[0].ReadinessProbe = nil, nil, nil
	return m.jobOf(m.Name+"-before", p, m.Spec.BeforeRollout.Timeout)
}

func (m maker) jobOf(name string, p corev1.PodSpec, timeout string) *batchv1.Job {
	p.RestartPolicy = corev1.RestartPolicyNever
	raw, _ := json.Marshal(p) // a PodSpec always can be
	j := &batchv1.Job{TypeMeta: kind("batch/v1", "Job"), ObjectMeta: m.meta(fmt.Sprintf("%s-%x", name, sha256.Sum256(raw))[:len(name)+9])}
	j.Spec.Template = m.template(p)
	j.Spec.BackoffLimit = new(int32(2))
	if t := seconds(timeout); t > 0 {
		j.Spec.ActiveDeadlineSeconds = new(int64(t))
	}
	return j
}

func (m maker) cron() *batchv1.CronJob {
	p := m.pod(m.Name)
	p.RestartPolicy = corev1.RestartPolicyNever
	c := &batchv1.CronJob{TypeMeta: kind("batch/v1", "CronJob"), ObjectMeta: m.meta(m.Name)}
	c.Spec.Schedule = m.Spec.Schedule
	c.Spec.ConcurrencyPolicy = batchv1.ForbidConcurrent
	if m.Spec.TimeZone != "" {
		c.Spec.TimeZone = &m.Spec.TimeZone
	}
	c.Spec.JobTemplate.Spec.BackoffLimit = new(int32(2))
	c.Spec.JobTemplate.Spec.Template = m.template(p)
	if t := seconds(m.Spec.Timeout); t > 0 {
		c.Spec.JobTemplate.Spec.ActiveDeadlineSeconds = new(int64(t))
	}
	return c
}

// pod is the program in the restricted profile of the Pod Security Standards.
func (m maker) pod(secretName string) corev1.PodSpec {
	a := m.Spec
	c := corev1.Container{Name: m.Name, Image: a.Image, Command: a.Command, Args: a.Args, Env: m.env(secretName), SecurityContext: product.Confined()}
	p := corev1.PodSpec{ServiceAccountName: m.Name, AutomountServiceAccountToken: new(false)}
	if a.Security != nil {
		c.SecurityContext.RunAsUser = a.Security.RunAsUser
		if a.Security.ReadOnlyRoot != nil && *a.Security.ReadOnlyRoot {
			c.SecurityContext.ReadOnlyRootFilesystem = new(true)
			c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "tmp", MountPath: "/tmp"})
			p.Volumes = append(p.Volumes, corev1.Volume{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		}
	}
	if a.Resources != nil {
		c.Resources = corev1.ResourceRequirements{Requests: amounts(a.Resources.Requests), Limits: amounts(a.Resources.Limits)}
	}
	if a.Port != nil {
		c.Ports = append(c.Ports, corev1.ContainerPort{Name: "http", ContainerPort: int32(*a.Port)})
		c.ReadinessProbe = m.probe(3)
		if a.Probe != nil {
			c.LivenessProbe = m.probe(10)
		}
	}
	if ownMetrics(a) {
		c.Ports = append(c.Ports, corev1.ContainerPort{Name: "metrics", ContainerPort: int32(*a.Metrics.Port)})
	}
	for _, name := range slices.Sorted(maps.Keys(a.Volumes)) {
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: a.Volumes[name].Path})
		p.Volumes = append(p.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: m.Name + "-" + name}}})
	}
	m.bind(&p, &c)
	m.platform.PutOnPool(&p, a.Pool)
	if replicas(a) > 1 {
		p.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: "kubernetes.io/hostname",
			WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: &metav1.LabelSelector{MatchLabels: selector(m.Name)}}}
	}
	p.Containers = []corev1.Container{c}
	return p
}

func (m maker) probe(failures int32) *corev1.Probe {
	at := intstr.FromString("http")
	h := corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: at}}
	if p := m.Spec.Probe; p != nil {
		if p.Port != nil {
			at = intstr.FromInt32(int32(*p.Port))
			h.TCPSocket.Port = at
		}
		if p.Path != "" {
			h = corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: p.Path, Port: at}}
		}
	}
	return &corev1.Probe{ProbeHandler: h, PeriodSeconds: 5, FailureThreshold: failures}
}

func amounts(a v1alpha1.Amounts) corev1.ResourceList {
	l := corev1.ResourceList{}
	if a.CPU != "" {
		l[corev1.ResourceCPU] = resource.MustParse(string(a.CPU))
	}
	if a.Memory != "" {
		l[corev1.ResourceMemory] = resource.MustParse(string(a.Memory))
	}
	return l
}

func (m maker) service() *corev1.Service {
	s := &corev1.Service{TypeMeta: kind("v1", "Service"), ObjectMeta: m.meta(m.Name), Spec: corev1.ServiceSpec{Selector: selector(m.Name)}}
	s.Spec.Ports = []corev1.ServicePort{{Name: "http", Port: int32(port(m.Spec)), TargetPort: intstr.FromString("http")}}
	if ownMetrics(m.Spec) {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "metrics", Port: int32(*m.Spec.Metrics.Port), TargetPort: intstr.FromString("metrics")})
	}
	return s
}

// admit lets the app's gateway in, through the namespace's default of letting in nobody.
func (m maker) admit() *networkingv1.NetworkPolicy {
	from := "gateways-" + m.Spec.Gateway
	peer := networkingv1.NetworkPolicyPeer{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": from}}}
	if m.Spec.Gateway == "" { // the only one there is
		peer.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"k8or.io/category": "gateways"}}
	}
	return &networkingv1.NetworkPolicy{TypeMeta: kind("networking.k8s.io/v1", "NetworkPolicy"), ObjectMeta: m.meta(m.Name), Spec: networkingv1.NetworkPolicySpec{
		PodSelector: metav1.LabelSelector{MatchLabels: selector(m.Name)},
		PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
		Ingress: []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{peer},
			Ports: []networkingv1.NetworkPolicyPort{{Port: new(intstr.FromString("http"))}}}},
	}}
}

func (m maker) autoscaler() *autoscalingv2.HorizontalPodAutoscaler {
	s := m.Spec.Autoscale
	cpu := int32(75)
	if s.CPU != nil {
		cpu = int32(*s.CPU)
	}
	return &autoscalingv2.HorizontalPodAutoscaler{TypeMeta: kind("autoscaling/v2", "HorizontalPodAutoscaler"), ObjectMeta: m.meta(m.Name),
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: m.Name},
			MinReplicas:    new(int32(s.Min)), MaxReplicas: int32(s.Max),
			Metrics: []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
				Name: corev1.ResourceCPU, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &cpu}}}},
		}}
}

// seconds reads a time such as 10m; the document's rules made sure it is one.
func seconds(text string) int {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0
	}
	return int(d.Seconds())
}

// env are the environment variables; what is read by reference comes from a Secret, never from the pod's own text.
func (m maker) env(secretName string) []corev1.EnvVar {
	var out []corev1.EnvVar
	for _, name := range slices.Sorted(maps.Keys(m.Spec.Env)) {
		v := m.Spec.Env[name]
		switch {
		case v.From == nil:
			out = append(out, corev1.EnvVar{Name: name, Value: v.Value})
		case v.From.Secret != "":
			parts := strings.Split(v.From.Secret, "/")
			out = append(out, corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: parts[len(parts)-2]}, Key: parts[len(parts)-1]}}})
		default:
			out = append(out, corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: secretName}, Key: name}}})
		}
	}
	return out
}

// secret holds what the document refers to in this machine's environment and files; nil when nothing does.
func (m maker) secret(p product.Platform) (*corev1.Secret, error) {
	data := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(m.Spec.Env)) {
		from := m.Spec.Env[name].From
		switch {
		case from == nil || from.Secret != "":
		case from.Env != "":
			v, ok := p.Env(from.Env)
			if !ok {
				return nil, &problem.Problem{Code: problem.SecretMissing, Kind: problem.Preflight, Path: fmt.Sprintf("spec.apps.%s.env.%s", m.Name, name),
					Title: fmt.Sprintf("env.%s of the app %s comes from the environment variable %s, which is not set", name, m.Name, from.Env), Fix: "set it and run again"}
			}
			data[name] = []byte(v)
		case from.File != "":
			v, err := p.File(from.File)
			if err != nil {
				return nil, fmt.Errorf("env.%s comes from a file: %w", name, err)
			}
			data[name] = v
		}
	}
	if len(data) == 0 {
		return nil, nil
	}
	return &corev1.Secret{TypeMeta: kind("v1", "Secret"), ObjectMeta: m.meta(m.Name), Data: data}, nil
}

// named is a copy of a Secret under the app's name and a suffix.
func (m maker) named(s *corev1.Secret, suffix string) *corev1.Secret {
	c := s.DeepCopy()
	c.Name += suffix
	return c
}
