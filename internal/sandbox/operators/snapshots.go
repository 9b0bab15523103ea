// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Volumes is the cloud's block storage as far as snapshots go. What it does it does at once, and the same call twice is one.
type Volumes interface {
	// Snapshot finds the snapshot of this name of a volume, or takes it.
	Snapshot(volume, name string) (Snapshot, error)
	// Find finds a snapshot by its id; false when there is none.
	Find(id string) (Snapshot, bool, error)
	// Discard deletes a snapshot; one that is not there is fine.
	Discard(id string) error
}

// Snapshot is a snapshot of a volume at the cloud.
type Snapshot struct {
	ID    string
	GiB   int64 // of the volume that it is of
	Taken time.Time
}

const (
	snapshotGroup    = "snapshot.storage.k8s.io"
	snapshotDriver   = "dobs.csi.digitalocean.com"
	boundSnapshot    = "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection"
	boundContent     = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"
	standardSnapshot = "snapshot.storage.kubernetes.io/is-default-class"
)

var (
	volumeSnapshots  = schema.GroupResource{Group: snapshotGroup, Resource: "volumesnapshots"}
	snapshotContents = schema.GroupResource{Group: snapshotGroup, Resource: "volumesnapshotcontents"}
	snapshotClasses  = schema.GroupResource{Group: snapshotGroup, Resource: "volumesnapshotclasses"}
	persistent       = schema.GroupResource{Resource: "persistentvolumes"}
)

// snapshotTakes is how long the driver takes, in model time; no figure is published.
const snapshotTakes = 3 * time.Second

// snapshotter plays the snapshot controller and DigitalOcean's driver, which DOKS runs: a VolumeSnapshot gets a
// VolumeSnapshotContent and, at the cloud, a snapshot. Both go by the content's deletion policy.
func snapshotter() *Operator {
	return &Operator{Name: "csi-snapshotter", Beside: true, Kinds: []Kind{
		{Resource: volumeSnapshots, Play: playSnapshot, Bury: burySnapshot},
		{Resource: snapshotContents, Play: playContent, Bury: buryContent, Only: func(o Object) bool {
			return textAt(o.Object, "spec", "driver") == snapshotDriver
		}},
		{Resource: snapshotClasses},
		{Resource: definitions, Version: "v1", Only: func(o Object) bool { return o.GetName() == snapshotClasses.String() }, Play: standardClass},
	}, Reads: []schema.GroupVersionResource{persistent.WithVersion("v1")}}
}

// standardClass is the class that DOKS puts into every cluster.
func standardClass(s *Scene) Outcome {
	if conditionOf(s.Object, "Established") != "True" || s.Get(snapshotClasses, "", "do-block-storage") != nil {
		return Outcome{}
	}
	return Outcome{Children: []Object{{Object: map[string]any{
		"apiVersion": snapshotGroup + "/v1", "kind": "VolumeSnapshotClass", "driver": snapshotDriver, "deletionPolicy": "Delete",
		"metadata": map[string]any{"name": "do-block-storage", "annotations": map[string]any{standardSnapshot: "true"}},
	}}}}
}

// snapshotClass is the class that a snapshot names, or the standard one; nil while there is none.
func snapshotClass(s *Scene) Object {
	if name := textAt(s.Object.Object, "spec", "volumeSnapshotClassName"); name != "" {
		return s.Get(snapshotClasses, "", name)
	}
	for _, c := range s.List(snapshotClasses) {
		if c.GetAnnotations()[standardSnapshot] == "true" {
			return c
		}
	}
	return nil
}

// contentName is the content of a snapshot: one that is there before, or its own.
func contentName(snapshot Object) string {
	return orText(textAt(snapshot.Object, "spec", "source", "volumeSnapshotContentName"), "snapcontent-"+string(snapshot.GetUID()))
}

