// SPDX-License-Identifier: Apache-2.0

// Command k8or-controlplane is real Kubernetes for one simulated cluster of k8or's sandbox: etcd, API server,
// controllers, scheduler and simulated nodes in one process. The sandbox starts it; see the module's README for the
// protocol between them.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"k8s.io/klog/v2"

	"github.com/k8or/k8or/sandbox/controlplane/internal/release"
	"github.com/k8or/k8or/sandbox/controlplane/internal/serve"
)

const (
	name = "k8or-controlplane"
	// protocol is the number that this command and the sandbox must agree on. It changes when either side could not
	// understand the other any more.
	protocol = 1
)

const usage = `k8or-controlplane is real Kubernetes for one simulated cluster of k8or's sandbox.

usage:
  k8or-controlplane version
  k8or-controlplane serve --dir DIR --kubernetes-version 1.36.3 [flags]
`

// Exit codes, as in k8or.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 64
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	verb := ""
	if len(args) > 0 {
		verb = args[0]
	}
	var err error
	switch verb {
	case "version":
		err = printVersion(stdout)
	case "serve":
		err = serveCluster(args[1:], stdin, stdout, stderr)
	case "help", "-h", "--help":
		_, err = io.WriteString(stdout, usage)
	default:
		err = fmt.Errorf("%w: there is no verb %q", errUsage, verb)
	}
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitDone
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "%s: %s\n%s", name, oneLine(err), usage)
		return exitUsage
	default:
		fmt.Fprintf(stderr, "%s: %s\n", name, oneLine(err))
		return exitFailed
	}
}

var errUsage = errors.New("bad usage")

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

func printVersion(stdout io.Writer) error {
	version := "dev"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		version = info.Main.Version
	}
	return json.NewEncoder(stdout).Encode(struct {
		Name       string   `json:"name"`
		Version    string   `json:"version"`
		Protocol   int      `json:"protocol"`
		Kubernetes string   `json:"kubernetes"`
		Minors     []string `json:"minors"`
	}{name, version, protocol, release.Linked, release.Minors()})
}

func serveCluster(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	started := time.Now()
	options, err := parse(args, stderr)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, end := context.WithCancel(ctx)
	defer end()
	// The parent holds the other end of standard input; when it is gone, so are we.
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		end()
	}()
	quiet(ctx, stderr)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50) // a fifth less memory for a tenth more work at the start
	}

	return serve.Run(ctx, options, func(ready serve.Ready) error {
		return json.NewEncoder(stdout).Encode(struct {
			Protocol             int    `json:"protocol"`
			State                string `json:"state"`
			Server               string `json:"server"`
			CertificateAuthority string `json:"certificateAuthority"`
			BootMillis           int64  `json:"bootMillis"`
		}{protocol, "ready", ready.Server, base64.StdEncoding.EncodeToString(ready.Authority), time.Since(started).Milliseconds()})
	})
}

func parse(args []string, stderr io.Writer) (serve.Options, error) {
	var options serve.Options
	var version string
	flags := flag.NewFlagSet(name+" serve", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&options.Dir, "dir", "", "the cluster's `folder`; it must hold token-key")
	flags.StringVar(&version, "kubernetes-version", "", "the `release` to be, such as 1.36.3")
	flags.StringVar(&options.ServiceSubnet, "service-subnet", "10.112.0.0/19", "addresses of Services, as a `CIDR`")
	flags.StringVar(&options.ClusterSubnet, "cluster-subnet", "10.100.0.0/16", "addresses of pods, as a `CIDR`")
	flags.StringVar(&options.Listen, "listen", "127.0.0.1:0", "`address` to serve on")
	flags.Float64Var(&options.Speed, "speed", 1, "how many times faster than real time nodes and pods live")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return options, err
		}
		return options, fmt.Errorf("%w: %w", errUsage, err)
	}
	switch {
	case flags.NArg() > 0:
		return options, fmt.Errorf("%w: serve takes no arguments, but got %q", errUsage, flags.Arg(0))
	case options.Dir == "":
		return options, fmt.Errorf("%w: --dir is missing", errUsage)
	case version == "":
		return options, fmt.Errorf("%w: --kubernetes-version is missing", errUsage)
	case !(options.Speed > 0):
		return options, fmt.Errorf("%w: --speed must be more than 0", errUsage)
	}
	var err error
	options.Release, err = release.Parse(version)
	return options, err
}

// quiet lets Kubernetes' warnings and errors through to stderr, and nothing once the cluster is being ended, when every
// part complains that the others are gone.
func quiet(ctx context.Context, stderr io.Writer) {
	var level slog.LevelVar
	level.Set(slog.LevelWarn)
	klog.SetSlogLogger(slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: &level})))
	context.AfterFunc(ctx, func() { level.Set(slog.LevelError + 8) })
}
