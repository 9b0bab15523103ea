// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const strimziRevision = "strimzi.io/revision"

// poolsOf are the node pools of a Kafka, by name.
func poolsOf(w World, namespace, kafka string) []Object {
	var out []Object
	for _, p := range w.List(kafkaPools) {
		if p.GetNamespace() == namespace && p.GetLabels()["strimzi.io/cluster"] == kafka && p.GetDeletionTimestamp() == nil {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Object) int {
		if a.GetName() < b.GetName() {
			return -1
		}
		return 1
	})
	return out
}

// nodeIDs gives each pool its nodes' numbers, which are unique in the cluster: those it has, without the highest when it
// shrinks, and the lowest free ones when it grows.
func nodeIDs(pools []Object) map[string][]int64 {
	out, taken := map[string][]int64{}, map[int64]bool{}
	for _, p := range pools {
		for _, id := range listAt(p.Object, "status", "nodeIds") {
			if n, ok := id.(int64); ok {
				out[p.GetName()], taken[n] = append(out[p.GetName()], n), true
			}
		}
	}
	for _, p := range pools {
		ids := out[p.GetName()]
		slices.Sort(ids)
		want := int(numberAt(p.Object, 0, "spec", "replicas"))
		ids = ids[:min(len(ids), want)]
		for next := int64(0); len(ids) < want; next++ {
			if !taken[next] {
				ids, taken[next] = append(ids, next), true
			}
		}
		out[p.GetName()] = ids
	}
	return out
}

func hasRole(pool Object, role string) bool {
	return slices.Contains(textsAt(pool.Object, "spec", "roles"), role)
}

func nodeName(kafka string, pool Object, id int64) string {
	return fmt.Sprintf("%s-%s-%d", kafka, pool.GetName(), id)
}

// playKafkaPool keeps a pool's pods and claims.
func playKafkaPool(s *Scene) Outcome {
	pool, name := s.Object, s.Object.GetLabels()["strimzi.io/cluster"]
	kafka := s.Get(kafkas, pool.GetNamespace(), name)
	if kafka == nil || kafka.GetDeletionTimestamp() != nil {
		return Outcome{Gone: podsOfPool(s.World, pool, nil)}
	}
	if secretData(s.World, pool.GetNamespace(), name+"-cluster-ca-cert") == nil || !s.Ripe(strimziReconciles) {
		return Outcome{} // the Kafka's own things come first
	}
	ids := nodeIDs(poolsOf(s.World, pool.GetNamespace(), name))[pool.GetName()]
	var out Outcome
	keep := map[string]bool{}
	settled := true
	var stale []Reference
	for _, id := range ids {
		pod, node := strimziNode(s, kafka, pool, id), nodeName(name, pool, id)
		keep[node] = true
		out.Children = append(out.Children, strimziClaims(kafka, pool, id)...)
		live := s.Get(pods, pool.GetNamespace(), node)
		switch {
		case live == nil:
			out.Children, settled = append(out.Children, pod), false
		case live.GetAnnotations()[strimziRevision] != pod.GetAnnotations()[strimziRevision]:
			stale = append(stale, Reference{pods, pool.GetNamespace(), node})
			settled = settled && podReady(live)
		default:
			out.Children = append(out.Children, pod)
			settled = settled && podReady(live)
		}
	}
	out.Gone = podsOfPool(s.World, pool, keep)
	if len(stale) > 0 && settled {
		out.Gone = append(out.Gone, stale[0]) // one at a time, while all others are ready
	}
	out.Gone = append(out.Gone, unclaimed(s.World, pool, name, ids)...)
	status := map[string]any{
		"observedGeneration": pool.GetGeneration(), "nodeIds": all(ids), "replicas": int64(len(ids)), "clusterId": clusterID(kafka),
		"labelSelector": fmt.Sprintf("strimzi.io/cluster=%s,strimzi.io/name=%s-kafka,strimzi.io/kind=Kafka,strimzi.io/pool-name=%s", name, name, pool.GetName()),
		"roles":         all(textsAt(pool.Object, "spec", "roles")),
	}
	out.Status = status
	return out
}

