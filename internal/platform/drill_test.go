// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/sandbox/memkube"
	"github.com/k8or/k8or/internal/sandbox/operators"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

// yard is a cluster with the backup "nightly", which holds claims by namespace/name, each with the id of its snapshot. A restore of
// it makes them in the time of a hand's turn.
type yard struct {
	*testing.T
	drill
	holds map[string]string
	snaps shelf
	said  []string
	busy  bool // Velero does not come to an end
}

// shelf is a cloud that has these snapshots and takes no others.
type shelf map[string]bool

func (s shelf) Snapshot(string, string) (operators.Snapshot, error) {
	return operators.Snapshot{}, fmt.Errorf("nobody asks for a snapshot here")
}
func (s shelf) Find(id string) (operators.Snapshot, bool, error) {
	return operators.Snapshot{ID: id, GiB: 2, Taken: time.Now()}, s[id], nil
}
func (s shelf) Discard(id string) error { delete(s, id); return nil }

func newYard(t *testing.T, holds map[string]string) *yard {
	t.Helper()
	y := &yard{T: t, holds: holds, snaps: shelf{}}
	for _, handle := range holds {
		if handle != "" {
			y.snaps[handle] = true
		}
	}
	player := operators.NewPlayer(y.snaps, nil, nil)
	server := memkube.New(memkube.Options{Hands: func(r *memkube.Room, now time.Time) time.Time {
		y.restores(r)
		again, err := player.Pass(r, now, now)
		if err != nil {
			t.Errorf("the cluster refused: %v", err)
		}
		if y.busy {
			return now.Add(time.Second)
		}
		return again
	}})
	log := &event.Log{}
	log.Read(func(e event.Event) { y.said = append(y.said, e.Message) })
	y.drill = drill{&Platform{options: Options{Log: log}, said: &sayings{log: log}}, kube.New(kube.Options{Platform: "shop-x7k2p9", Transport: wire.Transport(server), Credentials: func(context.Context) (kube.Credentials, error) {
		return kube.Credentials{Server: "https://memkube.invalid", Token: "none", Expires: time.Now().Add(time.Hour)}, nil
	}})}
	for kind, group := range map[string]string{"Backup": "velero.io", "Restore": "velero.io", "VolumeSnapshot": "snapshot.storage.k8s.io", "VolumeSnapshotContent": "snapshot.storage.k8s.io"} {
		plural, scope := strings.ToLower(kind)+"s", "Namespaced"
		if kind == "VolumeSnapshotContent" {
			scope = "Cluster"
		}
		version := map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}
		if group != "velero.io" {
			version["subresources"] = map[string]any{"status": map[string]any{}}
		}
		y.ask(map[string]any{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": plural + "." + group, "annotations": map[string]any{"api-approved.kubernetes.io": "unapproved"}},
			"spec": map[string]any{"group": group, "scope": scope, "names": map[string]any{"kind": kind, "listKind": kind + "List", "plural": plural, "singular": strings.ToLower(kind)}, "versions": []any{version}}})
	}
	y.ask(map[string]any{"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": map[string]any{"name": "retains"}, "provisioner": "dobs.csi.digitalocean.com", "reclaimPolicy": "Retain", "volumeBindingMode": "Immediate"})
	y.ask(map[string]any{"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": map[string]any{"name": "waits"}, "provisioner": "dobs.csi.digitalocean.com", "reclaimPolicy": "Retain", "volumeBindingMode": "WaitForFirstConsumer"})
	for _, n := range []string{veleroNamespace, "apps", "spare"} {
		y.ask(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": n}})
	}
	return y
}

func (y *yard) ask(o map[string]any) {
	y.Helper()
	if err := y.cluster.Ask(y.Context(), &unstructured.Unstructured{Object: o}); err != nil {
		y.Fatal(err)
	}
}

func claim(namespace, name, class string) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": map[string]any{"name": name, "namespace": namespace},
		"spec": map[string]any{"accessModes": []any{"ReadWriteOnce"}, "storageClassName": class, "resources": map[string]any{"requests": map[string]any{"storage": "2Gi"}}}}
}

