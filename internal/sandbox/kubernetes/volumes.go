// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	provisionedBy = "pv.kubernetes.io/provisioned-by"
	pvFinalizer   = "external-provisioner.volume.kubernetes.io/finalizer"
	selectedNode  = "volume.kubernetes.io/selected-node"
)

// claims makes a volume for every claim that waits for one of ours, and grows those that want more.
func (h *hands) claims(ctx context.Context) (open bool) {
	all, err := h.seen.Core().V1().PersistentVolumeClaims().Lister().List(labels.Everything())
	if err != nil {
		return true
	}
	for _, c := range all {
		if c.DeletionTimestamp != nil {
			continue
		}
		err := h.claim(ctx, c)
		if err != nil && c.Spec.VolumeName != "" && busy(err) {
			open = true
			continue
		}
		if err != nil {
			h.complain(c.DeepCopy(), "ProvisioningFailed", err)
			open = true
		}
	}
	return open
}

func (h *hands) claim(ctx context.Context, c *corev1.PersistentVolumeClaim) error {
	if c.Spec.VolumeName != "" {
		return h.grow(ctx, c)
	}
	if c.Spec.StorageClassName == nil || *c.Spec.StorageClassName == "" || c.Status.Phase == corev1.ClaimBound {
		return nil
	}
	class, err := h.seen.Storage().V1().StorageClasses().Lister().Get(*c.Spec.StorageClassName)
	if err != nil || class.Provisioner != provisioner {
		return nil //nolint:nilerr // somebody else's class, or none yet
	}
	if wait := class.VolumeBindingMode; wait != nil && *wait == storagev1.VolumeBindingWaitForFirstConsumer && c.Annotations[selectedNode] == "" {
		return nil
	}
	name := "pvc-" + string(c.UID)
	if _, err := h.seen.Core().V1().PersistentVolumes().Lister().Get(name); err == nil {
		return nil // made; it will be bound
	}
	for _, mode := range c.Spec.AccessModes {
		if mode != corev1.ReadWriteOnce && mode != corev1.ReadWriteOncePod {
			return fmt.Errorf("DigitalOcean volumes are ReadWriteOnce; %s cannot be had", mode)
		}
	}
	gib := gibOf(c)
	if gib > 16384 {
		return fmt.Errorf("a volume has at most 16 TiB, and %d GiB are asked for", gib)
	}
	snapshot, ready, err := h.snapshotOf(ctx, c)
	if err != nil {
		return err
	}
	if !ready {
		return fmt.Errorf("the snapshot %s is not there or not ready", c.Spec.DataSource.Name)
	}
	id, err := h.makeVolume(ctx, name, gib, snapshot)
	if err != nil {
		return err
	}
	_, err = h.client.CoreV1().PersistentVolumes().Create(ctx, h.persistent(name, id, gib, c, class), metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// gibOf is what a claim asks for, in whole GiB: at least 1, and 16 when it does not say.
func gibOf(c *corev1.PersistentVolumeClaim) int64 {
	q, ok := c.Spec.Resources.Requests[corev1.ResourceStorage]
	if !ok || q.IsZero() {
		return 16
	}
	return max(1, (q.Value()+1<<30-1)>>30)
}

type volume struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Size int64  `json:"size_gigabytes"`
}

// makeVolume finds the volume of this name, or makes it, from a snapshot where one is given.
func (h *hands) makeVolume(ctx context.Context, name string, gib int64, snapshot string) (string, error) {
	var all struct {
		Volumes []volume `json:"volumes"`
	}
	if err := h.cloud.call(ctx, "GET", "/v2/volumes?name="+name+"&region="+h.spec.Region, nil, &all); err != nil {
		return "", err
	}
	if len(all.Volumes) > 0 {
		return all.Volumes[0].ID, nil
	}
	var one struct {
		Volume volume `json:"volume"`
	}
	wish := map[string]any{
		"name": name, "region": h.spec.Region, "size_gigabytes": gib, "description": "Created by DigitalOcean CSI driver",
		"tags": []string{"k8s:" + h.spec.ID},
	}
	if snapshot != "" {
		wish["snapshot_id"] = snapshot
	}
	err := h.cloud.call(ctx, "POST", "/v2/volumes", wish, &one)
	return one.Volume.ID, err
}

func (h *hands) persistent(name, id string, gib int64, c *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) *corev1.PersistentVolume {
	filesystem := class.Parameters["csi.storage.k8s.io/fstype"]
	if filesystem == "" {
		filesystem = "ext4"
	}
	policy := corev1.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		policy = *class.ReclaimPolicy
	}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{provisionedBy: provisioner}, Finalizers: []string{pvFinalizer}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:    corev1.ResourceList{corev1.ResourceStorage: *resource.NewQuantity(gib<<30, resource.BinarySI)},
			AccessModes: c.Spec.AccessModes, VolumeMode: c.Spec.VolumeMode, StorageClassName: class.Name, MountOptions: class.MountOptions,
			PersistentVolumeReclaimPolicy: policy,
			ClaimRef:                      &corev1.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: c.Namespace, Name: c.Name, UID: c.UID},
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
				Driver: provisioner, VolumeHandle: id, FSType: filesystem,
				VolumeAttributes: map[string]string{provisioner + "/noformat": "false"},
			}},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "region", Operator: corev1.NodeSelectorOpIn, Values: []string{h.spec.Region}}},
			}}}},
		},
	}
}

