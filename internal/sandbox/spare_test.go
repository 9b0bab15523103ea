// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestSpareControlPlaneGoesToTheNextCluster takes one cluster through what makes a control plane its own: tokens, the
// addresses of Services, and coming back after a restart.
func TestSpareControlPlaneGoesToTheNextCluster(t *testing.T) {
	t.Parallel()
	o := Options{Dir: t.TempDir(), ControlPlane: controlPlane(t), Speed: 100, Spare: true}
	b := open(t, o)
	clusters := filepath.Join(o.Dir, "clusters")
	spares := func() []string {
		found, err := filepath.Glob(filepath.Join(clusters, "spare-*", "port"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	b.until(180*time.Second, "a spare is up", func() bool { return len(spares()) == 1 })
	spare := filepath.Base(filepath.Dir(spares()[0]))
	create := func(name, pods, services string) string {
		out := b.api(201, "POST", "/v2/kubernetes/clusters", `{"name":"`+name+`","region":"nyc3","version":"1.36",
			"cluster_subnet":"`+pods+`","service_subnet":"`+services+`","node_pools":[{"name":"general","size":"s-2vcpu-4gb","count":1}]}`)
		return out["kubernetes_cluster"].(map[string]any)["id"].(string)
	}
	other := create("other", "10.200.0.0/16", "172.20.0.0/19")
	id := create("shop", "10.128.0.0/16", "10.112.0.0/19")
	b.until(180*time.Second, "both clusters run", func() bool { return b.clusterState(id) == "running" && b.clusterState(other) == "running" })
	if home, err := os.ReadFile(filepath.Join(clusters, id, "home")); err != nil || string(home) != spare {
		t.Errorf("the cluster lives in %q (%v), and the spare was %s", home, err, spare)
	}
	if _, err := os.Stat(filepath.Join(clusters, other, "home")); err == nil {
		t.Error("a cluster with other addresses took the spare")
	}
	client := b.kube(id)
	dns, err := client.CoreV1().Services("kube-system").Get(t.Context(), "kube-dns", metav1.GetOptions{})
	if err != nil || dns.Spec.ClusterIP != "10.112.0.10" {
		t.Errorf("kube-dns has the address %q (%v)", dns.Spec.ClusterIP, err)
	}
	b.stop()
	b = open(t, o)
	b.until(180*time.Second, "the cluster answers after a restart, to the same client", func() bool {
		list, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		return err == nil && len(list.Items) == 1
	})
	b.api(204, "DELETE", "/v2/kubernetes/clusters/"+id, "")
	b.until(90*time.Second, "the cluster and its home are gone", func() bool {
		_, own := os.Stat(filepath.Join(clusters, id))
		_, home := os.Stat(filepath.Join(clusters, spare))
		return os.IsNotExist(own) && os.IsNotExist(home)
	})
	b.stop()
	if left := spares(); len(left) != 0 {
		t.Errorf("the sandbox that has ended leaves %v", left)
	}
}
