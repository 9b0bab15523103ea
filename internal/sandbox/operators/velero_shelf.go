// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
)

// shelved is what a backup holds: what Velero keeps in its bucket, and the sandbox in a Secret beside the backup.
type shelved struct {
	Objects   []map[string]any  `json:"objects"`   // namespaces first
	Snapshots map[string]string `json:"snapshots"` // the cloud's ids, by namespace/claim
}

// most is how much a Secret can hold, with some to spare.
const most = 1000 << 10

// shelfOf is the name of the Secret that stands in for a backup's folder in the bucket.
func shelfOf(backup string) string { return "sandbox-backup-" + backup }

// shelf is the type of such Secrets. They are in no backup.
const shelf = "sandbox.k8or.io/backup"

// backedUp are the kinds that a played backup holds, in the order in which they are restored.
var backedUp = []schema.GroupResource{namespaces, secrets, configMaps, claims, services, deployments, statefulSets, daemonSets, budgets}

// short is a few letters of a uid, for names.
func short(uid types.UID) string { return string(uid)[:min(8, len(uid))] }

// chosenFor are the objects that a backup asks for, without those that somebody makes anew by himself.
func chosenFor(s *Scene) []Object {
	included, excluded := textsAt(s.Object.Object, "spec", "includedNamespaces"), textsAt(s.Object.Object, "spec", "excludedNamespaces")
	in := func(namespace string) bool {
		return (len(included) == 0 || slices.Contains(included, "*") || slices.Contains(included, namespace)) && !slices.Contains(excluded, namespace)
	}
	var out []Object
	for _, resource := range backedUp {
		for _, o := range s.List(resource) {
			namespace := o.GetNamespace()
			if resource == namespaces {
				namespace = o.GetName()
			}
			kind := textAt(o.Object, "type")
			if !in(namespace) || o.GetDeletionTimestamp() != nil || len(o.GetOwnerReferences()) > 0 || kind == shelf || kind == "kubernetes.io/service-account-token" || o.GetName() == "kube-root-ca.crt" {
				continue
			}
			out = append(out, o)
		}
	}
	return out
}

