// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// workload is a Deployment and a Service that wants a load balancer.
const workload = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: registry.example.com/web:1
        ports: [{containerPort: 80}]
        resources: {requests: {cpu: 50m, memory: 32Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{port: 80}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: do-block-storage
  resources: {requests: {storage: 1Gi}}
`

// kubectl works in a cluster through the kubeconfig that the cloud gives out.
func kubectl(s *session) {
	s.access()
	s.write("web.yaml", workload)
	s.kubectl("wait --for=condition=Ready node --all", "wait", "--for=condition=Ready", "node", "--all", "--timeout=60s")
	s.kubectlSays("get nodes", "general-", "get", "nodes")
	s.kubectlSays("version: the server says DOKS's release", "v1.35.", "version")
	s.kubectl("cluster-info", "cluster-info")
	s.kubectlSays("auth can-i", "yes", "auth", "can-i", "*", "*")
	s.kubectl("apply, server-side dry run", "apply", "--server-side", "--dry-run=server", "-f", "web.yaml")
	s.kubectl("apply", "apply", "-f", "web.yaml")
	s.kubectl("rollout status", "rollout", "status", "deployment/web", "--timeout=60s")
	s.kubectlSays("get pods -A", "Running", "get", "pods", "-A")
	s.kubectlSays("diff: nothing differs", "", "diff", "-f", "web.yaml")
	s.kubectl("wait: the Service gets a load balancer's address", "wait", "--for=jsonpath={.status.loadBalancer.ingress[0].ip}", "service/web", "--timeout=60s")
	s.kubectl("wait: the claim gets a volume", "wait", "--for=jsonpath={.status.phase}=Bound", "pvc/data", "--timeout=60s")
	s.kubectl("scale", "scale", "deployment/web", "--replicas=3")
	s.kubectl("rollout restart", "rollout", "restart", "deployment/web")
	s.kubectl("rollout status, after the restart", "rollout", "status", "deployment/web", "--timeout=60s")
	s.kubectlSays("describe", "Replicas:", "describe", "deployment/web")
	s.kubectlSays("explain", "DESCRIPTION", "explain", "deployment.spec.replicas")
	s.kubectlSays("get events", "ScalingReplicaSet", "get", "events")
	s.do("drain", func() error {
		node, err := s.exec(os.Getenv("K8OR_KUBECTL"), "get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
		if err != nil {
			return err
		}
		_, err = s.exec(os.Getenv("K8OR_KUBECTL"), "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=60s")
		return err
	})
	s.kubectl("delete", "delete", "-f", "web.yaml", "--timeout=60s")
	s.do("the load balancer and the volume went with them", func() error {
		return s.until(30*time.Second, "they are gone", func() error {
			for path, total := range map[string]string{"/v2/load_balancers": `"total":0`, "/v2/volumes": `"total":0`} {
				text, err := s.call("GET", path, "")
				if err != nil {
					return err
				}
				if !strings.Contains(string(text), total) {
					return fmt.Errorf("%s has %s", path, text)
				}
			}
			return nil
		})
	})
	text, err := s.exec(os.Getenv("K8OR_KUBECTL"), "version", "--client", "-o", "json")
	if err != nil {
		s.Fatal(err)
	}
	var v struct{ ClientVersion struct{ GitVersion string } }
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		s.Fatal(err)
	}
	s.versions = []string{"kubectl " + strings.TrimPrefix(v.ClientVersion.GitVersion, "v")}
}

// access makes a cluster and takes its kubeconfig, since that is not kubectl's to do.
func (s *session) access() {
	s.Helper()
	var made struct {
		Cluster struct {
			ID     string
			Status struct{ State string }
		} `json:"kubernetes_cluster"`
	}
	text, err := s.call("POST", "/v2/kubernetes/clusters", `{"name":"compat","region":"nyc3","version":"1.35","ha":false,"node_pools":[{"name":"general","size":"s-2vcpu-4gb","count":2}]}`)
	if err == nil {
		err = json.Unmarshal(text, &made)
	}
	if err != nil {
		s.Fatal(err)
	}
	path := "/v2/kubernetes/clusters/" + made.Cluster.ID
	if err := s.until(2*time.Minute, "the cluster runs", func() error {
		text, err := s.call("GET", path, "")
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &made); err != nil {
			return err
		}
		return want("state", made.Cluster.Status.State, "running")
	}); err != nil {
		s.Fatal(err)
	}
	config, err := s.call("GET", path+"/kubeconfig", "")
	if err != nil {
		s.Fatal(err)
	}
	s.write("kubeconfig", string(config))
}

func (s *session) kubectl(what string, args ...string) { s.kubectlSays(what, "", args...) }

// kubectlSays wants a word in what kubectl prints.
func (s *session) kubectlSays(what, word string, args ...string) {
	s.do(what, func() error {
		text, err := s.exec(os.Getenv("K8OR_KUBECTL"), args...)
		if err == nil && !strings.Contains(text, word) {
			err = fmt.Errorf("kubectl %s does not say %q:\n%s", strings.Join(args, " "), word, text)
		}
		return err
	})
}
