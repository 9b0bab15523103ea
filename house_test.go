// SPDX-License-Identifier: Apache-2.0

package k8or_test

import (
	"errors"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/k8or/k8or/"

// floors are the house's floors, from the ground up. A package imports only floors below its own and, on its own floor,
// what stands left of it. See docs/architecture.md.
var floors = [][]string{
	{"api/v1alpha1", "schema"},
	{"internal/unit", "internal/problem", "internal/event", "internal/secret"},
	{"internal/document"},
	{"internal/graph"},
	{"internal/fit", "internal/price", "internal/probe"},
	{"internal/cloud"},
	{"internal/kube", "internal/chart", "internal/release"},
	{"internal/product", "internal/lint"},
	{"internal/catalog"},
	{"internal/platform"},
	{"internal/ui"},
	{"internal/companion"},
	{"internal/cli"},
	{"cmd/k8or"},
}

// apart are rooms with rules of their own, each with its why.
var apart = map[string]struct {
	may []string
	why string
}{
	"internal/sandbox":     {[]string{"internal/sandbox"}, "k8or and its sandbox meet on the wire alone, so that neither can cheat for the other"},
	"cmd/k8or-sandbox":     {[]string{"internal/sandbox"}, "the sandbox's binary links the sandbox and nothing else of ours"},
	"internal/schemagen":   {[]string{"api/v1alpha1", "internal/problem", "internal/catalog", "internal/product"}, "it generates from the document's types, the table of codes and the catalog alone"},
	"internal/producttest": {[]string{"api", "internal"}, "it tries products in a whole platform against the sandbox, for tests alone"},
	"bench":                {nil, "it measures the built binaries from outside"},
}

// onlyHere are libraries that one room keeps from the rest of the house.
var onlyHere = []struct{ library, room, why string }{
	{"github.com/digitalocean/godo", "internal/cloud/digitalocean", "a provider's SDK stays in its folder, so that the rest speaks k8or's words"},
	{"github.com/aws/", "internal/cloud", "a provider's SDK stays in its folder, so that the rest speaks k8or's words"},
	{"helm.sh/helm", "internal/chart", "charts are rendered in one place and applied in another"},
	{"github.com/fluxcd/", "internal/kube", "server-side apply and readiness have one home"},
	{"sigs.k8s.io/controller-runtime", "internal/kube", "one client for the cluster"},
	{"k8s.io/client-go", "internal/kube", "one client for the cluster; the sandbox plays DOKS with its own"},
	{"github.com/spf13/cobra", "internal/cli", "the command line is a thin shell"},
	{"charm.land/", "internal/ui", "what a terminal shows is made in one place; the command line's questions are its own"},
	{"github.com/tinylib/msgp", "internal/probe", "Fluentd's forward protocol is spoken by its probe alone"},
	{"github.com/twmb/franz-go", "internal/probe", "Kafka's protocol is spoken by its probe alone"},
	{"github.com/jackc/pgx", "internal/probe", "PostgreSQL's protocol is spoken by its probe alone"},
	{"github.com/go-sql-driver/mysql", "internal/probe", "MySQL's protocol is spoken by its probe alone"},
	{"go.mongodb.org/mongo-driver", "internal/probe", "MongoDB's protocol is spoken by its probe alone"},
	{"go.yaml.in/yaml/v4", "internal/document", "the document is read in one place, with its positions"},
}

// alsoHere are the further rooms that may use a library kept by onlyHere.
var alsoHere = map[string][]string{
	"k8s.io/client-go":               {"internal/sandbox", "internal/chart", "internal/release"},
	"sigs.k8s.io/controller-runtime": {"internal/sandbox", "internal/release"},
	"helm.sh/helm":                   {"internal/release"}, // for apps that ask for a real release
	"github.com/fluxcd/":             {"internal/sandbox"},
	"charm.land/":                    {"internal/cli"},
	"github.com/digitalocean/godo":   {"internal/sandbox"},                      // its tests hold the sandbox to the unchanged client
	"github.com/aws/":                {"internal/sandbox", "internal/probe"},    // its tests hold the simulated Spaces to the unchanged client, and the Velero that it plays keeps its backups with it; a probe speaks S3 as apps do
	"github.com/jackc/pgx":           {"internal/sandbox/database", "test/e2e"}, // tests try the simulated databases' ports with the unchanged driver
	"github.com/go-sql-driver/mysql": {"internal/sandbox/database", "test/e2e"}, // the simulated MySQL clusters' servers are told by it what the API says, and tests try their ports with it
	"go.yaml.in/yaml/v4":             {"internal/schemagen", "internal/cloud/digitalocean"},
}

// file is one source file of the house.
type file struct {
	path, dir string
	test      bool
	imports   []string
	doc       bool
}

func house(t *testing.T) []file {
	t.Helper()
	var files []file
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			name := d.Name()
			if path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin" || path == "sandbox") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		f := file{path: path, dir: filepath.ToSlash(filepath.Dir(path)), test: strings.HasSuffix(path, "_test.go"), doc: parsed.Doc != nil}
		for _, i := range parsed.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, name)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func within(dir, room string) bool { return dir == room || strings.HasPrefix(dir, room+"/") }

// floorOf is the floor and place of a package.
func floorOf(dir string) (floor, place int, ok bool) {
	for i, rooms := range floors {
		for j, room := range rooms {
			if within(dir, room) {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}

func TestArrowsPointDownwards(t *testing.T) {
	t.Parallel()
	for _, f := range house(t) {
		if f.test || f.dir == "." || within(f.dir, "test") {
			continue // tests may look at anything
		}
		for _, imported := range f.imports {
			target, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			if why := wrongArrow(f.dir, target); why != "" {
				t.Errorf("%s imports %s: %s", f.path, target, why)
			}
		}
	}
}

func wrongArrow(from, to string) string {
	for room, rule := range apart {
		if within(from, room) {
			if slices.ContainsFunc(rule.may, func(m string) bool { return within(to, m) }) {
				return ""
			}
			return rule.why
		}
	}
	fromFloor, fromPlace, known := floorOf(from)
	if !known {
		return "the package has no floor: give it one in house_test.go and docs/architecture.md"
	}
	toFloor, toPlace, known := floorOf(to)
	switch {
	case !known:
		return "what it imports is kept apart"
	case toFloor > fromFloor:
		return "that arrow points upwards"
	case toFloor < fromFloor || toPlace < fromPlace:
		return ""
	case toPlace > fromPlace:
		return "on its own floor a package imports only what stands left of it"
	case within(from, "internal/catalog") && from != "internal/catalog" && to != path.Dir(from):
		return "products know capabilities, not each other; what a category's products share stands in the category's folder"
	case within(from, "internal/cloud") && strings.Split(from, "/")[2] != strings.Split(to, "/")[2]:
		return "clouds do not know each other"
	}
	return ""
}

func TestLibrariesStayInTheirRooms(t *testing.T) {
	t.Parallel()
	for _, f := range house(t) {
		if within(f.dir, "test") {
			continue
		}
		for _, imported := range f.imports {
			for _, rule := range onlyHere {
				if !strings.HasPrefix(imported, rule.library) || within(f.dir, rule.room) {
					continue
				}
				if slices.ContainsFunc(alsoHere[rule.library], func(room string) bool { return within(f.dir, room) }) {
					continue
				}
				t.Errorf("%s imports %s, which belongs to %s: %s", f.path, imported, rule.room, rule.why)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, f := range house(t) {
		if !f.test {
			documented[f.dir] = documented[f.dir] || f.doc
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

func TestEveryDirectDependencyHasItsReason(t *testing.T) {
	t.Parallel()
	reasons, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, manifest := range []string{"go.mod", "sandbox/controlplane/go.mod"} {
		mod, err := os.ReadFile(manifest)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(mod), "\n") {
			if !strings.HasPrefix(line, "\t") || strings.HasSuffix(line, "// indirect") {
				continue
			}
			name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			if !strings.Contains(string(reasons), "`"+name+"`") {
				t.Errorf("%s requires %s, and docs/dependencies.md does not say why", manifest, name)
			}
		}
		if strings.Contains(string(mod), "\nreplace ") {
			t.Errorf("%s has a replace directive, which breaks `go install`", manifest)
		}
	}
}

func TestThereIsNoWorkspace(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{".", "sandbox", "sandbox/controlplane"} {
		if _, err := os.Stat(path.Join(dir, "go.work")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s has a go.work (%v): with it a build takes other versions than `go install` of either module, which knows none", dir, err)
		}
	}
}

// Most of what takes time in a build are libraries that both modules link. Of one version they are compiled once.
func TestBothModulesRequireTheSameVersions(t *testing.T) {
	t.Parallel()
	versions := map[string]string{}
	for _, manifest := range []string{"go.mod", "sandbox/controlplane/go.mod"} {
		mod, err := os.ReadFile(manifest)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(mod), "\n") {
			fields := strings.Fields(line)
			if !strings.HasPrefix(line, "\t") || len(fields) < 2 {
				continue
			}
			if other := versions[fields[0]]; other != "" && other != fields[1] {
				t.Errorf("%s requires %s %s, and the other module %s: `go get` the newer one in both", manifest, fields[0], fields[1], other)
			}
			versions[fields[0]] = fields[1]
		}
	}
}

// workplace are words that have no business in the project.
var workplace = regexp.MustCompile(`/work/|\.library/|\bproxy\.golang\b|\bregistry\.npmjs\b|\bdeb\.debian\b`)

func TestNoMachinePathsAndNoRegistryHosts(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", "bin"}, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if path == "house_test.go" || !slices.Contains([]string{".go", ".md", ".sh", ".yaml", ".yml", ".json", ".mod", ".txtar"}, filepath.Ext(path)) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if found := workplace.Find(text); found != nil {
			t.Errorf("%s says %q", path, found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
