// SPDX-License-Identifier: Apache-2.0

package elk

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
)

// made is what fit counts and price bills: the pods that the operator makes of the custom resources. The operator's own pod is read
// from its objects.
type made struct {
	nodes            []product.Operated // one for each node set
	kibana, logstash product.Operated
}

// choose declares what is made.
func choose(s *product.Selecting, e entry) {
	m, _ := madeOf(s.Platform(), e) // what cannot be read is refused by check
	s.Operates(append(m.nodes, m.kibana, m.logstash)...)
	gib := 0
	for _, set := range m.nodes {
		gib += set.GiB()
	}
	for _, disks := range []price.Item{{What: "disks of Elasticsearch", Min: gib}, {What: "disks of Logstash", Min: m.logstash.GiB()}} {
		if disks.Min > 0 {
			s.Bill(price.Item{What: disks.What, Kind: price.Volume, Min: disks.Min, Max: disks.Min})
		}
	}
}

// check refuses what cannot be read, and what is said twice.
func check(p product.Platform, e entry) []product.Refusal {
	_, out := madeOf(p, e)
	if sets, _ := e.Options.Elasticsearch["nodeSets"].([]any); e.Spec.Storage != nil && slices.ContainsFunc(sets, func(v any) bool {
		set, _ := v.(map[string]any)
		return set["name"] == nodeSet && set["volumeClaimTemplates"] != nil
	}) {
		out = append(out, product.Refusal{Field: "storage", What: "storage would have no effect", Why: "options.elasticsearch says what disks its nodes have", Fix: "keep one of them"})
	}
	if l := e.Options.Logstash; l != nil && l.Replicas > 0 && l.Spec["count"] != nil {
		out = append(out, product.Refusal{Field: "options.logstash.replicas", What: "options.logstash.replicas would have no effect", Why: "options.logstash.spec.count says how many run", Fix: "keep one of them"})
	}
	return out
}

// operated is a resource of ECK's, or a node set of one, as far as its pods go.
type operated struct {
	Name     string                         `json:"name"`
	Count    uint32                         `json:"count"`
	Template corev1.PodTemplateSpec         `json:"podTemplate"`
	Claims   []corev1.PersistentVolumeClaim `json:"volumeClaimTemplates"`
}

// madeOf reads what is made from the specs that are applied.
func madeOf(p product.Platform, e entry) (made, []product.Refusal) {
	pool := p.OnPool(e.Spec.Pool)
	var elastic struct {
		NodeSets []operated `json:"nodeSets"`
	}
	var m made
	out := product.Read("options.elasticsearch", elasticsearchSpec(e, pool), &elastic)
	for _, set := range elastic.NodeSets {
		if set.Template.Spec.Affinity == nil { // as ECK asks
			set.Template.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{
				{Weight: 100, PodAffinityTerm: corev1.PodAffinityTerm{TopologyKey: corev1.LabelHostname, LabelSelector: &metav1.LabelSelector{MatchLabels: nodes}}}}}}
		}
		m.nodes = append(m.nodes, set.pods(e, name+"-es-"+set.Name, "elasticsearch", nodes, usual{memory: "2Gi", disk: "1Gi"}))
	}
	var kibana operated
	out = append(out, product.Read("options.kibana", kibanaSpec(e, pool), &kibana)...)
	m.kibana = kibana.pods(e, name+"-kb", "kibana", kibanaPods, usual{memory: "2Gi"})
	if e.Options.Logstash != nil {
		var logstash operated
		out = append(out, product.Read("options.logstash.spec", logstashSpec(e, pool), &logstash)...)
		m.logstash = logstash.pods(e, name+"-ls", "logstash", nil, usual{cpu: "1", memory: "2Gi", disk: "1536Mi"})
	}
	return m, out
}

// usual are what ECK gives pods whose resource says nothing of it. Source: cloud-on-k8s, DefaultResources and DefaultDataVolumeClaim in
// pkg/controller/elasticsearch, kibana and logstash.
type usual struct{ cpu, memory, disk string }

func (o operated) pods(e entry, workload, container string, labels map[string]string, u usual) product.Operated {
	pod := o.Template.Spec
	i := slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == container })
	if i < 0 {
		i, pod.Containers = len(pod.Containers), append(pod.Containers, corev1.Container{Name: container})
	}
	if r := &pod.Containers[i].Resources; r.Requests == nil && r.Limits == nil {
		r.Requests = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(u.memory)}
		if u.cpu != "" {
			r.Requests[corev1.ResourceCPU] = resource.MustParse(u.cpu)
		}
	}
	out := product.Operated{Name: workload, Namespace: e.Namespace(), Labels: labels, Replicas: int(o.Count), Pod: pod}
	for _, c := range o.Claims {
		out.Disks = append(out.Disks, *c.Spec.Resources.Requests.Storage())
	}
	if u.disk != "" && len(o.Claims) == 0 && !slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == container+"-data" }) {
		out.Disks = []resource.Quantity{resource.MustParse(u.disk)}
	}
	return out
}
