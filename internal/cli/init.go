// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
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
	Name, Region, Profile, UID string
	Size                       string // of the nodes
	Nodes                      int
	Gateway, Hello             bool
	Domain                     string // the name that leads to the platform; empty for none
}

func (a *app) initCommand() *cobra.Command {
	in := answers{Profile: profiles[0].name, Size: "s-2vcpu-4gb", Nodes: 2, Gateway: true, Hello: true}
	var uidOnly, force bool
	c := &cobra.Command{
		Use: "init", GroupID: "start", Short: "Write a k8or.yaml: questions on a terminal, flags without one", Args: noArgs,
		Long: "Write a k8or.yaml: questions on a terminal, flags without one. Its profile is one of:\n" + profileHelp(platform.Available()),
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := a.documents()[0]
			if uidOnly {
				return a.insertUID(path)
			}
			if _, err := os.Stat(path); err == nil && !force {
				return &problem.Problem{Code: problem.FileExists, Kind: problem.Usage, Title: path + " is there already", Fix: "name another with -f, or write over it with --force"}
			}
			for _, given := range []struct{ flag, text, as, field string }{{"name", in.Name, "Metadata", "name"}, {"region", in.Region, "Spec", "region"}, {"domain", in.Domain, "Route", "host"}} {
				if err := spelled(given.as, given.field)(given.text); err != nil {
					pr := usage("--%s cannot be %q", given.flag, given.text)
					pr.Why, pr.Fix = err.Error(), "for example --"+given.flag+" "+strings.Trim(v1alpha1.MarkOf(given.as, given.field).Example, `"`)
					return pr
				}
			}
			if a.Interactive && !cmd.Flags().Changed("name") {
				if err := a.askAll(cmd.Context(), &in); err != nil {
					return err
				}
			}
			if in.Name == "" || in.Region == "" {
				return &problem.Problem{Code: problem.NeedsTerminal, Kind: problem.Usage, Title: "init needs a name and a region",
					Fix: "give --name and --region, or run it on a terminal, where it asks"}
			}
			chosen, err := findProfile(in.Profile, platform.Available())
			if err != nil {
				return err
			}
			if in.Domain != "" && !chosenGateway(in) {
				pr := usage("--domain needs a gateway that the name leads to")
				pr.Fix = "leave it out, or choose another --profile"
				return pr
			}
			return a.writeDocument(path, chosen, in)
		},
	}
	f := c.Flags()
	f.StringVar(&in.Name, "name", "", "the platform's name")
	f.StringVar(&in.Region, "region", "", "the DigitalOcean region, such as nyc3")
	f.StringVar(&in.Profile, "profile", in.Profile, "what kind of platform, of those above")
	f.StringVar(&in.Size, "size", in.Size, "the size of the nodes")
	f.IntVar(&in.Nodes, "nodes", in.Nodes, "the number of nodes")
	f.StringVar(&in.Domain, "domain", "", "a name that will lead to the gateway, which then has a certificate for it")
	f.BoolVar(&uidOnly, "uid", false, "only write a uid into the document that is there")
	f.BoolVar(&force, "force", false, "write over a document that is there")
	return c
}

// spelled refuses what a field of the document does not take; nothing at all is not judged.
func spelled(as, field string) func(text string) error {
	mark := v1alpha1.MarkOf(as, field)
	pattern := regexp.MustCompile(mark.Pattern)
	return func(text string) error {
		if text == "" || pattern.MatchString(text) {
			return nil
		}
		return errors.New("it has to be " + mark.Means)
	}
}

