// SPDX-License-Identifier: Apache-2.0

package charttest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/k8or/k8or/internal/chart"
)

// toy names its objects as charts do: after the release, after an override, after a value, and some not at all.
var toy = map[string]string{
	"Chart.yaml":  "apiVersion: v2\nname: toy\nversion: 1.2.3\nappVersion: 4.5.6\n",
	"values.yaml": "replicas: 2\nclass: toy\nresources: {requests: {cpu: 100m, memory: 100Mi}}\nside: {cpu: {request: 50m}}\npersistence: {size: 1Gi}\n",
	"templates/all.yaml": `
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Values.fullnameOverride | default .Release.Name }}-web"}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web, of: "{{ .Release.Name }}"}}
  template:
    metadata: {labels: {app: web, of: "{{ .Release.Name }}", in: "{{ .Release.Namespace }}", helm.sh/chart: toy-1.2.3}}
    spec:
      initContainers: [{name: prepare, image: "example.com/prepare:1", resources: {requests: {cpu: 10m, memory: 300Mi}}}]
      containers:
        - {name: web, image: "example.com/web:1", ports: [{name: http, containerPort: 8080}], resources: {{ toJson .Values.resources }}}
        - {name: side, image: "example.com/side:1", resources: {limits: {cpu: {{ .Values.side.cpu.request }}, memory: 20Mi}}}
        - {name: other, image: "example.com/side:1", resources: {limits: {cpu: {{ .Values.side.cpu.request }}}}}
      volumes: [{name: files, persistentVolumeClaim: {claimName: "{{ .Release.Name }}-files"}}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: fixed-agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "example.com/agent:1"}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: "{{ .Release.Name }}-store"}
spec:
  serviceName: "{{ .Release.Name }}-store"
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store}}
    spec: {containers: [{name: store, image: "example.com/store:1"}]}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {resources: {requests: {storage: "{{ .Values.persistence.size }}"}}}}]
---
apiVersion: v1
kind: Service
metadata: {name: "{{ .Values.fullnameOverride | default .Release.Name }}-web", labels: {of: "{{ .Release.Name }}"}}
spec: {selector: {app: web, of: "{{ .Release.Name }}"}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: dns, namespace: kube-system}
spec: {clusterIP: None, selector: {k8s-app: kube-dns}, ports: [{port: 53, protocol: UDP}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: "{{ .Release.Name }}-files"}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 3Gi}}}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: "{{ .Values.class }}"}
spec: {controller: example.com/toy}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: toy}
webhooks: []
---
apiVersion: batch/v1
kind: Job
metadata: {name: check, annotations: {helm.sh/hook: post-install}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: check, image: "example.com/check:1"}]}}}`,
	"crds/toys.yaml": `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: toys.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Toy, plural: toys, singular: toy, listKind: ToyList}
  versions: [{name: v1, served: true, storage: true, subresources: {status: {}}, schema: {openAPIV3Schema: {type: object}}}]`,
}

