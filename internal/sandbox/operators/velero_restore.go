// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// veleroBinds is how long Velero waits for the volumes of restored claims, in model time: its resource-timeout.
const veleroBinds = 10 * time.Minute

// restoredBy is the label that says which restore made an object.
const restoredBy = "velero.io/restore-name"

var storageClasses = schema.GroupResource{Group: "storage.k8s.io", Resource: "storageclasses"}

// playRestore brings back what a backup holds and the cluster does not have. While volumes are made of snapshots it is Finalizing, and
// those that are not there in time make it PartiallyFailed.
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
	wanted := s.wanted(held)
	out := Outcome{Status: map[string]any{"phase": "InProgress", "startTimestamp": stampOf(s, "startTimestamp")}}
	finalizing, there := textAt(s.Object.Object, "status", "phase") == "Finalizing", len(wanted)
	if !finalizing {
		if !s.Ripe(veleroWrites) {
			return out
		}
		out.Children, there = s.missing(wanted)
	}
	out.Status["progress"] = map[string]any{"totalItems": int64(len(wanted)), "itemsRestored": int64(there)}
	if there < len(wanted) {
		return out
	}
	switch unbound := s.unbound(wanted); {
	case unbound == 0:
		out.Status["phase"] = "Completed"
	case !finalizing || !s.Ripe(veleroBinds):
		out.Status["phase"] = "Finalizing"
		return out
	default:
		out.Status["phase"], out.Status["errors"] = "PartiallyFailed", int64(unbound)
	}
	out.Status["completionTimestamp"] = stamp(s.Wall)
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

// wanted is one object that a restore brings back, under the name that it is to have.
type wanted struct {
	Object
	handle string // the snapshot at the cloud that a claim is made from; empty for anything else
}

// wanted are the objects of a backup that the restore's spec speaks of, namespaces first: those of the included namespaces, in the
// namespaces that they are mapped to, and of the resources that are included and not excluded. The namespaces that objects are
// restored into come along whatever the resources say, as with Velero.
func (s *Scene) wanted(held archived) []wanted {
	spec := mapAt(s.Object.Object, "spec")
	included, used := textsAt(spec, "includedNamespaces"), map[string]bool{}
	var spaces, out []wanted
	for _, content := range held.Objects {
		o := (&object{Object: content}).DeepCopy()
		kind, from := ResourceOf(o).GroupResource(), o.GetNamespace()
		if kind == namespaces {
			from = o.GetName()
		}
		if len(included) > 0 && !slices.Contains(included, "*") && !slices.Contains(included, from) {
			continue
		}
		to := orText(textAt(spec, "namespaceMapping", from), from)
		if kind == namespaces {
			o.SetName(to)
			spaces = append(spaces, wanted{Object: o})
			continue
		}
		if !takes(spec, kind) {
			continue
		}
		one := wanted{Object: o}
		if kind == claims {
			one.handle = held.Snapshots[from+"/"+o.GetName()]
		}
		o.SetNamespace(to)
		used[to] = true
		out = append(out, one)
	}
	spaces = slices.DeleteFunc(spaces, func(w wanted) bool { return !used[w.GetName()] && !takes(spec, namespaces) })
	return append(spaces, out...)
}

// takes is whether a restore's filters let a resource in.
func takes(spec map[string]any, resource schema.GroupResource) bool {
	names := func(list []string) bool {
		return slices.Contains(list, "*") || slices.Contains(list, resource.String()) || slices.Contains(list, resource.Resource)
	}
	included := textsAt(spec, "includedResources")
	return (len(included) == 0 || names(included)) && !names(textsAt(spec, "excludedResources"))
}

// missing are the wanted objects that are not there, each once its namespace is; there is how many are. What is there stays as it is,
// as Velero does unless it is told otherwise.
func (s *Scene) missing(all []wanted) (missing []Object, there int) {
	for _, o := range all {
		if s.Get(ResourceOf(o.Object).GroupResource(), o.GetNamespace(), o.GetName()) != nil {
			there++
			continue
		}
		if o.GetNamespace() != "" && s.Get(namespaces, "", o.GetNamespace()) == nil {
			continue // its namespace comes first
		}
		o.SetLabels(with(o.GetLabels(), map[string]string{"velero.io/backup-name": textAt(s.Object.Object, "spec", "backupName"), restoredBy: s.Object.GetName()}))
		if o.handle != "" {
			missing = append(missing, s.fromSnapshot(o.Object, o.handle)...)
			continue
		}
		missing = append(missing, o.Object)
	}
	return missing, there
}

// unbound is how many claims that the restore made of snapshots have no volume. Those whose class waits for a pod do not count.
func (s *Scene) unbound(all []wanted) int {
	n := 0
	for _, o := range all {
		if o.handle == "" {
			continue
		}
		live := s.Get(claims, o.GetNamespace(), o.GetName())
		if live == nil {
			n++
			continue
		}
		class := s.Get(storageClasses, "", textAt(live.Object, "spec", "storageClassName"))
		if live.GetLabels()[restoredBy] == s.Object.GetName() && textAt(live.Object, "status", "phase") != "Bound" &&
			(class == nil || textAt(class.Object, "volumeBindingMode") != "WaitForFirstConsumer") {
			n++
		}
	}
	return n
}

// fromSnapshot are a claim that is made from a snapshot, and what says in the cluster which one that is, where the restore takes it.
func (s *Scene) fromSnapshot(claim Object, handle string) []Object {
	name := fmt.Sprintf("velero-%s-%s", claim.GetName(), short(s.Object.GetUID()))
	content := fmt.Sprintf("velero-%s-%s-%s", claim.GetNamespace(), claim.GetName(), short(s.Object.GetUID()))
	ref := map[string]any{"name": name, "namespace": claim.GetNamespace()}
	mapAt(claim.Object, "spec")["dataSource"] = map[string]any{"apiGroup": snapshotGroup, "kind": "VolumeSnapshot", "name": name}
	marks := map[string]any{restoredBy: s.Object.GetName()}
	out, spec := []Object{claim}, mapAt(s.Object.Object, "spec")
	if takes(spec, volumeSnapshots) && takes(spec, snapshotContents) && s.Get(snapshotContents, "", content) == nil {
		out = append(out, &object{Object: map[string]any{
			"apiVersion": snapshotGroup + "/v1", "kind": "VolumeSnapshotContent", "metadata": map[string]any{"name": content, "labels": marks},
			"spec": map[string]any{"deletionPolicy": "Retain", "driver": snapshotDriver, "source": map[string]any{"snapshotHandle": handle}, "volumeSnapshotRef": ref},
		}})
	}
	if takes(spec, volumeSnapshots) && s.Get(volumeSnapshots, claim.GetNamespace(), name) == nil {
		out = append(out, &object{Object: map[string]any{
			"apiVersion": snapshotGroup + "/v1", "kind": "VolumeSnapshot", "metadata": map[string]any{"name": name, "namespace": claim.GetNamespace(), "labels": marks},
			"spec": map[string]any{"source": map[string]any{"volumeSnapshotContentName": content}},
		}})
	}
	return out
}
