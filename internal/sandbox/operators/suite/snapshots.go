// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	volumeSnapshots = "volumesnapshots.v1.snapshot.storage.k8s.io"
	volumeClaims    = "persistentvolumeclaims.v1."
)

var contents = schema.GroupVersionResource{Group: "snapshot.storage.k8s.io", Version: "v1", Resource: "volumesnapshotcontents"}

func bound(o *unstructured.Unstructured) bool { return field(o, "status.phase") == "Bound" }

func readyToUse(o *unstructured.Unstructured) bool { return field(o, "status.readyToUse") == "true" }

// content is the content of a snapshot, nil when it is gone.
func (c *Cluster) content(t *testing.T, snapshot *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	o, err := c.dynamic.Resource(contents).Get(c, field(snapshot, "status.boundVolumeSnapshotContentName"), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	must(t, err, "read the content of "+snapshot.GetName())
	return o
}

func snapshotsAreTaken(t *testing.T, c *Cluster) {
	c.create(t, "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], storageClassName: do-block-storage, resources: {requests: {storage: 2Gi}}}}")
	c.create(t, "{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshot, metadata: {name: early}, spec: {source: {persistentVolumeClaimName: nothing}}}")
	c.becomes(t, volumeClaims, "data", "bound", bound)
	c.create(t, "{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshot, metadata: {name: first}, spec: {source: {persistentVolumeClaimName: data}}}")
	first := c.becomes(t, volumeSnapshots, "first", "ready to use", readyToUse)
	has(t, first, "status.restoreSize", "2Gi")
	content := c.content(t, first)
	if content == nil || field(content, "status.snapshotHandle") == "" {
		t.Fatalf("the snapshot's content is %v, want one with the cloud's id", content)
	}
	has(t, content, "spec.deletionPolicy", "Delete")
	has(t, content, "spec.volumeSnapshotClassName", "do-block-storage")
	c.create(t, "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: copy}, spec: {accessModes: [ReadWriteOnce], storageClassName: do-block-storage, dataSource: {apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: first}, resources: {requests: {storage: 3Gi}}}}")
	c.becomes(t, volumeClaims, "copy", "bound", bound)
	early := c.becomes(t, volumeSnapshots, "early", "refused", func(o *unstructured.Unstructured) bool { return field(o, "status.error.message") != "" })
	has(t, early, "status.readyToUse", "false")
	c.remove(t, volumeSnapshots, "first")
	c.gone(t, volumeSnapshots, "first")
	c.until(t, "the content goes with its snapshot", func() (bool, error) { return c.content(t, first) == nil, nil })
}

func snapshotsOutliveWhatRetainsThem(t *testing.T, c *Cluster) {
	c.create(t, "{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshotClass, metadata: {name: retain}, driver: dobs.csi.digitalocean.com, deletionPolicy: Retain}")
	c.create(t, "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], storageClassName: do-block-storage, resources: {requests: {storage: 1Gi}}}}")
	c.becomes(t, volumeClaims, "data", "bound", bound)
	for _, name := range []string{"kept", "let-go"} {
		c.create(t, "{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshot, metadata: {name: "+name+"}, spec: {volumeSnapshotClassName: retain, source: {persistentVolumeClaimName: data}}}")
	}
	kept := c.becomes(t, volumeSnapshots, "kept", "ready to use", readyToUse)
	gone := c.becomes(t, volumeSnapshots, "let-go", "ready to use", readyToUse)
	c.remove(t, volumeSnapshots, "kept")
	c.gone(t, volumeSnapshots, "kept")
	content := c.content(t, kept)
	if content == nil || content.GetDeletionTimestamp() != nil {
		t.Fatal("a content that retains went with its snapshot")
	}
	_, err := c.dynamic.Resource(contents).Patch(c, c.content(t, gone).GetName(), "application/merge-patch+json", []byte(`{"spec":{"deletionPolicy":"Delete"}}`), metav1.PatchOptions{})
	must(t, err, "let the snapshot go")
	c.remove(t, volumeSnapshots, "let-go")
	c.gone(t, volumeSnapshots, "let-go")
	c.until(t, "the content goes", func() (bool, error) { return c.content(t, gone) == nil, nil })

	// Another cluster's snapshot is brought in by its id.
	c.create(t, "{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshotContent, metadata: {name: brought-"+c.namespace+"}, spec: {deletionPolicy: Retain, driver: dobs.csi.digitalocean.com, source: {snapshotHandle: "+
		field(content, "status.snapshotHandle")+"}, volumeSnapshotRef: {name: brought, namespace: "+c.namespace+"}}}")
	c.create(t, "{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshot, metadata: {name: brought}, spec: {source: {volumeSnapshotContentName: brought-"+c.namespace+"}}}")
	c.becomes(t, volumeSnapshots, "brought", "ready to use", readyToUse)
}
