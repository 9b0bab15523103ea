// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

func (c *Cloud) billingRoutes() []route {
	read := []string{"billing:read"}
	return []route{
		{"GET /v2/customers/my/balance", 200, read, c.getBalance},
		{"GET /v2/customers/my/billing_history", 200, read, c.getBillingHistory},
		{"GET /v2/customers/my/invoices", 200, read, c.listInvoices},
		{"GET /v2/customers/my/invoices/{invoice}", 200, read, c.onInvoice(c.getInvoice)},
		{"GET /v2/customers/my/invoices/{invoice}/csv", 200, read, c.onInvoice(c.getInvoiceCSV)},
		{"GET /v2/customers/my/invoices/{invoice}/pdf", 200, read, c.onInvoice(c.getInvoicePDF)},
		{"GET /v2/customers/my/invoices/{invoice}/summary", 200, read, c.onInvoice(c.getInvoiceSummary)},
		{"GET /v2/billing/{account}/insights/{start}/{end}", 200, read, c.getInsights},
	}
}

func (c *Cloud) onInvoice(f func(*request, *invoice) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		all := c.months(q.account)
		i := slices.IndexFunc(all, func(n *invoice) bool { return n.UUID == q.PathValue("invoice") })
		if i < 0 {
			return nil, notFound()
		}
		return f(q, all[i])
	}
}

// getBalance: past months are paid when they end, so what is owed is the present month's usage.
func (c *Cloud) getBalance(q *request) (any, error) {
	all := c.months(q.account)
	used := dollars(sumOf(c.itemsOf(q.account, all[len(all)-1])))
	return object{"month_to_date_usage": used, "month_to_date_balance": used, "account_balance": "0.00", "generated_at": c.calendar(c.clock.Now()).Truncate(time.Second)}, nil
}

// getBillingHistory tells of each month's invoice and its payment, newest first.
func (c *Cloud) getBillingHistory(q *request) (any, error) {
	var all []object
	for _, n := range c.months(q.account) {
		from, to := monthOf(n.Period)
		amount := sumOf(c.itemsOf(q.account, n))
		if amount == 0 || c.calendar(c.clock.Now()).Before(to) {
			continue
		}
		all = append(all,
			object{"type": "Invoice", "description": "Invoice for " + from.Format("January 2006"), "amount": dollars(amount), "invoice_id": strconv.Itoa(n.ID), "invoice_uuid": n.UUID, "date": to},
			object{"type": "Payment", "description": "Payment (sandbox)", "amount": dollars(-amount), "date": to.AddDate(0, 0, 1)},
		)
	}
	slices.Reverse(all)
	return page(q, "billing_history", allOf(all), func(o always[object]) any { return *o.item })
}

func (c *Cloud) viewInvoice(a *account, n *invoice) object {
	_, to := monthOf(n.Period)
	if now := c.calendar(c.clock.Now()); now.Before(to) {
		to = now
	}
	return object{"invoice_uuid": n.UUID, "invoice_id": strconv.Itoa(n.ID), "amount": dollars(sumOf(c.itemsOf(a, n))), "invoice_period": n.Period, "updated_at": to.Truncate(time.Second)}
}

// listInvoices lists months that cost something, newest first; the present one is the preview.
func (c *Cloud) listInvoices(q *request) (any, error) {
	months := c.months(q.account)
	present := months[len(months)-1]
	var all []*invoice
	for _, n := range slices.Backward(months[:len(months)-1]) {
		if len(c.itemsOf(q.account, n)) > 0 {
			all = append(all, n)
		}
	}
	out, err := page(q, "invoices", allOf(all), func(n always[*invoice]) any { return c.viewInvoice(q.account, *n.item) })
	if err == nil {
		out.(object)["invoice_preview"] = c.viewInvoice(q.account, present)
	}
	return out, err
}

// projectOf is the name of the project that holds the thing now; nothing when it is gone.
func (a *account) projectOf(urn string) string {
	if p := a.Projects.find(a.projectID(urn)); p != nil {
		return p.Name
	}
	return ""
}

