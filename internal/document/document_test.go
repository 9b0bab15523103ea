// SPDX-License-Identifier: Apache-2.0

package document_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/problem"
)

// parsed is a document of the texts given, the first with overlays over it.
func parsed(t *testing.T, texts ...string) *document.Document {
	t.Helper()
	var inputs []document.Input
	for i, text := range texts {
		inputs = append(inputs, document.Input{Name: fmt.Sprintf("%d.yaml", i), Data: []byte(text)})
	}
	doc, err := document.Parse(available, inputs...)
	if err != nil {
		t.Fatalf("%s", problem.All(err).Text(false))
	}
	return doc
}

const base = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: shop}
spec:
  region: nyc3
  cluster:
    nodePools:
      general: {size: s-2vcpu-4gb, count: 2}
      batch: {size: c-4, count: 1}
  gateways:
    public:
  apps:
    web:
      image: docker.io/acme/web:1.4.2
      port: 8080
      args: [a, b]
      env: {A: "1", B: "2"}
`

func TestOverlaysMergeMapsReplaceTheRestAndRemoveByNull(t *testing.T) {
	t.Parallel()
	doc := parsed(t, base, `
spec:
  region: ams3
  cluster: {nodePools: {general: {count: 5}, batch: null}}
  apps: {web: {args: [c], env: {B: null, C: "3"}}}
`, "spec: {apps: {web: {env: {D: '4'}}}, gateways: {public: null}}")
	spec := doc.Platform.Spec
	if spec.Region != "ams3" {
		t.Errorf("region is %s", spec.Region)
	}
	if pools := spec.Cluster.NodePools; len(pools) != 1 || *pools["general"].Count != 5 || pools["general"].Size != "s-2vcpu-4gb" {
		t.Errorf("node pools are %v", pools)
	}
	web := spec.Apps["web"]
	if got := fmt.Sprint(web.Args, web.Env["A"].Value, web.Env["C"].Value, web.Env["D"].Value, len(web.Env)); got != "[c]1343" {
		t.Errorf("web is %s", got)
	}
	if len(spec.Gateways) != 0 {
		t.Errorf("gateways are %v", spec.Gateways)
	}
}

func TestAnEntryLeftEmptyIsAllDefaults(t *testing.T) {
	t.Parallel()
	doc := parsed(t, base)
	if _, ok := doc.Platform.Spec.Gateways["public"]; !ok {
		t.Error("`public:` names a gateway")
	}
}

func TestWhereKnowsFileLineAndColumn(t *testing.T) {
	t.Parallel()
	doc := parsed(t, base, "spec:\n  apps:\n    web:\n      env: {\"C\": \"3\"}\n")
	for path, want := range map[string]string{
		"":                           "0.yaml:1:1",
		"metadata.name":              "0.yaml:3:12",
		"metadata.uid":               "0.yaml:3:1",
		"spec.region":                "0.yaml:5:3",
		"spec.cluster.nodePools":     "0.yaml:7:5",
		"spec.apps.web.args[1]":      "0.yaml:16:17",
		"spec.apps.web.args[7]":      "0.yaml:16:7",
		`spec.apps.web.env["A"]`:     "0.yaml:17:13",
		"spec.apps.web.env.C":        "1.yaml:4:13",
		"spec.nothing.of.that[0].is": "0.yaml:4:1",
	} {
		if place := doc.Where(path); place.String() != want {
			t.Errorf("%s is at %s, want %s", path, place, want)
		}
	}
	if place := doc.Where("spec.region"); place.Snippet != "  region: nyc3" {
		t.Errorf("the line is %q", place.Snippet)
	}
	if !doc.Has("spec.apps.web.env.C") || doc.Has("metadata.uid") {
		t.Error("Has knows what is given and what is not")
	}
}

func TestAliasesAndMergeKeysAreUnfolded(t *testing.T) {
	t.Parallel()
	doc := parsed(t, `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: shop}
spec:
  region: nyc3
  apps:
    a: &app
      image: &image docker.io/acme/web:1.4.2
      env: {A: "1"}
      args: [x]
    b:
      <<: *app
      args: [y]
    c: {image: *image}
    d: *app
    e: {<<: [{image: "docker.io/acme/e:1"}, *app]}
`)
	apps := doc.Platform.Spec.Apps
	if apps["b"].Image != apps["a"].Image || apps["b"].Args[0] != "y" || apps["c"].Image != apps["a"].Image || apps["d"].Args[0] != "x" ||
		apps["e"].Image != "docker.io/acme/e:1" || apps["e"].Env["A"].Value != "1" {
		t.Errorf("got %+v", apps)
	}
}

func TestValuesKeepTheirTypes(t *testing.T) {
	t.Parallel()
	doc := parsed(t, base+`
      pool: general
    chart:
      chart:
        source: charts/x
        values: {i: 12, h: 0x10, f: 1.50, b: true, t: "12", yes: yes, n: null, d: 2026-11-24, l: [1, {a: b}], big: 9007199254740993}
`)
	got := fmt.Sprint(doc.Platform.Spec.Apps["chart"].Chart.Values)
	want := "map[b:true big:9007199254740993 d:2026-11-24 f:1.5 h:16 i:12 l:[1 map[a:b]] n:<nil> t:12 yes:yes]"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestLoadNamesTheFileThatIsMissing(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "k8or.yaml")
	_, err := document.Load(nil, name)
	list, ok := errors.AsType[problem.List](err)
	if !ok || list[0].Code != problem.FileUnreadable || !strings.Contains(list[0].Title, name) || problem.ExitCode(err) != 64 {
		t.Errorf("got %v", err)
	}
	if _, err := document.Load(nil, filepath.Dir(name)); problem.All(err)[0].Code != problem.FileUnreadable {
		t.Errorf("a folder is no document: %v", err)
	}
	if _, err := document.Load(nil); problem.All(err)[0].Code != problem.NoDocument {
		t.Errorf("no file is no document: %v", err)
	}
}

func TestLoadReadsNoMoreThanItNeedsOfAHugeFile(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "k8or.yaml")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, 1<<40); err != nil { // a hole of a terabyte
		t.Skip("this machine makes no such file:", err)
	}
	if _, err := document.Load(nil, name); problem.All(err)[0].Code != problem.FileTooLarge {
		t.Errorf("got %v", err)
	}
}

// A person who mends each problem as told ends with a good document, and sees no problem twice.
func TestProblemsDoNotHideOneAnother(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer("region: nyc3", "regoin: nyc3", "count: 2", "count: two", "port: 8080", "prot: 8080", "kind: Platform", "kind: Platfrom").Replace(base)
	_, err := document.Parse(available, document.Input{Name: "k8or.yaml", Data: []byte(text)})
	lines := map[int]bool{}
	for _, p := range problem.All(err) {
		if lines[p.Place.Line] {
			t.Errorf("line %d is told of twice: %v", p.Place.Line, p)
		}
		lines[p.Place.Line] = true
	}
	if len(lines) != 4 {
		t.Errorf("four mistakes were made, and told of are:\n%s", problem.All(err).Text(false))
	}
}
