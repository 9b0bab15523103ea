// SPDX-License-Identifier: Apache-2.0

package fit_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/kube/kubetest"
)

const (
	space  = "fit"
	driver = "dobs.csi.digitalocean.com"
	poll   = 40 * time.Millisecond
	// decided is how long kube-scheduler or a controller may take. They take milliseconds on an idle machine.
	decided = 2 * time.Minute
)

// cluster is a real API server with the real kube-scheduler, to which one platform after the other is given. Nodes are objects
// alone; no kubelet plays them.
type cluster struct {
	*testing.T
	client.Client
	round    int // Makes names that were never there before.
	services map[string]bool
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{T: t, services: map[string]bool{}, Client: patient{kubetest.Start(t).Client(t)}}
	c.ensure(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: space}})
	return c
}

func (c *cluster) ensure(o client.Object) {
	c.Helper()
	if err := c.Create(c.Context(), o); err != nil {
		c.Fatalf("create %T %s: %v", o, o.GetName(), err)
	}
}

// ensureAll makes what comes in no order, side by side.
func (c *cluster) ensureAll(objects []client.Object) {
	c.Helper()
	var all errgroup.Group
	all.SetLimit(16)
	for _, o := range objects {
		all.Go(func() error {
			if err := c.Create(c.Context(), o); err != nil {
				return fmt.Errorf("create %T %s: %w", o, o.GetName(), err)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		c.Fatal(err)
	}
}

// trial is one platform in the cluster.
type trial struct {
	*cluster
	platform  *platform
	pods      []template // As workloads, in fit's order of them: the system's first.
	workloads []fit.Workload
	nodes     []fit.Pool // One for each node, pool by pool.
	prefix    string
}

// stage makes everything of a platform but nodes and pods.
func (c *cluster) stage(p *platform) *trial {
	c.Helper()
	c.round++
	t := &trial{cluster: c, platform: p, prefix: fmt.Sprintf("r%d", c.round), workloads: append(fit.System(), p.workloads()...), pods: p.templates()}
	for _, pool := range p.Pools {
		t.nodes = append(t.nodes, slices.Repeat([]fit.Pool{pool}, pool.Min)...)
	}
	for _, pod := range t.pods { // kube-scheduler spreads by default only what a Service or controller selects
		if c.services[pod.name] {
			continue
		}
		c.services[pod.name] = true
		c.ensure(&corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "app-" + pod.name, Namespace: space}, Spec: corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone,
			Selector: map[string]string{"app": pod.Labels["app"]}, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(80)}}}})
	}
	return t
}

func (t *trial) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: t.prefix + "-" + name, Namespace: space, Labels: map[string]string{"trial": t.prefix}}
}

func (t *trial) node(i int) string { return fmt.Sprintf("%s-n%d", t.prefix, i) }

// join makes a node as DOKS would give it: with what pods can have and what the system's daemons take of it.
func (t *trial) join(i int) {
	t.Helper()
	pool := t.nodes[i]
	has := fit.Allocatable(pool.MemoryMiB, pool.VCPUs)
	room := list(has.CPU+510, has.Memory+580)
	room[corev1.ResourcePods] = *resource.NewQuantity(int64(has.Pods+1), resource.DecimalSI)
	labels := maps.Clone(pool.Labels)
	maps.Copy(labels, map[string]string{corev1.LabelHostname: t.node(i), "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "trial": t.prefix})
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: t.node(i), Labels: labels}}
	for _, taint := range pool.Taints {
		node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: taint.Key, Value: taint.Value, Effect: corev1.TaintEffect(taint.Effect)})
	}
	node.Status = corev1.NodeStatus{Capacity: room, Allocatable: room, Conditions: []corev1.NodeCondition{
		{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", LastHeartbeatTime: metav1.Now(), LastTransitionTime: metav1.Now()}}}
	t.ensure(&storagev1.CSINode{ObjectMeta: metav1.ObjectMeta{Name: node.Name, Labels: labels}, Spec: storagev1.CSINodeSpec{Drivers: []storagev1.CSINodeDriver{
		{Name: driver, NodeID: node.Name, Allocatable: &storagev1.VolumeNodeResources{Count: new(int32(fit.VolumesPerNode))}}}}})
	t.ensure(node)
	daemons := t.pod("daemons", corev1.PodSpec{NodeName: node.Name, Containers: []corev1.Container{{Name: "c", Image: "example.com/c:1",
		Resources: corev1.ResourceRequirements{Requests: list(510, 580)}}}})
	daemons.Name += fmt.Sprint("-", i)
	t.ensure(daemons)
}

// known waits until kube-scheduler has seen the node: until it puts a pod there that fits nowhere else. Nodes and pods come to
// it in the order of their making, each kind on its own.
func (t *trial) known(i int) {
	t.Helper()
	canary := t.pod("canary", corev1.PodSpec{NodeSelector: map[string]string{corev1.LabelHostname: t.node(i)},
		Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}}, Containers: []corev1.Container{{Name: "c", Image: "example.com/c:1"}}})
	t.ensure(canary)
	t.await("kube-scheduler to see node "+t.node(i), func() int {
		if err := t.Get(t.Context(), client.ObjectKeyFromObject(canary), canary); err != nil {
			t.Fatal(err)
		}
		if canary.Spec.NodeName == "" {
			return 1
		}
		return 0
	})
	t.remove(canary)
}

