// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/robfig/cron/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	cronJobs = schema.GroupResource{Group: "batch", Resource: "cronjobs"}
	jobs     = schema.GroupResource{Group: "batch", Resource: "jobs"}
)

// snapshotSchedules plays CronJobs whose container is kubectl with a script that takes a snapshot of each claim and lets all but the
// newest go, as k8or's schedules of snapshots do. They go by the model's clock; Kubernetes' own controller, where there is
// one, makes Jobs by the machine's beside that. No container runs: what its script would do is done here, once for each Job, while that has
// not ended. A Job ends by itself, whether or not its snapshots are ready by then.
func snapshotSchedules() *Operator {
	return &Operator{Name: "snapshot-schedule", Beside: true, When: volumeSnapshots, Kinds: []Kind{
		{Resource: cronJobs, Version: "v1", Play: playSnapshotSchedule, Only: func(o Object) bool {
			return snapshotRun(o, "spec", "jobTemplate", "spec", "template", "spec") != nil
		}},
		{Resource: jobs, Version: "v1", Play: playSnapshotRun, Only: func(o Object) bool { return snapshotRun(o, "spec", "template", "spec") != nil }},
	}, Reads: []schema.GroupVersionResource{persistent.WithVersion("v1")}}
}

// snapshotRun is what the container of a pod is told that takes snapshots; nil of any other.
func snapshotRun(o Object, pod ...string) map[string]string {
	for _, c := range mapsAt(o.Object, append(pod, "containers")...) {
		told := map[string]string{}
		for _, e := range mapsAt(c, "env") {
			told[textAt(e, "name")] = textAt(e, "value")
		}
		if image := repositoryOf(textAt(c, "image")); strings.HasSuffix(image, "/kubectl") && told["SCHEDULE"] != "" && told["CLASS"] != "" && told["KEEP"] != "" {
			return told
		}
	}
	return nil
}

// playSnapshotSchedule makes a Job whenever one is due, in UTC, unless the one before is still at work.
func playSnapshotSchedule(s *Scene) Outcome {
	status := maps.Clone(mapAt(s.Object.Object, "status"))
	if status == nil {
		status = map[string]any{}
	}
	out := Outcome{Status: status}
	busy := false
	var done []Object
	for _, j := range s.List(jobs) {
		if !metav1.IsControlledBy(j, s.Object) {
			continue
		}
		if at := textAt(j.Object, "status", "completionTime"); at != "" {
			done = append(done, j)
			status["lastSuccessfulTime"] = max(at, textAt(status, "lastSuccessfulTime"))
		} else if conditionOf(j, "Failed") != "True" {
			busy = true
		}
	}
	slices.SortFunc(done, oldestFirst)
	for _, j := range done[:max(0, len(done)-int(numberAt(s.Object.Object, 3, "spec", "successfulJobsHistoryLimit")))] {
		out.Gone = append(out.Gone, Reference{Resource: jobs, Namespace: j.GetNamespace(), Name: j.GetName()})
	}
	when, err := cron.ParseStandard(textAt(s.Object.Object, "spec", "schedule"))
	if err != nil || truthAt(s.Object.Object, false, "spec", "suspend") || !s.Turn(whenNext(when)) || busy {
		return out
	}
	job := &object{Object: map[string]any{"apiVersion": "batch/v1", "kind": "Job", "spec": runtime.DeepCopyJSON(mapAt(s.Object.Object, "spec", "jobTemplate", "spec"))}}
	job.SetName(fmt.Sprintf("%s-%d", s.Object.GetName(), s.Now.Unix()/60)) // as Kubernetes names them
	job.SetNamespace(s.Object.GetNamespace())
	job.SetLabels(textMap(s.Object.Object, "spec", "jobTemplate", "metadata", "labels"))
	out.Children = []Object{owned(job, s.Object, true)}
	status["lastScheduleTime"] = stamp(s.Wall)
	return out
}

func oldestFirst(a, b Object) int {
	return cmp.Or(a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time), cmp.Compare(a.GetName(), b.GetName()))
}

