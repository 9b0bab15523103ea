// SPDX-License-Identifier: Apache-2.0

package problem_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/problem"
)

func TestTextShowsThePlaceTheReasonAndTheRemedy(t *testing.T) {
	t.Parallel()
	p := &problem.Problem{
		Code: "K8OR-0412", Kind: problem.Usage, Title: `node pool "general" cannot have both count and autoscale`,
		Place: &problem.Place{File: "k8or.yaml", Line: 14, Column: 9, Snippet: "        autoscale: {min: 3, max: 6}"},
		Why:   "count is given on line 13",
		Fix:   "keep one of them; `count: 3` is the same as `autoscale: {min: 3, max: 3}`",
	}
	want := `error[K8OR-0412]: node pool "general" cannot have both count and autoscale
  --> k8or.yaml:14:9
   14 |         autoscale: {min: 3, max: 6}
      |         ^ count is given on line 13
  fix: keep one of them; ` + "`count: 3` is the same as `autoscale: {min: 3, max: 3}`\n"
	if got := p.Text(false); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	colourless := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(p.Text(true), "")
	if colourless != want {
		t.Errorf("with its colours taken out, the text is:\n%s", colourless)
	}
}

func TestTextShowsTheCloudsCall(t *testing.T) {
	t.Parallel()
	p := &problem.Problem{
		Code: problem.MissingScope, Kind: problem.NotAllowed, Title: "the token may not list load balancers",
		Call: &problem.Call{Provider: "digitalocean", Call: "GET /v2/load_balancers", Status: 403, RequestID: "4d9d8375"},
		Why:  "the scope load_balancer:read is missing", Fix: "make a token with the scopes that `k8or scopes` prints",
	}
	want := `error[K8OR-1003]: the token may not list load balancers
  --> digitalocean: GET /v2/load_balancers: 403 (request 4d9d8375)
  why: the scope load_balancer:read is missing
  fix: make a token with the scopes that ` + "`k8or scopes` prints\n"
	if got := p.Text(false); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestTextCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	evil := "\x1b[2J\u202e\r"
	p := &problem.Problem{Code: problem.BadYAML, Title: evil, Why: evil, Fix: evil, Place: &problem.Place{File: evil, Line: 1, Column: 1, Snippet: "\ta" + evil}}
	if got := p.Text(false); strings.ContainsAny(got, "\x1b\u202e\r\t") {
		t.Errorf("got %q", got)
	}
}

func TestTextCutsALongLineAroundItsColumn(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("a", 500) + "HERE" + strings.Repeat("b", 500)
	p := &problem.Problem{Title: "x", Place: &problem.Place{File: "f", Line: 1, Column: 501, Snippet: line}}
	rows := strings.Split(p.Text(false), "\n")
	if column := strings.Index(rows[3], "^"); len([]rune(rows[2])) > 130 || []rune(rows[2])[len([]rune(rows[3][:column]))] != 'H' {
		t.Errorf("the mark is not under the column:\n%s\n%s", rows[2], rows[3])
	}
}

