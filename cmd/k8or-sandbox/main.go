// SPDX-License-Identifier: Apache-2.0

// Command k8or-sandbox serves simulated clouds: DigitalOcean's API v2 with its Kubernetes clusters. k8or starts it for
// --sandbox; nothing in it reaches a network beyond this machine.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/k8or/k8or/internal/sandbox"
)

// version is set at release; otherwise the module's is taken.
var version = ""

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const usage = `k8or-sandbox serves simulated clouds. k8or starts it by itself: k8or sandbox start

  k8or-sandbox version
  k8or-sandbox serve --dir DIR [--speed 60] [--listen 127.0.0.1:0] [--controlplane PATH] [--spare=false] [--godo-states]
`

// run returns the exit code: 0 done, 1 failed, 64 bad usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 1 && args[0] == "version" {
		json.NewEncoder(stdout).Encode(map[string]any{"name": "k8or-sandbox", "version": ownVersion(), "protocol": sandbox.Protocol}) //nolint:errcheck // nobody listens
		return 0
	}
	if len(args) == 0 || args[0] != "serve" {
		fmt.Fprint(stderr, usage)
		return 64
	}
	o := sandbox.Options{Version: ownVersion(), Log: func(format string, args ...any) { fmt.Fprintf(stderr, format+"\n", args...) }}
	flags := flag.NewFlagSet("k8or-sandbox serve", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.Dir, "dir", "", "the folder where the sandbox keeps its state")
	flags.Float64Var(&o.Speed, "speed", 60, "how many times faster than real time, 1 to 100")
	flags.StringVar(&o.Listen, "listen", "127.0.0.1:0", "the address of the DigitalOcean API")
	flags.StringVar(&o.ControlPlane, "controlplane", "", "the k8or-controlplane binary (default: $K8OR_CONTROLPLANE, beside this binary, in PATH)")
	flags.BoolVar(&o.Spare, "spare", os.Getenv("K8OR_SANDBOX_SPARE") != "0", "boot a control plane ahead of the next cluster, for some 300 MB of memory; K8OR_SANDBOX_SPARE=0 turns it off too")
	flags.BoolVar(&o.GodoStates, "godo-states", false, "say `deleted` where DigitalOcean says deleting, for clients built on godo")
	if err := flags.Parse(args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 64
	}
	if o.Dir == "" || flags.NArg() > 0 {
		fmt.Fprint(stderr, usage)
		return 64
	}
	if err := sandbox.Run(ctx, o); err != nil {
		fmt.Fprintf(stderr, "k8or-sandbox: %v\n", err)
		return 1
	}
	return 0
}

func ownVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}
