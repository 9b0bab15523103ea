// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
)

func TestEveryProfileThatIsOfferedWritesAGoodDocument(t *testing.T) {
	t.Parallel()
	available := platform.Available()
	if names := offered(available); len(names) < 2 || names[0].name != "starter" {
		t.Fatalf("offered are %v, want starter first", names)
	}
	for _, p := range offered(available) {
		for i := range 8 {
			in := answers{Profile: p.name, Name: "shop", Region: "nyc3", UID: "x7k2p9", Size: "s-2vcpu-4gb", Nodes: 2, Gateway: i&1 != 0, Hello: i&2 != 0}
			if i&4 != 0 {
				in.Domain = "shop.example.com"
			}
			text, err := p.write(in)
			if err != nil {
				t.Errorf("%s with %+v: %v", p.name, in, err)
				continue
			}
			doc, err := document.Parse(available, document.Input{Name: "k8or.yaml", Data: []byte(text)})
			if err != nil {
				t.Errorf("%s with %+v: %v in\n%s", p.name, in, err, text)
				continue
			}
			for _, name := range p.reads {
				if !strings.Contains(text, "{env: "+name+"}") {
					t.Errorf("%s does not read %s, as it says:\n%s", p.name, name, text)
				}
			}
			if in.Domain != "" && chosenGateway(in) && doc.Platform.Spec.Gateways["public"].TLS == nil {
				t.Errorf("%s has no certificate for %s:\n%s", p.name, in.Domain, text)
			}
			if p.asks && (len(doc.Platform.Spec.Gateways) > 0 != in.Gateway || len(doc.Platform.Spec.Apps) > 0 != in.Hello) {
				t.Errorf("%s does not do as it was answered with %+v:\n%s", p.name, in, text)
			}
		}
	}
}

func TestAProfileWhoseProductsAreNotAllThereNamesThem(t *testing.T) {
	t.Parallel()
	half := v1alpha1.Available{"gateways": {"nginx": {"cluster"}}, "databases": {"digitalocean": {"managed"}}}
	_, err := findProfile("team", half)
	pr, ok := errors.AsType[*problem.Problem](err)
	if !ok || pr.Kind.ExitCode() != 64 || !strings.HasSuffix(pr.Why, "it lacks monitoring (prometheus), logging (fluentd), logging.sink (elk), registry (digitalocean)") || pr.Fix != "--profile starter or minimal" {
		t.Errorf("a profile with products to come: %+v", pr)
	}
	if _, err := findProfile("tema", half); err == nil || !strings.Contains(problem.All(err).Text(false), "did you mean --profile team?") {
		t.Errorf("a slip of the pen: %v", err)
	}
}

// TestProfilesNameCategoriesOfTheDocument keeps a misspelt category from hiding a profile for good.
func TestProfilesNameCategoriesOfTheDocument(t *testing.T) {
	t.Parallel()
	for _, p := range profiles {
		for _, w := range p.wants {
			field := strings.ReplaceAll(w[0], ".", ": {") + ": {}" + strings.Repeat("}", strings.Count(w[0], "."))
			text := "apiVersion: k8or.io/v1alpha1\nkind: Platform\nmetadata: {name: shop}\nspec:\n  region: nyc3\n  " + field + "\n"
			_, err := document.Parse(nil, document.Input{Name: "k8or.yaml", Data: []byte(text)})
			for _, pr := range problem.All(err) {
				if pr.Code == problem.UnknownField {
					t.Errorf("%s wants %s: %v", p.name, w[0], pr)
				}
			}
		}
	}
}
