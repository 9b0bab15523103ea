// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/k8or/k8or/internal/sandbox/plain"
)

const (
	templateHash   = appsv1.DefaultDeploymentUniqueLabelKey
	revisionHash   = appsv1.ControllerRevisionHashLabelKey
	becameReady    = "NewReplicaSetAvailable"
	stillWorking   = "ReplicaSetUpdated"
	enoughReplicas = "MinimumReplicasAvailable"
	tooFewReplicas = "MinimumReplicasUnavailable"
)

// setStatus stores a record with another status, unless it is the same.
func (s *Server) setStatus(resource schema.GroupResource, r *record, status any) {
	content, err := plain.Of(status)
	if err != nil {
		return // a type of Kubernetes' own always converts
	}
	if equality.Semantic.DeepEqual(mapAt(r.object, "status"), content) {
		return // the usual case, and cheaper to see here than on a copy
	}
	s.alter(resource, r, func(o map[string]any) { o["status"] = content })
}

// hash tells templates apart.
func hash(v any) string {
	data, _ := json.Marshal(v) // a type of Kubernetes' own always encodes
	h := fnv.New32a()
	h.Write(data)
	return fmt.Sprintf("%08x", h.Sum32())
}

func wanted(replicas *int32) int32 {
	if replicas == nil {
		return 1
	}
	return *replicas
}

// playDeployments keeps one ReplicaSet for each Deployment's template, and removes the one before once it is ready.
func (s *Server) playDeployments(now time.Time) {
	for _, r := range s.store.list(deployments) {
		d := as[appsv1.Deployment](r)
		if d.DeletionTimestamp != nil {
			continue
		}
		h := hash(d.Spec.Template)
		current := s.store.get(replicaSets, name{d.Namespace, d.Name + "-" + h})
		if current == nil {
			if current = s.makeReplicaSet(r, h); current == nil {
				continue
			}
		}
		if set := as[appsv1.ReplicaSet](current); wanted(set.Spec.Replicas) != wanted(d.Spec.Replicas) {
			current = s.alter(replicaSets, current, func(o map[string]any) {
				childAt(o, "spec")["replicas"] = int64(wanted(d.Spec.Replicas))
				meta(o).SetGeneration(meta(o).GetGeneration() + 1)
			})
		}
		s.rollout(r, current, now)
	}
}

func (s *Server) makeReplicaSet(r *record, h string) *record {
	d := as[appsv1.Deployment](r)
	template := *d.Spec.Template.DeepCopy()
	template.Labels = with(template.Labels, templateHash, h)
	selector := d.Spec.Selector.DeepCopy()
	selector.MatchLabels = with(selector.MatchLabels, templateHash, h)
	set := appsv1.ReplicaSet{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"},
		ObjectMeta: metav1.ObjectMeta{
			Name: d.Name + "-" + h, Namespace: d.Namespace, Labels: template.Labels,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment"))},
		},
		Spec: appsv1.ReplicaSetSpec{Replicas: d.Spec.Replicas, Selector: selector, Template: template},
	}
	o, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&set)
	if err != nil {
		return nil // a type of Kubernetes' own always converts
	}
	return s.make(replicaSets, o)
}

func with(labels map[string]string, label, value string) map[string]string {
	out := map[string]string{label: value}
	for k, v := range labels {
		if k != label {
			out[k] = v
		}
	}
	return out
}

// rollout ends the ReplicaSets before the current one and says in the Deployment's status how far it is.
func (s *Server) rollout(r, current *record, now time.Time) {
	d, set := as[appsv1.Deployment](r), as[appsv1.ReplicaSet](current)
	want := wanted(d.Spec.Replicas)
	done := set.Status.AvailableReplicas >= want && set.Status.ObservedGeneration == set.Generation
	status := appsv1.DeploymentStatus{
		ObservedGeneration: d.Generation, Replicas: set.Status.Replicas, UpdatedReplicas: set.Status.Replicas,
		ReadyReplicas: set.Status.ReadyReplicas, AvailableReplicas: set.Status.AvailableReplicas,
	}
	for _, other := range s.store.list(replicaSets) {
		o := as[appsv1.ReplicaSet](other)
		if owner := metav1.GetControllerOfNoCopy(o); owner == nil || owner.UID != d.UID || o.UID == set.UID {
			continue
		}
		if done {
			s.remove(s.kinds[replicaSets], other, nil)
			continue
		}
		status.Replicas += o.Status.Replicas
		status.ReadyReplicas += o.Status.ReadyReplicas
		status.AvailableReplicas += o.Status.AvailableReplicas
	}
	status.UnavailableReplicas = max(want-status.AvailableReplicas, 0)
	available, progressing := corev1.ConditionFalse, stillWorking
	reason := tooFewReplicas
	if status.AvailableReplicas >= want {
		available, reason = corev1.ConditionTrue, enoughReplicas
	}
	if done {
		progressing = becameReady
	}
	status.Conditions = []appsv1.DeploymentCondition{
		{Type: appsv1.DeploymentAvailable, Status: available, Reason: reason},
		{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: progressing},
	}
	for i := range status.Conditions {
		c := &status.Conditions[i]
		c.LastTransitionTime, c.LastUpdateTime = metav1.NewTime(now), metav1.NewTime(now)
		for _, before := range d.Status.Conditions {
			if before.Type == c.Type && before.Status == c.Status && before.Reason == c.Reason {
				c.LastTransitionTime, c.LastUpdateTime = before.LastTransitionTime, before.LastUpdateTime
			}
		}
	}
	s.setStatus(deployments, r, &status)
}

