// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/ui/text"
)

func (a *app) costCommand() *cobra.Command {
	var by, compare string
	c := &cobra.Command{
		Use: "cost", GroupID: "look", Short: "What a document costs a month, beside another one, and what cheaper shape would do; needs no account", Args: noArgs,
		Long: `What a document costs a month and an hour, whether or not it stands: each line with the source and
date of its price. Prices of nodes are DigitalOcean's own where there is a token, and otherwise those
of k8or's price book, as all others are.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sum, err := sumBy(by)
			if err != nil {
				return err
			}
			doc, err := a.load()
			if err != nil {
				return err
			}
			cost, err := a.cost(cmd.Context(), doc, sum)
			if err != nil {
				return err
			}
			if compare != "" {
				beside, err := document.Load(platform.Available(), compare)
				if err == nil {
					err = platform.Check(beside)
				}
				if err != nil {
					return err
				}
				other, err := a.cost(cmd.Context(), beside, sum)
				if err != nil {
					return err
				}
				cost.Compare(compare, other)
			}
			if a.output == "csv" {
				return text.CostCSV(a.Stdout, cost)
			}
			return a.print(cost, func(w io.Writer) { a.style(a.StdoutTerminal).Cost(w, a.documents()[0], cost) })
		},
	}
	c.Flags().StringVar(&by, "by", "", "sum it by category, product or app")
	c.Flags().StringVar(&compare, "compare", "", "put another document beside it, line by line")
	return c
}

func sumBy(word string) (platform.By, error) {
	known := []string{string(platform.ByCategory), string(platform.ByProduct), string(platform.ByApp)}
	for _, k := range append(known, "") {
		if word == k {
			return platform.By(k), nil
		}
	}
	return "", usage("--by is %s, not %q", problem.OneOf(known), word)
}

// cost prices a document: with DigitalOcean's own prices where there is a token, or the sandbox's.
func (a *app) cost(ctx context.Context, doc *document.Document, by platform.By) (*platform.Cost, error) {
	o, err := a.connect(ctx, doc)
	if pr, ok := errors.AsType[*problem.Problem](err); ok && pr.Code == problem.NoToken {
		o, err = a.connectOffline(doc)
	}
	if err != nil {
		return nil, err
	}
	return o.Cost(ctx, by)
}
