// SPDX-License-Identifier: Apache-2.0

package fit_test

import (
	"fmt"
	"math/rand/v2"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/unit"
)

// sizes are node sizes as DigitalOcean sells them.
var sizes = []fit.Pool{
	{Size: "s-1vcpu-2gb", MemoryMiB: 2048, VCPUs: 1}, {Size: "s-2vcpu-4gb", MemoryMiB: 4096, VCPUs: 2},
	{Size: "s-4vcpu-8gb", MemoryMiB: 8192, VCPUs: 4}, {Size: "g-2vcpu-8gb", MemoryMiB: 8192, VCPUs: 2},
	{Size: "c-4", MemoryMiB: 8192, VCPUs: 4}, {Size: "s-8vcpu-16gb", MemoryMiB: 16384, VCPUs: 8},
}

// chance makes random platforms.
type chance struct{ *rand.Rand }

func (c chance) in(percent int) bool { return c.IntN(100) < percent }

func pick[T any](c chance, from ...T) T { return from[c.IntN(len(from))] }

// maxPods keeps a platform small enough to be tried several times.
const maxPods = 80

// randomPlatform is the platform of a seed: one to three pools, and workloads that ask for a fifth to nearly one and a half of
// what the pools have, with all the wishes that pods may have of their nodes.
func randomPlatform(seed uint64) *platform {
	c := chance{rand.New(rand.NewPCG(seed, 1))}
	p := &platform{Seed: seed, Pools: c.pools()}
	var has fit.Amounts
	for _, pool := range p.Pools {
		node := fit.Allocatable(pool.MemoryMiB, pool.VCPUs)
		has.CPU += node.CPU * unit.MilliCPU(pool.Min)
		has.Memory += node.Memory * unit.MiB(pool.Min)
	}
	load := 0.2 + 1.2*c.Float64()
	cpu, memory, pods := unit.MilliCPU(300), unit.MiB(432), 0
	for i := range 16 {
		o, w := c.workload(fmt.Sprintf("w%d", i), p.Pools)
		n := w.replicas
		cpu, memory, pods = cpu+w.cpu*unit.MilliCPU(n), memory+w.memory*unit.MiB(n), pods+n
		if pods > maxPods {
			break
		}
		p.add(o)
		if max(float64(cpu)/float64(max(has.CPU, 1)), float64(memory)/float64(max(has.Memory, 1))) > load {
			break
		}
	}
	return p
}

func (c chance) pools() []fit.Pool {
	var pools []fit.Pool
	for i := range pick(c, 1, 1, 1, 2, 2, 3) {
		p := sizes[c.IntN(len(sizes))]
		p.Name = fmt.Sprintf("p%d", i)
		p.Min = 1 + c.IntN(5)
		p.Labels = map[string]string{"k8or.io/pool": p.Name, "disk": pick(c, "ssd", "nvme")}
		if i > 0 && c.in(40) {
			p.Taints = []fit.Taint{{Key: "only", Value: p.Name, Effect: pick(c, "NoSchedule", "NoSchedule", "PreferNoSchedule")}}
		}
		p.Max = p.Min
		pools = append(pools, p)
	}
	return pools
}

// about is how much a random workload asks, as far as the load of its platform goes.
type about struct {
	replicas int
	cpu      unit.MilliCPU
	memory   unit.MiB
}

func (c chance) workload(name string, pools []fit.Pool) (runtime.Object, about) {
	nodes := 0
	for _, p := range pools {
		nodes += p.Min
	}
	w := about{replicas: pick(c, 1, 1, 2, 2, 2, 3, 3, 4, 6)}
	w.cpu = unit.MilliCPU(pick(c, 10, 25, 50, 100, 100, 200, 250, 500))
	w.memory = unit.MiB(pick(c, 32, 64, 128, 128, 256, 256, 512, 1024))
	meta := metav1.ObjectMeta{Name: name}
	labels := map[string]string{"app": name, "tier": pick(c, "front", "back")}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: c.pod(name, w, pools)}
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}
	spec := &template.Spec
	switch kind := c.IntN(100); {
	case kind < 10:
		w.replicas = nodes
		w.cpu, w.memory = min(w.cpu, 100), min(w.memory, 128)
		spec.Containers[0].Resources.Requests = list(w.cpu, w.memory)
		if c.in(50) {
			spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
		}
		return &appsv1.DaemonSet{TypeMeta: kinds("apps/v1", "DaemonSet"), ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: template}}, w
	case kind < 15:
		w.replicas = 1
		spec.RestartPolicy = corev1.RestartPolicyNever
		return &batchv1.Job{TypeMeta: kinds("batch/v1", "Job"), ObjectMeta: meta, Spec: batchv1.JobSpec{Template: template}}, w
	case kind < 32:
		c.together(spec, labels, w.replicas, nodes)
		s := &appsv1.StatefulSet{TypeMeta: kinds("apps/v1", "StatefulSet"), ObjectMeta: meta,
			Spec: appsv1.StatefulSetSpec{Replicas: new(int32(w.replicas)), Selector: selector, Template: template}}
		for v := range c.IntN(3) {
			s.Spec.VolumeClaimTemplates = append(s.Spec.VolumeClaimTemplates, corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("data", v)}})
		}
		return s, w
	default:
		c.together(spec, labels, w.replicas, nodes)
		d := &appsv1.Deployment{TypeMeta: kinds("apps/v1", "Deployment"), ObjectMeta: meta,
			Spec: appsv1.DeploymentSpec{Replicas: new(int32(w.replicas)), Selector: selector, Template: template}}
		switch c.IntN(5) {
		case 0:
			d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
		case 1:
			d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxUnavailable: new(intstr.FromInt32(1)), MaxSurge: new(intstr.FromInt32(0))}
		}
		return d, w
	}
}

