// SPDX-License-Identifier: Apache-2.0

package snapshots

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/memkube"
	"github.com/k8or/k8or/internal/sandbox/operators"
)

// shelf is a cloud that has snapshots and nothing else.
type shelf struct{ all map[string]operators.Snapshot }

func (s shelf) Snapshot(volume, name string) (operators.Snapshot, error) {
	id := volume + "/" + name
	if _, there := s.all[id]; !there {
		s.all[id] = operators.Snapshot{ID: id, GiB: 1, Taken: time.Now()}
	}
	return s.all[id], nil
}

func (s shelf) Find(id string) (operators.Snapshot, bool, error) {
	one, there := s.all[id]
	return one, there, nil
}

func (s shelf) Discard(id string) error { delete(s.all, id); return nil }

// cluster is a Kubernetes in memory with DigitalOcean's snapshotter, which the script's own kubectl reaches.
type cluster struct {
	*testing.T
	kubeconfig, home string
	cloud            shelf
	count            func() int
}

func newCluster(t *testing.T) *cluster {
	for _, program := range []string{"bash", "kubectl", "jq"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the script needs %s, which is not on this machine: %v", program, err)
		}
	}
	fast, err := clock.NewScaled(100)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{T: t, home: t.TempDir(), cloud: shelf{map[string]operators.Snapshot{}}}
	player := operators.NewPlayer(c.cloud, nil, nil)
	counted := make(chan int, 1)
	server := memkube.New(memkube.Options{Hands: func(r *memkube.Room, wall time.Time) time.Time {
		now := fast.Now()
		again, err := player.Pass(r, now, wall)
		if err != nil {
			t.Errorf("the cluster refused: %v", err)
		}
		select {
		case <-counted:
		default:
		}
		counted <- len(c.cloud.all)
		if again.IsZero() {
			return again
		}
		return wall.Add(fast.Real(again.Sub(now)))
	}})
	c.count = func() int { n := <-counted; counted <- n; return n }
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	c.kubeconfig = filepath.Join(c.home, "config")
	config := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: %q}}]\ncontexts: [{name: c, context: {cluster: c}}]\n", listening.URL)
	if err := os.WriteFile(c.kubeconfig, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []schema.GroupKind{{Group: group, Kind: "VolumeSnapshot"}, {Group: group, Kind: "VolumeSnapshotContent"}, {Group: group, Kind: "VolumeSnapshotClass"}} {
		plural, scope := strings.ToLower(kind.Kind)+"s", "Cluster"
		if kind.Kind == "VolumeSnapshot" {
			scope = "Namespaced"
		}
		if kind.Kind == "VolumeSnapshotClass" {
			plural = "volumesnapshotclasses"
		}
		c.apply(fmt.Sprintf(`{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: %s.%s}, spec: {group: %s, scope: %s, names: {plural: %s, singular: %s, kind: %s, listKind: %sList},
  versions: [{name: v1, served: true, storage: true, subresources: {status: {}}, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}`,
			plural, group, group, scope, plural, strings.ToLower(kind.Kind), kind.Kind, kind.Kind))
	}
	c.apply("{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshotClass, metadata: {name: k8or-nightly}, driver: dobs.csi.digitalocean.com, deletionPolicy: Retain}")
	c.apply("{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: block}, provisioner: dobs.csi.digitalocean.com}")
	c.apply("{apiVersion: v1, kind: Namespace, metadata: {name: apps, labels: {k8or.io/platform: shop-x7k2p9}}}")
	for _, name := range []string{"data", "more"} {
		c.apply("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: " + name + ", namespace: apps, annotations: {volume.kubernetes.io/storage-provisioner: dobs.csi.digitalocean.com}}, spec: {accessModes: [ReadWriteOnce], storageClassName: block, resources: {requests: {storage: 1Gi}}}}")
	}
	c.apply("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: elsewhere, namespace: default, annotations: {volume.kubernetes.io/storage-provisioner: dobs.csi.digitalocean.com}}, spec: {accessModes: [ReadWriteOnce], storageClassName: block, resources: {requests: {storage: 1Gi}}}}")
	c.kubectl("", "wait", "-n", "apps", "pvc/data", "pvc/more", "--for=jsonpath={.status.phase}=Bound", "--timeout=30s")
	return c
}

func (c *cluster) environment(more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.home, "KUBECONFIG=" + c.kubeconfig}, more...)
}

func (c *cluster) kubectl(in string, args ...string) string {
	c.Helper()
	command := exec.CommandContext(c.Context(), "kubectl", args...)
	command.Env, command.Stdin = c.environment(), strings.NewReader(in)
	out, err := command.CombinedOutput()
	if err != nil {
		c.Fatalf("kubectl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (c *cluster) apply(text string) {
	c.Helper()
	c.kubectl("---\n"+text, "create", "--validate=false", "-f", "-")
}

// run runs the script as the CronJob's pod does.
func (c *cluster) run(claims string, keep int) (string, error) {
	ctx, cancel := context.WithTimeout(c.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "bash", "-c", script)
	command.Env = c.environment("SCHEDULE=nightly", fmt.Sprintf("KEEP=%d", keep), "CLASS=k8or-nightly", "CLAIMS="+claims, "PLATFORM=shop-x7k2p9")
	out, err := command.CombinedOutput()
	return string(out), err
}

func (c *cluster) snapshots() []string {
	return strings.Fields(c.kubectl("", "get", "volumesnapshots", "-A", "-o", "jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {end}"))
}

// The script is tried with a real kubectl: it keeps as many as it is told, at the cloud too, and none of another platform's.
func TestScriptKeepsTheNewest(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for range 3 {
		if out, err := c.run("", 2); err != nil {
			t.Fatalf("the script: %v\n%s", err, out)
		}
	}
	names := c.snapshots()
	if len(names) != 4 {
		t.Errorf("after three runs that keep two of each of two claims there are %v", names)
	}
	for _, name := range names {
		if !strings.HasPrefix(name, "apps/") {
			t.Errorf("%s is of a namespace that is not the platform's", name)
		}
	}
	if n := c.count(); n != 4 {
		t.Errorf("the cloud has %d snapshots, want the 4 of the cluster", n)
	}
}

func TestScriptTakesWhatItCanAndTellsTheRest(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	out, err := c.run("apps/none apps/data", 1)
	if err == nil || !strings.Contains(out, "apps/none") {
		t.Errorf("a claim that is not there: %v\n%s", err, out)
	}
	if names := c.snapshots(); len(names) != 1 || !strings.HasPrefix(names[0], "apps/data-nightly-") {
		t.Errorf("the claim that is there has the snapshots %v", names)
	}
}
