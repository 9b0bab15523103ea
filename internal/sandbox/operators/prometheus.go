// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// prometheusReconciles is how long the operator takes to write configuration and StatefulSet, in model time.
const prometheusReconciles = 2 * time.Second

// prometheusOperator plays Prometheus Operator (0.93): Prometheus and Alertmanager. ServiceMonitors, PodMonitors, Probes,
// ScrapeConfigs and PrometheusRules need nothing: what they select is not written into a configuration here, which holds no
// more than a line that says so. Not played: PrometheusAgent, ThanosRuler.
func prometheusOperator() *Operator {
	group := func(resource string) schema.GroupResource {
		return schema.GroupResource{Group: "monitoring.coreos.com", Resource: resource}
	}
	return &Operator{
		Name: "PrometheusOperator", Image: "prometheus-operator",
		Kinds: []Kind{
			{Resource: group("prometheuses"), Play: playPrometheus},
			{Resource: group("alertmanagers"), Play: playAlertmanager},
		},
	}
}

// monitored is what Prometheus and Alertmanager have in common.
type monitored struct {
	Replicas        *int32                         `json:"replicas"`
	Shards          *int32                         `json:"shards"`
	Version         string                         `json:"version"`
	Image           string                         `json:"image"`
	BaseImage       string                         `json:"baseImage"`
	PortName        string                         `json:"portName"`
	ServiceName     string                         `json:"serviceName"`
	ServiceAccount  string                         `json:"serviceAccountName"`
	Paused          bool                           `json:"paused"`
	Resources       corev1.ResourceRequirements    `json:"resources"`
	Containers      []corev1.Container             `json:"containers"`
	InitContainers  []corev1.Container             `json:"initContainers"`
	NodeSelector    map[string]string              `json:"nodeSelector"`
	Tolerations     []corev1.Toleration            `json:"tolerations"`
	Affinity        *corev1.Affinity               `json:"affinity"`
	Spread          []prometheusSpread             `json:"topologySpreadConstraints"`
	SecurityContext *corev1.PodSecurityContext     `json:"securityContext"`
	PriorityClass   string                         `json:"priorityClassName"`
	PullSecrets     []corev1.LocalObjectReference  `json:"imagePullSecrets"`
	PodManagement   appsv1.PodManagementPolicyType `json:"podManagementPolicy"`
	PodMetadata     struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"podMetadata"`
	Storage *struct {
		EmptyDir            *corev1.EmptyDirVolumeSource `json:"emptyDir"`
		VolumeClaimTemplate struct {
			Metadata struct {
				Name        string            `json:"name"`
				Labels      map[string]string `json:"labels"`
				Annotations map[string]string `json:"annotations"`
			} `json:"metadata"`
			Spec corev1.PersistentVolumeClaimSpec `json:"spec"`
		} `json:"volumeClaimTemplate"`
	} `json:"storage"`
}

type prometheusSpread struct {
	corev1.TopologySpreadConstraint `json:",inline"`
}

// monitor is what differs between them.
type monitor struct {
	kind, image, version string // of the resource, and what it runs when it does not say
	governing            string // its Service
	container            string
	ports                []corev1.ServicePort
	config               string // the file in its configuration's Secret
	secret               string // that Secret, %s its full name
	request              corev1.ResourceList
}

func playPrometheus(s *Scene) Outcome {
	return playMonitor(s, monitor{
		kind: "prometheus", image: "quay.io/prometheus/prometheus", version: "v3.14.0", governing: "prometheus-operated", container: "prometheus",
		ports: []corev1.ServicePort{port("web", 9090)}, config: "prometheus.yaml.gz", secret: "%s",
	})
}

func playAlertmanager(s *Scene) Outcome {
	udp := port("udp-mesh", 9094)
	udp.Protocol, udp.TargetPort.StrVal = corev1.ProtocolUDP, "mesh-udp"
	tcp := port("tcp-mesh", 9094)
	tcp.TargetPort.StrVal = "mesh-tcp"
	return playMonitor(s, monitor{
		kind: "alertmanager", image: "quay.io/prometheus/alertmanager", version: "v0.34.0", governing: "alertmanager-operated", container: "alertmanager",
		ports: []corev1.ServicePort{port("web", 9093), tcp, udp}, config: "alertmanager.yaml.gz", secret: "%s-generated", request: memory("200Mi"),
	})
}

func playMonitor(s *Scene, m monitor) Outcome {
	var spec monitored
	read(mapAt(s.Object.Object, "spec"), &spec)
	namespace, full := s.Object.GetNamespace(), m.kind+"-"+s.Object.GetName()
	selector := map[string]string{
		"app.kubernetes.io/managed-by": "prometheus-operator", "app.kubernetes.io/name": m.kind,
		"app.kubernetes.io/instance": s.Object.GetName(), m.kind: s.Object.GetName(),
	}
	if m.kind == "prometheus" {
		selector["operator.prometheus.io/name"] = s.Object.GetName()
	}
	shards := int(*orElse(spec.Shards, 1))
	if m.kind != "prometheus" {
		shards = 1
	}
	var out Outcome
	var sets []Object
	for shard := range shards {
		name := full
		if shard > 0 {
			name = fmt.Sprintf("%s-shard-%d", full, shard)
		}
		sets = append(sets, s.Get(statefulSets, namespace, name))
		if !spec.Paused && s.Ripe(prometheusReconciles) {
			out.Children = append(out.Children, m.statefulSet(s, &spec, name, selector, shard))
		}
	}
	if !spec.Paused && s.Ripe(prometheusReconciles) {
		out.Children = append(m.around(s, &spec, full), out.Children...)
	}
	out.Status = m.status(s, &spec, sets, selector, int64(shards))
	return out
}

func orElse[T any](p *T, otherwise T) *T {
	if p == nil {
		return &otherwise
	}
	return p
}

// around is what a StatefulSet needs beside it.
func (m monitor) around(s *Scene, spec *monitored, full string) []Object {
	namespace, managed := s.Object.GetNamespace(), map[string]string{"managed-by": "prometheus-operator", "app.kubernetes.io/managed-by": "prometheus-operator"}
	meta := func(name string, labels map[string]string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: with(managed, labels)}
	}
	out := []Object{
		secret(namespace, fmt.Sprintf(m.secret, full), managed, map[string][]byte{m.config: zipped("# the sandbox does not configure what does not run\n")}),
		secret(namespace, full+"-tls-assets-0", managed, map[string][]byte{}),
		secret(namespace, full+"-web-config", managed, map[string][]byte{"web-config.yaml": {}}),
	}
	if m.kind == "prometheus" {
		out = append(out, typed(&corev1.ConfigMap{ObjectMeta: meta(full+"-rulefiles-0", map[string]string{"prometheus-name": s.Object.GetName()})}))
	}
	if spec.ServiceName == "" {
		ports := append([]corev1.ServicePort{}, m.ports...)
		if spec.PortName != "" {
			ports[0].Name, ports[0].TargetPort.StrVal = spec.PortName, spec.PortName
		}
		governing := headless(meta(m.governing, map[string]string{"operated-" + m.kind: "true"}), map[string]string{"app.kubernetes.io/name": m.kind}, ports...)
		governing.Spec.PublishNotReadyAddresses = m.kind == "alertmanager"
		out = append(out, typed(governing))
	}
	for i := range out {
		owned(out[i], s.Object, true)
	}
	return out
}

func zipped(text string) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write([]byte(text)) //nolint:errcheck // in memory
	w.Close()             //nolint:errcheck // in memory
	return out.Bytes()
}

func (m monitor) statefulSet(s *Scene, spec *monitored, name string, selector map[string]string, shard int) Object {
	selector = with(selector)
	if m.kind == "prometheus" {
		selector["operator.prometheus.io/shard"] = fmt.Sprint(shard)
	}
	version := spec.Version
	if version == "" {
		version = m.version
	}
	image := spec.Image
	if image == "" {
		image = m.image + ":" + version
	}
	main := corev1.Container{Name: m.container, Image: image, Resources: spec.Resources}
	if main.Resources.Requests == nil {
		main.Resources.Requests = m.request
	}
	for _, p := range m.ports {
		main.Ports = append(main.Ports, corev1.ContainerPort{Name: p.TargetPort.StrVal, ContainerPort: p.Port, Protocol: p.Protocol})
	}
	if spec.PortName != "" {
		main.Ports[0].Name = spec.PortName
	}
	service := spec.ServiceName
	if service == "" {
		service = m.governing
	}
	management := spec.PodManagement
	if management == "" {
		management = appsv1.ParallelPodManagement
	}
	for i := range spec.Spread {
		if spec.Spread[i].LabelSelector == nil {
			spec.Spread[i].LabelSelector = &metav1.LabelSelector{MatchLabels: selector}
		}
	}
	var spread []corev1.TopologySpreadConstraint
	for _, c := range spec.Spread {
		spread = append(spread, c.TopologySpreadConstraint)
	}
	set := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.Object.GetNamespace(), Name: name, Labels: with(ownLabels(s.Object), selector, map[string]string{"managed-by": "prometheus-operator"}),
		},
		Spec: appsv1.StatefulSetSpec{
			Replicas: orElse(spec.Replicas, 1), ServiceName: service, PodManagementPolicy: management,
			Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels:      with(spec.PodMetadata.Labels, selector, map[string]string{"app.kubernetes.io/version": strings.TrimPrefix(version, "v")}),
					Annotations: with(spec.PodMetadata.Annotations, map[string]string{"kubectl.kubernetes.io/default-container": m.container}),
				},
				Spec: corev1.PodSpec{
					ServiceAccountName: spec.ServiceAccount, NodeSelector: spec.NodeSelector, Tolerations: spec.Tolerations, Affinity: spec.Affinity,
					TopologySpreadConstraints: spread, SecurityContext: spec.SecurityContext, PriorityClassName: spec.PriorityClass,
					ImagePullSecrets: spec.PullSecrets, TerminationGracePeriodSeconds: new(int64(600)), AutomountServiceAccountToken: new(true),
					InitContainers: overlay([]corev1.Container{reloader(s, "init-config-reloader")}, spec.InitContainers),
					Containers:     overlay([]corev1.Container{main, reloader(s, "config-reloader")}, spec.Containers),
				},
			},
		},
	}
	m.store(spec, set)
	return owned(typed(set), s.Object, true)
}

// store gives a StatefulSet its claim, or an empty directory.
func (m monitor) store(spec *monitored, set *appsv1.StatefulSet) {
	name := set.Name + "-db"
	if spec.Storage == nil || spec.Storage.EmptyDir != nil {
		set.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
		return
	}
	claim := spec.Storage.VolumeClaimTemplate
	if i := strings.Index(set.Name, "-shard-"); i > 0 {
		name = set.Name[:i] + "-db"
	}
	if claim.Metadata.Name != "" {
		name = claim.Metadata.Name
	}
	if len(claim.Spec.AccessModes) == 0 {
		claim.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	}
	set.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: claim.Metadata.Labels, Annotations: claim.Metadata.Annotations}, Spec: claim.Spec,
	}}
}

// ownLabels are an object's labels as its operator hands them on.
func ownLabels(o Object) map[string]string {
	if o.GetLabels() == nil {
		return map[string]string{}
	}
	return o.GetLabels()
}

// reloader is the container that watches the configuration, with the requests that the operator was told by its flags.
func reloader(s *Scene, name string) corev1.Container {
	image, cpu, size := "quay.io/prometheus-operator/prometheus-config-reloader:v0.93.1", "10m", "50Mi"
	for _, c := range mapsAt(s.Controller.Object, "spec", "template", "spec", "containers") {
		for _, arg := range textsAt(c, "args") {
			flag, value, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
			switch flag {
			case "prometheus-config-reloader":
				image = value
			case "config-reloader-cpu-request":
				cpu = value
			case "config-reloader-memory-request":
				size = value
			}
		}
	}
	c := corev1.Container{Name: name, Image: image, Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{}}}
	for kind, value := range map[corev1.ResourceName]string{corev1.ResourceCPU: cpu, corev1.ResourceMemory: size} {
		if q, err := resource.ParseQuantity(value); err == nil && !q.IsZero() {
			c.Resources.Requests[kind] = q
		}
	}
	port, kind := int32(8080), "reloader-web"
	if name == "init-config-reloader" {
		port, kind = 8081, "reloader-init"
	}
	c.Ports = []corev1.ContainerPort{{Name: kind, ContainerPort: port, Protocol: corev1.ProtocolTCP}}
	return c
}

// status counts pods and says what of them is there.
func (m monitor) status(s *Scene, spec *monitored, sets []Object, selector map[string]string, shards int64) map[string]any {
	var replicas, updated, available int64
	want := int64(*orElse(spec.Replicas, 1))
	found := true
	var perShard []any
	for i, set := range sets {
		if set == nil {
			found = false
			continue
		}
		r, u, a := numberAt(set.Object, 0, "status", "replicas"), numberAt(set.Object, 0, "status", "updatedReplicas"), numberAt(set.Object, 0, "status", "readyReplicas")
		replicas, updated, available = replicas+r, updated+u, available+a
		perShard = append(perShard, map[string]any{
			"shardID": fmt.Sprint(i), "replicas": r, "updatedReplicas": u, "availableReplicas": a, "unavailableReplicas": r - a,
		})
	}
	is := condition{"Available", "True", "", "", s.Object.GetGeneration()}
	switch {
	case !found:
		is.status, is.reason = "False", "StatefulSetNotFound"
	case available == 0 && want > 0:
		is.status, is.reason = "False", "NoPodReady"
	case available < want*shards:
		is.status, is.reason = "Degraded", "SomePodsNotReady"
	}
	done := condition{"Reconciled", "True", "", "", s.Object.GetGeneration()}
	if spec.Paused {
		done.status, done.reason = "Unknown", "ReconciliationPaused"
	} else if !found {
		done.status, done.reason = "Unknown", "ReconciliationPending"
	}
	status := map[string]any{
		"paused": spec.Paused, "replicas": replicas, "updatedReplicas": updated, "availableReplicas": available, "unavailableReplicas": replicas - available,
		"selector": labels.SelectorFromSet(selector).String(), "conditions": conditions(s.Object, s.Wall, is, done),
	}
	if m.kind == "prometheus" {
		status["shards"] = shards
		if perShard != nil {
			status["shardStatuses"] = perShard
		}
	}
	return status
}
