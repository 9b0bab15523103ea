// SPDX-License-Identifier: Apache-2.0

//go:build ignore

// lint is vet's and staticcheck's checks in one run of staticcheck's own driver, which reads and type-checks every package once.
//
// What it leaves out: of libraries, both work out what their functions do, such as which never return, have no effects or print. Over
// the 2,500 packages of Kubernetes that takes longer than all the rest. Here it is done for this project, and for log and testing with their
// Fatal; of the others it is known what is deprecated there, and no more.
package main

import (
	"os"
	"reflect"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/suite/vet"
	"honnef.co/go/tools/analysis/facts/deprecated"
	"honnef.co/go/tools/analysis/lint"
	"honnef.co/go/tools/lintcmd"
	"honnef.co/go/tools/simple"
	"honnef.co/go/tools/staticcheck"
	"honnef.co/go/tools/stylecheck"
	"honnef.co/go/tools/unused"
)

func main() {
	cmd := lintcmd.NewCommand("lint")
	cmd.ParseFlags(os.Args[1:])
	seen := map[*analysis.Analyzer]bool{deprecated.Analyzer: true}
	for _, checks := range [][]*lint.Analyzer{simple.Analyzers, staticcheck.Analyzers, stylecheck.Analyzers, {unused.Analyzer}} {
		for _, check := range checks {
			leaveLibraries(check.Analyzer, seen)
		}
		cmd.AddAnalyzers(checks...)
	}
	for _, check := range vet.Suite {
		leaveLibraries(check, seen)
	}
	cmd.AddBareAnalyzers(vet.Suite...)
	cmd.Run()
}

// leaveLibraries lets an analyzer, and those that it requires, find nothing in libraries.
func leaveLibraries(a *analysis.Analyzer, seen map[*analysis.Analyzer]bool) {
	if seen[a] {
		return
	}
	seen[a] = true
	for _, required := range a.Requires {
		leaveLibraries(required, seen)
	}
	run, nothing := a.Run, any(nil)
	if a.ResultType != nil {
		nothing = reflect.Zero(a.ResultType).Interface()
	}
	a.Run = func(pass *analysis.Pass) (any, error) {
		if library(pass.Pkg.Path()) {
			return nothing, nil
		}
		return run(pass)
	}
}

// library tells whether a package is one of those of which less is known.
func library(path string) bool {
	return path != "log" && path != "testing" && !strings.HasPrefix(path, "github.com/k8or/k8or")
}
