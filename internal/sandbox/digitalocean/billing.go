// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// billingState is an account's ledger: what it used, when, at which price. Times are of the billing calendar, which is model
// time without a gap over restarts, so that a month of it passes as fast as everything else.
type billingState struct {
	Opened   time.Time       `json:"opened"`
	Open     map[string]*use `json:"open"` // by key, what is being used
	Past     []*use          `json:"past"`
	Invoices []*invoice      `json:"invoices"` // one for each month since Opened, the present one last
}

// use is one stretch of time during which one thing cost the same.
type use struct {
	billable
	From time.Time `json:"from"`
	To   time.Time `json:"to,omitzero"` // zero: goes on
}

// billable is one thing that costs money now. Things of one Group are billed together, as a node pool's nodes are.
type billable struct {
	Key         string `json:"key"`
	Group       string `json:"group"`
	URN         string `json:"urn"` // by which its project is known; may be empty
	ID          string `json:"id"`
	Product     string `json:"product"`
	Description string `json:"description"`
	Within      string `json:"within"` // group_description: the cluster
	Region      string `json:"region"`
	Monthly     int64  `json:"monthly"`   // micro-dollars
	PerSecond   bool   `json:"perSecond"` // otherwise by begun hours
	WaivedBelow int64  `json:"waivedBelow,omitempty"`
}

type invoice struct {
	UUID   string `json:"uuid"`
	ID     int    `json:"id"`
	Period string `json:"period"` // 2026-11
}

// What DigitalOcean publishes of its billing.
const (
	monthHours = 672 // a month is billed as 28 days
	minCents   = 1   // of a Droplet or node that ran at all
	microCents = 10_000
)

// calendar is the billing calendar's reading of a model time.
func (c *Cloud) calendar(model time.Time) time.Time { return model.Add(-c.state.Shift).UTC() }

// meter brings the ledger level with what the account has, as of a model time. It is called whenever something has changed.
func (c *Cloud) meter(a *account, model time.Time) {
	now, ledger := c.calendar(model), &a.Billing
	have := map[string]billable{}
	for _, b := range c.billables(a) {
		have[b.Key] = b
	}
	for key, u := range ledger.Open {
		if b, ok := have[key]; ok && b == u.billable {
			delete(have, key)
			continue
		}
		u.To = now
		if u.To.After(u.From) {
			ledger.Past = append(ledger.Past, u)
		}
		delete(ledger.Open, key)
	}
	for key, b := range have {
		if ledger.Open == nil {
			ledger.Open = map[string]*use{}
		}
		ledger.Open[key] = &use{billable: b, From: now}
	}
}

// item is what one group of things came to within a span.
type item struct {
	billable
	From, To time.Time
	Hours    float64
	Cents    int64
}

// items computes what was used within a span of the calendar, in order of product and description.
func (s *billingState) items(from, to time.Time) []item {
	groups := map[string][]*use{}
	for _, u := range s.Past {
		groups[u.Group] = append(groups[u.Group], u)
	}
	for _, u := range s.Open {
		groups[u.Group] = append(groups[u.Group], u)
	}
	var all []item
	for _, uses := range groups {
		if i, ok := charge(uses, from, to); ok {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(x, y item) int {
		return strings.Compare(x.Product+"\x00"+x.Description+"\x00"+x.Group, y.Product+"\x00"+y.Description+"\x00"+y.Group)
	})
	return all
}

// stretch is a span during which a group's monthly price was the same.
type stretch struct {
	monthly int64
	hours   float64
}

// charge bills a group's uses within a span: the 672 dearest hours of a month at most, each a 672nd of the monthly price.
func charge(uses []*use, from, to time.Time) (item, bool) {
	var edges []time.Time
	out := item{}
	for _, u := range uses {
		begin, end := u.within(from, to)
		if !end.After(begin) {
			continue
		}
		edges = append(edges, begin, end)
		if out.From.IsZero() || begin.Before(out.From) {
			out.From = begin
		}
		if !end.Before(out.To) {
			out.To, out.billable = end, u.billable
		}
	}
	if len(edges) == 0 {
		return out, false
	}
	slices.SortFunc(edges, time.Time.Compare)
	var stretches []stretch
	for i := 1; i < len(edges); i++ {
		monthly := int64(0)
		for _, u := range uses {
			if begin, end := u.within(from, to); !begin.After(edges[i-1]) && !end.Before(edges[i]) && end.After(begin) {
				monthly += u.Monthly
			}
		}
		if hours := edges[i].Sub(edges[i-1]).Hours(); monthly > 0 && hours > 0 {
			stretches = append(stretches, stretch{monthly, hours})
		}
	}
	out.Hours, out.Cents = bill(stretches, out.PerSecond)
	if out.Cents*microCents < out.WaivedBelow {
		return out, false
	}
	return out, len(stretches) > 0
}

// within is the part of a use that lies within a span; a use that goes on lasts to its end.
func (u *use) within(from, to time.Time) (begin, end time.Time) {
	begin, end = u.From, u.To
	if end.IsZero() || end.After(to) {
		end = to
	}
	if begin.Before(from) {
		begin = from
	}
	return begin, end
}

// bill takes the dearest hours first. What is not billed by the second is billed by begun hours.
func bill(stretches []stretch, perSecond bool) (hours float64, cents int64) {
	slices.SortStableFunc(stretches, func(x, y stretch) int { return int(y.monthly - x.monthly) })
	left, micros := float64(monthHours), 0.0
	for i, s := range stretches {
		if i == len(stretches)-1 && !perSecond {
			s.hours += math.Ceil(hours+s.hours-1e-9) - (hours + s.hours)
		}
		h := min(s.hours, left)
		micros += float64(s.monthly) * h / monthHours
		hours, left = hours+h, left-h
	}
	cents = int64(math.Round(micros / microCents))
	if perSecond && cents < minCents && len(stretches) > 0 {
		cents = minCents
	}
	return hours, cents
}

// dollars writes cents as the API does.
func dollars(cents int64) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	return fmt.Sprintf("%s%d.%02d", sign, cents/100, cents%100)
}

func sumOf(items []item) (cents int64) {
	for _, i := range items {
		cents += i.Cents
	}
	return cents
}

// monthOf is the span of a period such as 2026-11.
func monthOf(period string) (from, to time.Time) {
	from, err := time.Parse("2006-01", period)
	if err != nil {
		panic("digitalocean: period " + period) // only this file makes them
	}
	return from, from.AddDate(0, 1, 0)
}

// months makes sure that there is an invoice for each month up to now, and returns the items of each with the present one last.
func (c *Cloud) months(a *account) []*invoice {
	now, ledger := c.calendar(c.clock.Now()), &a.Billing
	month := ledger.Opened
	if n := len(ledger.Invoices); n > 0 {
		_, month = monthOf(ledger.Invoices[n-1].Period)
	} else {
		month = time.Date(month.Year(), month.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	for ; !month.After(now); month = month.AddDate(0, 1, 0) {
		ledger.Invoices = append(ledger.Invoices, &invoice{UUID: c.newUUID(), ID: c.newInt(), Period: month.Format("2006-01")})
		c.changed() // although a GET asked for it
	}
	return ledger.Invoices
}

// itemsOf are an invoice's, the present month's so far.
func (c *Cloud) itemsOf(a *account, n *invoice) []item {
	from, to := monthOf(n.Period)
	if now := c.calendar(c.clock.Now()); now.Before(to) {
		to = now
	}
	return a.Billing.items(from, to)
}