func podReady(pod Object) bool {
	return pod.GetDeletionTimestamp() == nil && conditionOf(pod, "Ready") == "True"
}

// podsOfPool are the pods that a pool owns, but for those to keep.
func podsOfPool(w World, pool Object, keep map[string]bool) []Reference {
	var out []Reference
	for _, p := range w.List(pods) {
		if c := metav1.GetControllerOf(p); c != nil && c.UID == pool.GetUID() && !keep[p.GetName()] {
			out = append(out, Reference{pods, p.GetNamespace(), p.GetName()})
		}
	}
	return out
}

// strimziVolume is one of a node's volumes.
type strimziVolume struct {
	ID          *int64            `json:"id"`
	Type        string            `json:"type"`
	Size        string            `json:"size"`
	Class       string            `json:"class"`
	DeleteClaim bool              `json:"deleteClaim"`
	Selector    map[string]string `json:"selector"`
}

func strimziVolumes(pool Object) []strimziVolume {
	var storage struct {
		strimziVolume `json:",inline"`
		Volumes       []strimziVolume `json:"volumes"`
	}
	read(mapAt(pool.Object, "spec", "storage"), &storage)
	if storage.Type == "jbod" {
		return storage.Volumes
	}
	return []strimziVolume{storage.strimziVolume}
}

// volumeName is a volume's, and with the node's name its claim's.
func (v *strimziVolume) name() string {
	if v.ID != nil {
		return "data-" + strconv.FormatInt(*v.ID, 10)
	}
	return "data"
}

// strimziClaims are a node's claims. One with deleteClaim goes with its pool, the others stay.
func strimziClaims(kafka, pool Object, id int64) []Object {
	var out []Object
	for _, v := range strimziVolumes(pool) {
		size, err := resource.ParseQuantity(v.Size)
		if v.Type != "persistent-claim" || err != nil {
			continue
		}
		claim := &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: pool.GetNamespace(), Name: v.name() + "-" + nodeName(kafka.GetName(), pool, id),
				Labels:      with(nodeLabels(kafka, pool), map[string]string{"strimzi.io/pod-name": nodeName(kafka.GetName(), pool, id)}),
				Annotations: map[string]string{"strimzi.io/delete-claim": strconv.FormatBool(v.DeleteClaim)},
			},
			Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: size}},
			},
		}
		if v.Class != "" {
			claim.Spec.StorageClassName = &v.Class
		}
		if len(v.Selector) > 0 {
			claim.Spec.Selector = &metav1.LabelSelector{MatchLabels: v.Selector}
		}
		o := typed(claim)
		if v.DeleteClaim {
			owned(o, pool, false)
		}
		out = append(out, o)
	}
	return out
}

// unclaimed are the claims of nodes that are gone and that were made to go with them.
func unclaimed(w World, pool Object, kafka string, ids []int64) []Reference {
	keep := map[string]bool{}
	for _, id := range ids {
		keep[nodeName(kafka, pool, id)] = true
	}
	var out []Reference
	for _, c := range w.List(claims) {
		l := c.GetLabels()
		if c.GetNamespace() == pool.GetNamespace() && l["strimzi.io/cluster"] == kafka && l["strimzi.io/pool-name"] == pool.GetName() &&
			!keep[l["strimzi.io/pod-name"]] && c.GetAnnotations()["strimzi.io/delete-claim"] == "true" {
			out = append(out, Reference{claims, c.GetNamespace(), c.GetName()})
		}
	}
	return out
}

func nodeLabels(kafka, pool Object) map[string]string {
	return with(strimziLabels(kafka.GetName(), "Kafka", kafka.GetName()+"-kafka", "kafka"), map[string]string{
		"strimzi.io/pool-name": pool.GetName(), "strimzi.io/broker-role": strconv.FormatBool(hasRole(pool, "broker")),
		"strimzi.io/controller-role": strconv.FormatBool(hasRole(pool, "controller")),
		"strimzi.io/controller":      "strimzipodset", "strimzi.io/controller-name": kafka.GetName() + "-" + pool.GetName(),
	})
}

