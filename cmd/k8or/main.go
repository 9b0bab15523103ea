// SPDX-License-Identifier: Apache-2.0

// Command k8or turns one document into a running platform on DigitalOcean Kubernetes, and back into nothing.
package main

import (
	"context"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/term"

	"github.com/k8or/k8or/internal/cli"
)

// version is set at release; otherwise the module's is taken.
var version = ""

func main() {
	// Libraries log to these; a person is told by events and problems instead.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	log.SetOutput(io.Discard)
	ctx, cancel := context.WithCancel(context.Background())
	interrupted := make(chan struct{})
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		close(interrupted) // finish what is in flight, start nothing more
		<-signals
		signal.Stop(signals) // a third ends the process as it is
		cancel()             // leave at once; the next run finds what was begun
	}()
	code := cli.Main(ctx, environment(interrupted))
	cancel()
	os.Exit(code)
}

func environment(interrupted <-chan struct{}) cli.Env {
	executable, err := os.Executable()
	if err != nil {
		executable = os.Args[0]
	}
	tty := func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
	_, ci := os.LookupEnv("CI")
	return cli.Env{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.LookupEnv, Version: ownVersion(), Executable: executable,
		Interactive:    tty(os.Stdin) && tty(os.Stderr) && !ci,
		StdoutTerminal: tty(os.Stdout), StderrTerminal: tty(os.Stderr) && !ci,
		Interrupted: interrupted,
	}
}

func ownVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "dev"
}