func (c *Cloud) getInvoice(q *request, n *invoice) (any, error) {
	return page(q, "invoice_items", allOf(c.itemsOf(q.account, n)), func(i always[item]) any {
		return object{
			"product": i.item.Product, "resource_id": i.item.ID, "resource_uuid": i.item.ID, "group_description": i.item.Within, "description": i.item.Description,
			"amount": dollars(i.item.Cents), "duration": i.item.duration(), "duration_unit": "Hours", "start_time": i.item.From.Truncate(time.Second),
			"end_time": i.item.To.Truncate(time.Second), "project_name": q.account.projectOf(i.item.URN), "category": "iaas",
		}
	})
}

func (i *item) duration() string { return strconv.Itoa(int(math.Ceil(i.Hours - 1e-9))) }

func (c *Cloud) getInvoiceSummary(q *request, n *invoice) (any, error) {
	a := q.account
	products, order := map[string]object{}, []object{}
	sums, counts := map[string]int64{}, map[string]int{}
	items := c.itemsOf(a, n)
	for _, i := range items {
		if products[i.Product] == nil {
			products[i.Product] = object{"name": i.Product}
			order = append(order, products[i.Product])
		}
		sums[i.Product] += i.Cents
		counts[i.Product]++
		products[i.Product]["amount"], products[i.Product]["count"] = dollars(sums[i.Product]), strconv.Itoa(counts[i.Product])
	}
	none := func(name string) object { return object{"name": name, "amount": "0.00"} }
	return object{
		"invoice_uuid": n.UUID, "invoice_id": strconv.Itoa(n.ID), "billing_period": n.Period, "amount": dollars(sumOf(items)), "user_name": "Sandbox",
		"user_company": "", "user_email": a.Email, "user_billing_address": object{},
		"product_charges": object{"name": "Product usage charges", "amount": dollars(sumOf(items)), "items": order},
		"overages":        none("Overages"), "taxes": none("Taxes"), "credits_and_adjustments": none("Credits & adjustments"),
	}, nil
}

// getInsights tells what each thing cost each day, without the month's cap of hours: an estimate, as the published text says.
func (c *Cloud) getInsights(q *request) (any, error) {
	if q.PathValue("account") != "do:team:"+q.account.teamUUID() {
		return nil, notFound()
	}
	start, err := time.Parse(time.DateOnly, q.PathValue("start"))
	end, endErr := time.Parse(time.DateOnly, q.PathValue("end"))
	if err != nil || endErr != nil || end.Before(start) {
		return nil, bad("start_date and end_date must be days like 2026-11-24, the end not before the start")
	}
	points := []object{}
	now := c.calendar(c.clock.Now())
	for day := start; !day.After(end) && day.Before(now); day = day.AddDate(0, 0, 1) {
		to := day.AddDate(0, 0, 1)
		if now.Before(to) {
			to = now
		}
		for _, i := range q.account.Billing.items(day, to) {
			points = append(points, object{
				"usage_team_urn": q.PathValue("account"), "start_date": day.Format(time.DateOnly), "total_amount": dollars(i.Cents), "region": i.Region,
				"sku": "sandbox", "description": i.Description, "group_description": i.Within,
			})
		}
	}
	number, err := q.pageNumber("page", 1, 1<<31-1)
	if err != nil {
		return nil, err
	}
	size, err := q.pageNumber("per_page", 20, 200)
	if err != nil {
		return nil, err
	}
	first, last := min((number-1)*size, len(points)), min(number*size, len(points))
	return object{"data_points": points[first:last], "total_items": len(points), "total_pages": (len(points) + size - 1) / size, "current_page": number}, nil
}

// document is an answer that is not JSON, and says what it is.
type document struct {
	kind string
	text []byte
}

func (c *Cloud) getInvoiceCSV(q *request, n *invoice) (any, error) {
	return document{"text/csv", q.account.invoiceCSV(c.itemsOf(q.account, n))}, nil
}

func (c *Cloud) getInvoicePDF(q *request, n *invoice) (any, error) {
	items := c.itemsOf(q.account, n)
	lines := []string{"Invoice for " + n.Period + ", of the sandbox", "Number " + strconv.Itoa(n.ID), ""}
	for _, i := range items {
		lines = append(lines, fmt.Sprintf("%10s  %s: %s %s", dollars(i.Cents), i.Product, i.Within, i.Description))
	}
	return document{"application/pdf", pdf(append(lines, "", fmt.Sprintf("%10s  in all, US dollars", dollars(sumOf(items)))))}, nil
}