func playSnapshot(s *Scene) Outcome {
	name := contentName(s.Object)
	content := s.Get(snapshotContents, "", name)
	out := Outcome{Self: held(s.Object, boundSnapshot)}
	if content == nil {
		made, why := newContent(s, name)
		if why != "" {
			out.Status = map[string]any{"readyToUse": false, "error": map[string]any{"message": why, "time": stampOf(s, "error", "time")}}
			return out
		}
		out.Children = []Object{made}
		out.Status = map[string]any{"readyToUse": false, "boundVolumeSnapshotContentName": name}
		return out
	}
	ref := mapAt(content.Object, "spec", "volumeSnapshotRef")
	switch uid := textAt(ref, "uid"); {
	case textAt(ref, "name") != s.Object.GetName() || textAt(ref, "namespace") != s.Object.GetNamespace() || uid != "" && uid != string(s.Object.GetUID()):
		out.Status = map[string]any{"readyToUse": false, "error": map[string]any{
			"message": fmt.Sprintf("VolumeSnapshotContent %s is bound to another snapshot", name), "time": stampOf(s, "error", "time")}}
		return out
	case uid == "":
		bound := content.DeepCopy()
		delete(bound.Object, "status")
		mapAt(bound.Object, "spec", "volumeSnapshotRef")["uid"] = string(s.Object.GetUID())
		out.Children = []Object{bound}
	}
	out.Status = map[string]any{"readyToUse": truthAt(content.Object, false, "status", "readyToUse"), "boundVolumeSnapshotContentName": name}
	if at := numberAt(content.Object, 0, "status", "creationTime"); at != 0 {
		out.Status["creationTime"] = stamp(time.Unix(0, at))
	}
	if size := numberAt(content.Object, 0, "status", "restoreSize"); size != 0 {
		out.Status["restoreSize"] = fmt.Sprintf("%dGi", size>>30)
	}
	if why := textAt(content.Object, "status", "error", "message"); why != "" {
		out.Status["error"] = map[string]any{"message": why, "time": stampOf(s, "error", "time")}
	}
	return out
}

// newContent is the content of a snapshot that is to be taken, or why it cannot be yet.
func newContent(s *Scene, name string) (Object, string) {
	claim := textAt(s.Object.Object, "spec", "source", "persistentVolumeClaimName")
	if claim == "" {
		return nil, fmt.Sprintf("VolumeSnapshotContent %s is not there", name)
	}
	class := snapshotClass(s)
	if class == nil {
		return nil, "the VolumeSnapshotClass is not there"
	}
	c := s.Get(claims, s.Object.GetNamespace(), claim)
	if c == nil {
		return nil, fmt.Sprintf("the claim %s is not there", claim)
	}
	volume := s.Get(persistent, "", textAt(c.Object, "spec", "volumeName"))
	if volume == nil {
		return nil, fmt.Sprintf("the claim %s is not bound to a volume", claim)
	}
	if textAt(volume.Object, "spec", "csi", "driver") != snapshotDriver || textAt(class.Object, "driver") != snapshotDriver {
		return nil, fmt.Sprintf("the volume of the claim %s is not the class's driver's", claim)
	}
	o := &object{Object: map[string]any{
		"apiVersion": snapshotGroup + "/v1", "kind": "VolumeSnapshotContent",
		"spec": map[string]any{
			"deletionPolicy": textAt(class.Object, "deletionPolicy"), "driver": snapshotDriver, "volumeSnapshotClassName": class.GetName(),
			"source":            map[string]any{"volumeHandle": textAt(volume.Object, "spec", "csi", "volumeHandle")},
			"volumeSnapshotRef": map[string]any{"apiVersion": snapshotGroup + "/v1", "kind": "VolumeSnapshot", "name": s.Object.GetName(), "namespace": s.Object.GetNamespace(), "uid": string(s.Object.GetUID())},
		},
	}}
	o.SetName(name)
	o.SetFinalizers([]string{boundContent})
	return o, ""
}

