// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
)

func (a *app) verifyCommand() *cobra.Command {
	var image string
	var watch bool
	var every time.Duration
	c := &cobra.Command{
		Use: "verify [entry…]", GroupID: "run", Short: "Prove that it works, end to end: a request through the gateway, a message through Kafka",
		Long: `Every product proves by a Job in the cluster, with the credentials that an app would have, that it
does what it is for. Name entries or categories of the document to prove only those: k8or verify
gateways/public messaging, which is the same as --only; --except leaves some out. The exit code is 3 when something is broken. In the sandbox no containers
run: a probe is then simulated, which says what was and what was not checked, and never passed.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if every < time.Second {
				return usage("--every is at least 1s, not %s", every)
			}
			o, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			if image == "" {
				image = probeImage(a.Version)
			}
			ctx := cmd.Context()
			for {
				v, err := o.Verify(ctx, platform.VerifyOptions{Only: slices.Concat(args, a.selection.Only), Except: a.selection.Except, Image: image})
				if err != nil {
					return proofStopped(ctx, err)
				}
				if err := a.showVerified(v, watch); err != nil {
					return err
				}
				if !watch {
					return verdict(v)
				}
				next := time.NewTimer(every)
				select {
				case <-ctx.Done(): // which is how watching ends
					next.Stop()
					return verdict(v)
				case <-next.C:
				}
			}
		},
	}
	c.Flags().StringSliceVar(&a.selection.Only, "only", nil, "prove only these: entries or categories, such as gateways/public,messaging")
	c.Flags().StringSliceVar(&a.selection.Except, "except", nil, "prove all but these")
	c.Flags().StringVar(&image, "image", "", "the image of the probes' Jobs, with k8or as its entry point (default: the one of this release)")
	c.Flags().BoolVar(&watch, "watch", false, "prove it again and again until interrupted; the exit code is then the last one's")
	c.Flags().DurationVar(&every, "every", 30*time.Second, "how long to rest between two rounds of --watch")
	return c
}

// proofStopped is an error as it is, or that a person said stop.
func proofStopped(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return &problem.Problem{Code: problem.Stopped, Kind: problem.Interrupted, Title: "stopped; nothing is left of it in the cluster", Cause: err}
}

// showVerified prints a round; of several rounds each is one line of JSON.
func (a *app) showVerified(v *platform.Verification, again bool) error {
	if again && a.output == "json" {
		return json.NewEncoder(a.Stdout).Encode(versioned(v))
	}
	return a.print(v, func(w io.Writer) { a.style(a.StdoutTerminal).Verification(w, v) })
}

// verdict is exit code 3 with a problem that says how many are broken, or nothing.
func verdict(v *platform.Verification) error {
	n := v.Broken()
	if n == 0 {
		return nil
	}
	return &problem.Problem{Code: problem.ProbeFailed, Kind: problem.Broken, Title: fmt.Sprintf("%d of %d probes failed", n, len(v.Probes)),
		Fix: "each says where to look; `k8or why <entry>` looks behind an entry"}
}

// released is the version of a release, as its image is tagged.
var released = regexp.MustCompile(`^v\d+\.\d+\.\d+(-(alpha|beta|rc)\.\d+)?$`)

// probeImage is the image of a release; empty for a build that is none.
func probeImage(version string) string {
	if !released.MatchString(version) {
		return ""
	}
	return "ghcr.io/k8or/k8or:" + strings.TrimPrefix(version, "v")
}
