// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

// Labels that DOKS puts on nodes.
const (
	labelPool    = "doks.digitalocean.com/node-pool"
	labelPoolID  = "doks.digitalocean.com/node-pool-id"
	labelNodeID  = "doks.digitalocean.com/node-id"
	labelVersion = "doks.digitalocean.com/version"
)

// syncNodes brings the Node objects in line and tells the hands.
func (p *plane) syncNodes(ctx context.Context, wanted []digitalocean.Node) error {
	p.mu.Lock()
	client, spec, hands := p.client, p.spec, p.hands
	p.mu.Unlock()
	if client == nil {
		return fmt.Errorf("sync the nodes of cluster %s: its control plane does not run", spec.Name)
	}
	if err := SyncNodes(ctx, client, spec, wanted); err != nil {
		return err
	}
	hands.setNodes(wanted)
	return nil
}

// SyncNodes creates the Node objects that are missing, brings labels, taints and drains in line, and deletes those whose Droplet is gone.
func SyncNodes(ctx context.Context, client kubernetes.Interface, spec digitalocean.ClusterSpec, wanted []digitalocean.Node) error {
	there, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: labelNodeID})
	if err != nil {
		return fmt.Errorf("list the nodes of cluster %s: %w", spec.Name, err)
	}
	by, networks := map[string]*corev1.Node{}, map[string]bool{}
	for i := range there.Items {
		n := &there.Items[i]
		by[n.Name], networks[n.Spec.PodCIDR] = n, true
	}
	for _, n := range wanted {
		if old := by[n.Name]; old != nil {
			delete(by, n.Name)
			if err := adjust(ctx, client, old, n); err != nil {
				return err
			}
			continue
		}
		network := freeNetwork(spec.ClusterSubnet, networks)
		networks[network] = true
		if err := join(ctx, client, n, network); err != nil {
			return fmt.Errorf("node %s joins cluster %s: %w", n.Name, spec.Name, err)
		}
	}
	for name := range by {
		if err := client.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete node %s: %w", name, err)
		}
	}
	return nil
}

// freeNetwork is the first /25 of the cluster's subnet that no node has.
func freeNetwork(subnet string, taken map[string]bool) string {
	p, err := netip.ParsePrefix(subnet)
	if err != nil {
		return ""
	}
	base := p.Masked().Addr().As4()
	start := uint32(base[0])<<24 | uint32(base[1])<<16 | uint32(base[2])<<8 | uint32(base[3])
	for at := uint32(0); at < 1<<(32-p.Bits()); at += 128 {
		n := start + at
		network := fmt.Sprintf("%d.%d.%d.%d/25", byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		if !taken[network] {
			return network
		}
	}
	return ""
}

func join(ctx context.Context, client kubernetes.Interface, n digitalocean.Node, network string) error {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: labelsOf(n), Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"}},
		Spec: corev1.NodeSpec{
			ProviderID: "digitalocean://" + strconv.Itoa(n.DropletID), Taints: taintsOf(n), PodCIDR: network, Unschedulable: n.Draining,
		},
	}
	if network != "" {
		node.Spec.PodCIDRs = []string{network}
	}
	node.Status = statusOf(n) // as a kubelet registers itself: in one request
	made, err := client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	return offerVolumes(ctx, client, made, n.DropletID)
}

func labelsOf(n digitalocean.Node) map[string]string {
	labels := map[string]string{
		labelPool: n.Pool, labelPoolID: n.PoolID, labelNodeID: n.ID, labelVersion: n.VersionSlug,
		"kubernetes.io/hostname": n.Name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
		"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/instance-type": n.Size,
		"node.kubernetes.io/instance-type": n.Size, "region": n.Region,
		"topology.kubernetes.io/region": n.Region, "failure-domain.beta.kubernetes.io/region": n.Region,
	}
	maps.Copy(labels, n.Labels)
	return labels
}

