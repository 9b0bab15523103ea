// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
)

// By says what a bill is summed by.
type By string

// What a bill can be summed by.
const (
	ByCategory By = "category"
	ByProduct  By = "product"
	ByApp      By = "app"
)

// Shared is the name of what no single app uses, in a bill by app.
const Shared = "(shared)"

// Cost is what a document costs a month, whether or not it stands.
type Cost struct {
	Platform string     `json:"platform"`
	Sandbox  bool       `json:"sandbox"`
	Bill     price.Bill `json:"bill"`
	// By is what Groups are: lines that belong together, and what they cost together.
	By     By            `json:"by,omitempty"`
	Groups []price.Group `json:"groups,omitempty"`
	Budget *Budget       `json:"budget,omitempty"`
	// Advice are cheaper shapes.
	Advice []Advice `json:"advice,omitempty"`
	// Other is a document beside this one, nil where none was asked for.
	Other *Beside `json:"other,omitempty"`
	// Actual is what DigitalOcean has billed this month, nil where that was not asked for.
	Actual *Actual  `json:"actual,omitempty"`
	Notes  []string `json:"notes,omitempty"`
}

// Beside is another document's cost, line by line beside this one's. A change is what it would cost more to have the other.
type Beside struct {
	Name   string        `json:"name"` // its file
	Bill   price.Bill    `json:"bill"`
	Groups []price.Group `json:"groups,omitempty"`
	Lines  []price.Pair  `json:"lines"`
	Change price.Change  `json:"change"`
}

// Cost says what the document costs a month, and what cheaper shape would do. It writes nothing, and needs no account: prices
// are DigitalOcean's own where it tells them and there is a token, and the price book's elsewhere.
func (p *Platform) Cost(ctx context.Context, by By) (*Cost, error) {
	call := graph.NewCall()
	items, copies, uses, err := p.items()
	if err != nil {
		return nil, err
	}
	book := p.book(ctx, call)
	c := &Cost{Platform: p.doc.Metadata.Name, Sandbox: p.options.Sandbox, Bill: book.Of(items), By: by}
	c.Bill.Growth = book.Growth(c.Bill, copies)
	if by != "" {
		c.Groups = price.By(c.Bill, namesBy(by, p.doc.Spec, uses))
	}
	c.Budget = budgetOf(p.doc.Spec, c.Bill)
	if p.doc.Spec.Cluster.Existing != "" {
		c.Notes = append(c.Notes, fmt.Sprintf("the cluster %s is there already: its nodes are not on this bill", p.doc.Spec.Cluster.Existing))
	}
	if p.options.Offline {
		c.Notes = append(c.Notes, fmt.Sprintf("prices are from k8or's price book of %s; with a token, DigitalOcean is asked for those of nodes and of its registry", book.Date()))
	}
	composition, err := p.compose(ctx, p.about().Undisclosed(), true)
	if err != nil {
		c.Notes = append(c.Notes, "whether fewer or smaller nodes would do is not known: "+strings.Join(strings.Fields(p.explainAll(err).Err().Error()), " "))
		composition = &product.Composition{Items: items}
	}
	c.Advice = p.shapeOf(ctx, call, book, composition).advice()
	if ctx.Err() != nil {
		return nil, stopped(ctx)
	}
	return c, nil
}

// Compare puts another document's cost beside this one's.
func (c *Cost) Compare(name string, other *Cost) {
	c.Other = &Beside{Name: name, Bill: other.Bill, Groups: other.Groups, Lines: price.Compare(c.Bill, other.Bill), Change: price.Diff(c.Bill, other.Bill)}
}

// items are what costs money of the document and what grows beside it, from its products' first phase alone.
func (p *Platform) items() ([]price.Item, []price.Copies, []product.Use, error) {
	uses, err := usesOf(p.doc.Spec)
	if err != nil {
		return nil, nil, nil, err
	}
	items, copies, err := product.Items(p.about(), uses, support)
	if err != nil {
		return nil, nil, nil, p.explainAll(err).Err()
	}
	return items, copies, uses, nil
}

// ItemsOf are what costs money of a document, with its defaults: a pure function, for what asks no cloud.
func ItemsOf(doc *v1alpha1.Platform) ([]price.Item, error) {
	filled := v1alpha1.Default(doc)
	uses, err := usesOf(filled.Spec)
	if err != nil {
		return nil, err
	}
	items, _, err := product.Items(product.Platform{Platform: filled, Minor: minorOf(filled.Spec.Cluster.Version)}, uses, support)
	return items, err
}

// namesBy gives the names that a line is summed under.
func namesBy(by By, spec v1alpha1.Spec, uses []product.Use) func(price.Line) []string {
	use := func(l price.Line) (product.Use, bool) {
		for name := l.For; ; {
			if i := slices.IndexFunc(uses, func(u product.Use) bool { return string(u.ID) == name }); i >= 0 {
				return uses[i], true
			}
			i := strings.LastIndexByte(name, '/')
			if i < 0 {
				return product.Use{}, false
			}
			name = name[:i]
		}
	}
	return func(l price.Line) []string {
		u, ok := use(l)
		switch {
		case by == ByApp && ok:
			if strings.HasPrefix(string(u.ID), "apps/") {
				return []string{u.Name}
			}
			if users := usersOf(spec, string(u.ID)); len(users) > 0 {
				return users
			}
			return []string{Shared}
		case by == ByApp:
			return []string{Shared}
		case by == ByProduct && ok:
			a := u.Product.About()
			return []string{a.Category + "/" + a.Name}
		}
		category, _, _ := strings.Cut(l.For, "/")
		return []string{category}
	}
}

// usersOf are the apps that use an entry, by name.
func usersOf(spec v1alpha1.Spec, entry string) []string {
	var users []string
	for name, app := range spec.Apps {
		if slices.Contains(app.Entries(), entry) {
			users = append(users, name)
		}
	}
	slices.Sort(users)
	return users
}
