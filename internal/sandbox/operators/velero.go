// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"
)

const veleroGroup = "velero.io"

var (
	backups         = schema.GroupResource{Group: veleroGroup, Resource: "backups"}
	restores        = schema.GroupResource{Group: veleroGroup, Resource: "restores"}
	schedules       = schema.GroupResource{Group: veleroGroup, Resource: "schedules"}
	deletions       = schema.GroupResource{Group: veleroGroup, Resource: "deletebackuprequests"}
	backupLocations = schema.GroupResource{Group: veleroGroup, Resource: "backupstoragelocations"}
)

// Times of Velero, in model time. It publishes none; small clusters take well under a minute.
const (
	veleroValidates = 2 * time.Second
	veleroWrites    = 10 * time.Second
	veleroLooks     = time.Minute     // how often it looks into a bucket, as published
	veleroStandard  = 720 * time.Hour // how long a backup is kept that does not say
)

// velero plays Velero (1.18) with CSI snapshots. Backups lie in their bucket of the simulated Spaces, laid out as Velero does, so that
// another cluster with the same bucket finds them. They hold only kinds that the sandbox's operators look at anyway: namespaces,
// Secrets, ConfigMaps, Services, claims, workloads and their budgets. Snapshots of volumes are taken at the cloud. Schedules go by
// the model's time, what a backup says of itself and when it expires by the machine's. Not played: logs and results in the bucket,
// hooks, file system backups, and that a restored volume gets the reclaim policy that the old one had in place of its class's.
func velero() *Operator {
	return &Operator{Name: "velero", Image: "velero/velero", Kinds: []Kind{
		{Resource: backupLocations, Play: playLocation},
		{Resource: schedules, Play: playSchedule},
		{Resource: backups, Play: playBackup},
		{Resource: restores, Play: playRestore},
		{Resource: deletions, Play: playDeletion},
	}, Reads: []schema.GroupVersionResource{persistent.WithVersion("v1"), storageClasses.WithVersion("v1")},
		Within: func(controller Object, namespace string) bool { return controller.GetNamespace() == namespace }}
}

// playLocation says whether the bucket can be reached, and brings the cluster's backups in line with those that lie there.
func playLocation(s *Scene) Outcome {
	if !s.Ripe(veleroValidates) || !s.Every(veleroLooks) {
		return Outcome{}
	}
	var out Outcome
	status := map[string]any{"phase": "Available", "lastValidationTime": stampOf(s, "lastValidationTime")}
	kept, err := storeOf(s, s.Object)
	if err == nil {
		out.Children, out.Gone, err = s.synced(kept)
	}
	if err != nil {
		status["phase"], status["message"] = "Unavailable", "BackupStorageLocation is unavailable: "+err.Error()
	}
	out.Status = status
	return out
}

// synced are the backups of a bucket that the cluster does not know, such as those of one that was there before, and those of the
// cluster that the bucket has no more.
func (s *Scene) synced(kept *store) (found []Object, lost []Reference, err error) {
	names, err := kept.backups()
	if err != nil {
		return nil, nil, err
	}
	namespace := s.Object.GetNamespace()
	for _, name := range names {
		if s.Get(backups, namespace, name) != nil {
			continue
		}
		raw, err := kept.get(name, metadataFile)
		if err != nil {
			return nil, nil, fmt.Errorf("read backup %s: %w", name, err)
		}
		was := &object{}
		if err := json.Unmarshal(raw, &was.Object); err != nil {
			return nil, nil, fmt.Errorf("read backup %s: %w", name, err)
		}
		labels := with(was.GetLabels(), map[string]string{storedIn: s.Object.GetName()})
		was.Object["metadata"] = map[string]any{"name": name, "namespace": namespace}
		was.SetLabels(labels)
		found = append(found, was)
	}
	for _, b := range s.List(backups) {
		phase := textAt(b.Object, "status", "phase")
		if b.GetNamespace() == namespace && textAt(b.Object, "spec", "storageLocation") == s.Object.GetName() && (phase == "Completed" || phase == "PartiallyFailed") && !slices.Contains(names, b.GetName()) {
			lost = append(lost, Reference{Resource: backups, Namespace: namespace, Name: b.GetName()})
		}
	}
	return found, lost, nil
}

// storedIn is the label by which a backup says where it lies.
const storedIn = "velero.io/storage-location"

// veleroSecret is the Secret that Velero's own workload signs in with.
func veleroSecret(controller Object) string {
	for _, v := range mapsAt(controller.Object, "spec", "template", "spec", "volumes") {
		if v["name"] == "cloud-credentials" {
			return textAt(v, "secret", "secretName")
		}
	}
	return ""
}

// location is where a backup goes; nil while there is none that can be used, and then why.
func location(s *Scene, name string) (Object, string) {
	for _, l := range s.List(backupLocations) {
		if l.GetNamespace() != s.Object.GetNamespace() || name != "" && l.GetName() != name || name == "" && !truthAt(l.Object, false, "spec", "default") {
			continue
		}
		if phase := textAt(l.Object, "status", "phase"); phase != "Available" {
			return nil, fmt.Sprintf("backup can't be created because BackupStorageLocation %s is in %s status", l.GetName(), orText(phase, "Unavailable"))
		}
		return l, ""
	}
	return nil, fmt.Sprintf("an existing backup storage location wasn't specified at backup creation time and the default %q wasn't found", orText(name, "default"))
}

// over is whether a backup or restore has come to its end.
func over(phase string) bool {
	return slices.Contains([]string{"Completed", "PartiallyFailed", "Failed", "FailedValidation"}, phase)
}

