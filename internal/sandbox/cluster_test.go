// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
)

// controlPlane finds the binary that these tests need, or skips.
func controlPlane(t *testing.T) string {
	t.Helper()
	for _, path := range []string{os.Getenv("K8OR_CONTROLPLANE"), filepath.Join("..", "..", "bin", "k8or-controlplane")} {
		if info, err := os.Stat(path); path != "" && err == nil && info.Mode().IsRegular() {
			absolute, err := filepath.Abs(path)
			if err != nil {
				t.Fatal(err)
			}
			return absolute
		}
	}
	t.Skip("the control plane's binary is not there: `make build` makes bin/k8or-controlplane, or K8OR_CONTROLPLANE names it")
	return ""
}

// kube is a client with the credentials that the cloud gives out.
func (b *box) kube(cluster string) kubernetes.Interface {
	b.Helper()
	client, err := kubernetes.NewForConfig(b.config(cluster))
	if err != nil {
		b.Fatal(err)
	}
	return client
}

func (b *box) clusterState(id string) string {
	_, out := b.call(b.info.Token, "GET", b.info.DigitalOcean+"/v2/kubernetes/clusters/"+id, "")
	k, _ := out["kubernetes_cluster"].(map[string]any)
	status, _ := k["status"].(map[string]any)
	state, _ := status["state"].(string)
	return state
}

func TestClusterStaysProvisioningUntilItsControlPlaneIsThere(t *testing.T) {
	t.Parallel()
	real := controlPlane(t)
	dir := t.TempDir()
	later := filepath.Join(dir, "k8or-controlplane")
	b := open(t, Options{Dir: filepath.Join(dir, "sandbox"), ControlPlane: later, Speed: 100})
	out := b.api(201, "POST", "/v2/kubernetes/clusters", `{"name":"late","region":"nyc3","version":"1.36","node_pools":[{"name":"a","size":"s-2vcpu-4gb","count":1}]}`)
	id := out["kubernetes_cluster"].(map[string]any)["id"].(string)
	b.until(20*time.Second, "the node's Droplet is active", func() bool {
		_, out := b.call(b.info.AdminToken, "GET", b.info.Admin+"/ready-times", "")
		return strings.Contains(fmt.Sprint(out), "node_pool") && strings.Contains(fmt.Sprint(out), "readyAt")
	})
	if got := b.clusterState(id); got != "provisioning" {
		t.Errorf("without a control plane the cluster is %s", got)
	}
	if got := b.admin(200, "GET", "/status", "")["controlplane"].(map[string]any); got["problem"] == nil {
		t.Errorf("the status does not say what is missing: %v", got)
	}
	if err := os.Symlink(real, later); err != nil {
		t.Skip("this system makes no symbolic links")
	}
	b.until(60*time.Second, "the cluster runs", func() bool { return b.clusterState(id) == "running" })
}

