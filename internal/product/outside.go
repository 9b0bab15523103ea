// SPDX-License-Identifier: Apache-2.0

package product

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/secret"
)

const metricsSecret = "metrics"

// CloudMetrics hands monitoring the place where DigitalOcean shows the metrics of the database cluster behind the entry at work, with
// its credentials in a Secret of the entry's namespace. In is the cluster's name, home the node of the namespace.
func (b *Building) CloudMetrics(cluster graph.Value[digitalocean.DatabaseOut], in, namespace string, home graph.ID) error {
	out := graph.Add(b.Graph(), b.at+"/metrics", &digitalocean.DatabaseMetrics{On: b.Estate(), Database: cluster, In: in})
	id := b.at + "/metrics-secret"
	held := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": metricsSecret, "namespace": namespace}}}
	if err := b.Filled(id, held, graph.Map(out, func(o digitalocean.DatabaseMetricsOut) map[string]secret.Text {
		return map[string]secret.Text{"username": secret.New(o.Username), "password": o.Password, "ca.crt": o.CA}
	}), graph.After(home)); err != nil {
		return err
	}
	key := func(name string) *kube.SecretKey {
		return &kube.SecretKey{Namespace: namespace, Name: metricsSecret, Key: name}
	}
	Offer(b, MetricsEndpoint{Entry: b.at, Path: "/metrics", Username: key("username"), Password: key("password"), CA: key("ca.crt"), Ready: id,
		Addresses: graph.Map(out, func(o digitalocean.DatabaseMetricsOut) []string { return o.Addresses })})
	return nil
}