// playSnapshotRun takes a snapshot of each claim that has none since the Job was made and, once that is ready, lets all but the newest of the
// schedule go, at the cloud too. How many stay, the newest Job says.
func playSnapshotRun(s *Scene) Outcome {
	told := snapshotRun(s.Object, "spec", "template", "spec")
	ended := textAt(s.Object.Object, "status", "completionTime") != "" || conditionOf(s.Object, "Failed") == "True"
	newest := !slices.ContainsFunc(s.List(jobs), func(j Object) bool {
		return j.GetNamespace() == s.Object.GetNamespace() && oldestFirst(j, s.Object) > 0 && snapshotRun(j, "spec", "template", "spec") != nil
	})
	keep, err := strconv.Atoi(told["KEEP"])
	if err != nil {
		return Outcome{} // the script ends there
	}
	var out Outcome
	for _, c := range s.claimsFor(told) {
		labels := map[string]any{"k8or.io/snapshots": told["SCHEDULE"], "k8or.io/claim": string(c.GetUID())}
		var have []Object
		for _, one := range s.List(volumeSnapshots) {
			if one.GetNamespace() == c.GetNamespace() && covers(mapAt(one.Object, "metadata", "labels"), labels) {
				have = append(have, one)
			}
		}
		slices.SortFunc(have, oldestFirst)
		taken := len(have) > 0 && !have[len(have)-1].GetCreationTimestamp().Time.Before(s.Object.GetCreationTimestamp().Time)
		if !taken && !ended {
			out.Children = append(out.Children, &object{Object: map[string]any{"apiVersion": snapshotGroup + "/v1", "kind": "VolumeSnapshot",
				"metadata": map[string]any{"name": c.GetName() + "-" + told["SCHEDULE"] + "-" + short(s.Object.GetUID()), "namespace": c.GetNamespace(), "labels": labels},
				"spec":     map[string]any{"volumeSnapshotClassName": told["CLASS"], "source": map[string]any{"persistentVolumeClaimName": c.GetName()}}}})
		}
		if taken && newest && isUsable(have[len(have)-1]) {
			s.letGo(slices.DeleteFunc(have, func(o Object) bool { return !isUsable(o) }), keep, &out)
		}
	}
	return out
}

func isUsable(snapshot Object) bool { return truthAt(snapshot.Object, false, "status", "readyToUse") }

// claimsFor are the claims that a schedule names, or all of DigitalOcean's volumes in namespaces of its platform.
func (s *Scene) claimsFor(told map[string]string) []Object {
	var out []Object
	for _, named := range strings.Fields(told["CLAIMS"]) {
		namespace, name, _ := strings.Cut(named, "/")
		if c := s.Get(claims, namespace, name); c != nil {
			out = append(out, c)
		}
	}
	if told["CLAIMS"] != "" {
		return out
	}
	for _, c := range s.List(claims) {
		ns, volume := s.Get(namespaces, "", c.GetNamespace()), s.Get(persistent, "", textAt(c.Object, "spec", "volumeName"))
		if ns != nil && ns.GetLabels()["k8or.io/platform"] == told["PLATFORM"] && volume != nil && textAt(volume.Object, "spec", "csi", "driver") == snapshotDriver {
			out = append(out, c)
		}
	}
	return out
}

// letGo deletes all but the newest of some snapshots, the oldest of which come first: each first says that what is at the cloud goes along.
func (s *Scene) letGo(snapshots []Object, keep int, out *Outcome) {
	for _, one := range snapshots[:max(0, len(snapshots)-keep)] {
		content := s.Get(snapshotContents, "", textAt(one.Object, "status", "boundVolumeSnapshotContentName"))
		if content != nil && textAt(content.Object, "spec", "deletionPolicy") != "Delete" {
			goes := content.DeepCopy()
			mapAt(goes.Object, "spec")["deletionPolicy"] = "Delete"
			out.Children = append(out.Children, goes)
			continue
		}
		out.Gone = append(out.Gone, Reference{Resource: volumeSnapshots, Namespace: one.GetNamespace(), Name: one.GetName()})
	}
}
