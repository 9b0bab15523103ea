// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	defaultClass  = "storageclass.kubernetes.io/is-default-class"
	inUse         = "kubernetes.io/pvc-protection"
	backedByCloud = "external-provisioner.volume.kubernetes.io/finalizer"
)

// Claim is a PersistentVolumeClaim as the cloud sees it.
type Claim struct {
	Namespace, Name, UID string
	Class                string
	Bytes                int64
	Snapshot             string // the snapshot's id at the cloud that it is to be made from; empty for an empty one
	Handle               string // the volume's id at the cloud; empty until Volume has said it
}

// playVolumes binds claims to volumes, and removes both when they are deleted and nobody holds them. In a cluster
// without any StorageClass every claim is bound.
func (s *Server) playVolumes(now time.Time) {
	for _, r := range s.store.list(claims) {
		claim := as[corev1.PersistentVolumeClaim](r)
		switch {
		case claim.DeletionTimestamp != nil && len(s.users(claim.Namespace, claim.Name)) == 0:
			s.alter(claims, r, func(o map[string]any) { meta(o).SetFinalizers(withoutItem(meta(o).GetFinalizers(), inUse)) })
		case claim.DeletionTimestamp == nil && claim.Status.Phase == corev1.ClaimPending:
			s.bind(r, now)
		}
	}
	for _, r := range s.store.list(volumes) {
		s.letGo(r, now)
	}
}

func (s *Server) users(namespace, claim string) []*record {
	return slices.DeleteFunc(s.store.list(pods), func(r *record) bool {
		pod := as[corev1.Pod](r)
		return pod.Namespace != namespace || pod.Status.Phase == corev1.PodSucceeded || !slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
			return v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim
		})
	})
}

// claimsBound is whether a pod can have its volumes.
func (s *Server) claimsBound(pod *corev1.Pod) bool {
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim == nil {
			continue
		}
		r := s.store.get(claims, name{pod.Namespace, v.PersistentVolumeClaim.ClaimName})
		if r == nil || as[corev1.PersistentVolumeClaim](r).Status.Phase != corev1.ClaimBound {
			return false
		}
	}
	return true
}

// class finds a claim's StorageClass. ok is false while there is none that it could have.
func (s *Server) class(claim *corev1.PersistentVolumeClaim) (class *storagev1.StorageClass, ok bool) {
	all := s.store.list(classes)
	if len(all) == 0 {
		return &storagev1.StorageClass{}, true
	}
	for _, r := range all {
		c := as[storagev1.StorageClass](r)
		if named := claim.Spec.StorageClassName; named != nil && *named == c.Name || named == nil && c.Annotations[defaultClass] == "true" {
			return c, true
		}
	}
	return nil, false
}

func (s *Server) bind(r *record, now time.Time) {
	claim := as[corev1.PersistentVolumeClaim](r)
	if !slices.Contains(claim.Finalizers, inUse) {
		r = s.alter(claims, r, func(o map[string]any) { meta(o).SetFinalizers(withItem(meta(o).GetFinalizers(), inUse)) })
	}
	class, ok := s.class(claim)
	if !ok {
		return
	}
	if mode := class.VolumeBindingMode; mode != nil && *mode == storagev1.VolumeBindingWaitForFirstConsumer && len(s.users(claim.Namespace, claim.Name)) == 0 {
		return
	}
	size := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	wish := Claim{Namespace: claim.Namespace, Name: claim.Name, UID: string(claim.UID), Class: class.Name, Bytes: size.Value()}
	var known bool
	if wish.Snapshot, known = s.snapshotOf(claim); !known {
		return // the snapshot's being ready changes something, which is looked at
	}
	handle, ready := "volume-"+wish.UID, false
	if s.options.Volume != nil {
		if handle, ready = s.options.Volume(wish); !ready {
			s.soon(now)
		}
	} else {
		ready = s.ripe(r.since, now)
	}
	if !ready {
		return
	}
	volume := corev1.PersistentVolume{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolume"},
		ObjectMeta: metav1.ObjectMeta{Name: "pvc-" + wish.UID, Finalizers: []string{backedByCloud}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: corev1.ResourceList{corev1.ResourceStorage: size}, AccessModes: claim.Spec.AccessModes,
			StorageClassName: class.Name, PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete, VolumeMode: claim.Spec.VolumeMode,
			ClaimRef: &corev1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID},
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
				Driver: class.Provisioner, VolumeHandle: handle,
			}},
		},
		Status: corev1.PersistentVolumeStatus{Phase: corev1.VolumeBound},
	}
	if class.ReclaimPolicy != nil {
		volume.Spec.PersistentVolumeReclaimPolicy = *class.ReclaimPolicy
	}
	o, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&volume)
	if err != nil || s.make(volumes, o) == nil {
		return // a type of Kubernetes' own always converts, and is valid as made
	}
	s.alter(claims, r, func(o map[string]any) {
		spec := childAt(o, "spec")
		spec["volumeName"] = volume.Name
		if class.Name != "" {
			setDefault(spec, "storageClassName", class.Name)
		}
		status := childAt(o, "status")
		status["phase"], status["accessModes"] = string(corev1.ClaimBound), spec["accessModes"]
		status["capacity"] = map[string]any{"storage": size.String()}
	})
}