// shelve is the Secret that holds the objects, and how many they are.
func shelve(s *Scene, chosen []Object, snapshots map[string]string) (Object, int, error) {
	what := shelved{Snapshots: snapshots}
	for _, o := range chosen {
		what.Objects = append(what.Objects, bare(o))
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	raw, err := json.Marshal(what)
	if err != nil {
		return nil, 0, fmt.Errorf("write the backup: %w", err)
	}
	_, err = zip.Write(raw)
	if err = errors.Join(err, zip.Close()); err != nil {
		return nil, 0, fmt.Errorf("pack the backup: %w", err)
	}
	if packed.Len() > most {
		return nil, 0, fmt.Errorf("the sandbox keeps backups in Secrets, and this one of %d KiB does not fit into one", packed.Len()>>10)
	}
	kept := secret(s.Object.GetNamespace(), shelfOf(s.Object.GetName()), map[string]string{"velero.io/backup-name": s.Object.GetName()}, map[string][]byte{"objects.json.gz": packed.Bytes()})
	kept.Object["type"] = shelf
	return owned(kept, s.Object, false), len(chosen), nil
}

// unshelve reads what a backup holds.
func unshelve(s *Scene, backup string) (shelved, error) {
	var what shelved
	zip, err := gzip.NewReader(bytes.NewReader(secretData(s.World, s.Object.GetNamespace(), shelfOf(backup))["objects.json.gz"]))
	if err != nil {
		return what, fmt.Errorf("the sandbox has nothing of backup %s: %w", backup, err)
	}
	raw, err := io.ReadAll(zip)
	if err == nil {
		err = json.Unmarshal(raw, &what)
	}
	return what, err
}

// bare is an object without what one cluster has made of it, as Velero restores it.
func bare(o Object) map[string]any {
	next := o.DeepCopy()
	next.Object["metadata"] = map[string]any{"name": o.GetName()}
	if o.GetNamespace() != "" {
		next.SetNamespace(o.GetNamespace())
	}
	if l := o.GetLabels(); len(l) > 0 {
		next.SetLabels(l)
	}
	notes := o.GetAnnotations()
	for _, bound := range []string{"pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller", "volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner", "deployment.kubernetes.io/revision"} {
		delete(notes, bound)
	}
	if len(notes) > 0 {
		next.SetAnnotations(notes)
	}
	delete(next.Object, "status")
	spec := mapAt(next.Object, "spec")
	switch o.GetKind() {
	case "PersistentVolumeClaim":
		delete(spec, "volumeName")
	case "Service":
		if textAt(spec, "clusterIP") != "None" {
			delete(spec, "clusterIP")
			delete(spec, "clusterIPs")
		}
		for _, p := range mapsAt(spec, "ports") {
			delete(p, "nodePort")
		}
	case "Namespace":
		delete(next.Object, "spec")
	}
	return next.Object
}

// missing are the objects of a backup that are not there, each stage once the one before is; there is how many are. What is
// there stays as it is, as Velero does unless it is told otherwise.
func (s *Scene) missing(what shelved) (missing []Object, there int) {
	included := textsAt(s.Object.Object, "spec", "includedNamespaces")
	marks := map[string]string{"velero.io/backup-name": textAt(s.Object.Object, "spec", "backupName"), "velero.io/restore-name": s.Object.GetName()}
	for _, content := range what.Objects {
		o := &object{Object: content}
		namespace := o.GetNamespace()
		if o.GetKind() == "Namespace" {
			namespace = o.GetName()
		}
		if len(included) > 0 && !slices.Contains(included, namespace) {
			there++
			continue
		}
		if s.Get(ResourceOf(o).GroupResource(), o.GetNamespace(), o.GetName()) != nil {
			there++
			continue
		}
		if o.GetKind() != "Namespace" && s.Get(namespaces, "", namespace) == nil {
			continue // its namespace comes first
		}
		o = o.DeepCopy()
		o.SetLabels(with(o.GetLabels(), marks))
		if handle := what.Snapshots[namespace+"/"+o.GetName()]; o.GetKind() == "PersistentVolumeClaim" && handle != "" {
			missing = append(missing, s.fromSnapshot(o, handle)...)
			continue
		}
		missing = append(missing, o)
	}
	return missing, there
}

// fromSnapshot are a claim that is made from a snapshot, and what says in the cluster which one that is.
func (s *Scene) fromSnapshot(claim Object, handle string) []Object {
	name := fmt.Sprintf("velero-%s-%s", claim.GetName(), short(s.Object.GetUID()))
	content := fmt.Sprintf("velero-%s-%s-%s", claim.GetNamespace(), claim.GetName(), short(s.Object.GetUID()))
	ref := map[string]any{"name": name, "namespace": claim.GetNamespace()}
	mapAt(claim.Object, "spec")["dataSource"] = map[string]any{"apiGroup": snapshotGroup, "kind": "VolumeSnapshot", "name": name}
	out := []Object{claim}
	if s.Get(snapshotContents, "", content) == nil {
		out = append(out, &object{Object: map[string]any{
			"apiVersion": snapshotGroup + "/v1", "kind": "VolumeSnapshotContent", "metadata": map[string]any{"name": content},
			"spec": map[string]any{"deletionPolicy": "Retain", "driver": snapshotDriver, "source": map[string]any{"snapshotHandle": handle}, "volumeSnapshotRef": ref},
		}})
	}
	if s.Get(volumeSnapshots, claim.GetNamespace(), name) == nil {
		out = append(out, &object{Object: map[string]any{
			"apiVersion": snapshotGroup + "/v1", "kind": "VolumeSnapshot", "metadata": map[string]any{"name": name, "namespace": claim.GetNamespace()},
			"spec": map[string]any{"source": map[string]any{"volumeSnapshotContentName": content}},
		}})
	}
	return out
}