// backedUp says that the backup began a minute from now: all that is there was there then.
func (y *yard) backedUp(spec map[string]any) {
	y.Helper()
	time.Sleep(time.Minute)
	y.ask(map[string]any{"apiVersion": "velero.io/v1", "kind": "Backup", "metadata": map[string]any{"name": "nightly", "namespace": veleroNamespace}, "spec": spec,
		"status": map[string]any{"phase": "Completed", "startTimestamp": time.Now().UTC().Format(time.RFC3339)}})
	time.Sleep(time.Minute)
}

// restores plays what Velero does with a Restore: claims by its mapping, each with what says which snapshot it is made of.
func (y *yard) restores(r *memkube.Room) {
	for _, o := range r.List(schema.GroupResource{Group: "velero.io", Resource: "restores"}) {
		if phase := reading(o).text("phase"); ended(phase) || y.busy {
			continue
		}
		into, _, _ := unstructured.NestedStringMap(o.Object, "spec", "namespaceMapping")
		for _, key := range slices.Sorted(maps.Keys(y.holds)) {
			from, name, _ := strings.Cut(key, "/")
			class := "retains"
			if name == "waiting" {
				class = "waits"
			}
			to, handle := into[from], y.holds[key]
			if to == "" {
				continue
			}
			made := []map[string]any{claim(to, name, class)}
			if handle != "" {
				made[0]["spec"].(map[string]any)["dataSource"] = map[string]any{"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": name}
				made = append(made, map[string]any{"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotContent", "metadata": map[string]any{"name": to + "-" + name},
					"spec": map[string]any{"deletionPolicy": "Delete", "driver": "dobs.csi.digitalocean.com", "source": map[string]any{"snapshotHandle": handle}, "volumeSnapshotRef": map[string]any{"name": name, "namespace": to}}},
					map[string]any{"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": map[string]any{"name": name, "namespace": to}, "spec": map[string]any{"source": map[string]any{"volumeSnapshotContentName": to + "-" + name}}})
			} else {
				made[0]["spec"].(map[string]any)["volumeName"] = "somebody's"
			}
			for _, one := range made {
				if err := r.Create("velero", &unstructured.Unstructured{Object: one}); err != nil {
					y.Errorf("restore %s: %v", key, err)
				}
			}
		}
		next := o.DeepCopy()
		next.Object["status"] = map[string]any{"phase": "Completed", "progress": map[string]any{"itemsRestored": int64(len(y.holds))}}
		if err := r.UpdateStatus("velero", next); err != nil {
			y.Error(err)
		}
	}
}

// all are the names of what there is of a kind.
func (y *yard) all(id kube.ID) []string {
	y.Helper()
	found, err := y.cluster.Answers(y.Context(), id)
	if err != nil {
		y.Fatal(err)
	}
	var names []string
	for i := range found {
		names = append(names, strings.TrimPrefix(found[i].GetNamespace()+"/"+found[i].GetName(), "/"))
	}
	return names
}

// stands is everything that a drill could leave behind.
func (y *yard) stands() string {
	y.Helper()
	out := map[string][]string{}
	for _, id := range []kube.ID{{Version: "v1", Kind: "Namespace"}, {Version: "v1", Kind: "PersistentVolume"}, claimID(""), veleroID("Restore", ""),
		{Group: "snapshot.storage.k8s.io", Version: "v1", Kind: "VolumeSnapshot"}, {Group: "snapshot.storage.k8s.io", Version: "v1", Kind: "VolumeSnapshotContent"}} {
		out[id.Kind] = y.all(id)
	}
	return fmt.Sprint(out)
}

