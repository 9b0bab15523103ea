// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

const veleroGroup = "velero.io"

var (
	backups         = schema.GroupResource{Group: veleroGroup, Resource: "backups"}
	restores        = schema.GroupResource{Group: veleroGroup, Resource: "restores"}
	schedules       = schema.GroupResource{Group: veleroGroup, Resource: "schedules"}
	backupLocations = schema.GroupResource{Group: veleroGroup, Resource: "backupstoragelocations"}
)

// Times of Velero, in model time. It publishes none; small clusters take well under a minute.
const (
	veleroValidates = 2 * time.Second
	veleroWrites    = 10 * time.Second
	veleroStandard  = 720 * time.Hour // how long a backup is kept that does not say
)

// velero plays Velero (1.18) with CSI snapshots. What it writes into a bucket in life goes into a Secret beside the backup here
// (see shelfOf), and only kinds that the sandbox's operators look at anyway: namespaces, Secrets, ConfigMaps, Services, claims,
// workloads and their budgets. Snapshots of volumes are taken at the cloud. Not played: schedules take no backup by themselves,
// nothing expires, no bucket is read or written, and hooks do not run.
func velero() *Operator {
	return &Operator{Name: "velero", Image: "velero/velero", Kinds: []Kind{
		{Resource: backupLocations, Play: playLocation},
		{Resource: schedules, Play: playSchedule},
		{Resource: backups, Play: playBackup},
		{Resource: restores, Play: playRestore},
	}, Reads: []schema.GroupVersionResource{persistent.WithVersion("v1")},
		Within: func(controller Object, namespace string) bool { return controller.GetNamespace() == namespace }}
}

// playLocation says that a bucket can be reached as soon as there is something to sign in with. Nobody signs in.
func playLocation(s *Scene) Outcome {
	if !s.Ripe(veleroValidates) {
		return Outcome{}
	}
	phase, message := "Available", ""
	secret, key := orText(textAt(s.Object.Object, "spec", "credential", "name"), veleroSecret(s.Controller)), orText(textAt(s.Object.Object, "spec", "credential", "key"), "cloud")
	switch {
	case textAt(s.Object.Object, "spec", "objectStorage", "bucket") == "":
		phase, message = "Unavailable", "BackupStorageLocation is unavailable: no bucket is named"
	case len(secretData(s.World, s.Object.GetNamespace(), secret)[key]) == 0:
		phase, message = "Unavailable", fmt.Sprintf("BackupStorageLocation is unavailable: unable to get credentials: Secret %s has no key %s", secret, key)
	}
	status := map[string]any{"phase": phase, "lastValidationTime": stampOf(s, "lastValidationTime")}
	if message != "" {
		status["message"] = message
	}
	return Outcome{Status: status}
}

// veleroSecret is the Secret that Velero's own workload signs in with.
func veleroSecret(controller Object) string {
	for _, v := range mapsAt(controller.Object, "spec", "template", "spec", "volumes") {
		if v["name"] == "cloud-credentials" {
			return textAt(v, "secret", "secretName")
		}
	}
	return ""
}

func playSchedule(s *Scene) Outcome {
	if !s.Ripe(veleroValidates) {
		return Outcome{}
	}
	return Outcome{Status: map[string]any{"phase": "Enabled"}}
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
	if over(textAt(s.Object.Object, "status", "phase")) || !s.Ripe(veleroValidates) {
		return Outcome{}
	}
	where, why := location(s, textAt(s.Object.Object, "spec", "storageLocation"))
	if why != "" {
		return Outcome{Status: map[string]any{"phase": "FailedValidation", "validationErrors": []any{why}, "formatVersion": "1.1.0", "version": int64(1)}}
	}
	began := stampOf(s, "startTimestamp")
	status := map[string]any{"phase": "InProgress", "startTimestamp": began, "formatVersion": "1.1.0", "version": int64(1), "expiration": expires(s, began)}
	out := Outcome{Status: status}
	if textAt(s.Object.Object, "spec", "storageLocation") == "" || s.Object.GetLabels()["velero.io/storage-location"] == "" {
		next := s.Object.DeepCopy()
		mapAt(next.Object, "spec")["storageLocation"] = where.GetName()
		next.SetLabels(with(next.GetLabels(), map[string]string{"velero.io/storage-location": where.GetName()}))
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
	written, size, err := shelve(s, chosen, taken)
	if err != nil {
		return s.failed(err)
	}
	out.Children = append(out.Children, written)
	status["completionTimestamp"] = stamp(s.Wall)
	status["progress"] = map[string]any{"totalItems": int64(size), "itemsBackedUp": int64(size)}
	if total > 0 {
		status["csiVolumeSnapshotsAttempted"], status["csiVolumeSnapshotsCompleted"] = int64(total), int64(len(taken))
	}
	status["phase"] = "Completed"
	if len(taken) < total {
		status["phase"], status["errors"] = "PartiallyFailed", int64(total-len(taken))
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
	shelved, err := unshelve(s, name)
	if err != nil {
		return Outcome{Status: map[string]any{"phase": "Failed", "failureReason": err.Error()}}
	}
	out := Outcome{Status: map[string]any{"phase": "InProgress", "startTimestamp": stampOf(s, "startTimestamp")}}
	if !s.Ripe(veleroWrites) {
		return out
	}
	missing, there := s.missing(shelved)
	out.Children = missing
	out.Status["progress"] = map[string]any{"totalItems": int64(len(shelved.Objects)), "itemsRestored": int64(there)}
	if there < len(shelved.Objects) {
		return out
	}
	out.Status["phase"], out.Status["completionTimestamp"] = "Completed", stamp(s.Wall)
	return out
}
