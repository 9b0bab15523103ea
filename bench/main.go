// SPDX-License-Identifier: Apache-2.0

// Command bench measures the built binaries from outside, on the starter profile or another document and a sandbox of its own, and prints
// what it found: how close a whole `up` comes to the least time the clouds would take, how many calls a run with nothing
// to do makes, how soon a command answers, and what all of it weighs. It imports nothing of k8or's, so it sees what a
// person sees. Figures with a goal are printed beside it and never fail anything.
//
//	make bench                       # builds, then
//	go run ./bench [-o json] [-speed 10] [-example bench/testdata/six-databases]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	o := options{}
	output := flag.String("o", "text", "text or json")
	flag.StringVar(&o.bin, "bin", "bin", "the folder of the three binaries")
	flag.StringVar(&o.example, "example", filepath.Join("examples", "starter"), "the folder of the document; a copy is used")
	flag.Float64Var(&o.speed, "speed", 10, "how many times faster than life the clouds are, 1 to 100")
	flag.Parse()
	if flag.NArg() > 0 || (*output != "text" && *output != "json") {
		flag.Usage()
		os.Exit(64)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	report, err := run(ctx, o)
	cancel()
	if report != nil {
		if *output == "json" {
			err = errors.Join(err, report.json(os.Stdout))
		} else {
			report.text(os.Stdout)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are what a run is made with.
type options struct {
	bin, example string
	speed        float64
}

// run measures everything, one thing after the other, and takes its sandbox and folder away again however it ends. What
// was measured before an error is in the report.
func run(ctx context.Context, o options) (report *Report, err error) {
	b, err := open(o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	report = &Report{Version: 1, Example: filepath.ToSlash(o.example), Machine: b.machine(ctx), Speed: o.speed}
	for _, measure := range []func(context.Context, *Report) error{b.sizes, b.startUp, b.sandbox, b.emptyPlan, b.up, b.nothingToDo, b.standing} {
		fmt.Fprint(os.Stderr, ".")
		if err := measure(ctx, report); err != nil {
			fmt.Fprintln(os.Stderr)
			return report, err
		}
	}
	fmt.Fprintln(os.Stderr)
	return report, nil
}
