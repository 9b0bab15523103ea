// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/unit"
)

// Actual is what DigitalOcean has billed in the present month so far.
type Actual struct {
	Month string    `json:"month"` // "2026-11"
	AsOf  time.Time `json:"asOf"`
	// Platform is the sum of Lines: what DigitalOcean says is in the platform's project or part of its cluster.
	Platform       string        `json:"platform"`
	PlatformMicros unit.Money    `json:"platformMicros"`
	Lines          []ActualLine  `json:"lines"`
	Account        string        `json:"account"` // everything in the account, other platforms too
	AccountMicros  unit.Money    `json:"accountMicros"`
	Project        string        `json:"project"`
	Others         ActualUnnamed `json:"withoutProject"`
}

// ActualLine is one line of the invoice to come.
type ActualLine struct {
	Product     string     `json:"product"`
	Description string     `json:"description"`
	Hours       float64    `json:"hours,omitempty"`
	Amount      string     `json:"amount"`
	Micros      unit.Money `json:"amountMicros"`
}

// ActualUnnamed is what stands on the invoice without a word on whose it is: the platform's load balancers and volumes may be
// among it.
type ActualUnnamed struct {
	Lines  int        `json:"lines"`
	Amount string     `json:"amount"`
	Micros unit.Money `json:"amountMicros"`
}

// Actual asks DigitalOcean what the platform has cost in the present month. It writes nothing, and needs a token with the scope
// billing:read.
func (p *Platform) Actual(ctx context.Context) (*Actual, error) {
	spent, err := p.client.Spent(ctx)
	if err != nil {
		return nil, p.explainAll(err).Err()
	}
	return actualOf(spent, p.Name()), nil
}

// actualOf sums what is the platform's: its project and its cluster have its name.
func actualOf(spent digitalocean.Spent, name string) *Actual {
	a := &Actual{Month: spent.Month, AsOf: spent.AsOf, Project: name, Lines: []ActualLine{}, Account: spent.Account.String(), AccountMicros: spent.Account}
	for _, i := range spent.Items {
		switch {
		case i.Project == name || i.Within == name:
			a.PlatformMicros += i.Amount
			a.Lines = append(a.Lines, ActualLine{Product: i.Product, Description: i.Description, Hours: i.Hours, Amount: i.Amount.String(), Micros: i.Amount})
		case i.Project == "" && i.Within == "":
			a.Others.Lines++
			a.Others.Micros += i.Amount
		}
	}
	a.Platform, a.Others.Amount = a.PlatformMicros.String(), a.Others.Micros.String()
	return a
}