func taintsOf(n digitalocean.Node) []corev1.Taint {
	var taints []corev1.Taint
	for _, t := range n.Taints {
		taints = append(taints, corev1.Taint{Key: t.Key, Value: t.Value, Effect: corev1.TaintEffect(t.Effect)})
	}
	if strings.HasPrefix(n.Size, "gpu-mi") {
		taints = append(taints, corev1.Taint{Key: "amd.com/gpu", Effect: corev1.TaintEffectNoSchedule})
	} else if strings.HasPrefix(n.Size, "gpu-") {
		taints = append(taints, corev1.Taint{Key: "nvidia.com/gpu", Effect: corev1.TaintEffectNoSchedule})
	}
	return taints
}

// statusOf is what the kubelet would report, without the conditions: those come from whoever plays the kubelet.
func statusOf(n digitalocean.Node) corev1.NodeStatus {
	of := func(milliCPU, memory int) corev1.ResourceList {
		return corev1.ResourceList{
			corev1.ResourceCPU: *resource.NewMilliQuantity(int64(milliCPU), resource.DecimalSI), corev1.ResourceMemory: *resource.NewQuantity(int64(memory)<<20, resource.BinarySI),
			corev1.ResourcePods: *resource.NewQuantity(int64(n.Capacity.Pods), resource.DecimalSI), corev1.ResourceEphemeralStorage: resource.MustParse("50Gi"),
		}
	}
	s := corev1.NodeStatus{
		Capacity:    of(n.Capacity.MilliCPU, n.Capacity.Memory),
		Allocatable: of(n.Capacity.AllocatableMilliCPU, n.Capacity.AllocatableMemory),
		Addresses:   []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: n.Name}, {Type: corev1.NodeInternalIP, Address: n.PrivateIP}},
		NodeInfo: corev1.NodeSystemInfo{
			KubeletVersion: "v" + strings.SplitN(n.VersionSlug, "-", 2)[0], ContainerRuntimeVersion: "containerd://2.1.0",
			OSImage: "Debian GNU/Linux 13 (trixie)", KernelVersion: "6.12.0-amd64", OperatingSystem: "linux", Architecture: "amd64",
		},
	}
	if n.PublicIP != "" {
		s.Addresses = append(s.Addresses, corev1.NodeAddress{Type: corev1.NodeExternalIP, Address: n.PublicIP})
	}
	return s
}

// adjust follows a pool's labels and taints, and empties a node that is on its way out. As in life, a label that left the
// pool stays on the node, and a taint that left it goes.
func adjust(ctx context.Context, client kubernetes.Interface, node *corev1.Node, n digitalocean.Node) error {
	changed := node.DeepCopy()
	maps.Copy(changed.Labels, labelsOf(n))
	var taints []corev1.Taint
	for _, t := range changed.Spec.Taints {
		if strings.HasPrefix(t.Key, "node.kubernetes.io/") {
			taints = append(taints, t)
		}
	}
	changed.Spec.Taints = append(taintsOf(n), taints...)
	changed.Spec.Unschedulable = changed.Spec.Unschedulable || n.Draining
	if !reflect.DeepEqual(changed.Labels, node.Labels) || !reflect.DeepEqual(orNone(changed.Spec.Taints), orNone(node.Spec.Taints)) || changed.Spec.Unschedulable != node.Spec.Unschedulable {
		if _, err := client.CoreV1().Nodes().Update(ctx, changed, metav1.UpdateOptions{}); err != nil {
			return fmt.Errorf("change node %s: %w", node.Name, err)
		}
	}
	if n.Draining {
		return evict(ctx, client, node.Name)
	}
	return nil
}

func orNone(taints []corev1.Taint) []corev1.Taint {
	if len(taints) == 0 {
		return nil
	}
	return taints
}

// evict asks every pod of a node that no DaemonSet owns to leave. One that a disruption budget holds stays until the node goes.
func evict(ctx context.Context, client kubernetes.Interface, node string) error {
	pods, err := client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return fmt.Errorf("drain node %s: %w", node, err)
	}
	for _, p := range pods.Items {
		if owner := metav1.GetControllerOf(&p); owner != nil && owner.Kind == "DaemonSet" {
			continue
		}
		err := client.PolicyV1().Evictions(p.Namespace).Evict(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace}})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsTooManyRequests(err) {
			return fmt.Errorf("evict pod %s/%s: %w", p.Namespace, p.Name, err)
		}
	}
	return nil
}