// TestClusterLivesAsOnDigitalOcean goes through one cluster's life, since each boot of a control plane costs seconds.
func TestClusterLivesAsOnDigitalOcean(t *testing.T) {
	t.Parallel()
	o := Options{Dir: t.TempDir(), ControlPlane: controlPlane(t), Speed: 60}
	b := open(t, o)
	out := b.api(201, "POST", "/v2/kubernetes/clusters", `{"name":"shop","region":"nyc3","version":"1.35","ha":false,"surge_upgrade":true,
		"cluster_subnet":"172.16.0.0/16","service_subnet":"172.20.0.0/19",
		"node_pools":[{"name":"general","size":"s-2vcpu-4gb","count":2,"labels":{"k8or.io/pool":"general"}}]}`)
	id := out["kubernetes_cluster"].(map[string]any)["id"].(string)
	b.until(60*time.Second, "the cluster runs", func() bool { return b.clusterState(id) == "running" })
	client := b.kube(id)
	b.nodesAreDOKS(client, 2, "v1.35.7")
	b.systemRuns(client)
	b.serviceGetsBalancer(client, id)
	b.claimGetsVolume(client)
	b.volumeFollowsItsPod(client)
	b.registryIsIntegrated(client, id)
	b.poolGrows(client, id)
	b.poolScalesByItself(client, id)

	b.api(202, "POST", "/v2/kubernetes/clusters/"+id+"/upgrade", `{"version":"1.36.3-do.0"}`)
	b.until(90*time.Second, "the cluster is upgraded", func() bool { return b.clusterState(id) == "running" })
	b.nodesAreDOKS(client, 3, "v1.36.3")
	if v, err := client.Discovery().ServerVersion(); err != nil || v.GitVersion != "v1.36.3" {
		t.Errorf("after the upgrade the server says %v, %v", v, err)
	}

	b.stop()
	b = open(t, o)
	b.until(30*time.Second, "the cluster answers after a restart, to the same client", func() bool {
		list, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		return err == nil && len(list.Items) == 3
	})
	b.serviceAndClaimGo(client)

	b.serviceGetsBalancer(client, id)
	b.claimGetsVolume(client)
	b.api(204, "DELETE", "/v2/kubernetes/clusters/"+id, "")
	b.until(30*time.Second, "the cluster is gone", func() bool { return b.kinds()["kubernetes_cluster"] == 0 })
	left := b.kinds()
	if left["load_balancer"] != 1 || left["volume"] != 1 || left["droplet"] != 0 {
		t.Errorf("a careless deletion left %v, want one load balancer and one volume", left)
	}
	// The API forgets the cluster first; then its control plane ends, and its folder goes.
	b.until(60*time.Second, "the cluster's folder is gone", func() bool {
		_, err := os.Stat(filepath.Join(o.Dir, "clusters", id))
		return os.IsNotExist(err)
	})
}

