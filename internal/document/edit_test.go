// SPDX-License-Identifier: Apache-2.0

package document_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/problem"
)

func TestInsertPutsAFieldInItsPlaceAndLeavesTheRest(t *testing.T) {
	t.Parallel()
	uid := document.Edit{Path: "metadata.uid", Value: "x7k2p9"}
	account := document.Edit{Path: "spec.account", Value: "3f2c9a51"}
	tests := map[string]struct {
		why, src, want string
		edit           document.Edit
	}{
		"block": {"a new field follows the one before it",
			"metadata:\n  name: shop\nspec:\n  region: nyc3\n",
			"metadata:\n  name: shop\n  uid: x7k2p9\nspec:\n  region: nyc3\n", uid},
		"flow": {"a map in braces stays on its line",
			"metadata: {name: shop}\n", "metadata: {name: shop, uid: x7k2p9}\n", uid},
		"flow with spaces": {"the spacing of a map in braces stays",
			"metadata: { name: shop } # ours\n", "metadata: { name: shop, uid: x7k2p9 } # ours\n", uid},
		"comments": {"comments stay where they are",
			"metadata:\n  # the shop\n  name: shop  # do not rename\n  # labels below\n  labels: {a: b}\n",
			"metadata:\n  # the shop\n  name: shop  # do not rename\n  uid: x7k2p9\n  # labels below\n  labels: {a: b}\n", uid},
		"before": {"where no field comes before it, it goes before the next",
			"spec:\n  # where\n  region: nyc3\n  apps: {}\n", "spec:\n  # where\n  account: 3f2c9a51\n  region: nyc3\n  apps: {}\n", account},
		"after catalog": {"account follows catalog",
			"spec:\n  catalog: \"2026.11\" # frozen\n  region: nyc3\n", "spec:\n  catalog: \"2026.11\" # frozen\n  account: 3f2c9a51\n  region: nyc3\n", account},
		"CRLF": {"line breaks are those of the file",
			"metadata:\r\n  name: shop\r\nspec:\r\n  region: nyc3\r\n", "metadata:\r\n  name: shop\r\n  uid: x7k2p9\r\nspec:\r\n  region: nyc3\r\n", uid},
		"no last line break": {"a file need not end in a line break",
			"metadata:\n    name: shop", "metadata:\n    name: shop\n    uid: x7k2p9", uid},
		"byte order mark": {"a byte order mark stays",
			"\ufeffmetadata: {name: shop}\n", "\ufeffmetadata: {name: shop, uid: x7k2p9}\n", uid},
		"JSON": {"JSON stays JSON",
			"{\"metadata\": {\"name\": \"shop\"}}", "{\"metadata\": {\"name\": \"shop\", \"uid\": \"x7k2p9\"}}", uid},
		"left empty": {"a field left empty is filled in",
			"metadata:\n  uid: # later\n  name: shop\n", "metadata:\n  uid: x7k2p9 # later\n  name: shop\n", uid},
		"null":  {"a null is replaced", "metadata: {uid: ~, name: shop}\n", "metadata: {uid: x7k2p9, name: shop}\n", uid},
		"given": {"a value is replaced", "metadata: {name: shop, uid: 'abc123'} #\n", "metadata: {name: shop, uid: x7k2p9} #\n", uid},
		"quoted name": {"quotes around a neighbour stay",
			"metadata: {name: 'it''s', labels: {}}\n", "metadata: {name: 'it''s', uid: x7k2p9, labels: {}}\n", uid},
		"looks like a number": {"a text that YAML would read as a number is quoted",
			"metadata: {name: shop}\n", "metadata: {name: shop, uid: \"123456\"}\n", document.Edit{Path: "metadata.uid", Value: "123456"}},
		"several lines": {"a value of several lines is gone round",
			"metadata:\n  name: >-\n    shop\n  labels: {}\n", "metadata:\n  name: >-\n    shop\n  uid: x7k2p9\n  labels: {}\n", uid},
		"wide characters": {"columns are characters, not bytes",
			"metadata: {labels: {ö: \"日本\"}, name: shop} # ✓\n", "metadata: {labels: {ö: \"日本\"}, name: shop, uid: x7k2p9} # ✓\n", uid},
		"empty braces": {"an empty map takes a field", "metadata: {}\n", "metadata: {uid: x7k2p9}\n", uid},
		"anchor":       {"an anchored map takes a field", "metadata: &m {name: shop}\n", "metadata: &m {name: shop, uid: x7k2p9}\n", uid},
		"document markers": {"markers of a document stay",
			"---\nmetadata:\n  name: shop\n...\n", "---\nmetadata:\n  name: shop\n  uid: x7k2p9\n...\n", uid},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := document.Insert([]byte(test.src), test.edit)
			if err != nil {
				t.Fatalf("%s: %v", test.why, err)
			}
			if string(got) != test.want {
				t.Errorf("%s:\ngot  %q\nwant %q", test.why, got, test.want)
			}
		})
	}
}

