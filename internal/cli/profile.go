// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/problem"
)

// profile is a kind of platform that init writes a document for.
type profile struct {
	name, about string
	// wants are the products its document chooses, as category and name. It is offered only once the catalog has all.
	wants [][2]string
	// asks is true where size, nodes, gateway and the hello app are left to the person.
	asks bool
	// reads are the environment variables that its document takes secrets from.
	reads []string
}

// profiles are all of them, the usual one first. The document of each is profiles/<name>.yaml, a template over answers; one
// whose file is not there yet is not written yet, and says so.
var profiles = []profile{
	{name: "starter", about: "a cluster, a gateway, an app", wants: [][2]string{{"gateways", "nginx"}}, asks: true},
	{name: "minimal", about: "the cluster alone"},
	{name: "team", about: "starter with database, monitoring, logging and registry", wants: team},
	{name: "production", about: "team with high availability, alerts to somebody, backups and larger sizes",
		wants: append(slices.Clone(team), [2]string{"storage.spaces", "digitalocean"}, [2]string{"backups", "velero"}), reads: []string{"SLACK_WEBHOOK"}},
}

// team are the products of the profile team, which production has too.
var team = [][2]string{{"gateways", "nginx"}, {"databases", "digitalocean"}, {"monitoring", "prometheus"}, {"logging", "fluentd"}, {"logging.sink", "elk"}, {"registry", "digitalocean"}}

//go:embed profiles
var profileFiles embed.FS

// lacks are the products that a profile chooses and the catalog does not have.
func (p profile) lacks(available v1alpha1.Available) []string {
	var lacks []string
	for _, w := range p.wants {
		if _, has := available[w[0]][w[1]]; !has {
			lacks = append(lacks, fmt.Sprintf("%s (%s)", w[0], w[1]))
		}
	}
	return lacks
}

// template is the profile's document; nil while it is not written.
func (p profile) template() (*template.Template, error) {
	raw, err := profileFiles.ReadFile("profiles/" + p.name + ".yaml")
	if err != nil {
		return nil, nil //nolint:nilerr // not being there is all that can go wrong with an embedded file
	}
	return template.New(p.name).Option("missingkey=error").Parse(string(raw))
}

// offered are the profiles whose document can be written with what is available.
func offered(available v1alpha1.Available) []profile {
	return slices.DeleteFunc(slices.Clone(profiles), func(p profile) bool {
		t, err := p.template()
		return t == nil || err != nil || len(p.lacks(available)) > 0
	})
}

// findProfile is the profile of a name, or why there is none.
func findProfile(name string, available v1alpha1.Available) (profile, error) {
	var names, can []string
	for _, p := range profiles {
		names = append(names, p.name)
	}
	for _, p := range offered(available) {
		can = append(can, p.name)
	}
	i := slices.Index(names, name)
	if i < 0 {
		pr := usage("there is no profile %q", name)
		pr.Fix = "--profile is " + problem.OneOf(can)
		if near := problem.Nearest(name, names); near != "" {
			pr.Fix = fmt.Sprintf("did you mean --profile %s?", near)
		}
		return profile{}, pr
	}
	p := profiles[i]
	if slices.Contains(can, name) {
		return p, nil
	}
	pr := usage("the profile %q is not available in this k8or yet", name)
	pr.Why = "its document is not written yet, though all its products are there"
	if lacks := p.lacks(available); len(lacks) > 0 {
		pr.Why = "this k8or does not have all its products yet: it lacks " + strings.Join(lacks, ", ")
	}
	pr.Fix = "--profile " + problem.OneOf(can)
	return profile{}, pr
}

// write is the profile's document with the answers in it.
func (p profile) write(in answers) (string, error) {
	t, err := p.template()
	if err != nil || t == nil {
		return "", fmt.Errorf("the document of the profile %s: %w", p.name, err)
	}
	var b strings.Builder
	if err := t.Execute(&b, in); err != nil {
		return "", fmt.Errorf("write the document of the profile %s: %w", p.name, err)
	}
	return b.String(), nil
}

// profileHelp lists the profiles for --help, one a line.
func profileHelp(available v1alpha1.Available) string {
	var help strings.Builder
	for _, p := range profiles {
		about := p.about
		if !slices.ContainsFunc(offered(available), func(o profile) bool { return o.name == p.name }) {
			about += "; not available yet"
		}
		fmt.Fprintf(&help, "\n  %-11s %s", p.name, about)
	}
	return help.String()
}