func TestADrillBringsClaimsBackBesideWhatRunsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, map[string]string{"apps/data": "snap-1", "spare/gone": "snap-2"})
		y.ask(claim("apps", "data", "retains"))
		y.ask(claim("kube-system", "own", "retains"))
		y.backedUp(nil)
		grown, err := y.cluster.Answer(t.Context(), kube.ID{Version: "v1", Kind: "PersistentVolumeClaim", Namespace: "apps", Name: "data"})
		if err == nil {
			err = y.cluster.Amend(t.Context(), grown, `{"spec":{"resources":{"requests":{"storage":"3Gi"}}}}`)
		}
		if err != nil {
			t.Fatal(err)
		}
		before := y.stands()
		d, err := y.run(t.Context(), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if d.Backup != "nightly" || len(d.Claims) != 1 || d.Claims[0] != (DrilledClaim{Namespace: "apps", Name: "data", Size: "2Gi", Now: "3Gi", Back: true}) {
			t.Errorf("the drill found %+v, want apps/data of backup nightly back", d)
		}
		if after := y.stands(); after != before {
			t.Errorf("the drill left\n%s\nwhere there was\n%s", after, before)
		}
		if !y.snaps["snap-1"] {
			t.Error("the backup's snapshot went with the drill")
		}
		if said := strings.Join(y.said, "\n"); !strings.Contains(said, "3 GiB for the claims that are there now, which cost $0.0") {
			t.Errorf("nobody was told what the drill costs:\n%s", said)
		}
		// A claim that the cluster has no more comes back where its namespace is named.
		if d, err = y.run(t.Context(), "nightly", []string{"spare"}); err != nil || len(d.Claims) != 1 || !d.Claims[0].Back || d.Claims[0].Name != "gone" {
			t.Errorf("the drill of spare alone found %+v, %v", d, err)
		}
	})
}

func TestADrillSaysWhyAClaimDoesNotComeBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, map[string]string{"apps/data": "snap-1", "apps/plain": "", "apps/waiting": "snap-2"})
		for _, name := range []string{"data", "plain", "lost"} {
			y.ask(claim("apps", name, "retains"))
		}
		y.backedUp(nil)
		before := y.stands()
		delete(y.snaps, "snap-1")
		d, err := y.run(t.Context(), "nightly", nil)
		if d == nil || problem.ExitCode(err) != 1 || d.Failed() != 4 {
			t.Fatalf("the drill found %+v and ended with %v, want four failed claims and exit code 1", d, err)
		}
		for i, why := range []string{"snapshot snap-1 was not found", "did not bring it", "no snapshot of its volume", "only for a pod"} {
			if c := d.Claims[i]; !strings.Contains(c.Message, why) {
				t.Errorf("of %s/%s is said %q, want %q", c.Namespace, c.Name, c.Message, why)
			}
		}
		if after := y.stands(); after != before {
			t.Errorf("the drill left\n%s\nwhere there was\n%s", after, before)
		}
	})
}

func TestADrillThatWasInterruptedIsRemovedByTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, map[string]string{"apps/data": "snap-1"})
		y.ask(claim("apps", "data", "retains"))
		y.backedUp(nil)
		before := y.stands()
		y.busy = true
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		if _, err := y.run(ctx, "", nil); problem.ExitCode(err) != 130 || !strings.Contains(fmt.Sprintf("%+v", err), "drill-apps") {
			t.Fatalf("interrupted, the drill ended with %v, want exit code 130 and what is left", err)
		}
		if y.stands() == before {
			t.Fatal("the interrupted drill left nothing: nothing is tried here")
		}
		// While Velero is at work nothing is taken away from under it.
		if left, err := y.removal(t.Context()); err != nil || len(left) != 1 || !strings.Contains(left[0], "new") {
			t.Errorf("with Velero at work, what is still there is %v, %v", left, err)
		}
		y.busy = false
		if d, err := y.run(t.Context(), "", nil); err != nil || d.Failed() != 0 {
			t.Errorf("the next drill found %+v, %v", d, err)
		}
		if said := strings.Join(y.said, "\n"); !strings.Contains(said, "is removed first") {
			t.Errorf("the next drill did not say that it removes what was left:\n%s", said)
		}
		if after := y.stands(); after != before {
			t.Errorf("the drills left\n%s\nwhere there was\n%s", after, before)
		}
	})
}

func TestTwoDrillsAreNotUnderWayAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, nil)
		lock := func(holder string) graph.Lock {
			return y.cluster.Lock(kube.LockOptions{Of: "drill", Holder: holder, Length: leaseLength, Now: time.Now})
		}
		err := y.alone(t.Context(), lock("anna"), func(ctx context.Context) error {
			time.Sleep(10 * leaseLength) // it is renewed
			return y.alone(ctx, lock("ben"), func(context.Context) error { t.Error("a second drill began"); return nil })
		})
		if problem.ExitCode(err) != 6 {
			t.Errorf("the second drill ended with %v, want exit code 6", err)
		}
		if held := y.all(kube.ID{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease", Namespace: kube.SystemNamespace}); len(held) > 0 {
			t.Errorf("the lock is still there: %v", held)
		}
		err = y.alone(t.Context(), taken{}, func(ctx context.Context) error {
			<-ctx.Done()
			return y.stopped(ctx, ctx.Err(), "nothing")
		})
		if problem.ExitCode(err) != 6 {
			t.Errorf("a drill whose lock another took ended with %v, want exit code 6", err)
		}
	})
}

// taken is a lock that somebody else takes as soon as it is to be renewed.
type taken struct{}

func (taken) Acquire(context.Context) (time.Time, error) { return time.Now(), nil }
func (taken) Renew(context.Context) (time.Time, error) {
	return time.Time{}, &graph.ErrLocked{Holder: "ben"}
}
func (taken) Release(context.Context) error { return nil }

func TestRemovingADrillNeverDeletesAVolumeThatIsOlder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, nil)
		y.ask(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "drill-apps"}})
		y.ask(claim("drill-apps", "data", "retains"))
		volume := func() (string, string) {
			t.Helper()
			all, err := y.cluster.Answers(t.Context(), kube.ID{Version: "v1", Kind: "PersistentVolume"})
			if err != nil || len(all) != 1 {
				t.Fatalf("the volumes are %v, %v", all, err)
			}
			policy, _, _ := unstructured.NestedString(all[0].Object, "spec", "persistentVolumeReclaimPolicy")
			return all[0].GetName(), policy
		}
		for policy, since := range map[string]time.Time{"Retain": time.Now().Add(time.Hour), "Delete": time.Now().Add(-time.Hour)} {
			left, err := y.removeVolumes(t.Context(), map[string]time.Time{"drill-apps": since})
			if err != nil {
				t.Fatal(err)
			}
			if name, got := volume(); got != policy || (len(left) > 0) != (policy == "Delete") {
				t.Errorf("volume %s has the policy %s, and still there is %v; want %s", name, got, left, policy)
			}
		}
		// A namespace that no drill made is nobody's to remove.
		before := y.stands()
		if left, err := y.removal(t.Context()); err != nil || len(left) > 0 || y.stands() != before {
			t.Errorf("of somebody's namespace drill-apps is said %v, %v", left, err)
		}
	})
}

func TestADrillChoosesNamespacesThatTheBackupHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, nil)
		if _, err := y.choose(t.Context(), "", nil); problem.ExitCode(err) != 64 {
			t.Errorf("without a backup: %v", err)
		}
		for _, n := range []string{"apps", "spare", "kube-system", veleroNamespace} {
			y.ask(claim(n, "data", "retains"))
		}
		y.backedUp(map[string]any{"excludedNamespaces": []any{"spare"}})
		y.ask(claim("apps", "younger", "retains"))
		plan, err := y.choose(t.Context(), "", nil)
		if err != nil || fmt.Sprint(plan.into) != "map[apps:drill-apps]" || len(plan.expect) != 1 || plan.expect[0].name != "data" {
			t.Errorf("the drill is about %+v, %v; want apps/data", plan, err)
		}
		for _, n := range []string{"spare", "kube-system", veleroNamespace, kube.SystemNamespace} {
			if _, err := y.choose(t.Context(), "nightly", []string{n}); problem.ExitCode(err) != 64 {
				t.Errorf("a drill of %s: %v, want it refused", n, err)
			}
		}
	})
}

func TestNamespacesBesideAreNamesAndDiffer(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 62)
	seen := map[string]bool{}
	for _, n := range []string{"apps", "a", long[:57], long[:58], long + "a", long + "b", strings.Repeat("a", 49) + "-bcdefghijklm"} {
		name := beside(n)
		if why := validation.IsDNS1123Label(name); len(why) > 0 || seen[name] || !strings.HasPrefix(name, "drill-") {
			t.Errorf("beside %s is %s: %v, or another's", n, name, why)
		}
		seen[name] = true
	}
}
