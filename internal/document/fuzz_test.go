// SPDX-License-Identifier: Apache-2.0

package document_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/problem"
)

// FuzzLoad holds any bytes to what is promised: no panic; each problem has a code, a place within
// the file, and a remedy; a good document can be edited, and the edit changes that field alone.
func FuzzLoad(f *testing.F) {
	cases, _ := filepath.Glob("testdata/bad/*.txtar")
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		overlay := ""
		if len(archive.Files) > 2 {
			overlay = string(archive.Files[1].Data)
		}
		f.Add(archive.Files[0].Data, overlay)
	}
	examples, _ := filepath.Glob("../../examples/*/k8or.yaml")
	good, _ := filepath.Glob("testdata/good/*.yaml")
	for _, name := range append(examples, good...) {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "spec: {region: ams3}")
	}
	f.Add([]byte(base), "spec: {apps: {web: null}}")
	f.Fuzz(func(t *testing.T, data []byte, overlay string) {
		inputs := []document.Input{{Name: "k8or.yaml", Data: data}}
		if overlay != "" {
			inputs = append(inputs, document.Input{Name: "overlay.yaml", Data: []byte(overlay)})
		}
		if doc, err := document.Parse(available, inputs...); err != nil {
			explained(t, err, inputs)
		} else {
			v1alpha1.Default(doc.Platform)
		}
		doc, err := document.Parse(nil, inputs[0])
		if err != nil {
			explained(t, err, inputs)
			return
		}
		edited(t, doc, data)
	})
}

// explained holds each problem to what every problem has.
func explained(t *testing.T, err error, inputs []document.Input) {
	t.Helper()
	for _, p := range problem.All(err) {
		checkProblem(t, p)
		lines := 1
		for _, input := range inputs {
			if p.Place != nil && p.Place.File == input.Name {
				lines = 2 + strings.Count(strings.NewReplacer("\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(string(input.Data)), "\n")
			}
		}
		if p.Place != nil && (p.Place.Line < 0 || p.Place.Line > lines || p.Place.Column < 0) {
			t.Errorf("%s is at %s of a file of %d lines", p.Code, p.Place, lines)
		}
		p.Text(true)
	}
}

// edited holds an edit of a good document to changing the edited field alone.
func edited(t *testing.T, doc *document.Document, data []byte) {
	t.Helper()
	for _, edit := range []document.Edit{{Path: "metadata.uid", Value: "x7k2p9"}, {Path: "spec.account", Value: "3f2c9a51"}} {
		given := doc.Has(edit.Path)
		after, err := document.Insert(data, edit)
		if err != nil {
			continue // refused, with what to write by hand
		}
		again, err := document.Parse(nil, document.Input{Name: "k8or.yaml", Data: after})
		if err != nil {
			t.Fatalf("%s broke the document: %v\nbefore %q\nafter  %q", edit.Path, err, data, after)
		}
		want := doc.Platform.Clone()
		if edit.Path == "metadata.uid" {
			want.Metadata.UID = edit.Value
		} else {
			want.Spec.Account = edit.Value
		}
		if !reflect.DeepEqual(again.Platform, want) {
			t.Fatalf("%s changed more than itself\nbefore %q\nafter  %q", edit.Path, data, after)
		}
		if !given && !inserted(string(data), string(after)) {
			t.Fatalf("%s touched other text\nbefore %q\nafter  %q", edit.Path, data, after)
		}
	}
}

// inserted says whether after is before with one piece of text put in.
func inserted(before, after string) bool {
	i := 0
	for i < len(before) && i < len(after) && before[i] == after[i] {
		i++
	}
	return len(after) > len(before) && strings.HasSuffix(after, before[i:])
}
