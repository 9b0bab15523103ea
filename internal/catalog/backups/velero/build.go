// SPDX-License-Identifier: Apache-2.0

package velero

import (
	"fmt"
	"net/url"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

var source = chart.Source{Repo: "https://vmware-tanzu.github.io/helm-charts", Name: "velero", Version: "12.1.0"}

const (
	release = "velero"
	// credentials is the Secret with Velero's key to its bucket, as a file of the AWS command line.
	credentials = "velero-credentials"
	// location is the name of the one place where backups are kept, schedule that of the schedule.
	location, schedule = "default", "schedule"
	// reader is the account by which a probe looks at schedule and backups.
	reader = "backups-probe"
)

// apart are namespaces that are in no backup: DOKS's own, k8or's memory of what it made, which would be wrong in another cluster,
// and Velero's, with the key to the bucket.
var apart = []any{"kube-system", "kube-public", "kube-node-lease", kube.SystemNamespace}

func build(b *product.Building, e entry) error {
	bucket, ok := b.Bucket(graph.ID(e.Spec.Bucket))
	if !ok {
		return fmt.Errorf("nothing offers the bucket %s", e.Spec.Bucket)
	}
	if _, err := b.OwnNamespace(e.Namespace()); err != nil {
		return err
	}
	vals, err := own(b, e)
	if err != nil {
		return err
	}
	key, by, err := credential(b, e, bucket.Entry)
	if err != nil {
		return err
	}
	after := graph.After()
	if bucket.Ready != "" {
		after = graph.After(bucket.Ready)
	}
	reads, err := product.Reader(reader, e.Namespace(), "",
		rbacv1.PolicyRule{APIGroups: []string{"velero.io"}, Resources: []string{"schedules"}, ResourceNames: []string{schedule}, Verbs: []string{"get"}},
		rbacv1.PolicyRule{APIGroups: []string{"velero.io"}, Resources: []string{"backups"}, Verbs: []string{"list"}})
	if err != nil {
		return err
	}
	if _, err := b.Chart(e.ID, product.ChartSpec{Source: source, Release: release, Namespace: e.Namespace(), Values: vals, Footprint: footprint,
		OwnValues: len(e.Spec.Values) > 0, Extra: append(resources(b.Platform(), e, bucket), reads...), Derived: []kube.Derived{key}, Sources: []graph.ID{by}}, after); err != nil {
		return err
	}
	offer(b, e)
	return nil
}

// own are the chart's values.
func own(b *product.Building, e entry) (map[string]any, error) {
	z := sizeOf(e.Spec)
	return product.Values(values, map[string]any{
		"resources":     map[string]any{"requests": map[string]any{"cpu": z.cpu.String(), "memory": z.memory.String()}, "limits": map[string]any{"memory": z.limit.String()}},
		"configuration": map[string]any{"defaultBackupTTL": ttl(e.Spec.Retention), "defaultBackupStorageLocation": location},
	}, b.Platform().OnPool(e.Spec.Pool), e.Spec.Values)
}

// resources are where backups are kept and when they are taken, as Velero's own kinds say it.
func resources(p product.Platform, e entry, bucket product.Bucket) []*unstructured.Unstructured {
	object := func(kind, name string, spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "velero.io/v1", "kind": kind, "metadata": map[string]any{"name": name, "namespace": e.Namespace()}, "spec": spec}}
	}
	return []*unstructured.Unstructured{
		object("BackupStorageLocation", location, map[string]any{
			"provider": "aws", "default": true, "accessMode": "ReadWrite", "credential": map[string]any{"name": credentials, "key": "cloud"},
			// By the prefix, the platform's name and uid, a new cluster of the same platform finds the backups of the old one.
			"objectStorage": map[string]any{"bucket": bucket.Name, "prefix": p.Metadata.Name + "-" + p.Metadata.UID},
			// Spaces does not know the checksums that the plugin adds by itself.
			"config": map[string]any{"region": bucket.Region, "s3Url": bucket.Endpoint, "checksumAlgorithm": ""},
		}),
		object("Schedule", schedule, map[string]any{"schedule": e.Spec.Schedule, "template": map[string]any{
			"ttl": ttl(e.Spec.Retention), "storageLocation": location, "snapshotVolumes": true, "excludedNamespaces": append(apart[:len(apart):len(apart)], e.Namespace()),
		}}),
	}
}

