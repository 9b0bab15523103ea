// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"cmp"
	"fmt"
	"slices"
)

func playRestore(s *Scene) Outcome {
	if over(textAt(s.Object.Object, "status", "phase")) || !s.Ripe(veleroValidates) {
		return Outcome{}
	}
	refuse := func(why string) Outcome {
		return Outcome{Status: map[string]any{"phase": "FailedValidation", "validationErrors": []any{why}}}
	}
	name := textAt(s.Object.Object, "spec", "backupName")
	backup := s.Get(backups, s.Object.GetNamespace(), name)
	if backup == nil {
		return refuse(fmt.Sprintf("Error retrieving backup: backup.velero.io %q not found", name))
	}
	if phase := textAt(backup.Object, "status", "phase"); phase != "Completed" && phase != "PartiallyFailed" {
		return refuse(fmt.Sprintf("backup %s is in phase %s", name, cmp.Or(phase, "New")))
	}
	held, err := archiveOf(s, backup)
	if err != nil {
		return Outcome{Status: map[string]any{"phase": "Failed", "failureReason": err.Error()}}
	}
	out := Outcome{Status: map[string]any{"phase": "InProgress", "startTimestamp": stampOf(s, "startTimestamp")}}
	if !s.Ripe(veleroWrites) {
		return out
	}
	missing, there := s.missing(held)
	out.Children = missing
	out.Status["progress"] = map[string]any{"totalItems": int64(len(held.Objects)), "itemsRestored": int64(there)}
	if there < len(held.Objects) {
		return out
	}
	out.Status["phase"], out.Status["completionTimestamp"] = "Completed", stamp(s.Wall)
	return out
}

// archiveOf is what a backup holds.
func archiveOf(s *Scene, backup Object) (archived, error) {
	kept, err := storeBehind(s, backup)
	if err != nil {
		return archived{}, err
	}
	return kept.open(backup.GetName())
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
func (s *Scene) missing(what archived) (missing []Object, there int) {
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