func load(t *testing.T, files map[string]string) *chart.Chart {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, "toy", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, err := chart.Load(filepath.Join(dir, "toy"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// valuesOf are the toy's values.
func valuesOf(name, class string, replicas int, cpu, memory, side, size string) map[string]any {
	return map[string]any{"fullnameOverride": name, "class": class, "replicas": replicas, "persistence": map[string]any{"size": size},
		"side": map[string]any{"cpu": map[string]any{"request": side}}, "resources": map[string]any{"requests": map[string]any{"cpu": cpu, "memory": memory}}}
}

func TestARecordStandsInForTheChartUnderOtherNamesAndSizesToo(t *testing.T) {
	t.Parallel()
	c := load(t, toy)
	footprint, err := Record(t.Context(), c, chart.Options{ReleaseName: "shop", Namespace: "shop-system", KubeVersion: "1.36",
		Values: valuesOf("shop", "shop", 2, "200m", "300Mi", "50m", "1Gi")})
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := JSON(footprint)
	if err != nil {
		t.Fatal(err)
	}
	for why, o := range map[string]chart.Options{
		"as recorded": {ReleaseName: "shop", Namespace: "shop-system", Values: valuesOf("shop", "shop", 2, "200m", "300Mi", "50m", "1Gi")},
		"otherwise":   {ReleaseName: "b", Namespace: "c", Values: valuesOf("d", "e", 5, "1", "1.5Gi", "70m", "20Gi")},
	} {
		o.KubeVersion, o.IncludeCRDs = "1.36", true
		real, err := chart.Render(t.Context(), c, o)
		if err != nil {
			t.Fatal(err)
		}
		stand, err := chart.StandIn(recorded, o)
		if err != nil {
			t.Fatal(err)
		}
		differences, err := Differences(real, stand)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range differences {
			t.Errorf("%s: %s\n%s", why, d, recorded)
		}
	}
}

func TestDifferencesNameWhatARecordGotWrong(t *testing.T) {
	t.Parallel()
	o := chart.Options{ReleaseName: "shop", Namespace: "ns", KubeVersion: "1.36", IncludeCRDs: true, Values: map[string]any{"fullnameOverride": "shop"}}
	c := load(t, toy)
	real, err := chart.Render(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	for why, spoil := range map[string]func(*chart.Footprint){
		"requests":   func(f *chart.Footprint) { f.Workloads[1].Requests.CPU++ },
		"replicas":   func(f *chart.Footprint) { f.Workloads[1].Replicas = new(int64(3)) },
		"an image":   func(f *chart.Footprint) { f.Workloads[0].Containers[0].Image = "example.com/agent:2" },
		"selector":   func(f *chart.Footprint) { f.Services[1].Selector["app"] = "other" },
		"a port":     func(f *chart.Footprint) { f.Services[1].Ports[0].Port++ },
		"a workload": func(f *chart.Footprint) { f.Workloads = f.Workloads[:1] },
		"a CRD":      func(f *chart.Footprint) { f.CRDs[0].Versions[0].Name = "v2" },
		"a claim":    func(f *chart.Footprint) { f.Claims = nil },
	} {
		f, err := Record(t.Context(), c, o)
		if err != nil {
			t.Fatal(err)
		}
		spoil(f)
		recorded, err := JSON(f)
		if err != nil {
			t.Fatal(err)
		}
		stand, err := chart.StandIn(recorded, o)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := Differences(real, stand); err != nil || len(d) == 0 {
			t.Errorf("%s is wrong, and nothing is said of it (%v)", why, err)
		}
	}
}

func TestRequestsAreCountedAsTheSchedulerDoes(t *testing.T) {
	t.Parallel()
	container := func(cpu, memory string, always bool) corev1.Container {
		c := corev1.Container{Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}}}
		if always {
			c.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		}
		return c
	}
	for _, c := range []struct {
		why  string
		pod  corev1.PodSpec
		want chart.Requests
	}{
		{"containers together", corev1.PodSpec{Containers: []corev1.Container{container("100m", "64Mi", false), container("1", "1Gi", false)}}, chart.Requests{CPU: 1100, Memory: 1088}},
		{"the hungriest init container", corev1.PodSpec{InitContainers: []corev1.Container{container("2", "8Mi", false), container("1", "16Mi", false)},
			Containers: []corev1.Container{container("100m", "64Mi", false)}}, chart.Requests{CPU: 2000, Memory: 64}},
		{"a sidecar counts all the time", corev1.PodSpec{InitContainers: []corev1.Container{container("10m", "8Mi", true), container("100m", "8Mi", false)},
			Containers: []corev1.Container{container("95m", "64Mi", false)}}, chart.Requests{CPU: 110, Memory: 72}},
		{"rounded up", corev1.PodSpec{Containers: []corev1.Container{container("0.1m", "1", false)}}, chart.Requests{CPU: 1, Memory: 1}},
		{"a limit without a request", corev1.PodSpec{Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{
			corev1.ResourceMemory: resource.MustParse("32Mi")}}}}}, chart.Requests{Memory: 32}},
		{"nothing", corev1.PodSpec{Containers: []corev1.Container{{}}}, chart.Requests{}},
	} {
		if got := RequestsOf(&c.pod); got != c.want {
			t.Errorf("%s: got %v, want %v", c.why, got, c.want)
		}
	}
}

func TestARecordLeavesOutVersionsThatAreNoIdentity(t *testing.T) {
	t.Parallel()
	f, err := Record(t.Context(), load(t, toy), chart.Options{ReleaseName: "shop", Namespace: "ns", KubeVersion: "1.36"})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(f.Workloads, func(w chart.Workload) bool { return w.Kind == "Deployment" })
	if w := f.Workloads[i]; len(w.Labels) != 1 || w.Labels["in"] != "{namespace}" || w.Selector["of"] != "{release}" || w.Name != "{release}-web" || len(w.Mounts) != 1 || w.Mounts[0] != "{release}-files" {
		t.Errorf("the Deployment is recorded as %+v", w)
	}
	if len(f.Workloads) != 3 || len(f.Services) != 2 {
		t.Errorf("%d workloads and %d Services: hooks are not among them", len(f.Workloads), len(f.Services))
	}
}
