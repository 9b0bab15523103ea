// SPDX-License-Identifier: Apache-2.0

package product_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/product"
)

func objects(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var out []*unstructured.Unstructured
	for part := range strings.SplitSeq(text, "\n---\n") {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(part), &o.Object); err != nil {
			t.Fatalf("%v in:\n%s", err, part)
		}
		out = append(out, o)
	}
	return out
}

// deployment is one with the given lines below spec and below the pod's spec.
func deployment(spec, pod string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n" + indent("  ", spec) +
		"  template:\n    metadata: {labels: {app: web}}\n    spec:\n" + indent("      ", pod)
}

func indent(by, text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		b.WriteString(by + strings.TrimRight(line, "\n") + "\n")
	}
	if text == "" {
		return ""
	}
	return b.String()
}

const plain = "containers: [{name: c, resources: {requests: {cpu: 100m, memory: 64Mi}}}]"

func TestPodsAreReadAsKubernetesCountsThem(t *testing.T) {
	t.Parallel()
	own := fit.Selector{Namespaces: []string{"apps"}, MatchLabels: map[string]string{"app": "web"}}
	base := func(change func(*fit.Workload)) fit.Workload {
		w := fit.Workload{For: "apps/web", Name: "web", Replicas: 1, Surge: 1, CPU: 100, Memory: 64, Namespace: "apps", Labels: map[string]string{"app": "web"}}
		if change != nil {
			change(&w)
		}
		return w
	}
	job := "spec:\n  parallelism: 4\n  completions: 2\n  template:\n    metadata: {labels: {app: web}}\n    spec: {" + plain + "}\n"
	for name, c := range map[string]struct {
		object  string
		passing bool
		want    fit.Workload
	}{
		"one replica unless it says":                                  {deployment("", plain), false, base(nil)},
		"four replicas may miss one, so that nothing extra is needed": {deployment("replicas: 4", plain), false, base(func(w *fit.Workload) { w.Replicas, w.Surge = 4, 0 })},
		"four of which none may be missing":                           {deployment("replicas: 4\nstrategy: {rollingUpdate: {maxUnavailable: 0}}", plain), false, base(func(w *fit.Workload) { w.Replicas = 4 })},
		"a rolling update without surge":                              {deployment("strategy: {rollingUpdate: {maxUnavailable: 1, maxSurge: 0}}", plain), false, base(func(w *fit.Workload) { w.Surge = 0 })},
		"recreated":                                                   {deployment("strategy: {type: Recreate}", plain), false, base(func(w *fit.Workload) { w.Surge = 0 })},
		"scaled to nothing":                                           {deployment("replicas: 0", plain), false, base(func(w *fit.Workload) { w.Replicas, w.Surge = 0, 0 })},
		"containers together":                                         {deployment("", "containers:\n- {name: a, resources: {requests: {cpu: 100m, memory: 64Mi}}}\n- {name: b, resources: {requests: {cpu: '0.5', memory: 1M}}}"), false, base(func(w *fit.Workload) { w.CPU, w.Memory = 600, 65 })},
		"a limit stands for a request that is not there":              {deployment("", "containers: [{name: a, resources: {limits: {cpu: 1, memory: 64Mi}, requests: {cpu: 100m}}}]"), false, base(nil)},
		"the largest init container, if it is more than all the rest": {deployment("", "initContainers: [{name: i, resources: {requests: {cpu: 300m, memory: 32Mi}}}]\n"+plain), false, base(func(w *fit.Workload) { w.CPU = 300 })},
		"a native sidecar runs beside the containers":                 {deployment("", "initContainers: [{name: i, restartPolicy: Always, resources: {requests: {cpu: 50m, memory: 32Mi}}}]\n"+plain), false, base(func(w *fit.Workload) { w.CPU, w.Memory = 150, 96 })},
		"and beside init containers that start after it, not before":  {deployment("", "initContainers:\n- {name: before, resources: {requests: {cpu: 140m, memory: 64Mi}}}\n- {name: side, restartPolicy: Always, resources: {requests: {cpu: 10m, memory: 1Mi}}}\n- {name: after, resources: {requests: {cpu: 135m, memory: 64Mi}}}\n"+plain), false, base(func(w *fit.Workload) { w.CPU, w.Memory = 145, 65 })},
		"what is said for the pod comes before its containers'":       {deployment("", "resources: {requests: {cpu: 70m, memory: 80Mi}}\n"+plain), false, base(func(w *fit.Workload) { w.CPU, w.Memory = 70, 80 })},
		"a pool, by selector":                                         {deployment("", "nodeSelector: {k8or.io/pool: big}\n"+plain), false, base(func(w *fit.Workload) { w.NodeSelector = map[string]string{"k8or.io/pool": "big"} })},
		"taints it tolerates": {deployment("", "tolerations: [{key: gpu, operator: Exists, effect: NoSchedule}]\n"+plain), false, base(func(w *fit.Workload) {
			w.Tolerates = []fit.Toleration{{Key: "gpu", Operator: "Exists", Effect: "NoSchedule"}}
		})},
		"claims and ports of the node":              {deployment("", "volumes: [{name: a, persistentVolumeClaim: {claimName: x}}, {name: b, emptyDir: {}}, {name: c, ephemeral: {}}]\ncontainers: [{name: c, ports: [{containerPort: 80, hostPort: 443}], resources: {requests: {cpu: 100m, memory: 64Mi}}}]"), false, base(func(w *fit.Workload) { w.Volumes, w.HostPorts = 2, []string{"443/TCP"} })},
		"every port of a pod on the host's network": {deployment("", "hostNetwork: true\ncontainers: [{name: c, ports: [{containerPort: 53, protocol: UDP}], resources: {requests: {cpu: 100m, memory: 64Mi}}}]"), false, base(func(w *fit.Workload) { w.HostPorts = []string{"53/UDP"} })},
		"apart from its like":                       {deployment("", "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}]}}\n"+plain), false, base(func(w *fit.Workload) { w.Apart = []fit.Selector{own} })},
		"rather apart, rather together, and together": {deployment("", "affinity:\n  podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 50, podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}}]}\n  podAffinity:\n    preferredDuringSchedulingIgnoredDuringExecution: [{weight: 5, podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}}]\n    requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}]\n"+plain), false, base(func(w *fit.Workload) {
			w.Beside = []fit.Selector{own}
			w.PreferApart = []fit.Preference{{Selector: own, Weight: -5}, {Selector: own, Weight: 50}}
		})},
		"spread over nodes": {deployment("", "topologySpreadConstraints: [{maxSkew: 2, minDomains: 3, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, nodeTaintsPolicy: Honor, labelSelector: {matchLabels: {app: web}}}]\n"+plain), false, base(func(w *fit.Workload) {
			w.Spread = []fit.Spread{{Selector: own, MaxSkew: 2, MinDomains: 3, HonorTaints: true}}
		})},
		"nodes by their labels": {deployment("", "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: In, values: [ssd]}]}]}}}\n"+plain), false, base(func(w *fit.Workload) {
			w.Requires = [][]fit.Requirement{{{Key: "disk", Operator: "In", Values: []string{"ssd"}}}}
		})},
		"what cannot be judged is named": {deployment("", "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: topology.kubernetes.io/zone, labelSelector: {}}]}}\ncontainers: [{name: c, resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {nvidia.com/gpu: 1}}}]"), false, base(func(w *fit.Workload) {
			w.Open = []string{"anti-affinity by topology.kubernetes.io/zone", "nvidia.com/gpu"}
		})},
		"a StatefulSet with claims of its own":             {strings.Replace(deployment("volumeClaimTemplates: [{metadata: {name: data}}, {metadata: {name: log}}]", plain), "Deployment", "StatefulSet", 1), false, base(func(w *fit.Workload) { w.Volumes, w.Surge = 2, 0 })},
		"a DaemonSet":                                      {strings.Replace(deployment("", plain), "Deployment", "DaemonSet", 1), false, base(func(w *fit.Workload) { w.PerNode, w.Replicas, w.Surge = true, 0, 0 })},
		"no more pods of a job at once than it has to run": {"apiVersion: batch/v1\nkind: Job\nmetadata: {name: web}\n" + job, false, base(func(w *fit.Workload) { w.Replicas, w.Surge = 2, 0 })},
		"a job as a hook comes once":                       {"apiVersion: batch/v1\nkind: Job\nmetadata: {name: web}\n" + job, true, base(func(w *fit.Workload) { w.Replicas, w.Surge = 0, 1 })},
		"a cron job":                                       {"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: web}\nspec:\n  jobTemplate:\n" + indent("    ", job), false, base(func(w *fit.Workload) { w.Replicas, w.Surge = 2, 0 })},
		"a pod":                                            {"apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: apps, labels: {app: web}}\nspec: {" + plain + "}", false, base(func(w *fit.Workload) { w.Surge = 0 })},
		"no fewer than its autoscaler keeps":               {deployment("", plain) + "\n---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: any}\nspec: {minReplicas: 3, maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}", false, base(func(w *fit.Workload) { w.Replicas = 3 })},
	} {
		got, notes := product.Pods(product.Rendered{For: "apps/web", Namespace: "apps", Objects: objects(t, c.object), Passing: c.passing})
		if diff := cmp.Diff([]fit.Workload{c.want}, got, cmpopts.EquateEmpty()); diff != "" || len(notes) > 0 {
			t.Errorf("%s: notes %q, pods (-want +got):\n%s", name, notes, diff)
		}
	}
}

func TestWhatIsNoWorkloadHasNoPods(t *testing.T) {
	t.Parallel()
	other := objects(t, "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n---\napiVersion: example.com/v1\nkind: Deployment\nmetadata: {name: custom}\nspec: {template: 7}")
	if got, notes := product.Pods(product.Rendered{Objects: other}); len(got)+len(notes) > 0 {
		t.Errorf("pods %v, notes %q", got, notes)
	}
	broken := objects(t, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: many}")
	if got, notes := product.Pods(product.Rendered{For: "apps/web", Objects: broken}); len(got) > 0 || len(notes) != 1 || !strings.Contains(notes[0], "Deployment web (apps/web)") {
		t.Errorf("an object that cannot be read: pods %v, notes %q", got, notes)
	}
}

func TestProductsNeedNotDeclareWhatTheyRender(t *testing.T) {
	t.Parallel()
	c, err := compose(t, toyUse("a", ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range c.Workloads {
		if w.For != "toys/a" || w.Name != "toy" {
			t.Errorf("pods of %s %s; the toy declares its own and renders none", w.For, w.Name)
		}
	}
}
