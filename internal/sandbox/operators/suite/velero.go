// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	backups   = "backups.v1.velero.io"
	restores  = "restores.v1.velero.io"
	locations = "backupstoragelocations.v1.velero.io"
)

// beside is the claim's cluster seen from the namespace of the operators, where Velero looks.
func (c *Cluster) beside() *Cluster {
	return &Cluster{Context: c.Context, dynamic: c.dynamic, typed: c.typed, namespace: early.namespace}
}

func phase(wanted string) func(*unstructured.Unstructured) bool {
	return func(o *unstructured.Unstructured) bool { return field(o, "status.phase") == wanted }
}

func veleroBacksUpAndRestores(t *testing.T, c *Cluster) {
	v, name := c.beside(), c.namespace
	v.create(t, "{apiVersion: v1, kind: Secret, metadata: {name: "+name+"}, stringData: {cloud: secret}}")
	v.create(t, "{apiVersion: velero.io/v1, kind: BackupStorageLocation, metadata: {name: "+name+"}, spec: {provider: aws, credential: {name: "+name+", key: cloud}, objectStorage: {bucket: backups}}}")
	v.becomes(t, locations, name, "available", phase("Available"))
	c.create(t, "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], storageClassName: do-block-storage, resources: {requests: {storage: 2Gi}}}}")
	c.create(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {colour: blue}}")
	c.create(t, "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}")
	was := c.becomes(t, volumeClaims, "data", "bound", bound)

	v.create(t, "{apiVersion: velero.io/v1, kind: Backup, metadata: {name: "+name+"}, spec: {storageLocation: "+name+", includedNamespaces: ["+name+"], ttl: 24h0m0s}}")
	made := v.becomes(t, backups, name, "completed", phase("Completed"))
	has(t, made, "status.csiVolumeSnapshotsCompleted", "1")
	c.gone(t, volumeSnapshots, "velero-data-"+string(made.GetUID())[:8])

	c.remove(t, volumeClaims, "data")
	c.remove(t, "configmaps.v1.", "settings")
	c.patch(t, "services.v1.", "web", `{"metadata":{"labels":{"kept":"yes"}}}`)
	c.gone(t, volumeClaims, "data")
	v.create(t, "{apiVersion: velero.io/v1, kind: Restore, metadata: {name: "+name+"}, spec: {backupName: "+name+"}}")
	v.becomes(t, restores, name, "completed", phase("Completed"))
	has(t, c.get(t, "configmaps.v1.", "settings"), "data.colour", "blue")
	has(t, c.get(t, "services.v1.", "web"), "metadata.labels.kept", "yes")
	now := c.becomes(t, volumeClaims, "data", "bound again", bound)
	if now.GetUID() == was.GetUID() || field(now, "spec.volumeName") == field(was, "spec.volumeName") {
		t.Error("the claim is the old one: nothing was restored")
	}
	has(t, now, "spec.dataSource.kind", "VolumeSnapshot")
}

func veleroRefusesWhatItCannotDo(t *testing.T, c *Cluster) {
	v, name := c.beside(), c.namespace
	v.create(t, "{apiVersion: velero.io/v1, kind: BackupStorageLocation, metadata: {name: "+name+"}, spec: {provider: aws, credential: {name: nothing, key: cloud}, objectStorage: {bucket: backups}}}")
	location := v.becomes(t, locations, name, "unavailable", phase("Unavailable"))
	if !strings.Contains(field(location, "status.message"), "Secret nothing") {
		t.Errorf("the location's message is %q", field(location, "status.message"))
	}
	v.create(t, "{apiVersion: velero.io/v1, kind: Backup, metadata: {name: "+name+"}, spec: {storageLocation: "+name+"}}")
	v.becomes(t, backups, name, "refused", phase("FailedValidation"))
	v.create(t, "{apiVersion: velero.io/v1, kind: Restore, metadata: {name: "+name+"}, spec: {backupName: none}}")
	v.becomes(t, restores, name, "refused", phase("FailedValidation"))
}
