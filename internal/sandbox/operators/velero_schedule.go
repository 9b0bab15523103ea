// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"fmt"
	"slices"
	"time"

	"github.com/robfig/cron/v3"
	"k8s.io/apimachinery/pkg/runtime"
)

// playSchedule makes a backup whenever one is due, in UTC, by the model's clock: after a restart of the sandbox from then on.
func playSchedule(s *Scene) Outcome {
	if !s.Ripe(veleroValidates) {
		return Outcome{}
	}
	when, err := cron.ParseStandard(textAt(s.Object.Object, "spec", "schedule"))
	if err != nil {
		return Outcome{Status: map[string]any{"phase": "FailedValidation", "validationErrors": []any{fmt.Sprintf("invalid schedule: %v", err)}}}
	}
	status := map[string]any{"phase": "Enabled"}
	if last := textAt(s.Object.Object, "status", "lastBackup"); last != "" {
		status["lastBackup"] = last
	}
	out := Outcome{Status: status}
	if truthAt(s.Object.Object, false, "spec", "paused") || !s.Turn(whenNext(when)) {
		return out
	}
	name := s.Object.GetName() + "-" + s.Wall.UTC().Format("20060102150405")
	if s.Get(backups, s.Object.GetNamespace(), name) != nil { // one a second, by its name
		return out
	}
	made := &object{Object: map[string]any{"apiVersion": veleroGroup + "/v1", "kind": "Backup", "spec": runtime.DeepCopyJSON(mapAt(s.Object.Object, "spec", "template"))}}
	made.SetName(name)
	made.SetNamespace(s.Object.GetNamespace())
	made.SetLabels(with(s.Object.GetLabels(), map[string]string{"velero.io/schedule-name": s.Object.GetName()}))
	out.Children = []Object{made}
	status["lastBackup"] = stamp(s.Wall)
	return out
}

// whenNext is when a schedule is due after a time, in UTC.
func whenNext(of cron.Schedule) func(time.Time) time.Time {
	return func(last time.Time) time.Time { return of.Next(last.UTC()) }
}

// expired asks for the deletion of a backup that is past its time.
func expired(s *Scene) Outcome {
	at, err := time.Parse(time.RFC3339, textAt(s.Object.Object, "status", "expiration"))
	if err != nil {
		return Outcome{} // one that never began
	}
	if left := at.Sub(s.Wall); left > 0 {
		s.Again(s.Now.Add(max(left, time.Minute))) // the model's time goes faster, so that it is looked at early rather than late
		return Outcome{}
	}
	request := &object{Object: map[string]any{"apiVersion": veleroGroup + "/v1", "kind": "DeleteBackupRequest", "spec": map[string]any{"backupName": s.Object.GetName()}}}
	request.SetName(s.Object.GetName() + "-" + short(s.Object.GetUID()))
	request.SetNamespace(s.Object.GetNamespace())
	request.SetLabels(map[string]string{"velero.io/backup-name": s.Object.GetName(), "velero.io/backup-uid": string(s.Object.GetUID())})
	if s.Get(deletions, request.GetNamespace(), request.GetName()) != nil {
		return Outcome{}
	}
	return Outcome{Children: []Object{request}}
}

// playDeletion deletes a backup, with its snapshots, its folder in the bucket, and its restores.
func playDeletion(s *Scene) Outcome {
	if textAt(s.Object.Object, "status", "phase") == "Processed" || !s.Ripe(veleroValidates) {
		return Outcome{}
	}
	namespace, name := s.Object.GetNamespace(), textAt(s.Object.Object, "spec", "backupName")
	refuse := func(why string) Outcome {
		return Outcome{Status: map[string]any{"phase": "Processed", "errors": []any{why}}}
	}
	backup := s.Get(backups, namespace, name)
	if backup == nil {
		return refuse("backup not found")
	}
	if phase := textAt(backup.Object, "status", "phase"); phase == "InProgress" {
		return refuse("backup is still in progress")
	} else if phase != "FailedValidation" {
		if err := s.discard(backup); err != nil {
			return refuse(err.Error())
		}
	}
	var out Outcome
	for _, r := range s.List(restores) {
		if r.GetNamespace() == namespace && textAt(r.Object, "spec", "backupName") == name {
			out.Gone = append(out.Gone, Reference{Resource: restores, Namespace: namespace, Name: r.GetName()})
		}
	}
	out.Gone = append(out.Gone, Reference{Resource: backups, Namespace: namespace, Name: name}, Reference{Resource: deletions, Namespace: namespace, Name: s.Object.GetName()})
	return out
}

// discard deletes what a backup keeps outside the cluster.
func (s *Scene) discard(backup Object) error {
	kept, err := storeBehind(s, backup)
	if err != nil {
		return err
	}
	names, err := kept.backups()
	if err != nil {
		return err
	}
	if !slices.Contains(names, backup.GetName()) {
		return nil // the try before came this far
	}
	held, err := kept.open(backup.GetName())
	if err != nil {
		return err
	}
	for _, id := range held.Snapshots {
		if err := s.volumes.Discard(id); err != nil {
			return err
		}
	}
	return kept.remove(backup.GetName())
}