// strimziNode is the pod of one node.
func strimziNode(s *Scene, kafka, pool Object, id int64) Object {
	var template strimziPod
	read(mapAt(kafka.Object, "spec", "kafka", "template", "pod"), &template)
	if own := mapAt(pool.Object, "spec", "template", "pod"); own != nil {
		template = strimziPod{}
		read(own, &template)
	}
	needs := resourcesAt(pool.Object, "spec", "resources")
	if needs.Requests == nil && needs.Limits == nil {
		needs = resourcesAt(kafka.Object, "spec", "kafka", "resources")
	}
	name := nodeName(kafka.GetName(), pool, id)
	main := corev1.Container{Name: "kafka", Image: kafkaImage(s, kafka), Resources: needs}
	open := func(name string, port int32) {
		main.Ports = append(main.Ports, corev1.ContainerPort{Name: name, ContainerPort: port, Protocol: corev1.ProtocolTCP})
	}
	open("tcp-kafkaagent", 8443)
	if hasRole(pool, "controller") {
		open("tcp-ctrlplane", 9090)
	}
	if hasRole(pool, "broker") {
		open("tcp-replication", 9091)
		for _, l := range listenersOf(kafka) {
			open(l.portName(), l.Port)
		}
	}
	if mapAt(kafka.Object, "spec", "kafka", "metricsConfig") != nil {
		open("tcp-prometheus", 9404)
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: pool.GetNamespace(), Name: name,
			Labels: with(template.Metadata.Labels, nodeLabels(kafka, pool), map[string]string{"strimzi.io/pod-name": name}), Annotations: template.Metadata.Annotations,
		},
		Spec: corev1.PodSpec{
			ServiceAccountName: kafka.GetName() + "-kafka", Hostname: name, Subdomain: kafka.GetName() + "-kafka-brokers", RestartPolicy: corev1.RestartPolicyAlways,
		},
	}
	template.onto(&pod.Spec)
	for _, v := range strimziVolumes(pool) {
		source := corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
		if v.Type == "persistent-claim" {
			source = corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: v.name() + "-" + name}}
		}
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: v.name(), VolumeSource: source})
		main.VolumeMounts = append(main.VolumeMounts, corev1.VolumeMount{Name: v.name(), MountPath: "/var/lib/kafka/" + v.name()})
	}
	pod.Spec.Containers = []corev1.Container{main}
	if key := textAt(kafka.Object, "spec", "kafka", "rack", "topologyKey"); key != "" {
		spreadBy(&pod.Spec, key)
	}
	pod.Annotations = with(pod.Annotations, map[string]string{strimziRevision: revisionOf(pod.Spec, kafkaVersion(kafka), mapAt(kafka.Object, "spec", "kafka", "config"))})
	return owned(typed(pod), pool, true)
}

// spreadBy keeps a pod to nodes that have a rack's label.
func spreadBy(spec *corev1.PodSpec, key string) {
	if spec.Affinity == nil {
		spec.Affinity = &corev1.Affinity{}
	}
	if spec.Affinity.NodeAffinity == nil {
		spec.Affinity.NodeAffinity = &corev1.NodeAffinity{}
	}
	here := corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpExists}
	if r := spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution; r != nil {
		for i := range r.NodeSelectorTerms {
			r.NodeSelectorTerms[i].MatchExpressions = append(r.NodeSelectorTerms[i].MatchExpressions, here)
		}
		return
	}
	spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution = &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{here}}},
	}
}

// revisionOf tells pods apart that have to be made anew.
func revisionOf(parts ...any) string {
	h := fnv.New32a()
	json.NewEncoder(h).Encode(parts) //nolint:errcheck // plain values, into a hash
	return fmt.Sprintf("%08x", h.Sum32())
}
