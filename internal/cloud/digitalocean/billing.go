// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/k8or/k8or/internal/unit"
)

// Spent is what DigitalOcean has billed for the present month so far: an account's sum, and the items of the invoice to come.
type Spent struct {
	Month   string     // "2026-11"
	Account unit.Money // The account's use in this month, before tax, all platforms and everything else together.
	AsOf    time.Time  // When DigitalOcean reckoned it.
	Items   []SpentItem
}

// SpentItem is one line of the invoice to come.
type SpentItem struct {
	Product, Description string
	Within               string // What it is part of, such as a cluster's name; often empty.
	Project              string // The name of the project that holds it; empty where DigitalOcean does not say.
	Hours                float64
	Amount               unit.Money
}

// Spent asks for the present month. It needs the scope billing:read.
func (c *Client) Spent(ctx context.Context) (Spent, error) {
	var balance struct {
		Usage string    `json:"month_to_date_usage"`
		AsOf  time.Time `json:"generated_at"`
	}
	if err := c.get(ctx, "/v2/customers/my/balance", &balance); err != nil {
		return Spent{}, fmt.Errorf("read the account's balance: %w", err)
	}
	var invoices struct {
		Preview struct {
			UUID   string `json:"invoice_uuid"`
			Period string `json:"invoice_period"`
		} `json:"invoice_preview"`
	}
	if err := c.get(ctx, "/v2/customers/my/invoices?per_page=1", &invoices); err != nil {
		return Spent{}, fmt.Errorf("find the invoice to come: %w", err)
	}
	s := Spent{Month: invoices.Preview.Period, AsOf: balance.AsOf}
	var err error
	if s.Account, err = dollars(balance.Usage); err != nil {
		return Spent{}, fmt.Errorf("read the account's balance: %w", err)
	}
	if invoices.Preview.UUID == "" {
		return s, nil // nothing is billed yet
	}
	type item struct {
		Product     string `json:"product"`
		Description string `json:"description"`
		Within      string `json:"group_description"`
		Project     string `json:"project_name"`
		Duration    string `json:"duration"`
		Amount      string `json:"amount"`
	}
	items, err := list[item](ctx, c, "/v2/customers/my/invoices/"+invoices.Preview.UUID, "invoice_items")
	if err != nil {
		return Spent{}, fmt.Errorf("read the invoice to come: %w", err)
	}
	for _, i := range items {
		amount, err := dollars(i.Amount)
		if err != nil {
			return Spent{}, fmt.Errorf("read the invoice to come, %s: %w", i.Description, err)
		}
		hours, _ := strconv.ParseFloat(i.Duration, 64) //nolint:errcheck // for people alone; some items have none
		s.Items = append(s.Items, SpentItem{Product: i.Product, Description: i.Description, Within: i.Within, Project: i.Project, Hours: hours, Amount: amount})
	}
	return s, nil
}

// dollars reads an amount as the billing API writes it: "12.34".
func dollars(text string) (unit.Money, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no amount", text)
	}
	return unit.Dollars(v), nil
}
