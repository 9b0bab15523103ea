// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
)

// removedWithin is how long the removal of a drill may take, once Velero has ended.
const removedWithin = 10 * time.Minute

// sweep removes what a drill that was interrupted has left.
func (d drill) sweep(ctx context.Context) error {
	left, err := d.removal(ctx)
	if err != nil || len(left) == 0 {
		return err
	}
	d.tell("an earlier drill did not come to its end; what it left is removed first")
	_, err = d.remove(ctx)
	return err
}

// remove removes what drills have made, and waits until it is gone. What is still there when the time is over is an error too.
func (d drill) remove(ctx context.Context) (left []string, err error) {
	over, tick := time.NewTimer(removedWithin), time.NewTicker(lookEvery)
	defer over.Stop()
	defer tick.Stop()
	for said := ""; ; {
		left, err = d.removal(ctx)
		if err != nil {
			return left, fmt.Errorf("remove what the drill made: %w", err)
		}
		if len(left) == 0 {
			return nil, nil
		}
		if now := fmt.Sprintf("removing what the drill made: %s", some(left)); now != said {
			said = now
			d.tell(now)
		}
		select {
		case <-ctx.Done():
			return left, context.Cause(ctx)
		case <-over.C:
			return left, &problem.Problem{Code: problem.LeftBehind, Kind: problem.Left, Title: fmt.Sprintf("what the drill made is not gone after %s", removedWithin), Why: some(left) + " is still there, and volumes cost as long as they are",
				Fix: "`k8or restore --drill` removes it first; `k8or status` shows the volumes that are there"}
		case <-tick.C:
		}
	}
}

// removal takes the next step of removing what drills have made, and says what is still there: first claims with their volumes, then
// the namespaces, and at last the Restore, by which it is found until then. Nothing goes while Velero is at work in it.
func (d drill) removal(ctx context.Context) (left []string, err error) {
	restores, err := d.cluster.Answers(ctx, veleroID("Restore", ""))
	if err != nil {
		return nil, err
	}
	namespaces, err := d.cluster.Answers(ctx, kube.ID{Version: "v1", Kind: "Namespace"})
	if err != nil {
		return nil, err
	}
	theirs := func(o unstructured.Unstructured) bool { return o.GetLabels()[drillLabel] == "" }
	since, strange := map[string]time.Time{}, map[string]bool{}
	for _, n := range namespaces {
		if since[n.GetName()] = n.GetCreationTimestamp().Time; theirs(n) {
			delete(since, n.GetName())
			strange[n.GetName()] = true
		}
	}
	restores, namespaces = slices.DeleteFunc(restores, theirs), slices.DeleteFunc(namespaces, theirs)
	for i := range restores {
		r := &restores[i]
		if phase := reading(r).text("phase"); !ended(phase) {
			return []string{fmt.Sprintf("restore %s, which is %s", r.GetName(), inWords(phase))}, nil
		}
		into, _, _ := unstructured.NestedStringMap(r.Object, "spec", "namespaceMapping")
		for _, to := range into {
			if !strange[to] {
				since[to] = r.GetCreationTimestamp().Time
			}
		}
	}
	if left, err = d.removeVolumes(ctx, since); err != nil {
		return nil, err
	}
	for _, n := range namespaces {
		for _, id := range []kube.ID{claimID(n.GetName()), {Group: "snapshot.storage.k8s.io", Version: "v1", Kind: "VolumeSnapshot", Namespace: n.GetName()}} {
			all, err := d.cluster.Answers(ctx, id)
			if err != nil {
				return nil, err
			}
			more, err := d.withdraw(ctx, all)
			if err != nil {
				return nil, err
			}
			left = append(left, more...)
		}
	}
	if len(left) == 0 {
		left, err = d.withdraw(ctx, namespaces)
	}
	if err == nil && len(left) == 0 {
		left, err = d.withdraw(ctx, restores)
	}
	return left, err
}

// withdraw asks for the end of objects, and names them.
func (d drill) withdraw(ctx context.Context, all []unstructured.Unstructured) (left []string, err error) {
	for i := range all {
		if err := d.cluster.Withdraw(ctx, &all[i]); err != nil {
			return nil, err
		}
		left = append(left, kube.IDOf(&all[i]).String())
	}
	return left, nil
}

// removeVolumes sees to it that volumes go with the claims of a drill, although their class retains them, and that the backup's
// snapshots stay. since says from when on something in a namespace is a drill's: a PersistentVolume that is older was taken by a claim
// of the drill's, and is somebody's data.
func (d drill) removeVolumes(ctx context.Context, since map[string]time.Time) (left []string, err error) {
	if len(since) == 0 {
		return nil, nil
	}
	volumes, err := d.cluster.Answers(ctx, kube.ID{Version: "v1", Kind: "PersistentVolume"})
	if err != nil {
		return nil, err
	}
	for i := range volumes {
		v := &volumes[i]
		in, _, _ := unstructured.NestedString(v.Object, "spec", "claimRef", "namespace")
		from, made := since[in]
		if !made {
			continue
		}
		policy := "Delete"
		if v.GetCreationTimestamp().Time.Before(from) {
			policy = "Retain"
			d.said.say(fmt.Sprintf("%s is older than the drill, one of whose claims took it: it is retained", kube.IDOf(v)))
		} else {
			left = append(left, kube.IDOf(v).String())
		}
		if has, _, _ := unstructured.NestedString(v.Object, "spec", "persistentVolumeReclaimPolicy"); has != policy {
			if err := d.cluster.Amend(ctx, v, fmt.Sprintf(`{"spec":{"persistentVolumeReclaimPolicy":%q}}`, policy)); err != nil {
				return nil, err
			}
		}
	}
	contents, err := d.cluster.Answers(ctx, kube.ID{Group: "snapshot.storage.k8s.io", Version: "v1", Kind: "VolumeSnapshotContent"})
	if err != nil {
		return nil, err
	}
	for i := range contents {
		c := &contents[i]
		in, _, _ := unstructured.NestedString(c.Object, "spec", "volumeSnapshotRef", "namespace")
		if _, made := since[in]; !made {
			continue
		}
		left = append(left, kube.IDOf(c).String())
		handle, _, _ := unstructured.NestedString(c.Object, "spec", "source", "snapshotHandle")
		if policy, _, _ := unstructured.NestedString(c.Object, "spec", "deletionPolicy"); handle != "" && policy != "Retain" {
			if err := d.cluster.Amend(ctx, c, `{"spec":{"deletionPolicy":"Retain"}}`); err != nil {
				return nil, err
			}
		}
		if err := d.cluster.Withdraw(ctx, c); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// some is the first few of many, in words.
func some(all []string) string {
	if more := len(all) - 3; more > 0 {
		return fmt.Sprintf("%s; and %d more", strings.Join(all[:3], "; "), more)
	}
	return strings.Join(all, "; ")
}
