// SPDX-License-Identifier: Apache-2.0

package kill

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
)

// fencedOff is testdata/before.yaml with an allow-list, edited.
func fencedOff(t *testing.T, edit ...string) *document.Document {
	t.Helper()
	raw, err := os.ReadFile("testdata/before.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const version = "version: \"1.36\"\n"
	text := strings.NewReplacer(append(edit, version, version+"    controlPlaneAccess: {allow: [203.0.113.7]}\n")...).Replace(string(raw))
	doc, err := document.Parse(platform.Available(), document.Input{Name: "k8or.yaml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestBehindTheAllowListTheCloudFinishesAndTheClusterWaits lives a platform's life from a machine that is not on the allow-list of its
// document: whatever is the cloud's is done, nothing in the cluster changes, and each run says which field is in the way.
func TestBehindTheAllowListTheCloudFinishesAndTheClusterWaits(t *testing.T) {
	t.Parallel()
	plain := fencedOff(t)
	edited := fencedOff(t, "{general: {size: s-2vcpu-4gb, count: 2}}", "{general: {size: s-2vcpu-4gb, count: 2}, jobs: {size: s-1vcpu-2gb, count: 1}}", "Hello from k8or", "Hello again")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cloud.Close()
		outside := func(doc *document.Document) {
			t.Helper()
			w.fenced = true
			defer func() { w.fenced = false }()
			p, _, ctx := w.start(doc, kill{})
			_, err := up(ctx, p)
			found := problem.All(err)
			if len(found) != 1 || found[0].Code != problem.ClusterOutOfReach || problem.ExitCode(err) != 5 ||
				found[0].Path != "spec.cluster.controlPlaneAccess.allow" || found[0].Place == nil || found[0].Place.Line != 8 {
				t.Errorf("from outside, up ends with %v (%d problems, exit code %d), want one that names the allow-list and its line\n%s", err, len(found), problem.ExitCode(err), w.events.text())
			}
		}
		pools := func() []string {
			t.Helper()
			clusters := w.look("/v2/kubernetes/clusters", "kubernetes_clusters")
			if len(clusters) != 1 {
				t.Fatalf("there are %d clusters, want 1", len(clusters))
			}
			var names []string
			for _, p := range clusters[0]["node_pools"].([]any) {
				name, _, _ := strings.Cut(p.(map[string]any)["name"].(string), "-")
				names = append(names, name)
			}
			slices.Sort(names)
			return names
		}
		// inside is what k8or made in the cluster.
		inside := func() picture {
			t.Helper()
			return slices.DeleteFunc(w.objects(w.look("/v2/kubernetes/clusters", "kubernetes_clusters")[0]["name"].(string)), func(line string) bool {
				return line == "node" || !strings.Contains(line, "k8or")
			})
		}

		outside(plain)
		if got := pools(); !slices.Equal(got, []string{"general"}) {
			t.Errorf("the first up made the pools %v, want general", got)
		}
		if made := inside(); len(made) > 0 {
			t.Errorf("the first up made in the cluster: %s", lines(made))
		}
		w.finish(plain, up)
		before := inside()
		if len(before) == 0 {
			t.Fatal("a run from inside made nothing in the cluster")
		}

		for range 2 { // the second has nothing left to do, and goes on saying so
			outside(edited)
			if got := pools(); !slices.Equal(got, []string{"general", "jobs"}) {
				t.Errorf("the edit left the pools %v, want general and jobs", got)
			}
			if changed := inside().differs(before); len(changed) > 0 {
				t.Errorf("the edit changed in the cluster: %s", lines(changed))
			}
		}
		w.finish(edited, up)
		if changed := inside().differs(before); len(changed) == 0 {
			t.Error("the edit from inside changed nothing in the cluster")
		}

		w.fenced = true
		w.finish(edited, down)
		if left := w.gone(); len(left) > 0 {
			t.Errorf("down from outside leaves: %s", lines(left))
		}
	})
}