func TestInsertRefusesWhereItWouldTouchOtherThings(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]string{
		"an alias":      "x: &m {name: shop}\nmetadata: *m\n",
		"not a map":     "metadata: shop\n",
		"missing":       "spec: {}\n",
		"not YAML":      "metadata: {name: shop\n",
		"a merge key":   "x: &m {name: shop}\nmetadata:\n  <<: *m\n  labels: [\n",
		"shared anchor": "metadata: &m {name: shop}\nspec: *m\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := document.Insert([]byte(src), document.Edit{Path: "metadata.uid", Value: "x7k2p9"})
			p, ok := errors.AsType[*problem.Problem](err)
			if !ok || p.Code != problem.CannotEdit {
				t.Fatalf("got %q, %v; want a problem %s", got, err, problem.CannotEdit)
			}
			if !strings.Contains(p.Fix, "uid: x7k2p9") {
				t.Errorf("the fix does not say what to write by hand: %s", p.Fix)
			}
		})
	}
}

const shop = "apiVersion: k8or.io/v1alpha1\nkind: Platform\nmetadata: {name: shop} # mine\nspec: {region: nyc3}\n"

func TestInsertKeepsTheFilesModeAndLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link := filepath.Join(dir, "real.yaml"), filepath.Join(dir, "k8or.yaml")
	if err := os.WriteFile(file, []byte(shop), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Skip("this machine makes no links:", err)
	}
	doc, err := document.Load(nil, link)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Insert(document.Edit{Path: "metadata.uid", Value: "x7k2p9"}, document.Edit{Path: "spec.account", Value: "acme-1"}); err != nil {
		t.Fatal(err)
	}
	doc, err = document.Load(nil, link)
	if err != nil {
		t.Fatal(err)
	}
	if doc.Platform.Metadata.UID != "x7k2p9" || doc.Platform.Spec.Account != "acme-1" {
		t.Errorf("got uid %q and account %q", doc.Platform.Metadata.UID, doc.Platform.Spec.Account)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is no link any more: %v, %v", info, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode changed: %v, %v", info, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("files were left behind: %v", left)
	}
}

func TestInsertRefusesAReadOnlyFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "k8or.yaml")
	if err := os.WriteFile(file, []byte(shop), 0o444); err != nil {
		t.Fatal(err)
	}
	doc, err := document.Load(nil, file)
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"Writable": doc.Writable(), "Insert": doc.Insert(document.Edit{Path: "metadata.uid", Value: "x7k2p9"})} {
		if p, ok := errors.AsType[*problem.Problem](err); !ok || p.Code != problem.FileReadOnly || p.Fix == "" {
			t.Errorf("%s: got %v, want a problem %s with a fix", what, err, problem.FileReadOnly)
		}
	}
	if data, _ := os.ReadFile(file); string(data) != shop {
		t.Errorf("the file changed: %q", data)
	}
}
