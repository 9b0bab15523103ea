// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"net/netip"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

// furniture is one workload that DOKS puts into kube-system. Requests are those of real clusters (see digitalocean/capacity.go);
// images are what it runs by name, and are never pulled.
type furniture struct {
	name, image string
	cpu, memory string
	replicas    int32 // 0: a DaemonSet
	legacy      bool  // only on clusters that are not VPC-native
}

var furnitures = []furniture{
	{name: "cilium", image: "quay.io/cilium/cilium:v1.18.0", cpu: "300m", memory: "300Mi"},
	{name: "cpc-bridge-proxy", image: "docker.io/digitalocean/cpc-bridge-proxy:1.29.0", cpu: "100m", memory: "75Mi"},
	{name: "do-node-agent", image: "docker.io/digitalocean/do-agent:3.18.0", cpu: "102m", memory: "80Mi"},
	{name: "csi-do-node", image: "docker.io/digitalocean/do-csi-plugin:v4.15.0"},
	{name: "konnectivity-agent", image: "registry.k8s.io/kas-network-proxy/proxy-agent:v0.33.0"},
	{name: "kube-proxy", image: "registry.k8s.io/kube-proxy:v1.34.1", memory: "125Mi", legacy: true},
	{name: "coredns", image: "registry.k8s.io/coredns/coredns:v1.12.0", cpu: "100m", memory: "150M", replicas: 2},
	{name: "cilium-operator", image: "quay.io/cilium/operator-generic:v1.18.0", cpu: "100m", memory: "150M", replicas: 1},
	{name: "hubble-relay", image: "quay.io/cilium/hubble-relay:v1.18.0", replicas: 1},
	{name: "hubble-ui", image: "quay.io/cilium/hubble-ui:v0.13.2", replicas: 1},
}

const system = "kube-system"

// furnish puts into a new cluster what DOKS puts there. What exists stays as it is.
func furnish(ctx context.Context, client kubernetes.Interface, k digitalocean.ClusterSpec) error {
	for _, f := range furnitures {
		if f.legacy && k.VPCNative {
			continue
		}
		if err := f.place(ctx, client); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	if _, err := client.CoreV1().ConfigMaps(system).Create(ctx, cilium(k), metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	// Asked for first, since creating it again would be refused for its address, not for its name.
	_, err := client.CoreV1().Services(system).Get(ctx, "kube-dns", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = client.CoreV1().Services(system).Create(ctx, dns(k.ServiceSubnet), metav1.CreateOptions{})
	}
	if err != nil {
		return err
	}
	if err := StorageClasses(ctx, client); err != nil {
		return err
	}
	_, err = client.StorageV1().CSIDrivers().Create(ctx, driver(), metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}

// cilium is what Cilium is told. DigitalOcean publishes that Cilium stands in for kube-proxy in VPC-native clusters, and nothing of the
// rest: these are what Cilium's chart 1.18 says unless somebody says otherwise.
func cilium(k digitalocean.ClusterSpec) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "cilium-config", Namespace: system, Labels: map[string]string{"doks.digitalocean.com/managed": "true"}},
		Data:       map[string]string{"kube-proxy-replacement": strconv.FormatBool(k.VPCNative), "bpf-lb-sock": "false", "cni-exclusive": "true"},
	}
}

func (f furniture) place(ctx context.Context, client kubernetes.Interface) error {
	labels := map[string]string{"k8s-app": f.name, "doks.digitalocean.com/managed": "true"}
	if f.name == "coredns" {
		labels["k8s-app"] = "kube-dns"
	}
	requests := corev1.ResourceList{}
	if f.cpu != "" {
		requests[corev1.ResourceCPU] = resource.MustParse(f.cpu)
	}
	if f.memory != "" {
		requests[corev1.ResourceMemory] = resource.MustParse(f.memory)
	}
	meta := metav1.ObjectMeta{Name: f.name, Namespace: system, Labels: labels}
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": labels["k8s-app"]}}
	pod := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec: corev1.PodSpec{
			Containers:        []corev1.Container{{Name: f.name, Image: f.image, Resources: corev1.ResourceRequirements{Requests: requests}}},
			Tolerations:       []corev1.Toleration{{Key: "CriticalAddonsOnly", Operator: corev1.TolerationOpExists}},
			PriorityClassName: "system-cluster-critical",
		},
	}
	if f.replicas > 0 {
		_, err := client.AppsV1().Deployments(system).Create(ctx, &appsv1.Deployment{
			ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Replicas: &f.replicas, Selector: selector, Template: pod},
		}, metav1.CreateOptions{})
		return err
	}
	pod.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	pod.Spec.PriorityClassName = "system-node-critical"
	pod.Spec.HostNetwork = true
	_, err := client.AppsV1().DaemonSets(system).Create(ctx, &appsv1.DaemonSet{
		ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: pod},
	}, metav1.CreateOptions{})
	return err
}

// dns is the Service at the tenth address of the service subnet.
func dns(subnet string) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-dns", Namespace: system, Labels: map[string]string{"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true"}},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"k8s-app": "kube-dns"},
			Ports: []corev1.ServicePort{
				{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP, TargetPort: intstr.FromInt32(53)},
				{Name: "dns-tcp", Port: 53, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(53)},
			},
		},
	}
	if p, err := netip.ParsePrefix(subnet); err == nil {
		address := p.Masked().Addr()
		for range 10 {
			address = address.Next()
		}
		s.Spec.ClusterIP = address.String()
	}
	return s
}

// provisioner is DigitalOcean's block storage driver.
const provisioner = "dobs.csi.digitalocean.com"

// StorageClasses puts DOKS's four into a cluster, unless they are there.
func StorageClasses(ctx context.Context, client kubernetes.Interface) error {
	for _, class := range storageClasses() {
		if _, err := client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return nil
}

func storageClasses() []*storagev1.StorageClass {
	expand, immediate := true, storagev1.VolumeBindingImmediate
	remove, retain := corev1.PersistentVolumeReclaimDelete, corev1.PersistentVolumeReclaimRetain
	class := func(name string, policy *corev1.PersistentVolumeReclaimPolicy, filesystem string) *storagev1.StorageClass {
		c := &storagev1.StorageClass{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: provisioner, ReclaimPolicy: policy,
			AllowVolumeExpansion: &expand, VolumeBindingMode: &immediate,
		}
		if filesystem != "" {
			c.Parameters = map[string]string{"csi.storage.k8s.io/fstype": filesystem}
		}
		return c
	}
	standard := class("do-block-storage", &remove, "")
	standard.Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
	return []*storagev1.StorageClass{
		standard, class("do-block-storage-retain", &retain, ""), class("do-block-storage-xfs", &remove, "xfs"), class("do-block-storage-xfs-retain", &retain, "xfs"),
	}
}

func driver() *storagev1.CSIDriver {
	yes := true
	return &storagev1.CSIDriver{ObjectMeta: metav1.ObjectMeta{Name: provisioner}, Spec: storagev1.CSIDriverSpec{AttachRequired: &yes, PodInfoOnMount: &yes}}
}