// grow resizes a bound claim's volume when the claim wants more than it has.
func (h *hands) grow(ctx context.Context, c *corev1.PersistentVolumeClaim) error {
	have, ok := c.Status.Capacity[corev1.ResourceStorage]
	want := gibOf(c)
	if !ok || c.Status.Phase != corev1.ClaimBound || want<<30 <= have.Value() {
		return nil
	}
	pv, err := h.seen.Core().V1().PersistentVolumes().Lister().Get(c.Spec.VolumeName)
	if err != nil || pv.Spec.CSI == nil || pv.Spec.CSI.Driver != provisioner {
		return nil //nolint:nilerr // not ours
	}
	if pv.Spec.Capacity.Storage().Value() < want<<30 {
		err := h.cloud.call(ctx, "POST", "/v2/volumes/"+pv.Spec.CSI.VolumeHandle+"/actions", map[string]any{"type": "resize", "size_gigabytes": want, "region": h.spec.Region}, nil)
		if err != nil {
			return err
		}
		pv = pv.DeepCopy()
		pv.Spec.Capacity[corev1.ResourceStorage] = *resource.NewQuantity(want<<30, resource.BinarySI)
		if _, err := h.client.CoreV1().PersistentVolumes().Update(ctx, pv, metav1.UpdateOptions{}); err != nil {
			return err
		}
	}
	c = c.DeepCopy()
	c.Status.Capacity[corev1.ResourceStorage] = *resource.NewQuantity(want<<30, resource.BinarySI)
	_, err = h.client.CoreV1().PersistentVolumeClaims(c.Namespace).UpdateStatus(ctx, c, metav1.UpdateOptions{})
	return err
}

// volumes deletes what released claims leave behind, by the reclaim policy, and lets PersistentVolumes go.
func (h *hands) volumes(ctx context.Context) (open bool) {
	all, err := h.seen.Core().V1().PersistentVolumes().Lister().List(labels.Everything())
	if err != nil {
		return true
	}
	for _, pv := range all {
		if pv.Spec.CSI == nil || pv.Spec.CSI.Driver != provisioner {
			continue
		}
		err := h.volume(ctx, pv)
		if busy(err) {
			open = true // it is still attached
			continue
		}
		if err != nil {
			h.complain(pv.DeepCopy(), "VolumeFailedDelete", err)
			open = true
		}
	}
	return open
}

func (h *hands) volume(ctx context.Context, pv *corev1.PersistentVolume) error {
	remove := pv.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete
	released := pv.Status.Phase == corev1.VolumeReleased
	if pv.DeletionTimestamp == nil && !(remove && released) {
		return nil
	}
	if remove && (released || pv.Spec.ClaimRef == nil) {
		var no *refusal
		err := h.cloud.call(ctx, "DELETE", "/v2/volumes/"+pv.Spec.CSI.VolumeHandle, nil, nil)
		if err != nil && !(errors.As(err, &no) && no.Status == 404) {
			return err
		}
		if pv.DeletionTimestamp == nil {
			if err := h.client.CoreV1().PersistentVolumes().Delete(ctx, pv.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
				return err
			}
		}
	} else if remove {
		return nil // still bound: its claim holds it
	}
	if !slices.Contains(pv.Finalizers, pvFinalizer) {
		return nil
	}
	fresh, err := h.client.CoreV1().PersistentVolumes().Get(ctx, pv.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	fresh.Finalizers = slices.DeleteFunc(fresh.Finalizers, func(f string) bool { return f == pvFinalizer })
	_, err = h.client.CoreV1().PersistentVolumes().Update(ctx, fresh, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}