func TestJSONHasAllThatIsShown(t *testing.T) {
	t.Parallel()
	p := &problem.Problem{Code: problem.UnknownField, Kind: problem.Usage, Title: "t", Path: "spec.x", Why: "w", Fix: "f",
		Place: &problem.Place{File: "k8or.yaml", Line: 2, Column: 3, Snippet: "x: 1"}, Cause: errors.New("hidden")}
	got, err := json.Marshal(p)
	want := `{"code":"K8OR-0101","title":"t","path":"spec.x","place":{"file":"k8or.yaml","line":2,"column":3,"snippet":"x: 1"},"why":"w","fix":"f"}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestExitCodeIsThatOfTheGravestProblem(t *testing.T) {
	t.Parallel()
	of := func(k problem.Kind) error { return &problem.Problem{Kind: k, Title: "x"} }
	for name, test := range map[string]struct {
		err  error
		want int
	}{
		"nothing":                      {nil, 0},
		"an ordinary error":            {errors.New("boom"), 1},
		"failed":                       {of(problem.Failed), 1},
		"not allowed":                  {of(problem.NotAllowed), 4},
		"preflight":                    {of(problem.Preflight), 5},
		"locked":                       {of(problem.Locked), 6},
		"left":                         {of(problem.Left), 7},
		"usage":                        {of(problem.Usage), 64},
		"interrupted":                  {of(problem.Interrupted), 130},
		"wrapped":                      {fmt.Errorf("up: %w", of(problem.Locked)), 6},
		"a list":                       {problem.List{{Kind: problem.Usage}, {Kind: problem.Usage}}, 64},
		"failed and not allowed":       {errors.Join(of(problem.Failed), of(problem.NotAllowed)), 4},
		"interrupted on top":           {errors.Join(of(problem.Interrupted), of(problem.Left), errors.New("x")), 130},
		"warnings alone":               {problem.List{{Warning: true, Kind: problem.Usage}}, 0},
		"a list wrapped and joined":    {errors.Join(errors.New("a"), fmt.Errorf("b: %w", problem.List{{Kind: problem.Left}})), 7},
		"a warning and a plain error":  {errors.Join(&problem.Problem{Warning: true, Kind: problem.Locked}, errors.New("x")), 1},
		"a problem caused by an error": {&problem.Problem{Kind: problem.Preflight, Cause: errors.New("x")}, 5},
	} {
		if got := problem.ExitCode(test.err); got != test.want {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
	}
}

func TestAllLosesNoError(t *testing.T) {
	t.Parallel()
	err := errors.Join(errors.New("plain"), fmt.Errorf("wrapped: %w", problem.List{{Title: "a"}, {Title: "b"}}), &problem.Problem{Title: "c"})
	var titles []string
	for _, p := range problem.All(err) {
		titles = append(titles, p.Title)
	}
	if got := strings.Join(titles, " "); got != "plain a b c" {
		t.Errorf("got %q", got)
	}
}

func TestNearestFindsTheWordThatWasMeant(t *testing.T) {
	t.Parallel()
	fields := []string{"region", "cluster", "nodePools", "autoscale", "count", "size"}
	for given, want := range map[string]string{
		"regoin": "region", "Region": "region", "node_pools": "nodePools", "nodepool": "nodePools", "auto": "autoscale",
		"cuont": "count", "frobnicate": "", "": "", "x": "", "sise": "size",
	} {
		if got := problem.Nearest(given, fields); got != want {
			t.Errorf("%q: got %q, want %q", given, got, want)
		}
	}
	if got := problem.Nearest("c", []string{"a", "b"}); got != "" {
		t.Errorf("one letter is near to any other: %q", got)
	}
}

// constants are the codes that a Go file declares, by name.
func constants(t *testing.T, file string) map[string]problem.Code {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]problem.Code{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, value := range spec.Values {
			if lit, ok := value.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, _ := strconv.Unquote(lit.Value)
				found[spec.Names[i].Name] = problem.Code(text)
			}
		}
		return true
	})
	return found
}

func TestEachCodeIsUniqueAndDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[problem.Code]bool{}
	for _, e := range problem.Codes() {
		if seen[e.Code] {
			t.Errorf("%s stands in the table twice", e.Code)
		}
		seen[e.Code] = true
		if !regexp.MustCompile(`^K8OR-[0-9]{4}$`).MatchString(string(e.Code)) || !strings.HasSuffix(e.Meaning, ".") {
			t.Errorf("%s means %q", e.Code, e.Meaning)
		}
		if !strings.Contains(string(page), "| "+string(e.Code)+" |") {
			t.Errorf("%s is not in docs/errors.md: run go generate ./...", e.Code)
		}
	}
	for _, file := range []string{"codes.go", "../../api/v1alpha1/codes.go"} {
		byCode := map[problem.Code]string{}
		for name, code := range constants(t, file) {
			if !seen[code] {
				t.Errorf("%s (%s in %s) is not in the table", code, name, file)
			}
			if other := byCode[code]; other != "" {
				t.Errorf("%s and %s in %s are both %s", name, other, file, code)
			}
			byCode[code] = name
		}
	}
}