// playReplicaSets keeps as many pods as are wanted.
func (s *Server) playReplicaSets(time.Time) {
	for _, r := range s.store.list(replicaSets) {
		set := as[appsv1.ReplicaSet](r)
		if set.DeletionTimestamp != nil {
			continue
		}
		mine, want := s.podsOf(set.UID), int(wanted(set.Spec.Replicas))
		for i := len(mine); i < want; i++ {
			s.makePod(r, fmt.Sprintf("%s-%05x", set.Name, s.store.next()), set.Spec.Template, nil)
		}
		for i := want; i < len(mine); i++ {
			s.remove(s.kinds[pods], mine[i], nil)
		}
		mine = s.podsOf(set.UID)
		ready := countReady(mine)
		s.setStatus(replicaSets, r, &appsv1.ReplicaSetStatus{
			Replicas: int32(len(mine)), FullyLabeledReplicas: int32(len(mine)),
			ReadyReplicas: ready, AvailableReplicas: ready, ObservedGeneration: set.Generation,
		})
	}
}

func countReady(list []*record) int32 {
	var n int32
	for _, r := range list {
		if isReady(as[corev1.Pod](r)) {
			n++
		}
	}
	return n
}

// playStatefulSets keeps numbered pods with claims of their own. They start together, not one after the other.
func (s *Server) playStatefulSets(time.Time) {
	for _, r := range s.store.list(statefulSets) {
		set := as[appsv1.StatefulSet](r)
		if set.DeletionTimestamp != nil {
			continue
		}
		revision, want := set.Name+"-"+hash(set.Spec.Template), int(wanted(set.Spec.Replicas))
		keep := map[string]bool{}
		for i := range want {
			keep[fmt.Sprintf("%s-%d", set.Name, i)] = true
		}
		for _, p := range s.podsOf(set.UID) {
			if pod := as[corev1.Pod](p); !keep[pod.Name] || pod.Labels[revisionHash] != revision {
				s.remove(s.kinds[pods], p, nil)
			}
		}
		for i := range want {
			s.makeNumbered(r, i, revision)
		}
		mine := s.podsOf(set.UID)
		n, ready := int32(len(mine)), countReady(mine)
		s.setStatus(statefulSets, r, &appsv1.StatefulSetStatus{
			ObservedGeneration: set.Generation, Replicas: n, ReadyReplicas: ready, AvailableReplicas: ready,
			CurrentReplicas: n, UpdatedReplicas: n, CurrentRevision: revision, UpdateRevision: revision, CollisionCount: new(int32(0)),
		})
	}
}

func (s *Server) makeNumbered(r *record, i int, revision string) {
	set := as[appsv1.StatefulSet](r)
	podName := fmt.Sprintf("%s-%d", set.Name, i)
	if s.store.get(pods, name{set.Namespace, podName}) != nil {
		return
	}
	for _, t := range set.Spec.VolumeClaimTemplates {
		claim := name{set.Namespace, t.Name + "-" + podName}
		if s.store.get(claims, claim) != nil {
			continue
		}
		t := t.DeepCopy()
		t.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"}
		t.Name, t.Namespace = claim.name, claim.namespace
		t.Labels = set.Spec.Selector.MatchLabels
		if o, err := runtime.DefaultUnstructuredConverter.ToUnstructured(t); err == nil {
			s.make(claims, o)
		}
	}
	s.makePod(r, podName, set.Spec.Template, func(pod *corev1.Pod) {
		pod.Labels[revisionHash] = revision
		pod.Labels[appsv1.StatefulSetPodNameLabel] = podName
		pod.Spec.Hostname, pod.Spec.Subdomain = podName, set.Spec.ServiceName
		for _, t := range set.Spec.VolumeClaimTemplates {
			pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: t.Name, VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: t.Name + "-" + podName},
			}})
		}
	})
}

// playDaemonSets keeps one pod on each node that admits it.
func (s *Server) playDaemonSets(time.Time) {
	for _, r := range s.store.list(daemonSets) {
		set := as[appsv1.DaemonSet](r)
		if set.DeletionTimestamp != nil {
			continue
		}
		revision := hash(set.Spec.Template)
		want, have := map[string]bool{}, map[string]bool{}
		for _, n := range s.store.list(nodes) {
			if node := as[corev1.Node](n); admits(node, &set.Spec.Template.Spec) {
				want[node.Name] = true
			}
		}
		for _, p := range s.podsOf(set.UID) {
			pod := as[corev1.Pod](p)
			if !want[pod.Spec.NodeName] || have[pod.Spec.NodeName] || pod.Labels[revisionHash] != revision {
				s.remove(s.kinds[pods], p, nil)
				continue
			}
			have[pod.Spec.NodeName] = true
		}
		for _, n := range s.store.list(nodes) {
			if node := n.name().name; want[node] && !have[node] {
				s.makePod(r, fmt.Sprintf("%s-%05x", set.Name, s.store.next()), set.Spec.Template, func(pod *corev1.Pod) {
					pod.Labels[revisionHash], pod.Spec.NodeName = revision, node
				})
			}
		}
		mine := s.podsOf(set.UID)
		n, ready := int32(len(mine)), countReady(mine)
		s.setStatus(daemonSets, r, &appsv1.DaemonSetStatus{
			ObservedGeneration: set.Generation, DesiredNumberScheduled: int32(len(want)), CurrentNumberScheduled: n,
			UpdatedNumberScheduled: n, NumberReady: ready, NumberAvailable: ready, NumberUnavailable: int32(len(want)) - ready,
		})
	}
}
