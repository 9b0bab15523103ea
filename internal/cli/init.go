// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"charm.land/huh/v2"
	"github.com/spf13/cobra"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
)

// answers are what init asks for.
type answers struct {
	name, region, profile string
	size                  string
	nodes                 int
	gateway, hello        bool
}

func (a *app) initCommand() *cobra.Command {
	in := answers{profile: "starter", size: "s-2vcpu-4gb", nodes: 2, gateway: true, hello: true}
	var uidOnly, force bool
	c := &cobra.Command{
		Use: "init", GroupID: "start", Short: "Write a k8or.yaml: questions on a terminal, flags without one", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := a.documents()[0]
			if uidOnly {
				return a.insertUID(path)
			}
			if _, err := os.Stat(path); err == nil && !force {
				return &problem.Problem{Code: problem.FileExists, Kind: problem.Usage, Title: path + " is there already", Fix: "name another with -f, or write over it with --force"}
			}
			if a.Interactive && !cmd.Flags().Changed("name") {
				if err := a.ask(&in); err != nil {
					return err
				}
			}
			if in.name == "" || in.region == "" {
				return &problem.Problem{Code: problem.NeedsTerminal, Kind: problem.Usage, Title: "init needs a name and a region",
					Fix: "give --name and --region, or run it on a terminal, where it asks"}
			}
			if in.profile != "starter" && in.profile != "minimal" {
				p := usage("the profile %q is not available in this k8or yet", in.profile)
				p.Why = "team and production need databases, monitoring, logging and a registry, which come later"
				p.Fix = "--profile starter or minimal"
				return p
			}
			return a.writeDocument(path, in)
		},
	}
	f := c.Flags()
	f.StringVar(&in.name, "name", "", "the platform's name")
	f.StringVar(&in.region, "region", "", "the DigitalOcean region, such as nyc3")
	f.StringVar(&in.profile, "profile", in.profile, "starter (a cluster, a gateway, an app) or minimal (the cluster alone)")
	f.StringVar(&in.size, "size", in.size, "the size of the nodes")
	f.IntVar(&in.nodes, "nodes", in.nodes, "the number of nodes")
	f.BoolVar(&uidOnly, "uid", false, "only write a uid into the document that is there")
	f.BoolVar(&force, "force", false, "write over a document that is there")
	return c
}

// ask asks on the terminal what the flags left open.
func (a *app) ask(in *answers) error {
	nodes := fmt.Sprint(in.nodes)
	in.name, in.region = cmp.Or(in.name, "shop"), cmp.Or(in.region, "nyc3")
	form := huh.NewForm(huh.NewGroup(
		huh.NewInput().Title("What is the platform called?").Description("Lower-case letters, digits and hyphens").Value(&in.name),
		huh.NewSelect[string]().Title("In which region?").Options(huh.NewOptions("nyc3", "sfo3", "ams3", "fra1", "lon1", "sgp1", "tor1", "blr1", "syd1")...).Value(&in.region),
		huh.NewSelect[string]().Title("How large are the nodes?").Options(
			huh.NewOption("2 vCPUs, 4 GiB: $24 a month each", "s-2vcpu-4gb"), huh.NewOption("4 vCPUs, 8 GiB: $48 a month each", "s-4vcpu-8gb")).Value(&in.size),
		huh.NewSelect[string]().Title("How many nodes?").Options(huh.NewOptions("2", "3", "5")...).Value(&nodes),
		huh.NewConfirm().Title("A gateway with a load balancer, $15 a month?").Value(&in.gateway),
		huh.NewConfirm().Title("A hello app to see it work?").Value(&in.hello),
	)).WithInput(a.Stdin).WithOutput(a.Stderr)
	if err := form.Run(); err != nil {
		if errors.Is(err, huh.ErrUserAborted) {
			return &problem.Problem{Code: problem.Stopped, Kind: problem.Interrupted, Title: "stopped; nothing was written", Cause: err}
		}
		return err
	}
	if _, err := fmt.Sscan(nodes, &in.nodes); err != nil {
		return err
	}
	return nil
}

// writeDocument writes a document, once it is known to be a good one.
func (a *app) writeDocument(path string, in answers) error {
	uid, err := v1alpha1.NewUID(rand.Reader)
	if err != nil {
		return err
	}
	text := compose(in, uid)
	if _, err := document.Parse(platform.Available(), document.Input{Name: path, Data: []byte(text)}); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return &problem.Problem{Code: problem.CannotWrite, Title: "the document could not be written", Why: err.Error(), Fix: "write it elsewhere with -f", Cause: err}
	}
	return a.print(map[string]any{"file": path, "uid": uid}, func(w io.Writer) {
		fmt.Fprintf(w, "Wrote %s. Next:\n  k8or plan --sandbox     what it would make and cost, on simulated clouds\n  k8or up --sandbox       bring it up there\n", path)
	})
}

func compose(in answers, uid string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: %s\nkind: %s\nmetadata: {name: %s, uid: %s}\nspec:\n  catalog: \"2026.11\"\n  region: %s\n", v1alpha1.APIVersion, v1alpha1.Kind, in.name, uid, in.region)
	if in.profile == "minimal" {
		return b.String()
	}
	fmt.Fprintf(&b, "  cluster:\n    version: \"1.36\"          # a channel: patches are installed in the maintenance window\n    nodePools:\n      general: {size: %s, count: %d}\n", in.size, in.nodes)
	if in.gateway {
		b.WriteString("  gateways:\n    public: {product: nginx}   # with a DigitalOcean load balancer\n")
	}
	if in.hello {
		b.WriteString("  apps:\n    hello:\n      image: docker.io/hashicorp/http-echo:1.0.0\n      args: [\"-listen=:8080\", \"-text=Hello from k8or\"]\n      port: 8080\n")
		if in.gateway {
			b.WriteString("      routes: [{path: /}]\n")
		}
	}
	return b.String()
}

// insertUID writes a uid into a document that has none, touching nothing else.
func (a *app) insertUID(path string) error {
	d, err := document.Load(platform.Available(), path)
	if err != nil {
		return err
	}
	if uid := d.Platform.Metadata.UID; uid != "" {
		return a.print(map[string]any{"file": path, "uid": uid}, func(w io.Writer) { fmt.Fprintf(w, "%s has the uid %s already.\n", path, uid) })
	}
	uid, err := v1alpha1.NewUID(rand.Reader)
	if err != nil {
		return err
	}
	if err := d.Insert(document.Edit{Path: "metadata.uid", Value: uid}); err != nil {
		return err
	}
	return a.print(map[string]any{"file": path, "uid": uid}, func(w io.Writer) { fmt.Fprintf(w, "Wrote the uid %s into %s; commit it.\n", uid, path) })
}
