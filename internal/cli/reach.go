// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/platform"
)

func (a *app) openCommand() *cobra.Command {
	var port int
	c := &cobra.Command{
		Use: "open <page>", GroupID: "look", Short: "Open a page such as grafana: its address, or a port of this machine, with how to sign in",
		Long: `Pages are private unless the document gives them a route: a port of this machine, on the loopback
address alone, then leads to them as long as this command runs. The password is shown once, on a
terminal, and nowhere else.`,
		Args: one("k8or open takes one page", "such as `k8or open grafana`; of a word that is none it tells which pages there are"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			var printing error
			err = o.Open(cmd.Context(), args[0], port, func(page platform.Opened, password string) {
				printing = a.print(page, func(w io.Writer) { a.showPage(w, page, password) })
			})
			if err == nil {
				err = printing
			}
			return err
		},
	}
	c.Flags().IntVar(&port, "port", 0, "the port of this machine; a free one when left out")
	return c
}

// showPage prints where a page is. The password is for eyes: where output goes into a file or a pipe, it stays where it is.
func (a *app) showPage(w io.Writer, page platform.Opened, password string) {
	a.style(a.StdoutTerminal).Simulated(w, page.Sandbox)
	fmt.Fprintf(w, "%s: %s\n", page.Title, page.URL)
	if page.Username != "" {
		fmt.Fprintf(w, "  user: %s\n", page.Username)
	}
	switch {
	case password == "":
	case a.StdoutTerminal:
		fmt.Fprintf(w, "  password: %s\n", password)
	default:
		fmt.Fprintln(w, "  password: shown on a terminal only")
	}
	if page.Login != "" {
		fmt.Fprintf(w, "  %s\n", page.Login)
	}
	if !page.Public {
		fmt.Fprintln(w, "Open as long as this runs; Ctrl-C ends it.")
	}
}

func (a *app) logsCommand() *cobra.Command {
	var o kube.LogOptions
	c := &cobra.Command{
		Use: "logs <entry>", GroupID: "look", Short: "What an entry's containers write: k8or logs gateways/public --follow",
		Args: one("k8or logs takes one entry of the document", "such as `k8or logs apps/web`; `k8or status` lists them"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Tail < 0 {
				return usage("--tail is 0 or more, not %d", o.Tail)
			}
			p, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			return p.Logs(cmd.Context(), args[0], o, func(pod, text string) { fmt.Fprintf(a.Stdout, "%s  %s\n", a.style(a.StdoutTerminal).Dim(pod), text) })
		},
	}
	c.Flags().BoolVar(&o.Follow, "follow", false, "go on as lines are written, until interrupted")
	c.Flags().IntVar(&o.Tail, "tail", 100, "how many of the last lines of each container come first")
	return c
}

func (a *app) whyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "why <thing>", GroupID: "look", Short: "Who asked for it, what uses it, and why it is not ready, the root cause first",
		Args: one("k8or why takes one thing: an entry, a support product, or a node of the plan", "such as `k8or why gateways/public`; `k8or status` lists them"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			why, err := o.Why(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(why, func(w io.Writer) { a.style(a.StdoutTerminal).Why(w, why) })
		},
	}
}

// one refuses any number of arguments but one.
func one(what, fix string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		pr := usage("%s", what)
		pr.Fix = fix
		return pr
	}
}