// askAll asks on the terminal what the flags left open.
func (a *app) askAll(ctx context.Context, in *answers) error {
	offers := func(question, answer string) string { return question }
	if a.plain() { // huh says nothing of the answer that an empty line gives
		offers = func(question, answer string) string { return fmt.Sprintf("%s [%s]", question, answer) }
	}
	nodes := fmt.Sprint(in.Nodes)
	in.Name, in.Region = cmp.Or(in.Name, "shop"), cmp.Or(in.Region, "nyc3")
	var choices []huh.Option[string]
	for _, p := range offered(platform.Available()) {
		choices = append(choices, huh.NewOption(p.name+": "+p.about, p.name))
	}
	decided := func() bool { // by the profile
		p, err := findProfile(in.Profile, platform.Available())
		return err == nil && !p.asks
	}
	name := in.Name
	err := a.ask(ctx, "nothing was written", page{questions: huh.NewGroup(
		huh.NewInput().Title(offers("What is the platform called?", in.Name)).Description("Lower-case letters, digits and hyphens").Validate(spelled("Metadata", "name")).Value(&in.Name),
		huh.NewSelect[string]().Title(offers("In which region?", in.Region)).Options(huh.NewOptions("nyc3", "sfo3", "ams3", "fra1", "lon1", "sgp1", "tor1", "blr1", "syd1")...).Value(&in.Region),
		huh.NewSelect[string]().Title(offers("What kind of platform?", in.Profile)).Options(choices...).Value(&in.Profile),
	)}, page{moot: decided, questions: huh.NewGroup(
		huh.NewSelect[string]().Title(offers("How large are the nodes?", in.Size)).Options(
			huh.NewOption("2 vCPUs, 4 GiB: $24 a month each", "s-2vcpu-4gb"), huh.NewOption("4 vCPUs, 8 GiB: $48 a month each", "s-4vcpu-8gb")).Value(&in.Size),
		huh.NewSelect[string]().Title(offers("How many nodes?", nodes)).Options(huh.NewOptions("2", "3", "5")...).Value(&nodes),
		huh.NewConfirm().Title("A gateway with a load balancer, $15 a month?").Value(&in.Gateway),
		huh.NewConfirm().Title("A hello app to see it work?").Value(&in.Hello),
	)}, page{moot: func() bool { return !chosenGateway(*in) }, questions: huh.NewGroup(
		huh.NewInput().Title("Which name will lead to it?").Description("Such as shop.example.com; left open, it is reached by its address, without a certificate").Validate(spelled("Route", "host")).Value(&in.Domain),
	)})
	if err != nil {
		return err
	}
	in.Name = cmp.Or(in.Name, name) // an emptied line is what was offered
	_, err = fmt.Sscan(nodes, &in.Nodes)
	return err
}

// chosenGateway says whether the document will have a gateway.
func chosenGateway(in answers) bool {
	p, err := findProfile(in.Profile, platform.Available())
	if err != nil {
		return false
	}
	has := slices.ContainsFunc(p.wants, func(w [2]string) bool { return w[0] == "gateways" })
	return has && (in.Gateway || !p.asks)
}

// makeDocument writes a document, once it is known to be a good one, and gives its uid.
func makeDocument(path string, chosen profile, in answers) (uid string, err error) {
	if in.UID, err = v1alpha1.NewUID(rand.Reader); err != nil {
		return "", err
	}
	text, err := chosen.write(in)
	if err != nil {
		return "", err
	}
	if _, err := document.Parse(platform.Available(), document.Input{Name: path, Data: []byte(text)}); err != nil {
		return "", err
	}
	return in.UID, document.Write(path, []byte(text), 0o644)
}

// writeDocument writes a document and says what comes next.
func (a *app) writeDocument(path string, chosen profile, in answers) error {
	uid, err := makeDocument(path, chosen, in)
	if err != nil {
		return err
	}
	var exports strings.Builder
	for _, name := range chosen.reads {
		fmt.Fprintf(&exports, "  export %s=…     a secret that the document does not hold\n", name)
	}
	return a.print(map[string]any{"file": path, "uid": uid, "environment": chosen.reads}, func(w io.Writer) {
		fmt.Fprintf(w, "Wrote %s. Next:\n%s  k8or plan --sandbox     what it would make and cost, on simulated clouds\n  k8or up --sandbox       bring it up there\n", path, exports.String())
	})
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
