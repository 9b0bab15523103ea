// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/catalog"
	"github.com/k8or/k8or/internal/product"
)

// said are words of which a page has to have one, where it is about something that k8or installs in the cluster.
var said = map[string][]string{
	"what it is":       {"#"},
	"its traps":        {"trap", "is another program", "fight over"},
	"where it is from": {"upstream"},
	"its end of life":  {"end of life"},
}

func TestEveryPageIsComplete(t *testing.T) {
	t.Parallel()
	for _, p := range catalog.Products {
		a := p.About()
		name := a.Category + "/" + a.Name
		if a.Title == "" || len(a.Placements) == 0 || len(a.Page) < 200 {
			t.Errorf("%s lacks a title, a placement or a page worth reading", name)
		}
		if a.Licence == "" {
			t.Errorf("%s does not say what licence it is used under", name)
		}
		if a.EndOfLife != "" {
			if _, err := time.Parse(time.DateOnly, a.EndOfLife); err != nil {
				t.Errorf("%s: its end of life %q is not a day such as 2027-03-31", name, a.EndOfLife)
			}
		}
		if a.Version != "" && a.Category != "cluster" {
			for what, words := range said {
				if !has(a.Page, words) {
					t.Errorf("the page of %s does not say %s: it has none of %q", name, what, words)
				}
			}
			if a.Category != "support" && !strings.Contains(a.Page, "small") {
				t.Errorf("the page of %s has no table of its sizes", name)
			}
		}
		for _, o := range catalog.Options(a) {
			if o.Name == "" || o.Type == "" || len(o.Doc) < 10 {
				t.Errorf("%s: the option %q has no comment worth reading: %q", name, o.Name, o.Doc)
			}
		}
	}
}

func has(page string, words []string) bool {
	page = strings.ToLower(page)
	for _, w := range words {
		if strings.Contains(page, w) {
			return true
		}
	}
	return false
}

func TestOptionsAreThoseOfTheProduct(t *testing.T) {
	t.Parallel()
	for _, p := range catalog.Products {
		if a := p.About(); a.Name == "nginx" {
			var names []string
			for _, o := range catalog.Options(a) {
				names = append(names, o.Name)
			}
			if got := strings.Join(names, " "); !strings.Contains(got, "snippets") || !strings.Contains(got, "maxBodySize") {
				t.Errorf("the options of nginx are %q", got)
			}
		}
	}
	if got := catalog.Options(product.About{Category: "none", Name: "none"}); got != nil {
		t.Errorf("a product that is not there has options: %v", got)
	}
}