// burySnapshot takes the content along where its policy says so.
func burySnapshot(s *Scene) Outcome {
	out := Outcome{Self: released(s.Object, boundSnapshot)}
	name := contentName(s.Object)
	if content := s.Get(snapshotContents, "", name); content != nil && textAt(content.Object, "spec", "deletionPolicy") == "Delete" {
		out.Gone = []Reference{{Resource: snapshotContents, Name: name}}
	}
	return out
}

// playContent takes the snapshot, or finds the one that the content was made for.
func playContent(s *Scene) Outcome {
	ref := mapAt(s.Object.Object, "spec", "volumeSnapshotRef")
	if uid := textAt(ref, "uid"); uid != "" && textAt(s.Object.Object, "spec", "deletionPolicy") == "Delete" {
		// Its snapshot went before it was known that the content is to go along.
		if of := s.Get(volumeSnapshots, textAt(ref, "namespace"), textAt(ref, "name")); of == nil || string(of.GetUID()) != uid {
			return Outcome{Gone: []Reference{{Resource: snapshotContents, Name: s.Object.GetName()}}}
		}
	}
	if truthAt(s.Object.Object, false, "status", "readyToUse") {
		return Outcome{Self: held(s.Object, boundContent)}
	}
	if !s.Ripe(snapshotTakes) {
		return Outcome{}
	}
	if s.volumes == nil {
		return s.failed(errors.New("there is no cloud to take snapshots in"))
	}
	taken, err := Snapshot{}, error(nil)
	if handle := textAt(s.Object.Object, "spec", "source", "snapshotHandle"); handle != "" {
		there := false
		if taken, there, err = s.volumes.Find(handle); err == nil && !there {
			err = fmt.Errorf("snapshot %s was not found", handle)
		}
	} else {
		taken, err = s.volumes.Snapshot(textAt(s.Object.Object, "spec", "source", "volumeHandle"), "snapshot-"+textAt(s.Object.Object, "spec", "volumeSnapshotRef", "uid"))
	}
	if err != nil {
		s.Again(s.Now.Add(retry))
		return Outcome{Status: map[string]any{"readyToUse": false, "error": map[string]any{"message": err.Error(), "time": stampOf(s, "error", "time")}}}
	}
	return Outcome{Status: map[string]any{
		"snapshotHandle": taken.ID, "readyToUse": true, "restoreSize": taken.GiB << 30, "creationTime": taken.Taken.UnixNano(),
	}}
}

// buryContent deletes the snapshot where the content's policy says so.
func buryContent(s *Scene) Outcome {
	handle := textAt(s.Object.Object, "status", "snapshotHandle")
	if textAt(s.Object.Object, "spec", "deletionPolicy") == "Delete" && handle != "" {
		if s.volumes == nil {
			return s.failed(errors.New("there is no cloud to delete snapshots in"))
		}
		if err := s.volumes.Discard(handle); err != nil {
			return s.failed(err)
		}
	}
	return Outcome{Self: released(s.Object, boundContent)}
}

// held is the object with a finalizer, nil where it has it.
func held(o Object, finalizer string) Object {
	if slices.Contains(o.GetFinalizers(), finalizer) {
		return nil
	}
	next := o.DeepCopy()
	next.SetFinalizers(append(next.GetFinalizers(), finalizer))
	return next
}

// released is the object without a finalizer, nil where it has it not.
func released(o Object, finalizer string) Object {
	if !slices.Contains(o.GetFinalizers(), finalizer) {
		return nil
	}
	next := o.DeepCopy()
	next.SetFinalizers(slices.DeleteFunc(next.GetFinalizers(), func(f string) bool { return f == finalizer }))
	return next
}

// stampOf is a time that a part of the status has already, or now, so that what says the same does not change.
func stampOf(s *Scene, path ...string) string {
	return orText(textAt(s.Object.Object, append([]string{"status"}, path...)...), stamp(s.Wall))
}
