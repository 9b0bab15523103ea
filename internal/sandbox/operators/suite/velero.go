// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

const (
	backups   = "backups.v1.velero.io"
	restores  = "restores.v1.velero.io"
	schedules = "schedules.v1.velero.io"
	locations = "backupstoragelocations.v1.velero.io"
)

// beside is the claim's cluster seen from the namespace of the operators, where Velero looks.
func (c *Cluster) beside() *Cluster {
	return &Cluster{Context: c.Context, dynamic: c.dynamic, typed: c.typed, namespace: early.namespace, spaces: c.spaces}
}

// client reaches Spaces as anybody does.
func (s Spaces) client() *s3.Client {
	return s3.New(s3.Options{BaseEndpoint: &s.Endpoint, UsePathStyle: true, Region: s.Region, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: s.AccessKey, SecretAccessKey: s.Secret}, nil
	})})
}

// located makes a bucket, and a location of Velero's in it, both of the claim's name.
func (c *Cluster) located(t *testing.T, name string) *s3.Client {
	t.Helper()
	client := c.spaces.client()
	_, err := client.CreateBucket(c, &s3.CreateBucketInput{Bucket: &name})
	must(t, err, "make a bucket")
	c.create(t, fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: %s}, stringData: {cloud: \"[default]\\naws_access_key_id=%s\\naws_secret_access_key=%s\\n\"}}", name, c.spaces.AccessKey, c.spaces.Secret))
	c.location(t, name, name)
	c.becomes(t, locations, name, "available", phase("Available"))
	return client
}

// location makes one in the bucket, with the Secret of the bucket's name.
func (c *Cluster) location(t *testing.T, name, bucket string) {
	t.Helper()
	c.create(t, fmt.Sprintf("{apiVersion: velero.io/v1, kind: BackupStorageLocation, metadata: {name: %s}, spec: {provider: aws, credential: {name: %s, key: cloud}, objectStorage: {bucket: %s, prefix: shop}, config: {region: %s, s3Url: %q}}}",
		name, bucket, bucket, c.spaces.Region, c.spaces.Endpoint))
}

// files are the keys that lie in a bucket.
func files(t *testing.T, client *s3.Client, bucket string) []string {
	t.Helper()
	all, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	must(t, err, "list the bucket "+bucket)
	var keys []string
	for _, o := range all.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}

func phase(wanted string) func(*unstructured.Unstructured) bool {
	return func(o *unstructured.Unstructured) bool { return field(o, "status.phase") == wanted }
}

func veleroBacksUpAndRestores(t *testing.T, c *Cluster) {
	v, name := c.beside(), c.namespace
	client := v.located(t, name)
	c.create(t, "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], storageClassName: do-block-storage, resources: {requests: {storage: 2Gi}}}}")
	c.create(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {colour: blue}}")
	c.create(t, "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}")
	was := c.becomes(t, volumeClaims, "data", "bound", bound)

	v.create(t, "{apiVersion: velero.io/v1, kind: Backup, metadata: {name: "+name+"}, spec: {storageLocation: "+name+", includedNamespaces: ["+name+"], ttl: 24h0m0s}}")
	made := v.becomes(t, backups, name, "completed", phase("Completed"))
	has(t, made, "status.csiVolumeSnapshotsCompleted", "1")
	c.gone(t, volumeSnapshots, "velero-data-"+string(made.GetUID())[:8])

	if all := files(t, client, name); len(all) != 3 || !strings.HasPrefix(all[0], "shop/backups/"+name+"/"+name) {
		t.Errorf("the bucket holds %v, want the backup's three files", all)
	}
	// The backup is the bucket's: a cluster that does not know it finds it there.
	v.remove(t, backups, name)
	v.becomes(t, backups, name, "found again", func(o *unstructured.Unstructured) bool {
		return o.GetUID() != made.GetUID() && field(o, "status.phase") == "Completed" && field(o, "status.expiration") == field(made, "status.expiration")
	})

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

func veleroRestoresWhatIsIncludedWhereItIsTold(t *testing.T, c *Cluster) {
	v, name := c.beside(), c.namespace
	v.located(t, name)
	c.create(t, "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], storageClassName: do-block-storage, resources: {requests: {storage: 2Gi}}}}")
	c.create(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {colour: blue}}")
	c.create(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: apart, labels: {velero.io/exclude-from-backup: 'true'}}}")
	was := c.becomes(t, volumeClaims, "data", "bound", bound)
	v.create(t, "{apiVersion: velero.io/v1, kind: Backup, metadata: {name: "+name+"}, spec: {storageLocation: "+name+", includedNamespaces: ["+name+"]}}")
	v.becomes(t, backups, name, "completed", phase("Completed"))

	restored := func(to, filter, how string) *Cluster {
		v.create(t, fmt.Sprintf("{apiVersion: velero.io/v1, kind: Restore, metadata: {name: %s}, spec: {backupName: %s, namespaceMapping: {%s: %s}, %s}}", to, name, name, to, filter))
		v.becomes(t, restores, to, how, phase(how))
		return &Cluster{Context: c.Context, dynamic: c.dynamic, typed: c.typed, namespace: to, spaces: c.spaces}
	}
	volumes := restored(name+"-volumes", "includedResources: [persistentvolumeclaims, volumesnapshots.snapshot.storage.k8s.io, volumesnapshotcontents.snapshot.storage.k8s.io]", "Completed")
	has(t, volumes.get(t, volumeClaims, "data"), "status.phase", "Bound")
	volumes.gone(t, "configmaps.v1.", "settings")
	rest := restored(name+"-rest", "excludedResources: [persistentvolumeclaims]", "Completed")
	has(t, rest.get(t, "configmaps.v1.", "settings"), "data.colour", "blue")
	rest.gone(t, "configmaps.v1.", "apart")
	rest.gone(t, volumeClaims, "data")
	if now := c.get(t, volumeClaims, "data"); now.GetUID() != was.GetUID() || field(now, "metadata.labels") != field(was, "metadata.labels") {
		t.Errorf("the claim that runs was %v and is %v", was.Object, now.Object)
	}
	// A claim whose snapshot does not come along gets no volume, which Velero waits for.
	restored(name+"-empty", "includedResources: [persistentvolumeclaims]", "PartiallyFailed")

	// Of a namespace that is not to be backed up nothing is.
	_, err := c.typed.CoreV1().Namespaces().Patch(c, name, types.MergePatchType, []byte(`{"metadata":{"labels":{"velero.io/exclude-from-backup":"true"}}}`), metav1.PatchOptions{})
	must(t, err, "label the namespace")
	v.create(t, "{apiVersion: velero.io/v1, kind: Backup, metadata: {name: "+name+"-none}, spec: {storageLocation: "+name+", includedNamespaces: ["+name+"]}}")
	has(t, v.becomes(t, backups, name+"-none", "completed", phase("Completed")), "status.progress.totalItems", "0")
}

