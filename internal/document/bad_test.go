// SPDX-License-Identifier: Apache-2.0

package document_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/problem"
)

var update = flag.Bool("update", false, "write what is found into the golden cases")

// available is what the golden cases are judged by.
var available = v1alpha1.Available{"gateways": {"nginx": {"cluster"}, "existing": nil}, "support": {"cert-manager": {"cluster"}, "metrics-server": {"cluster"}}}

// Each case under testdata/bad is a document, its overlays, and what a person is told of them.
func TestBadDocumentsAreExplained(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 60 {
		t.Fatalf("there are %d cases, and at least 60 are wanted", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var inputs []document.Input
			want := ""
			for _, f := range archive.Files {
				if f.Name == "want" {
					want = string(f.Data)
					continue
				}
				inputs = append(inputs, document.Input{Name: f.Name, Data: f.Data})
			}
			_, err = document.Parse(available, inputs...)
			list, ok := errors.AsType[problem.List](err)
			if !ok {
				t.Fatalf("got %v, want a list of problems", err)
			}
			got := list.Text(false)
			if *update {
				archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
				archive.Files = append(archive.Files, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			for _, p := range list {
				checkProblem(t, p)
			}
			if strings.Contains(got, "verysecret") {
				t.Error("a secret is shown")
			}
		})
	}
}

// checkProblem holds each problem to what every problem of a document has.
func checkProblem(t *testing.T, p *problem.Problem) {
	t.Helper()
	switch {
	case problem.Meaning(p.Code) == "" || p.Code == problem.Unexpected:
		t.Errorf("%s is not in the table of codes, or a mistake: %v", p.Code, p)
	case p.Place == nil || p.Place.File == "":
		t.Errorf("%s has no place: %v", p.Code, p)
	case p.Fix == "":
		t.Errorf("%s says not how to mend it: %v", p.Code, p)
	case p.Kind != problem.Usage:
		t.Errorf("%s ends with %d, want 64", p.Code, p.Kind.ExitCode())
	case p.Title == "" || strings.HasSuffix(p.Title, "."):
		t.Errorf("%s has the title %q", p.Code, p.Title)
	}
}

// What no text file can hold.
func TestBytesThatAreNoDocumentAreExplained(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		data []byte
		code problem.Code
		line int
	}{
		"10 MB":            {[]byte(strings.Repeat("# all work and no play\n", 10<<20/23)), problem.FileTooLarge, 0},
		"a broken letter":  {[]byte("apiVersion: k8or.io/v1alpha1\nkind: \xff\n"), problem.NotUTF8, 2},
		"UTF-16":           {[]byte("\xff\xfea\x00:\x00"), problem.NotUTF8, 0},
		"nothing but BOM":  {[]byte("\ufeff"), problem.FileEmpty, 0},
		"a null byte":      {[]byte("kind: \x00\n"), problem.BadYAML, 1},
		"CR line breaks":   {[]byte("kind: Platform\rspec: {region: 1}\r"), v1alpha1.CodeMissingField, 1},
		"CRLF, wrong type": {[]byte("apiVersion: k8or.io/v1alpha1\r\nkind: Platform\r\nmetadata: {name: shop}\r\nspec:\r\n  region: 1\r\n"), problem.WrongType, 5},
		"BOM, wrong type":  {[]byte("\ufeffspec: 1\nkind: Platform\napiVersion: k8or.io/v1alpha1\nmetadata: {name: shop}\n"), problem.WrongType, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := document.Parse(available, document.Input{Name: "k8or.yaml", Data: test.data})
			list, ok := errors.AsType[problem.List](err)
			if !ok {
				t.Fatalf("got %v, want a list of problems", err)
			}
			if p := list[0]; p.Code != test.code || p.Place == nil || p.Place.Line != test.line {
				t.Errorf("got %s, want %s on line %d", p.Error(), test.code, test.line)
			}
			for _, p := range list {
				checkProblem(t, p)
			}
		})
	}
}

func TestGoodDocumentsAreAccepted(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("found %v, %v", files, err)
	}
	for _, file := range files {
		if _, err := document.Load(nil, file); err != nil {
			t.Errorf("%s:\n%s", file, problem.All(err).Text(false))
		}
	}
}

func TestExamplesAreGoodDocuments(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../examples/*/k8or.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("found %v, %v", files, err)
	}
	for _, file := range files {
		if _, err := document.Load(nil, file); err != nil { // whether the catalog has their products, test/examples tells
			t.Errorf("%s:\n%s", file, problem.All(err).Text(false))
		}
	}
}
