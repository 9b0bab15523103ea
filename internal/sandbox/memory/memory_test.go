// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
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
	"github.com/k8or/k8or/internal/sandbox/kubernetes"
)

// open is a cloud at 60 times the speed of life, and the runtime that has its clusters in memory.
func open(t *testing.T) (*Runtime, *digitalocean.Cloud) {
	t.Helper()
	fast, err := clock.NewScaled(60)
	if err != nil {
		t.Fatal(err)
	}
	runtime := New(nil)
	cloud := digitalocean.New(digitalocean.Options{Clock: fast, Seed: 1, Runtime: runtime})
	runtime.Join(cloud, nil)
	return runtime, cloud
}

// TestClusterInMemoryLivesWithItsCloud needs neither a process nor a socket, and no real time.
func TestClusterInMemoryLivesWithItsCloud(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runtime, cloud := open(t)
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
	call(t, cloud, "POST", "/v2/kubernetes/clusters", `{"name":"shop","region":"nyc3","version":"1.36","cluster_subnet":"172.20.0.0/16","service_subnet":"172.21.0.0/20","node_pools":[{"name":"a","size":"s-2vcpu-4gb","count":2}]}`, 201)
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

const writesNames = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"external-dns"},"spec":{"replicas":1,"selector":{"matchLabels":{"app":"dns"}},"template":{"metadata":{"labels":{"app":"dns"}},"spec":{"containers":[
  {"name":"external-dns","image":"registry.k8s.io/external-dns/external-dns:v0.20.0","args":["--source=service","--source=ingress","--source=gateway-httproute","--label-filter=names!=none","--domain-filter=example.com","--txt-owner-id=me","--txt-wildcard-replacement=any","--policy=%s"]}]}}}}`

// Records are written beside those of others, follow what they lead to, and with the policy sync they go with it.
func TestNamesAreWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runtime, cloud := open(t)
		defer cloud.Close()
		id := create(t, cloud)
		for _, zone := range []string{"example.com", "dev.example.com", "example.org"} {
			call(t, cloud, "POST", "/v2/domains", `{"name":"`+zone+`"}`, 201)
		}
		call(t, cloud, "POST", "/v2/domains/example.com/records", `{"type":"A","name":"taken","data":"192.0.2.9"}`, 201)
		time.Sleep(7 * time.Second) // seven minutes of the model's
		config := runtime.Server(id).Config()
		send := func(method, path, body string) map[string]any {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), method, config.Host+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", map[string]string{"PATCH": "application/merge-patch+json"}[method]+map[string]string{"POST": "application/json"}[method])
			answer, err := config.Transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			var out map[string]any
			if err := json.NewDecoder(answer.Body).Decode(&out); err != nil || answer.StatusCode >= 300 {
				t.Fatalf("%s %s: %d %v, %v", method, path, answer.StatusCode, out, err)
			}
			return out
		}
		const ingress = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
		holds := func(want string) {
			t.Helper()
			for range 8 { // a cluster in memory does what is due when it is asked something
				time.Sleep(time.Second)
				send("GET", "/api/v1/namespaces", "")
			}
			var got []string
			for _, zone := range []string{"example.com", "dev.example.com", "example.org"} {
				all, err := kubernetes.Zones(cloud.Hands("")).Records(zone)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range all {
					switch {
					case r.Type == "TXT":
						got = append(got, r.Name+" "+strings.TrimPrefix(strings.Trim(r.Data, `"`), "heritage=external-dns,external-dns/owner=me,external-dns/resource="))
					case r.Type == "CNAME":
						got = append(got, r.Name+" "+r.Data)
					case r.Type == "A":
						got = append(got, r.Name+strings.TrimPrefix(" "+r.Data, " 192.0.2.9"))
					}
				}
			}
			for i, line := range got { // addresses are the cloud's to choose
				if name, data, _ := strings.Cut(line, " "); strings.Count(data, ".") == 3 && !strings.Contains(data, "/") {
					got[i] = name
				}
			}
			slices.Sort(got)
			if all := strings.Join(got, "\n"); all != strings.TrimSpace(want) {
				t.Errorf("the zones hold\n%s\nwant\n%s", all, want)
			}
		}
		send("POST", "/apis/apps/v1/namespaces/default/deployments", strings.Replace(writesNames, "%s", "sync", 1))
		send("POST", "/api/v1/namespaces/default/services", `{"apiVersion":"v1","kind":"Service","metadata":{"name":"web","annotations":{"external-dns.alpha.kubernetes.io/hostname":"shop.example.com, taken.example.com, *.dev.example.com, example.org"}},"spec":{"type":"LoadBalancer","ports":[{"port":80}]}}`)
		send("POST", "/api/v1/namespaces/default/services", `{"apiVersion":"v1","kind":"Service","metadata":{"name":"other","labels":{"names":"none"},"annotations":{"external-dns.alpha.kubernetes.io/hostname":"other.example.com"}},"spec":{"type":"LoadBalancer","ports":[{"port":80}]}}`)
		send("POST", ingress, `{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"in"},"spec":{"rules":[{"host":"in.example.com"}]}}`)
		send("PATCH", ingress+"/in/status", `{"status":{"loadBalancer":{"ingress":[{"hostname":"lb.example.net"}]}}}`)
		send("POST", "/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways", `{"apiVersion":"gateway.networking.k8s.io/v1","kind":"Gateway","metadata":{"name":"public"},"spec":{"gatewayClassName":"cilium","listeners":[{"name":"http","port":80,"protocol":"HTTP"}]}}`)
		send("POST", "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes", `{"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute","metadata":{"name":"route"},"spec":{"parentRefs":[{"name":"public"}],"hostnames":["route.example.com"],"rules":[{"backendRefs":[{"name":"web","port":80}]}]}}`)
		const beside = "\na-route.example.com httproute/default/route\n"
		holds("*.dev.example.com\na-any.dev.example.com service/default/web" + beside + "a-shop.example.com service/default/web\ncname-in.example.com ingress/default/in\n" +
			"in.example.com lb.example.net\nroute.example.com\nshop.example.com\ntaken.example.com")

		send("PATCH", ingress+"/in/status", `{"status":{"loadBalancer":{"ingress":[{"hostname":"lb2.example.net"}]}}}`)
		send("PATCH", "/api/v1/namespaces/default/services/web", `{"metadata":{"annotations":{"external-dns.alpha.kubernetes.io/hostname":null}}}`)
		const left = "a-route.example.com httproute/default/route\ncname-in.example.com ingress/default/in\nin.example.com lb2.example.net\nroute.example.com\ntaken.example.com"
		holds(left)

		send("PATCH", "/apis/apps/v1/namespaces/default/deployments/external-dns", strings.Replace(writesNames, "%s", "upsert-only", 1))
		send("DELETE", ingress+"/in", "")
		holds(left)
	})
}