func (t *trial) remove(o client.Object) {
	t.Helper()
	if err := t.Delete(t.Context(), o, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
}

// pod is a pod of the trial, which stays on a node that no kubelet speaks for, and goes to nodes of the trial alone.
func (t *trial) pod(name string, spec corev1.PodSpec) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: t.meta(name), Spec: *spec.DeepCopy()}
	if p.Spec.NodeSelector == nil {
		p.Spec.NodeSelector = map[string]string{}
	}
	p.Spec.NodeSelector["trial"] = t.prefix
	p.Spec.TerminationGracePeriodSeconds = new(int64(0))
	for _, key := range []string{corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable} {
		p.Spec.Tolerations = append(p.Spec.Tolerations, corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists})
	}
	return p
}

// arrive makes one pod of a workload, with its claims bound.
func (t *trial) arrive(a fit.Arrival, serial int) *corev1.Pod {
	t.Helper()
	from := t.pods[a.Workload]
	t.round++
	p := t.pod(fmt.Sprintf("%s-%d-%d", from.name, serial, t.round), from.Spec)
	maps.Copy(p.Labels, from.Labels)
	if a.Node >= 0 {
		pin(&p.Spec, t.node(a.Node))
	}
	for n := range t.workloads[a.Workload].Volumes {
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: fmt.Sprint("v", n), VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: t.claimName(a.Workload, serial, n)}}})
	}
	t.ensure(p)
	return p
}

func (t *trial) claimName(workload, serial, n int) string {
	return fmt.Sprintf("%s-%s-%d-v%d", t.prefix, t.pods[workload].name, serial, n)
}

// claims makes the claims of all pods beforehand, so that kube-scheduler knows them when the pods come.
func (t *trial) claims(o fit.Order) {
	t.Helper()
	var objects []client.Object
	for serial, a := range o.Pods {
		for n := range t.workloads[a.Workload].Volumes {
			objects = append(objects, t.claim(t.claimName(a.Workload, serial, n))...)
		}
	}
	for i, w := range t.workloads {
		for n := range w.Volumes * min(w.Surge, 1) {
			objects = append(objects, t.claim(t.claimName(i, len(o.Pods)+i, n))...)
		}
	}
	if len(objects) == 0 {
		return
	}
	t.ensureAll(objects)
	t.await("the claims to be bound", func() (open int) {
		var claims corev1.PersistentVolumeClaimList
		if err := t.List(t.Context(), &claims, client.InNamespace(space), client.MatchingLabels{"trial": t.prefix}); err != nil {
			t.Fatal(err)
		}
		for _, c := range claims.Items {
			if c.Status.Phase != corev1.ClaimBound {
				open++
			}
		}
		return open
	})
}

// await looks until nothing is open any more.
func (t *trial) await(what string, open func() int) {
	t.Helper()
	deadline := time.Now().Add(decided)
	for n := open(); n > 0; n = open() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s: %d are open", decided, what, n)
		}
		time.Sleep(poll)
	}
}

// claim is a claim and a volume of DigitalOcean's driver for it, as after provisioning.
func (t *trial) claim(name string) []client.Object {
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: t.meta("")}
	claim.Name = name
	claim.Spec = corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: new(""),
		VolumeName: claim.Name, Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}}}
	volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: claim.Name, Labels: claim.Labels}, Spec: corev1.PersistentVolumeSpec{
		AccessModes: claim.Spec.AccessModes, Capacity: claim.Spec.Resources.Requests, PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
		ClaimRef:               &corev1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: space, Name: claim.Name},
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: claim.Name}}}}
	return []client.Object{volume, claim}
}

