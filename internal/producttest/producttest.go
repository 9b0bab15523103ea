// SPDX-License-Identifier: Apache-2.0

// Package producttest gives every product the same battery of tests: what it composes is recorded and always the same,
// its images are exact, it comes up in the sandbox, a second run does nothing, it comes down to nothing, and no secret is
// in anything a person could see.
//
// The sandbox here is DigitalOcean's simulated API with Kubernetes in memory, in virtual time: fast, and no proof of
// server-side apply, which package kube is tested for against a real control plane.
package producttest

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/lint"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/product"
)

var (
	update   = flag.Bool("update", false, "write the golden files anew")
	allEdits = flag.Bool("edits", false, "make every edit of every field on a platform that stands, which takes minutes, and not some")
)

// canary is a secret that the documents refer to by `from: {env: CANARY}`; it must not be seen anywhere.
const canary = "canary-7f3a9c-must-never-be-seen"

// Run tries a product with every document in testdata/*.yaml of its folder; beside each stands the golden composition.
func Run(t *testing.T, p product.Product, folder string) {
	t.Helper()
	if about := p.About(); about.Title == "" || len(about.Placements) == 0 || len(about.Page) < 200 {
		t.Errorf("product %s/%s lacks a title, a placement or a page worth reading", about.Category, about.Name)
	}
	documents, err := filepath.Glob(filepath.Join(folder, "testdata", "*.yaml"))
	if err != nil || len(documents) == 0 {
		t.Fatalf("no document in testdata of %s to try the product with: %v", folder, err)
	}
	v := verdicts{map[string]bool{}, map[string]bool{}, map[string]string{}, new(int)}
	for _, name := range documents {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".yaml"), func(t *testing.T) {
			t.Run("composes as recorded", func(t *testing.T) { composes(t, name, raw) })
			var edits []edit
			t.Run("is silent of no field", func(t *testing.T) { edits = speaks(t, name, raw, p.About(), v) })
			t.Run("comes up once and down to nothing", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { lives(t, name, raw) })
			})
			t.Run("changes as it is edited", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { edited(t, name, raw, edits) })
			})
		})
	}
	if *v.documents == len(documents) {
		for _, field := range v.untold() {
			t.Error(field)
		}
	}
}

// Example tries a whole document: its plan has no problem and fits its own pools, it comes up, is up the second time, is proven as far as
// that can be without containers, becomes what an edit makes of it, and comes down to nothing. The edit is pairs of texts: what stands
// in the document, and what a person writes there.
func Example(t *testing.T, name string, edit ...string) {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(edit); i += 2 {
		if !bytes.Contains(raw, []byte(edit[i])) {
			t.Errorf("it has no %q to edit", edit[i])
		}
	}
	edited := []byte(strings.NewReplacer(edit...).Replace(string(raw)))
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cloud.Close()
		p, err := w.open(name, raw)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := p.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Problems) > 0 {
			t.Errorf("its plan has problems: %v", plan.Problems)
		}
		if !plan.Fit.Fits {
			t.Errorf("it does not fit its own pools: %v", plan.Fit.Short)
		}
	})
	synctest.Test(t, func(t *testing.T) { lives(t, name, raw, edited) })
}

// composes holds what a document composes against its golden file.
func composes(t *testing.T, name string, raw []byte) {
	var texts [2]string
	for i := range texts {
		p, err := newWorld(t).open(name, raw)
		if err != nil {
			t.Fatal(err)
		}
		c, err := p.Compose(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range c.Sets {
			for _, image := range chart.Images(s.Objects) {
				if !exact(image) {
					t.Errorf("set %s: image %s has no exact tag or no registry", s.Name, image)
				}
			}
		}
		found, notes := lint.Check(0, c.Rendered...)
		for _, f := range found {
			t.Errorf("DOKS would speak against it before an upgrade: %s", f)
		}
		for _, note := range notes {
			t.Error(note)
		}
		for _, p := range c.Probes() {
			for file, key := range p.Files {
				if key.Namespace != p.Namespace {
					t.Errorf("probe %s of %s runs in namespace %q and wants %s of %s, which pods there cannot see", p.Name, p.Entry, p.Namespace, file, key)
				}
			}
		}
		texts[i] = describe(t, c)
	}
	if texts[0] != texts[1] {
		t.Fatal("the same document composes differently the second time")
	}
	Golden(t, strings.TrimSuffix(name, ".yaml")+".golden", texts[0])
}

// Golden holds what a test came to against a file, which -update writes anew.
func Golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; %s writes it", err, updating(t))
	}
	if string(want) != got {
		t.Errorf("it differs from %s; look at the difference after %s:\n%s", file, updating(t), firstDifference(string(want), got))
	}
}

