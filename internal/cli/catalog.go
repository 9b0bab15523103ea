// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/catalog"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/ui/text"
)

func (a *app) catalogCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "catalog", GroupID: "start", Short: "What can be chosen", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.listProducts(func(product.About) bool { return true })
		},
	}
	c.AddCommand(&cobra.Command{
		Use: "show <product>", Short: "Print a product's page, or list the products of a category",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				pr := usage("k8or catalog show takes one product, or a category")
				pr.Fix = "`k8or catalog` lists them"
				return pr
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var names []string
			var found []product.About
			for _, p := range catalog.Products {
				about := p.About()
				if about.Name == args[0] || about.Category+"/"+about.Name == args[0] {
					found = append(found, about)
				}
				names = append(names, about.Name, about.Category)
			}
			switch {
			case len(found) == 1:
				return a.showProduct(found[0])
			case len(found) > 1:
				pr := usage("%q is a product of several categories", args[0])
				pr.Fix = "name one: "
				for i, about := range found {
					if i > 0 {
						pr.Fix += ", "
					}
					pr.Fix += about.Category + "/" + about.Name
				}
				return pr
			}
			if slices.Contains(names, args[0]) {
				return a.listProducts(func(about product.About) bool { return about.Category == args[0] })
			}
			pr := usage("the catalog has no product %q", args[0])
			pr.Fix = "`k8or catalog` lists them"
			if near := problem.Nearest(args[0], names); near != "" {
				pr.Fix = fmt.Sprintf("did you mean %q?", near)
			}
			return pr
		},
	}, &cobra.Command{
		Use: "sizes", Short: "The node sizes, with their prices", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			sizes := price.Default().Sizes()
			return a.print(map[string]any{"sizes": sizes, "date": price.Default().Date()}, func(w io.Writer) {
				fmt.Fprintf(w, "%-24s %6s %8s %12s\n", "SIZE", "VCPUS", "MEMORY", "A MONTH")
				for _, s := range sizes {
					fmt.Fprintf(w, "%-24s %6d %8s %12s\n", s.Slug, s.VCPUs, s.MemoryMiB, s.Monthly)
				}
				fmt.Fprintf(w, "\nFrom k8or's price book, %s; `k8or plan` asks DigitalOcean itself.\n", price.Default().Date())
			})
		},
	})
	return c
}

// listProducts lists the products that are wanted, by category.
func (a *app) listProducts(wanted func(product.About) bool) error {
	var all []product.About
	for _, p := range catalog.Products {
		if about := p.About(); wanted(about) {
			about.Page = ""
			all = append(all, about)
		}
	}
	slices.SortFunc(all, func(a, b product.About) int {
		return cmp.Or(cmp.Compare(a.Category, b.Category), cmp.Compare(rank(a.Name), rank(b.Name)))
	})
	return a.print(map[string]any{"products": all}, func(w io.Writer) {
		a.style(a.StdoutTerminal).Catalog(w, all)
		fmt.Fprintln(w, "\n`k8or catalog show <product>` prints a product's page, `k8or catalog sizes` the node sizes.")
	})
}

// rank orders the products of a category by name, with what somebody else runs last.
func rank(name string) string {
	if name == "existing" {
		return "~"
	}
	return name
}

// showProduct prints a product's page, with its facts before and what it requests, joins and takes for options after it.
func (a *app) showProduct(about product.About) error {
	all, err := catalog.Shown()
	if err != nil {
		return err
	}
	own := all[about.Category+"/"+about.Name]
	shown := text.Shown{About: about, Options: catalog.Options(about), Prices: price.Default().Of(about.Sells).Lines, Footprint: own.Footprint,
		Offers: wires(own.Offers, all, func(other product.Shown) []string { return other.Takes }),
		Takes:  wires(own.Takes, all, func(other product.Shown) []string { return other.Offers })}
	return a.print(shown, func(w io.Writer) { a.style(a.StdoutTerminal).Product(w, shown) })
}

// wires are capabilities with the categories of the products at their other ends.
func wires(capabilities []string, all map[string]product.Shown, end func(product.Shown) []string) []text.Wire {
	var out []text.Wire
	for _, c := range capabilities {
		wire := text.Wire{Capability: c}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if category, _, _ := strings.Cut(name, "/"); slices.Contains(end(all[name]), c) && !slices.Contains(wire.With, category) {
				wire.With = append(wire.With, category)
			}
		}
		out = append(out, wire)
	}
	return out
}