func playBackup(s *Scene) Outcome {
	if over(textAt(s.Object.Object, "status", "phase")) {
		return expired(s)
	}
	if !s.Ripe(veleroValidates) {
		return Outcome{}
	}
	where, why := location(s, textAt(s.Object.Object, "spec", "storageLocation"))
	if why != "" {
		return Outcome{Status: map[string]any{"phase": "FailedValidation", "validationErrors": []any{why}, "formatVersion": "1.1.0", "version": int64(1)}}
	}
	began := stampOf(s, "startTimestamp")
	status := map[string]any{"phase": "InProgress", "startTimestamp": began, "formatVersion": "1.1.0", "version": int64(1), "expiration": expires(s, began)}
	out := Outcome{Status: status}
	if textAt(s.Object.Object, "spec", "storageLocation") == "" || s.Object.GetLabels()[storedIn] == "" {
		next := s.Object.DeepCopy()
		mapAt(next.Object, "spec")["storageLocation"] = where.GetName()
		next.SetLabels(with(next.GetLabels(), map[string]string{storedIn: where.GetName()}))
		out.Self = next
	}
	if !s.Ripe(veleroWrites) {
		return out
	}
	chosen := chosenFor(s)
	taken, total, waiting := snapshotsFor(s, chosen, &out)
	if waiting {
		return out
	}
	status["completionTimestamp"] = stamp(s.Wall)
	status["progress"] = map[string]any{"totalItems": int64(len(chosen)), "itemsBackedUp": int64(len(chosen))}
	if total > 0 {
		status["csiVolumeSnapshotsAttempted"], status["csiVolumeSnapshotsCompleted"] = int64(total), int64(len(taken))
	}
	status["phase"] = "Completed"
	if len(taken) < total {
		status["phase"], status["errors"] = "PartiallyFailed", int64(total-len(taken))
	}
	kept, err := storeOf(s, where)
	if err == nil {
		done := s.Object.DeepCopy()
		if out.Self != nil {
			done = out.Self.DeepCopy()
		}
		done.Object["status"] = status
		err = kept.file(done, chosen, taken)
	}
	if err != nil {
		status["phase"], status["failureReason"] = "Failed", err.Error()
	}
	return out
}

// expires is when a backup would go, by its ttl.
func expires(s *Scene, began string) string {
	kept, err := time.ParseDuration(textAt(s.Object.Object, "spec", "ttl"))
	if err != nil || kept == 0 {
		kept = veleroStandard
	}
	at, err := time.Parse(time.RFC3339, began)
	if err != nil {
		at = s.Wall
	}
	return stamp(at.Add(kept))
}

// csiSnapshotWaits is how long Velero waits for a snapshot: csiSnapshotTimeout, in model time.
const csiSnapshotWaits = 10 * time.Minute

// snapshotsFor asks for a snapshot of each chosen claim that is DigitalOcean's, and gives their ids at the cloud by namespace/claim
// once all are ready, or have had their time. Then the VolumeSnapshots go and the snapshots stay: their contents retain them first.
func snapshotsFor(s *Scene, chosen []Object, out *Outcome) (taken map[string]string, total int, waiting bool) {
	taken = map[string]string{}
	if !truthAt(s.Object.Object, true, "spec", "snapshotVolumes") {
		return taken, 0, false
	}
	late := s.Ripe(csiSnapshotWaits)
	var release []Object
	for _, c := range chosen {
		volume := s.Get(persistent, "", textAt(c.Object, "spec", "volumeName"))
		if c.GetKind() != "PersistentVolumeClaim" || volume == nil || textAt(volume.Object, "spec", "csi", "driver") != snapshotDriver {
			continue
		}
		total++
		name := fmt.Sprintf("velero-%s-%s", c.GetName(), short(s.Object.GetUID()))
		have := s.Get(volumeSnapshots, c.GetNamespace(), name)
		if have == nil {
			out.Children = append(out.Children, &object{Object: map[string]any{
				"apiVersion": snapshotGroup + "/v1", "kind": "VolumeSnapshot",
				"metadata": map[string]any{"name": name, "namespace": c.GetNamespace(), "labels": map[string]any{"velero.io/backup-name": s.Object.GetName()}},
				"spec":     map[string]any{"source": map[string]any{"persistentVolumeClaimName": c.GetName()}},
			}})
			waiting = true
			continue
		}
		content := s.Get(snapshotContents, "", textAt(have.Object, "status", "boundVolumeSnapshotContentName"))
		if !truthAt(have.Object, false, "status", "readyToUse") || content == nil {
			// One that has failed is given up; how long a good one takes is the cluster's affair, which runs in real time.
			waiting = waiting || !late || textAt(have.Object, "status", "error", "message") == ""
			continue
		}
		taken[c.GetNamespace()+"/"+c.GetName()] = textAt(content.Object, "status", "snapshotHandle")
		release = append(release, have)
	}
	if waiting {
		return taken, total, true
	}
	for _, have := range release {
		content := s.Get(snapshotContents, "", textAt(have.Object, "status", "boundVolumeSnapshotContentName"))
		if textAt(content.Object, "spec", "deletionPolicy") != "Retain" {
			kept := content.DeepCopy()
			mapAt(kept.Object, "spec")["deletionPolicy"] = "Retain"
			out.Children = append(out.Children, kept)
			waiting = true // until it shows
		}
	}
	if waiting {
		return taken, total, true
	}
	for _, have := range release {
		out.Gone = append(out.Gone, Reference{Resource: volumeSnapshots, Namespace: have.GetNamespace(), Name: have.GetName()},
			Reference{Resource: snapshotContents, Name: textAt(have.Object, "status", "boundVolumeSnapshotContentName")})
	}
	return taken, total, false
}
