// SPDX-License-Identifier: Apache-2.0

package velero

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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
	if _, err := b.Chart(e.ID, product.ChartSpec{Source: source, Release: release, Namespace: e.Namespace(), Values: vals, Footprint: footprint,
		OwnValues: len(e.Spec.Values) > 0, Extra: resources(b.Platform(), e, bucket), Derived: []kube.Derived{key}, Sources: []graph.ID{by}}, after); err != nil {
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
	product.Offer(b, product.Alert{Entry: e.ID, Name: "BackupsFail", For: "15m", Severity: "critical",
		Expression: `velero_backup_last_status{schedule!=""} != 1`,
		Summary:    "the last scheduled backup did not succeed: `k8or backup list` says which, and Velero's log why"})
	product.Offer(b, product.Alert{Entry: e.ID, Name: "BackupsOutOfReach", For: "15m", Severity: "critical",
		Expression: `velero_backup_location_status_gauge != 1`,
		Summary:    "Velero cannot reach the bucket that it keeps backups in"})
	// That Velero reaches its bucket is part of its being ready: see its BackupStorageLocation.
	product.Offer(b, product.Probe{Entry: e.ID, Name: "velero", Proves: "Velero's server answers", Look: "k8or logs backups", Namespace: e.Namespace(),
		Spec: probe.Spec{HTTP: &probe.HTTP{URL: "http://velero." + e.Namespace() + ".svc:8085/metrics", Status: 200}}})
}
