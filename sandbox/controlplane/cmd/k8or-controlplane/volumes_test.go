// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
)

// In these claims the test is the provisioner, as the sandbox is in life.
const provisioner = "dobs.csi.digitalocean.com"

var tenGiB = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("10Gi")}

func claimBinds(t *testing.T, _ *cluster, client kubernetes.Interface) {
	class := storageClass(t, client, "do-block-storage", storagev1.VolumeBindingImmediate)
	createClaim(t, client, "data", class)
	waitForClaim(t, client, "data", "names its provisioner", func(claim *corev1.PersistentVolumeClaim) bool {
		return claim.Annotations["volume.kubernetes.io/storage-provisioner"] == provisioner
	})
	volume := provision(t, client, "data")
	waitForClaim(t, client, "data", "is bound", bound)

	if err := client.CoreV1().PersistentVolumeClaims("default").Delete(t.Context(), "data", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	volumes := client.CoreV1().PersistentVolumes()
	eventually(t, "the volume is released, for its provisioner to delete", func(ctx context.Context) error {
		got, err := volumes.Get(ctx, volume, metav1.GetOptions{})
		if err == nil && got.Status.Phase != corev1.VolumeReleased {
			err = fmt.Errorf("it is %s (%s)", got.Status.Phase, got.Status.Message)
		}
		return err
	})
	if err := volumes.Delete(t.Context(), volume, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the volume is gone", func(ctx context.Context) error {
		_, err := volumes.Get(ctx, volume, metav1.GetOptions{})
		return gone(err)
	})
}

func claimWaits(t *testing.T, _ *cluster, client kubernetes.Interface) {
	class := storageClass(t, client, "do-block-storage-later", storagev1.VolumeBindingWaitForFirstConsumer)
	createClaim(t, client, "later", class)
	pod := podOf("reader").Spec
	pod.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "later"},
	}}}
	pod.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	if _, err := client.CoreV1().Pods("default").Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "reader"}, Spec: pod}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	waitForClaim(t, client, "later", "has a node selected", func(claim *corev1.PersistentVolumeClaim) bool {
		return claim.Annotations["volume.kubernetes.io/selected-node"] != ""
	})
	provision(t, client, "later")
	waitForClaim(t, client, "later", "is bound", bound)
	eventually(t, "the pod that uses it runs", func(ctx context.Context) error {
		got, err := client.CoreV1().Pods("default").Get(ctx, "reader", metav1.GetOptions{})
		if err == nil && got.Status.Phase != corev1.PodRunning {
			err = fmt.Errorf("it is %s", got.Status.Phase)
		}
		return err
	})
}

func storageClass(t *testing.T, client kubernetes.Interface, name string, mode storagev1.VolumeBindingMode) string {
	t.Helper()
	if _, err := client.StorageV1().StorageClasses().Create(t.Context(), &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: provisioner,
		VolumeBindingMode: &mode, ReclaimPolicy: ptr.To(corev1.PersistentVolumeReclaimDelete),
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return name
}

func createClaim(t *testing.T, client kubernetes.Interface, name, class string) {
	t.Helper()
	if _, err := client.CoreV1().PersistentVolumeClaims("default").Create(t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: tenGiB},
		},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// provision makes the volume that a claim asks for, and returns its name.
func provision(t *testing.T, client kubernetes.Interface, name string) string {
	t.Helper()
	claim, err := client.CoreV1().PersistentVolumeClaims("default").Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pvc-" + string(claim.UID), Annotations: map[string]string{"pv.kubernetes.io/provisioned-by": provisioner}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: tenGiB, AccessModes: claim.Spec.AccessModes, StorageClassName: *claim.Spec.StorageClassName,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			ClaimRef:                      &corev1.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: "default", Name: name, UID: claim.UID},
			PersistentVolumeSource:        corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: provisioner, VolumeHandle: "v-" + name}},
		},
	}
	if _, err := client.CoreV1().PersistentVolumes().Create(t.Context(), volume, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return volume.Name
}

func bound(claim *corev1.PersistentVolumeClaim) bool { return claim.Status.Phase == corev1.ClaimBound }

func waitForClaim(t *testing.T, client kubernetes.Interface, name, what string, is func(*corev1.PersistentVolumeClaim) bool) {
	t.Helper()
	eventually(t, "claim "+name+" "+what, func(ctx context.Context) error {
		claim, err := client.CoreV1().PersistentVolumeClaims("default").Get(ctx, name, metav1.GetOptions{})
		if err == nil && !is(claim) {
			err = fmt.Errorf("it is %s with annotations %v", claim.Status.Phase, claim.Annotations)
		}
		return err
	})
}