func veleroBacksUpByTheClockAndForgets(t *testing.T, c *Cluster) {
	v, name := c.beside(), c.namespace
	client := v.located(t, name)
	v.create(t, "{apiVersion: velero.io/v1, kind: Schedule, metadata: {name: "+name+"}, spec: {schedule: '* * * * *', template: {storageLocation: "+name+", includedNamespaces: ["+name+"], ttl: 1s}}}")
	v.becomes(t, schedules, name, "enabled, and has run", func(o *unstructured.Unstructured) bool {
		return field(o, "status.phase") == "Enabled" && field(o, "status.lastBackup") != ""
	})
	of := metav1.ListOptions{LabelSelector: "velero.io/schedule-name=" + name}
	var first string
	v.until(t, "a scheduled backup is completed", func() (bool, error) {
		all, err := v.dynamic.Resource(backupsResource).Namespace(v.namespace).List(v, of)
		if err != nil {
			return false, err
		}
		for _, b := range all.Items {
			if field(&b, "status.phase") == "Completed" {
				first = b.GetName()
				return true, nil
			}
		}
		return false, nil
	})
	v.patch(t, schedules, name, `{"spec":{"paused":true}}`)
	// Each goes when its time is over, out of the cluster and out of the bucket.
	v.gone(t, backups, first)
	v.until(t, "the bucket is empty", func() (bool, error) { return len(files(t, client, name)) == 0, nil })
	v.until(t, "no request to delete a backup is left", func() (bool, error) {
		all, err := v.dynamic.Resource(deletionsResource).Namespace(v.namespace).List(v, metav1.ListOptions{LabelSelector: "velero.io/backup-name=" + first})
		return err == nil && len(all.Items) == 0, err
	})

	v.create(t, "{apiVersion: velero.io/v1, kind: Schedule, metadata: {name: "+name+"-wrong}, spec: {schedule: daily, template: {}}}")
	v.becomes(t, schedules, name+"-wrong", "refused", phase("FailedValidation"))
}

var (
	backupsResource   = schema.GroupVersionResource{Group: "velero.io", Version: "v1", Resource: "backups"}
	deletionsResource = schema.GroupVersionResource{Group: "velero.io", Version: "v1", Resource: "deletebackuprequests"}
)

func veleroRefusesWhatItCannotDo(t *testing.T, c *Cluster) {
	v, name := c.beside(), c.namespace
	v.location(t, name, "nothing")
	location := v.becomes(t, locations, name, "unavailable", phase("Unavailable"))
	if !strings.Contains(field(location, "status.message"), "Secret nothing") {
		t.Errorf("the location's message is %q", field(location, "status.message"))
	}
	v.create(t, "{apiVersion: velero.io/v1, kind: Backup, metadata: {name: "+name+"}, spec: {storageLocation: "+name+"}}")
	v.becomes(t, backups, name, "refused", phase("FailedValidation"))
	v.create(t, "{apiVersion: velero.io/v1, kind: Restore, metadata: {name: "+name+"}, spec: {backupName: none}}")
	v.becomes(t, restores, name, "refused", phase("FailedValidation"))
}