// registryIsIntegrated wants a pull secret in every namespace, with a password that the registry takes.
func (b *box) registryIsIntegrated(client kubernetes.Interface, id string) {
	b.Helper()
	b.api(201, "POST", "/v2/registries", `{"name":"shop","subscription_tier_slug":"basic","region":"nyc3"}`)
	b.api(204, "POST", "/v2/kubernetes/registry", `{"cluster_uuids":["`+id+`"]}`)
	if _, err := client.CoreV1().Namespaces().Create(b.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "late"}}, metav1.CreateOptions{}); err != nil {
		b.Fatal(err)
	}
	for _, namespace := range []string{"kube-system", "default", "late"} {
		b.until(10*time.Second, "pods in "+namespace+" pull with the registry's secret", func() bool {
			account, err := client.CoreV1().ServiceAccounts(namespace).Get(b.Context(), "default", metav1.GetOptions{})
			return err == nil && len(account.ImagePullSecrets) == 1 && account.ImagePullSecrets[0].Name == "shop"
		})
	}
	secret, err := client.CoreV1().Secrets("late").Get(b.Context(), "shop", metav1.GetOptions{})
	if err != nil {
		b.Fatal(err)
	}
	var config struct {
		Auths map[string]struct{ Auth []byte }
	}
	if err := json.Unmarshal(secret.Data[corev1.DockerConfigJsonKey], &config); err != nil {
		b.Fatal(err)
	}
	user, password, _ := strings.Cut(string(config.Auths["registry.digitalocean.com"].Auth), ":")
	r, err := http.NewRequestWithContext(b.Context(), "GET", "http://"+b.info.Registry+"/v2/registry/auth?scope=repository:shop/web:pull", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.SetBasicAuth(user, password)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 200 {
		b.Errorf("the registry answers the pull secret's password with %d", answer.StatusCode)
	}
	b.api(204, "DELETE", "/v2/kubernetes/registry", `{"cluster_uuids":["`+id+`"]}`)
	b.until(10*time.Second, "the pull secret goes with the integration", func() bool {
		_, err := client.CoreV1().Secrets("late").Get(b.Context(), "shop", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
	b.api(204, "DELETE", "/v2/registries/shop", "")
}

func (b *box) nodesAreDOKS(client kubernetes.Interface, count int, version string) {
	b.Helper()
	b.until(60*time.Second, fmt.Sprintf("%d nodes of %s are ready", count, version), func() bool {
		list, err := client.CoreV1().Nodes().List(b.Context(), metav1.ListOptions{})
		if err != nil || len(list.Items) != count {
			return false
		}
		for _, n := range list.Items {
			if !ready(n) || n.Status.NodeInfo.KubeletVersion != version {
				return false
			}
		}
		return true
	})
	list, err := client.CoreV1().Nodes().List(b.Context(), metav1.ListOptions{})
	if err != nil {
		b.Fatal(err)
	}
	networks := map[string]bool{}
	for _, n := range list.Items {
		networks[n.Spec.PodCIDR] = true
		memory := n.Status.Allocatable[corev1.ResourceMemory]
		if n.Labels["doks.digitalocean.com/node-pool"] != "general" || n.Labels["k8or.io/pool"] != "general" ||
			!strings.HasPrefix(n.Spec.ProviderID, "digitalocean://") || n.Labels["doks.digitalocean.com/version"] != version[1:]+"-do.0" {
			b.Errorf("node %s has labels %v, provider id %s", n.Name, n.Labels, n.Spec.ProviderID)
		}
		if want := int64(2560+455) << 20; memory.Value() != want {
			b.Errorf("node %s has %v allocatable, want %d", n.Name, memory.String(), want)
		}
	}
	if len(networks) != count {
		b.Errorf("%d nodes share the networks %v", count, networks)
	}
}

func ready(n corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (b *box) systemRuns(client kubernetes.Interface) {
	b.Helper()
	b.until(60*time.Second, "the system's pods run", func() bool {
		pods, err := client.CoreV1().Pods("kube-system").List(b.Context(), metav1.ListOptions{})
		if err != nil || len(pods.Items) < 15 { // 5 daemons on 2 nodes, 5 others
			return false
		}
		for _, p := range pods.Items {
			if p.Status.Phase != corev1.PodRunning {
				return false
			}
		}
		return true
	})
}

func (b *box) serviceGetsBalancer(client kubernetes.Interface, cluster string) {
	b.Helper()
	_, err := client.CoreV1().Services("default").Create(b.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Annotations: map[string]string{
			"service.beta.kubernetes.io/do-loadbalancer-type": "REGIONAL", "service.beta.kubernetes.io/do-loadbalancer-name": "shop-web",
		}},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)}}},
	}, metav1.CreateOptions{})
	if err != nil {
		b.Fatal(err)
	}
	var s *corev1.Service
	b.until(30*time.Second, "the Service has an address", func() bool {
		s, err = client.CoreV1().Services("default").Get(b.Context(), "web", metav1.GetOptions{})
		return err == nil && len(s.Status.LoadBalancer.Ingress) == 1
	})
	lb := b.api(200, "GET", "/v2/load_balancers/"+s.Annotations["kubernetes.digitalocean.com/load-balancer-id"], "")["load_balancer"].(map[string]any)
	if lb["name"] != "shop-web" || lb["type"] != "REGIONAL" || lb["ip"] != s.Status.LoadBalancer.Ingress[0].IP || len(lb["droplet_ids"].([]any)) < 2 {
		b.Errorf("the load balancer is %v", lb)
	}
	associated := b.api(200, "GET", "/v2/kubernetes/clusters/"+cluster+"/destroy_with_associated_resources", "")
	if len(associated["load_balancers"].([]any)) != 1 {
		b.Errorf("associated resources are %v", associated)
	}
}

func (b *box) claimGetsVolume(client kubernetes.Interface) {
	b.Helper()
	ctx := b.Context()
	_, err := client.CoreV1().PersistentVolumeClaims("default").Create(ctx, &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("10Gi")}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		b.Fatal(err)
	}
	var c *corev1.PersistentVolumeClaim
	b.until(30*time.Second, "the claim is bound", func() bool {
		c, err = client.CoreV1().PersistentVolumeClaims("default").Get(ctx, "data", metav1.GetOptions{})
		return err == nil && c.Status.Phase == corev1.ClaimBound
	})
	if out := b.api(200, "GET", "/v2/volumes?name="+c.Spec.VolumeName, "")["volumes"].([]any); len(out) != 1 {
		b.Errorf("volumes named %s are %v", c.Spec.VolumeName, out)
	}
	c.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("20Gi")
	if _, err := client.CoreV1().PersistentVolumeClaims("default").Update(ctx, c, metav1.UpdateOptions{}); err != nil {
		b.Fatal(err)
	}
	b.until(30*time.Second, "the claim has grown", func() bool {
		c, err = client.CoreV1().PersistentVolumeClaims("default").Get(ctx, "data", metav1.GetOptions{})
		return err == nil && c.Status.Capacity.Storage().String() == "20Gi"
	})
}