// pin ties a daemon's pod to its node, as the DaemonSet controller does.
func pin(spec *corev1.PodSpec, node string) {
	if spec.Affinity == nil {
		spec.Affinity = &corev1.Affinity{}
	}
	if spec.Affinity.NodeAffinity == nil {
		spec.Affinity.NodeAffinity = &corev1.NodeAffinity{}
	}
	at := &spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	if *at == nil {
		*at = &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{}}}
	}
	for i := range (*at).NodeSelectorTerms {
		(*at).NodeSelectorTerms[i].MatchFields = []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{node}}}
	}
}

// verdicts waits until kube-scheduler has decided on every pod of the trial, and gives those that it found no node for.
func (t *trial) verdicts() (stuck []corev1.Pod) {
	t.Helper()
	t.await("kube-scheduler to decide on the pods", func() (open int) {
		var pods corev1.PodList
		if err := t.List(t.Context(), &pods, client.InNamespace(space), client.MatchingLabels{"trial": t.prefix}); err != nil {
			t.Fatal(err)
		}
		stuck = nil
		for _, p := range pods.Items {
			switch {
			case p.Spec.NodeName != "":
			case slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
				return c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse
			}):
				stuck = append(stuck, p)
			default:
				open++
			}
		}
		return open
	})
	return stuck
}

// outcome is what became of the pods in one order of arrival: how many found no node, and what the first of them said.
type outcome struct {
	stuck int
	why   string
}

func (o outcome) String() string {
	if o.stuck == 0 {
		return "every pod has a node"
	}
	return fmt.Sprintf("%d without a node, such as %s", o.stuck, o.why)
}

// run lets the pods arrive in an order, and then for each workload the extra pod of a rolling update, one at a time.
func (t *trial) run(o fit.Order) outcome {
	t.Helper()
	defer t.clear()
	t.claims(o)
	first := 0
	if o.First >= 0 {
		t.join(o.First)
		t.known(o.First)
		for first < len(o.Pods) && o.Pods[first].Workload < len(fit.System()) {
			t.arrive(o.Pods[first], first)
			first++
		}
		t.verdicts()
	}
	for i := range t.nodes {
		if i != o.First {
			t.join(i)
		}
	}
	t.known(max(len(t.nodes)-1, 0))
	for i, a := range o.Pods[first:] {
		t.arrive(a, first+i)
	}
	// What found no node may find one now that others stand. It is asked anew, since kube-scheduler looks again only when it
	// sees a reason, and after a while.
	stuck := t.verdicts()
	for len(stuck) > 0 {
		before := len(stuck)
		for i, p := range stuck {
			t.remove(&p)
			again := p.DeepCopy()
			again.ObjectMeta = metav1.ObjectMeta{Name: fmt.Sprintf("%s-again%d", t.prefix, t.round+i), Namespace: space, Labels: p.Labels}
			again.Status = corev1.PodStatus{}
			t.ensure(again)
		}
		t.round += before
		if stuck = t.verdicts(); len(stuck) == before {
			return said(stuck)
		}
	}
	for i, w := range t.workloads {
		if w.Surge == 0 {
			continue
		}
		extra := t.arrive(fit.Arrival{Workload: i, Node: -1}, len(o.Pods)+i)
		if stuck = t.verdicts(); len(stuck) > 0 {
			return said(stuck)
		}
		t.remove(extra)
	}
	return outcome{}
}

func said(stuck []corev1.Pod) outcome {
	o := outcome{stuck: len(stuck), why: stuck[0].Labels["app"]}
	for _, c := range stuck[0].Status.Conditions {
		if c.Type == corev1.PodScheduled {
			o.why += ": " + c.Message
		}
	}
	return o
}

// clear takes pods and nodes away.
func (t *trial) clear() {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 3*time.Minute)
	defer cancel()
	ours := client.MatchingLabels{"trial": t.prefix}
	for _, step := range []error{
		t.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(space), ours, client.GracePeriodSeconds(0)),
		t.DeleteAllOf(ctx, &corev1.PersistentVolumeClaim{}, client.InNamespace(space), ours),
		t.DeleteAllOf(ctx, &corev1.PersistentVolume{}, ours),
		t.DeleteAllOf(ctx, &corev1.Node{}, ours),
		t.DeleteAllOf(ctx, &storagev1.CSINode{}, ours),
	} {
		if step != nil {
			t.Fatalf("clear away what was tried: %v", step)
		}
	}
	t.round++
	t.prefix = fmt.Sprintf("r%d", t.round)
}
