// SPDX-License-Identifier: Apache-2.0

//go:build ignore

// portable type-checks the commands for other systems: portable darwin/arm64 windows/amd64. It finds what compiles on one system alone, such as a
// signal that Windows does not have, and takes a tenth of what it takes to build all libraries once more for each system, which is what
// `make cross` does. Of libraries it reads what they declare, and not the bodies of their functions.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	failed := false
	for _, system := range os.Args[1:] {
		problems, err := check(system)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", system, err)
			os.Exit(2)
		}
		for _, p := range problems {
			fmt.Fprintf(os.Stderr, "%s: %v\n", system, p)
		}
		fmt.Println(system)
		failed = failed || len(problems) > 0
	}
	if failed {
		os.Exit(1)
	}
}

// check type-checks the commands as they would be built for a system, written as in linux/amd64, without cgo.
func check(system string) ([]packages.Error, error) {
	goos, goarch, ok := strings.Cut(system, "/")
	if !ok {
		return nil, fmt.Errorf("a system is written as linux/amd64")
	}
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	config := &packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps | packages.NeedTypes | packages.NeedSyntax | packages.NeedModule,
		Env:  append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0"),
		ParseFile: func(fset *token.FileSet, name string, source []byte) (*ast.File, error) {
			file, err := parser.ParseFile(fset, name, source, parser.SkipObjectResolution)
			if file != nil && !strings.HasPrefix(name, here+string(filepath.Separator)) {
				declare(file)
			}
			return file, err
		},
	}
	commands, err := packages.Load(config, "./cmd/...")
	if err != nil {
		return nil, err
	}
	var problems []packages.Error
	packages.Visit(commands, nil, func(p *packages.Package) {
		for _, e := range p.Errors {
			// A library without its functions' bodies has errors of its own, but it has to have files for the system.
			if e.Kind == packages.ListError || p.Module != nil && p.Module.Main {
				problems = append(problems, e)
			}
		}
	})
	return problems, nil
}

// declare leaves the declarations of a file, with nothing in its functions.
func declare(file *ast.File) {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			f.Body = &ast.BlockStmt{Lbrace: f.Body.Lbrace, Rbrace: f.Body.Rbrace}
		}
	}
}