// snapshotOf is the snapshot at the cloud that a claim is to be made from, empty where it asks for none; false while it is not ready.
func (s *Server) snapshotOf(claim *corev1.PersistentVolumeClaim) (string, bool) {
	source := claim.Spec.DataSource
	if source == nil || source.Kind != "VolumeSnapshot" {
		return "", true
	}
	const group = "snapshot.storage.k8s.io"
	snapshot := s.store.get(schema.GroupResource{Group: group, Resource: "volumesnapshots"}, name{claim.Namespace, source.Name})
	if snapshot == nil {
		return "", false
	}
	bound, _, _ := unstructured.NestedString(snapshot.object, "status", "boundVolumeSnapshotContentName")
	content := s.store.get(schema.GroupResource{Group: group, Resource: "volumesnapshotcontents"}, name{"", bound})
	if content == nil {
		return "", false
	}
	ready, _, _ := unstructured.NestedBool(content.object, "status", "readyToUse")
	handle, _, _ := unstructured.NestedString(content.object, "status", "snapshotHandle")
	return handle, ready && handle != ""
}

// letGo follows a volume whose claim has gone: kept if its class retains, else removed with what the cloud has of it.
func (s *Server) letGo(r *record, now time.Time) {
	volume := as[corev1.PersistentVolume](r)
	ref := volume.Spec.ClaimRef
	if ref == nil {
		return
	}
	claim := s.store.get(claims, name{ref.Namespace, ref.Name})
	released := claim == nil || claim.uid() != ref.UID
	if released && volume.Status.Phase == corev1.VolumeBound {
		r = s.alter(volumes, r, func(o map[string]any) { childAt(o, "status")["phase"] = string(corev1.VolumeReleased) })
	}
	if !released || volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		if volume.DeletionTimestamp != nil && released {
			s.alter(volumes, r, func(o map[string]any) { meta(o).SetFinalizers(withoutItem(meta(o).GetFinalizers(), backedByCloud)) })
		}
		return
	}
	size := volume.Spec.Capacity[corev1.ResourceStorage]
	gone := Claim{Namespace: ref.Namespace, Name: ref.Name, UID: string(ref.UID), Class: volume.Spec.StorageClassName, Bytes: size.Value()}
	if volume.Spec.CSI != nil {
		gone.Handle = volume.Spec.CSI.VolumeHandle
	}
	if volume.DeletionTimestamp == nil {
		if r = s.remove(s.kinds[volumes], r, nil); r == nil {
			return
		}
	}
	if s.options.VolumeGone != nil && !s.options.VolumeGone(gone) {
		s.soon(now)
		return
	}
	s.alter(volumes, r, func(o map[string]any) { meta(o).SetFinalizers(withoutItem(meta(o).GetFinalizers(), backedByCloud)) })
}
