// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clients "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

// TestClusterInMemoryLivesWithItsCloud needs neither a process nor a socket, and no real time.
func TestClusterInMemoryLivesWithItsCloud(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fast, err := clock.NewScaled(60)
		if err != nil {
			t.Fatal(err)
		}
		runtime := New(nil)
		cloud := digitalocean.New(digitalocean.Options{Clock: fast, Seed: 1, Runtime: runtime})
		runtime.Join(cloud, nil)
		defer cloud.Close()
		id := create(t, cloud)
		time.Sleep(7 * time.Second) // seven minutes of the model's
		synctest.Wait()
		if got := cloud.Clusters(); len(got) != 1 || got[0].State != "running" {
			t.Fatalf("clusters are %+v", got)
		}
		token, err := runtime.Token(id, "me", time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		client, err := clients.NewForConfig(&rest.Config{Host: "https://" + id + ".k8s.ondigitalocean.com", Transport: runtime.Transport(), BearerToken: token, QPS: -1})
		if err != nil {
			t.Fatal(err)
		}
		nodes, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		if err != nil || len(nodes.Items) != 2 {
			t.Fatalf("got %d nodes, %v", len(nodes.Items), err)
		}
		web := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 80}}}}
		if _, err := client.CoreV1().Services("default").Create(t.Context(), web, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			time.Sleep(time.Second)
			web, err = client.CoreV1().Services("default").Get(t.Context(), "web", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
		}
		if len(web.Status.LoadBalancer.Ingress) != 1 {
			t.Errorf("the Service has no address: %+v", web.Status)
		}
		call(t, cloud, "DELETE", "/v2/kubernetes/clusters/"+id, "", 204)
		time.Sleep(5 * time.Second)
		left := map[string]int{}
		for _, thing := range cloud.Inventory() {
			left[thing.Kind]++
		}
		if left["load_balancer"] != 1 || left["kubernetes_cluster"] != 0 || left["droplet"] != 0 {
			t.Errorf("a careless deletion left %v", left)
		}
		if _, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{}); err == nil || !strings.Contains(err.Error(), "no such host") {
			t.Errorf("a deleted cluster answers %v", err)
		}
	})
}

func create(t *testing.T, cloud *digitalocean.Cloud) string {
	t.Helper()
	call(t, cloud, "POST", "/v2/kubernetes/clusters", `{"name":"shop","region":"nyc3","version":"1.36","node_pools":[{"name":"a","size":"s-2vcpu-4gb","count":2}]}`, 201)
	return cloud.Clusters()[0].ID
}

func call(t *testing.T, cloud *digitalocean.Cloud, method, path, body string, want int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://api.digitalocean.com"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Client{Transport: cloud.Hands("")}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != want {
		text, _ := io.ReadAll(answer.Body)
		t.Fatalf("%s %s: %s %s", method, path, answer.Status, text)
	}
}
