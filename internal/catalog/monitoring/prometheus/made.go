// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
)

// made is what fit counts and price bills: the pods that the operator makes of the custom resources, and Grafana's disk. The chart's own
// pods are read from its objects.
type made struct {
	prometheus, alertmanager product.Operated
	grafana                  int // GiB
}

// choose declares what is made.
func choose(s *product.Selecting, e entry) {
	m, _ := madeOf(s.Platform(), e) // what cannot be read is refused by check
	s.Operates(m.prometheus, m.alertmanager)
	disk := func(what string, gib int) {
		if gib > 0 {
			s.Bill(price.Item{What: what, Kind: price.Volume, Min: gib, Max: gib})
		}
	}
	disk("disk of metrics", m.prometheus.GiB())
	disk("disk of Alertmanager", m.alertmanager.GiB())
	disk("disk of Grafana", m.grafana)
}

// madeOf reads what is made from the specs and values that are applied.
func madeOf(p product.Platform, e entry) (made, []product.Refusal) {
	var chart struct {
		Operator struct {
			Reloader struct{ Resources corev1.ResourceRequirements } `json:"prometheusConfigReloader"`
		} `json:"prometheusOperator"`
		Grafana struct {
			Persistence struct {
				Enabled bool
				Size    resource.Quantity
			}
		}
	}
	vals, err := product.Values(values, chartValues(p, e), e.Spec.Values)
	if err != nil {
		return made{}, []product.Refusal{{What: err.Error()}}
	}
	out := product.Read("values", vals, &chart)
	var m made
	if d := chart.Grafana.Persistence; d.Enabled {
		m.grafana = product.Operated{Replicas: 1, Disks: []resource.Quantity{d.Size}}.GiB()
	}
	var metrics, alerts monitored
	out = append(out, product.Read("options.prometheus", prometheusSpec(p, e), &metrics)...)
	out = append(out, product.Read("options.alertmanager", alertmanagerSpec(p, e), &alerts)...)
	m.prometheus = metrics.operated("prometheus", e, chart.Operator.Reloader.Resources)
	m.alertmanager = alerts.operated("alertmanager", e, chart.Operator.Reloader.Resources)
	return m, out
}

// monitored is the spec of a Prometheus or an Alertmanager as far as its pods go. Most of their fields are called as a pod's are.
type monitored struct {
	corev1.PodSpec
	Replicas  *uint32                     `json:"replicas"`
	Shards    *uint32                     `json:"shards"`
	Resources corev1.ResourceRequirements `json:"resources"` // of its own container, and not the pod's
	Thanos    *struct {
		Resources corev1.ResourceRequirements `json:"resources"`
	} `json:"thanos"`
	Storage *struct {
		EmptyDir            *corev1.EmptyDirVolumeSource          `json:"emptyDir"`
		Ephemeral           *corev1.EphemeralVolumeSource         `json:"ephemeral"`
		VolumeClaimTemplate *corev1.PersistentVolumeClaimTemplate `json:"volumeClaimTemplate"`
	} `json:"storage"`
}

// operated is what the operator makes of it: so many pods for each shard, with a reloader of configuration in each. Source:
// prometheus-operator, pkg/prometheus/server/statefulset.go and pkg/alertmanager/statefulset.go.
func (m monitored) operated(kind string, e entry, reloader corev1.ResourceRequirements) product.Operated {
	pod := m.PodSpec
	own := []corev1.Container{{Name: kind, Resources: m.Resources}, {Name: "config-reloader", Resources: reloader}}
	if m.Thanos != nil {
		own = append(own, corev1.Container{Name: "thanos-sidecar", Resources: m.Thanos.Resources})
	}
	pod.Containers = product.Overlaid(own, m.Containers)
	pod.InitContainers = product.Overlaid([]corev1.Container{{Name: "init-config-reloader", Resources: reloader}}, m.InitContainers)
	o := product.Operated{Name: kind + "-" + name, Namespace: e.Namespace(), Labels: podsOf(kind), Replicas: count(m.Replicas) * count(m.Shards), Pod: pod}
	switch s := m.Storage; {
	case s == nil || s.EmptyDir != nil:
	case s.Ephemeral != nil:
		if t := s.Ephemeral.VolumeClaimTemplate; t != nil {
			o.Disks = append(o.Disks, *t.Spec.Resources.Requests.Storage())
		}
	case s.VolumeClaimTemplate != nil:
		o.Disks = append(o.Disks, *s.VolumeClaimTemplate.Spec.Resources.Requests.Storage())
	}
	return o
}

// count is a number that is one where it is left out.
func count(n *uint32) int {
	if n == nil {
		return 1
	}
	return int(*n)
}