// updating is the command, in the test's folder, that writes the golden files of one test and of no other.
func updating(t *testing.T) string { return "`go test . -run '^" + t.Name() + "$' -update`" }

// exact reports whether an image has a registry and a tag other than latest, or a digest.
func exact(image string) bool {
	first, rest, ok := strings.Cut(image, "/")
	if !ok || !strings.ContainsAny(first, ".:") {
		return false
	}
	_, tag, ok := strings.Cut(rest, ":")
	return ok && tag != "latest" || strings.Contains(image, "@sha256:")
}

// describe prints a composition: nodes with what they need, objects, and what is billed. Data of Secrets is left out.
func describe(t *testing.T, c *product.Composition) string {
	var b strings.Builder
	for _, id := range c.Graph.IDs() {
		fmt.Fprintf(&b, "node %s needs %v\n", id, c.Graph.Needs(id))
	}
	for _, it := range c.Items {
		fmt.Fprintf(&b, "billed %s: %s\n", it.For, it.What)
	}
	for _, w := range c.Workloads {
		fmt.Fprintf(&b, "pods %s: %d × %s %s\n", w.Name, w.Replicas, w.CPU, w.Memory)
	}
	for _, n := range c.Notes {
		fmt.Fprintf(&b, "note %s\n", n)
	}
	for _, s := range c.Sets {
		for _, d := range s.Derived {
			fmt.Fprintf(&b, "--- # %s\n# Secret %s/%s", s.Name, d.Namespace, d.Name)
			for _, f := range d.Fields {
				switch {
				case f.Unwritten:
				case f.From != nil:
					fmt.Fprintf(&b, " %s (from %s)", f.Key, f.From)
				case f.Random > 0:
					fmt.Fprintf(&b, " %s (made up)", f.Key)
				default:
					fmt.Fprintf(&b, " %s", f.Key)
				}
			}
			b.WriteByte('\n')
		}
		for _, o := range s.Objects {
			o := o.DeepCopy()
			if o.GetKind() == "CustomResourceDefinition" {
				fmt.Fprintf(&b, "--- # %s\n# CRD %s\n", s.Name, o.GetName())
				continue
			}
			if o.GetKind() == "Secret" {
				data, _ := o.Object["data"].(map[string]any)
				for key := range data {
					data[key] = "[hidden]"
				}
			}
			raw, err := yaml.Marshal(o.Object)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "--- # %s\n%s", s.Name, raw)
		}
	}
	return b.String()
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d:\n  want %s\n  got  %s", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("want %d lines, got %d", len(w), len(g))
}

// lives brings the document up, and then to what it is edited to. Each time there is nothing to do afterwards, what is offered is served, and
// every probe finds what it needs. In the end it comes down to nothing.
func lives(t *testing.T, name string, raw []byte, edited ...[]byte) {
	ctx := t.Context()
	w := newWorld(t)
	defer w.cloud.Close()
	before := w.inventory()
	up := func() *platform.Plan {
		p, err := w.open(name, raw)
		if err != nil {
			t.Fatal(err)
		}
		defer closed(t, p)
		plan, err := p.Plan(ctx)
		if err != nil {
			t.Fatal(err)
		}
		w.see(t, plan)
		if plan.Changes() {
			result, err := p.Up(ctx, plan, plan.Approve(graph.Replaces), nil)
			if err != nil {
				if result != nil { // it was begun
					for _, h := range result.Held {
						t.Logf("held: %s %s: %v", h.Action, h.Node, h.Changes)
					}
				}
				t.Fatalf("up: %s", whole(err))
			}
			w.see(t, result)
		}
		return plan
	}
	for _, raw = range append([][]byte{raw}, edited...) {
		if !up().Changes() {
			t.Fatal("the plan has nothing to do")
		}
		for _, lie := range w.serves(t, name, raw) {
			t.Error(lie)
		}
		level(t, up())
		w.proves(t, name, raw)
	}
	if protected := []byte("deletionProtection: true"); bytes.Contains(raw, protected) { // given up first, as a person has to
		raw = bytes.ReplaceAll(raw, protected, []byte("deletionProtection: false"))
		up()
	}
	w.down(ctx, t, name, raw)
	if left := w.inventory(); !slices.Equal(left, before) {
		t.Errorf("after down there is %v, and before up there was %v", left, before)
	}
	_, key := pair()
	if bytes.Contains(w.seen.Bytes(), []byte(canary)) || bytes.Contains(w.seen.Bytes(), []byte(strings.Split(key, "\n")[1])) {
		t.Error("a secret is in an output")
	}
}