func (b *box) serviceAndClaimGo(client kubernetes.Interface) {
	b.Helper()
	ctx := context.WithoutCancel(b.Context())
	if err := client.CoreV1().Services("default").Delete(ctx, "web", metav1.DeleteOptions{}); err != nil {
		b.Fatal(err)
	}
	if err := client.CoreV1().PersistentVolumeClaims("default").Delete(ctx, "data", metav1.DeleteOptions{}); err != nil {
		b.Fatal(err)
	}
	b.until(30*time.Second, "load balancer and volume are gone with them", func() bool {
		left := b.kinds()
		volumes, err := client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
		_, gone := client.CoreV1().Services("default").Get(ctx, "web", metav1.GetOptions{})
		return left["load_balancer"] == 0 && left["volume"] == 0 && err == nil && len(volumes.Items) == 0 && gone != nil
	})
}

// volumeFollowsItsPod runs a pod with the claim `data`, and ends it.
func (b *box) volumeFollowsItsPod(client kubernetes.Interface) {
	b.Helper()
	pod := podWith("user", corev1.PodSpec{
		Containers: []corev1.Container{{Name: "user", Image: "user:1.0.0", VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}}},
		Volumes:    []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}},
	})
	if _, err := client.CoreV1().Pods("default").Create(b.Context(), pod, metav1.CreateOptions{}); err != nil {
		b.Fatal(err)
	}
	droplets := func() int {
		volume := b.api(200, "GET", "/v2/volumes", "")["volumes"].([]any)[0].(map[string]any)
		return len(volume["droplet_ids"].([]any))
	}
	b.until(30*time.Second, "the volume is attached", func() bool { return droplets() == 1 })
	if err := client.CoreV1().Pods("default").Delete(b.Context(), "user", metav1.DeleteOptions{}); err != nil {
		b.Fatal(err)
	}
	b.until(60*time.Second, "the volume is detached", func() bool { return droplets() == 0 })
}

func podWith(name string, spec corev1.PodSpec) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
}

// poolScalesByItself adds an autoscaled pool without nodes, wants one by a pod, and no longer wants it.
func (b *box) poolScalesByItself(client kubernetes.Interface, cluster string) {
	b.Helper()
	path := "/v2/kubernetes/clusters/" + cluster + "/node_pools"
	pool := b.api(201, "POST", path, `{"name":"burst","size":"s-2vcpu-4gb","count":0,"auto_scale":true,"min_nodes":0,"max_nodes":2}`)["node_pool"].(map[string]any)["id"].(string)
	pod := podWith("burst", corev1.PodSpec{
		Containers: []corev1.Container{{Name: "burst", Image: "burst:1.0.0"}}, NodeSelector: map[string]string{"doks.digitalocean.com/node-pool": "burst"},
	})
	if _, err := client.CoreV1().Pods("default").Create(b.Context(), pod, metav1.CreateOptions{}); err != nil {
		b.Fatal(err)
	}
	b.until(60*time.Second, "the pod runs on a node of the autoscaled pool", func() bool {
		p, err := client.CoreV1().Pods("default").Get(b.Context(), "burst", metav1.GetOptions{})
		return err == nil && p.Status.Phase == corev1.PodRunning
	})
	if err := client.CoreV1().Pods("default").Delete(b.Context(), "burst", metav1.DeleteOptions{}); err != nil {
		b.Fatal(err)
	}
	b.until(60*time.Second, "the pool is empty again", func() bool {
		p := b.api(200, "GET", path+"/"+pool, "")["node_pool"].(map[string]any)
		return len(p["nodes"].([]any)) == 0 && p["count"] == 0.0
	})
	b.api(204, "DELETE", path+"/"+pool, "")
}

func (b *box) poolGrows(client kubernetes.Interface, cluster string) {
	b.Helper()
	path := "/v2/kubernetes/clusters/" + cluster + "/node_pools"
	pool := b.api(200, "GET", path, "")["node_pools"].([]any)[0].(map[string]any)["id"].(string)
	b.api(202, "PUT", path+"/"+pool, `{"name":"general","count":3}`)
	b.nodesAreDOKS(client, 3, "v1.35.7")
}