// together are wishes about other pods. Anti-affinity comes mostly where there are nodes enough for it, as people write it.
func (c chance) together(spec *corev1.PodSpec, labels map[string]string, replicas, nodes int) {
	own := &metav1.LabelSelector{MatchLabels: map[string]string{"app": labels["app"]}}
	term := corev1.PodAffinityTerm{LabelSelector: own, TopologyKey: corev1.LabelHostname}
	switch wish := c.IntN(100); {
	case wish < 12 && (replicas < nodes || c.in(15)):
		spec.Affinity = or(spec.Affinity)
		spec.Affinity.PodAntiAffinity = &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{term}}
	case wish < 22:
		spec.Affinity = or(spec.Affinity)
		spec.Affinity.PodAntiAffinity = &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{Weight: 100, PodAffinityTerm: term}}}
	case wish < 24 && replicas > 1:
		spec.Affinity = or(spec.Affinity)
		spec.Affinity.PodAffinity = &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{term}}
	case wish < 40:
		s := corev1.TopologySpreadConstraint{MaxSkew: pick[int32](c, 1, 1, 2), TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: own}
		if c.in(60) {
			s.NodeTaintsPolicy = new(corev1.NodeInclusionPolicyHonor)
		}
		spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{s}
	case wish < 55:
		spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: own}}
	case wish < 58:
		spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 9000, HostPort: pick[int32](c, 9000, 9001, 9002)}}
	}
}

func or(a *corev1.Affinity) *corev1.Affinity {
	if a == nil {
		return &corev1.Affinity{}
	}
	return a
}

// pod is one pod with its containers and the nodes it asks for.
func (c chance) pod(name string, w about, pools []fit.Pool) corev1.PodSpec {
	container := func(cpu unit.MilliCPU, memory unit.MiB) corev1.Container {
		return corev1.Container{Name: "main", Image: "example.com/" + name + ":1", Resources: corev1.ResourceRequirements{Requests: list(cpu, memory)}}
	}
	spec := corev1.PodSpec{Containers: []corev1.Container{container(w.cpu, w.memory)}}
	switch c.IntN(12) {
	case 0: // an init container that asks for more than what runs later
		spec.InitContainers = []corev1.Container{container(w.cpu*2, w.memory)}
		spec.InitContainers[0].Name = "init"
	case 1: // a sidecar that goes on running
		spec.InitContainers = []corev1.Container{container(10, 32)}
		spec.InitContainers[0].Name, spec.InitContainers[0].RestartPolicy = "sidecar", new(corev1.ContainerRestartPolicyAlways)
	case 2: // limits that stand for requests
		r := &spec.Containers[0].Resources
		r.Limits, r.Requests = r.Requests, nil
	case 3: // nothing said of CPU
		delete(spec.Containers[0].Resources.Requests, corev1.ResourceCPU)
	}
	pool := pools[c.IntN(len(pools))]
	if len(pool.Taints) > 0 && c.in(70) {
		spec.Tolerations = []corev1.Toleration{{Key: "only", Value: pool.Name, Effect: corev1.TaintEffectNoSchedule}}
		if c.in(50) {
			spec.NodeSelector = map[string]string{"k8or.io/pool": pool.Name}
		}
	}
	switch {
	case len(pool.Taints) > 0:
	case c.in(10):
		spec.NodeSelector = map[string]string{"k8or.io/pool": pool.Name}
	case c.in(8):
		spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
				{Key: "disk", Operator: corev1.NodeSelectorOpIn, Values: []string{pool.Labels["disk"]}}}}}}}}
	}
	return spec
}

func kinds(apiVersion, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
}

func list(cpu unit.MilliCPU, memory unit.MiB) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: *resource.NewMilliQuantity(int64(cpu), resource.DecimalSI),
		corev1.ResourceMemory: *resource.NewQuantity(int64(memory)<<20, resource.BinarySI)}
}
