// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
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

// A schedule goes by the model's clock. What is at the cloud goes with the oldest, although the class retains it.
func snapshotsAreTakenOnSchedule(t *testing.T, c *Cluster) {
	c.create(t, "{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshotClass, metadata: {name: "+c.namespace+"}, driver: dobs.csi.digitalocean.com, deletionPolicy: Retain}")
	c.create(t, "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], storageClassName: do-block-storage, resources: {requests: {storage: 1Gi}}}}")
	c.becomes(t, volumeClaims, "data", "bound", bound)
	pod := func(image, schedule, claims string) string {
		return `{restartPolicy: Never, containers: [{name: run, image: ` + image + `, env: [{name: SCHEDULE, value: ` + schedule + `}, {name: KEEP, value: "1"}, {name: CLASS, value: ` + c.namespace +
			`}, {name: CLAIMS, value: "` + claims + `"}, {name: PLATFORM, value: ` + c.namespace + `}]}]}`
	}
	const kubectl = "registry.k8s.io/kubectl:v1.36.0"
	c.create(t, `{apiVersion: batch/v1, kind: CronJob, metadata: {name: minutely}, spec: {schedule: "* * * * *", timeZone: Etc/UTC, concurrencyPolicy: Forbid, successfulJobsHistoryLimit: 1,
  jobTemplate: {spec: {template: {spec: `+pod(kubectl, "minutely", c.namespace+"/none "+c.namespace+"/data")+`}}}}}`)
	of := func(schedule string) []unstructured.Unstructured {
		all, err := c.dynamic.Resource(contents.GroupVersion().WithResource("volumesnapshots")).Namespace(c.namespace).List(c, metav1.ListOptions{LabelSelector: "k8or.io/snapshots=" + schedule})
		must(t, err, "list snapshots")
		return all.Items
	}
	var first *unstructured.Unstructured
	c.until(t, "a scheduled snapshot can be used", func() (bool, error) {
		for _, one := range of("minutely") {
			if readyToUse(&one) {
				first = &one
			}
		}
		return first != nil, nil
	})
	c.gone(t, volumeSnapshots, first.GetName())
	c.until(t, "its content goes along", func() (bool, error) { return c.content(t, first) == nil, nil })
	c.becomes(t, "cronjobs.v1.batch", "minutely", "successful", func(o *unstructured.Unstructured) bool { return field(o, "status.lastSuccessfulTime") != "" })

	// A Job made by hand does the same; one whose container is another does nothing, and neither does one that has no volume.
	_, err := c.typed.CoreV1().Namespaces().Patch(c, c.namespace, types.MergePatchType, []byte(`{"metadata":{"labels":{"k8or.io/platform":"`+c.namespace+`"}}}`), metav1.PatchOptions{})
	must(t, err, "mark the namespace as the platform's")
	for name, pod := range map[string]string{"other": pod("docker.io/library/busybox:1", "other", ""), "by-hand": pod(kubectl, "by-hand", "")} {
		c.create(t, "{apiVersion: batch/v1, kind: Job, metadata: {name: "+name+"}, spec: {template: {spec: "+pod+"}}}")
	}
	c.until(t, "a Job made by hand takes one", func() (bool, error) { return len(of("by-hand")) == 1 && readyToUse(&of("by-hand")[0]), nil })
	if strange := of("other"); len(strange) > 0 {
		t.Errorf("a container that is not the script's took %v", strange)
	}
}