// credential is the key to the bucket as Velero reads it, and the node that writes what it is made of. It passes through nothing but
// the cluster. Velero reads it anew for each backup and restore, so that nothing starts anew when it is another.
func credential(b *product.Building, e entry, bucket graph.ID) (key kube.Derived, by graph.ID, err error) {
	for _, binding := range b.Bindings(e.ID) {
		if binding.Entry != bucket {
			continue
		}
		key := func(name string) kube.Field {
			return kube.Field{Key: name, From: &kube.SecretKey{Namespace: binding.Namespace, Name: binding.Secret, Key: name}, Unwritten: true}
		}
		file := func(fields map[string][]byte, _ []byte) ([]byte, error) {
			return fmt.Appendf(nil, "[default]\naws_access_key_id=%s\naws_secret_access_key=%s\n", fields[product.AccessKey], fields[product.SecretKey]), nil
		}
		return kube.Derived{Name: credentials, Namespace: e.Namespace(), Fields: []kube.Field{key(product.AccessKey), key(product.SecretKey), {Key: "cloud", Compute: file}}}, binding.Ready, nil
	}
	return kube.Derived{}, "", fmt.Errorf("%s offers backups no key of its own", bucket)
}

// offer makes known what is watched, logged and proven.
func offer(b *product.Building, e entry) {
	pods := map[string]string{"app.kubernetes.io/name": "velero", "app.kubernetes.io/instance": release}
	product.Offer(b, product.MetricsTarget{Entry: e.ID, Namespace: e.Namespace(), Labels: pods, Port: "http-monitoring", Path: "/metrics", Ready: e.ID})
	product.Offer(b, product.LogSource{Entry: e.ID, Namespace: e.Namespace(), Labels: pods})
	product.Offer(b, late(e))
	product.Offer(b, product.Alert{Entry: e.ID, Name: "BackupsOutOfReach", For: "15m", Severity: "critical",
		Expression: `velero_backup_location_status_gauge != 1`,
		Summary:    "Velero cannot reach the bucket that it keeps backups in"})
	metrics := "http://velero." + e.Namespace() + ".svc:8085/metrics"
	product.Offer(b, product.Probe{Entry: e.ID, Name: "bucket", Proves: "Velero's server answers, and reaches the bucket that it keeps backups in", Look: "k8or logs backups", Namespace: e.Namespace(),
		Spec: probe.Spec{HTTP: &probe.HTTP{URL: metrics, Status: 200, Holds: fmt.Sprintf("velero_backup_location_status_gauge{backup_location_name=%q} 1", location)}}})
	objects := "/apis/velero.io/v1/namespaces/" + e.Namespace()
	product.Offer(b, product.Probe{Entry: e.ID, Name: "schedule", Proves: "the newest scheduled backup is complete, and no older than the schedule says", Look: "`k8or backup list`, k8or logs backups",
		Namespace: e.Namespace(), Account: reader,
		Spec: probe.Spec{Scheduled: &probe.Scheduled{API: product.APIServer, CA: product.AccountTrusts, Token: product.AccountToken,
			Schedule: objects + "/schedules/" + schedule, Every: v1alpha1.Apart(e.Spec.Schedule), Takes: takes,
			Made:  objects + "/backups?labelSelector=" + url.QueryEscape("velero.io/schedule-name="+schedule),
			Field: "status.phase", Whole: "Completed", Spoiled: []string{"FailedValidation", "WaitingForPluginOperationsPartiallyFailed", "FinalizingPartiallyFailed", "PartiallyFailed", "Failed"}}}})
}

// takes is how long a backup may take: as long as Velero waits for what the volumes' driver does (itemOperationTimeout) unless told otherwise.
const takes = 4 * time.Hour

// late is the alert of a schedule of which no backup is complete: since the last one that is, or since Velero began where there is none. It
// goes by the time of the last one and not by velero_backup_last_status, which Velero sets to 1 again each minute
// (scheduleReconciler.Reconcile calls InitSchedule).
func late(e entry) product.Alert {
	most := int((v1alpha1.Apart(e.Spec.Schedule) + takes).Seconds())
	return product.Alert{Entry: e.ID, Name: "BackupsFail", For: "15m", Severity: "critical",
		Expression: fmt.Sprintf(`time() - (max(velero_backup_last_successful_timestamp{schedule=%[1]q}) or max(process_start_time_seconds{%[2]s=%[3]q})) > %[4]d`, schedule, product.EntryLabel, e.ID, most),
		Summary:    "no scheduled backup has been complete for longer than the schedule says: `k8or backup list` says which failed, and Velero's log why"}
}
