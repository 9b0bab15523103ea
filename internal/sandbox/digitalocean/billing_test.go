// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// items are an invoice's, as description: amount.
func (b *bench) items(uuid string) map[string]string {
	b.Helper()
	out := map[string]string{}
	for _, i := range b.do(200, "GET", "/v2/customers/my/invoices/"+uuid+"?per_page=200", "")["invoice_items"].([]any) {
		out[at(i, "description").(string)] = at(i, "amount").(string)
	}
	return out
}

func (b *bench) preview() string {
	b.Helper()
	return at(b.do(200, "GET", "/v2/customers/my/invoices", ""), "invoice_preview", "invoice_uuid").(string)
}

func TestUsageIsBilledAsItRan(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	usage := func() any { return b.do(200, "GET", "/v2/customers/my/balance", "")["month_to_date_usage"] }
	if got := usage(); got != "0.00" {
		t.Errorf("an empty account used %v", got)
	}
	id := b.droplet("web") // s-1vcpu-2gb, 12 dollars a month
	v := at(b.do(201, "POST", "/v2/volumes", `{"name":"data","region":"nyc3","size_gigabytes":100}`), "volume", "id").(string)
	b.clock.Advance(84 * time.Hour) // an eighth of 672 hours
	// 12/8 = 1.50 and 100 × 0.10/8 = 1.25
	if got := usage(); got != "2.75" {
		t.Errorf("after 84 hours it is %v, want 2.75: %v", got, b.items(b.preview()))
	}
	b.do(204, "DELETE", "/v2/volumes/"+v, "")
	b.do(204, "DELETE", fmt.Sprintf("/v2/droplets/%d", id), "")
	b.clock.Advance(24 * time.Hour)
	if got := usage(); got != "2.75" {
		t.Errorf("a day after everything was deleted it is %v, want still 2.75", got)
	}
	// What ran a minute costs a cent, or an hour where hours are billed: 100/672 × 0.10 = 0.0149.
	v = at(b.do(201, "POST", "/v2/volumes", `{"name":"data","region":"nyc3","size_gigabytes":100}`), "volume", "id").(string)
	id = b.droplet("short")
	b.clock.Advance(time.Minute)
	b.do(204, "DELETE", "/v2/volumes/"+v, "")
	b.do(204, "DELETE", fmt.Sprintf("/v2/droplets/%d", id), "")
	b.clock.Advance(time.Hour)
	if got := usage(); got != "2.77" {
		t.Errorf("after two short lives it is %v, want 2.77: %v", got, b.items(b.preview()))
	}
}

func TestAMonthIsAtMost672Hours(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.clock.Advance(7 * 24 * time.Hour) // to the 1st of December, 9:00
	b.do(201, "POST", "/v2/volumes", `{"name":"data","region":"nyc3","size_gigabytes":100}`)
	b.clock.Advance(31 * 24 * time.Hour)
	out := b.do(200, "GET", "/v2/customers/my/invoices", "")
	if at(out, "invoices", 0, "invoice_period") != "2026-12" || at(out, "invoices", 0, "amount") != "10.00" || at(out, "invoices", 1) != nil {
		t.Errorf("invoices are %v, want December's of 10.00 alone", out)
	}
	// Nine hours of January.
	if got := at(out, "invoice_preview", "amount"); got != "0.13" {
		t.Errorf("the preview is %v, want 0.13", got)
	}
	history := b.do(200, "GET", "/v2/customers/my/billing_history", "")
	if at(history, "billing_history", 0, "type") != "Payment" || at(history, "billing_history", 0, "amount") != "-10.00" || at(history, "billing_history", 1, "amount") != "10.00" {
		t.Errorf("the history is %v", history)
	}
	summary := b.do(200, "GET", "/v2/customers/my/invoices/"+at(out, "invoices", 0, "invoice_uuid").(string)+"/summary", "")
	if summary["amount"] != "10.00" || at(summary, "product_charges", "items", 0, "name") != "Volumes" {
		t.Errorf("the summary is %v", summary)
	}
	b.do(404, "GET", "/v2/customers/my/invoices/none", "")
}

func TestChangedPricesAreBilledFromTheChange(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	out := b.do(202, "POST", "/v2/load_balancers", `{"name":"web","region":"nyc3","type":"REGIONAL","size_unit":1,"forwarding_rules":[{"entry_protocol":"http","entry_port":80,"target_protocol":"http","target_port":80}],"droplet_ids":[]}`)
	id := at(out, "load_balancer", "id").(string)
	b.clock.Advance(56 * time.Hour) // a twelfth: 1.00
	b.do(200, "PUT", "/v2/load_balancers/"+id, `{"name":"web","region":"nyc3","type":"REGIONAL","size_unit":3,"forwarding_rules":[{"entry_protocol":"http","entry_port":80,"target_protocol":"http","target_port":80}],"droplet_ids":[]}`)
	b.clock.Advance(56 * time.Hour) // three of them: 3.00
	if got := b.items(b.preview()); len(got) != 1 || got["web (3 nodes)"] != "4.00" {
		t.Errorf("items are %v, want one of 4.00", got)
	}
}

func TestNodePoolsAndControlPlanesAreBilled(t *testing.T) {
	clusterBench(t, func(b *bench, _ *paper) {
		id := b.createShop()
		b.do(200, "GET", "/v2/kubernetes/clusters/"+id, "")
		time.Sleep(10 * time.Minute / 60) // virtual
		running := b.items(b.preview())
		for description := range running {
			if !strings.Contains(description, "nodes - 4 GB / 2 vCPU / 80 GB SSD") && description != "High availability control plane" {
				t.Errorf("something else is billed: %v", running)
			}
		}
		if len(running) == 0 {
			t.Error("a running cluster costs nothing")
		}
	})
}

func TestDatabasesAreBilledByNodeAndExtraStorage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(201, "POST", "/v2/databases", `{"name":"orders","engine":"pg","region":"nyc3","size":"db-s-1vcpu-2gb","num_nodes":2,"storage_size_mib":51200}`)
	b.clock.Advance(time.Hour) // online, and billed
	before := b.items(b.preview())["orders (pg, db-s-1vcpu-2gb, 2 nodes)"]
	b.clock.Advance(84 * time.Hour) // (2 × 30.45 + 20 × 0.215) / 8 = 8.15
	after := b.items(b.preview())["orders (pg, db-s-1vcpu-2gb, 2 nodes)"]
	var x, y float64
	if _, err := fmt.Sscan(before+" "+after, &x, &y); err != nil || y-x < 8.14 || y-x > 8.16 {
		t.Errorf("84 hours came from %s to %s, want 8.15 more (%v)", before, after, err)
	}
}

func TestIdleReservedIPsAreWaivedBelowADollar(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(202, "POST", "/v2/reserved_ips", `{"region":"nyc3"}`)
	b.clock.Advance(100 * time.Hour) // 0.74
	if got := b.items(b.preview()); len(got) != 0 {
		t.Errorf("items are %v, want none", got)
	}
	b.clock.Advance(50 * time.Hour) // 150 hours: 1.116, in the same month
	for description, amount := range b.items(b.preview()) {
		if !strings.HasPrefix(description, "Unused Reserved IP - ") || amount != "1.12" {
			t.Errorf("%s: %s, want 1.12", description, amount)
		}
	}
}

func TestLedgerSurvivesASaveAndALoad(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(201, "POST", "/v2/volumes", `{"name":"data","region":"nyc3","size_gigabytes":100}`)
	b.clock.Advance(84 * time.Hour)
	saved, err := b.cloud.Save()
	if err != nil {
		t.Fatal(err)
	}
	// The other process begins when this one began: its model time is 84 hours behind.
	other := newBench(t)
	if err := other.cloud.Load(saved); err != nil {
		t.Fatal(err)
	}
	if got := other.do(200, "GET", "/v2/customers/my/balance", "")["month_to_date_usage"]; got != "1.25" {
		t.Errorf("after a restart it is %v, want 1.25", got)
	}
	other.clock.Advance(42 * time.Hour)
	if got := other.do(200, "GET", "/v2/customers/my/balance", "")["month_to_date_usage"]; got != "1.88" {
		t.Errorf("42 hours later it is %v, want 1.88", got)
	}
}

func TestInvoicesComeAsCSVAndPDF(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(201, "POST", "/v2/volumes", `{"name":"data","region":"nyc3","size_gigabytes":100}`)
	b.clock.Advance(84 * time.Hour)
	get := func(part string) (string, string) {
		r, err := http.NewRequestWithContext(b.Context(), "GET", "https://api.digitalocean.com/v2/customers/my/invoices/"+b.preview()+"/"+part, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+b.token)
		answer, err := b.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.Header.Get("Content-Type"), string(text)
	}
	kind, text := get("csv")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || kind != "text/csv" || len(rows) != 2 || rows[1][0] != "Volumes" || rows[1][6] != "$1.25" || rows[1][7] != "first-project" {
		t.Errorf("the CSV is %s %q, %v", kind, text, err)
	}
	kind, text = get("pdf")
	if kind != "application/pdf" || !strings.HasPrefix(text, "%PDF-1.4\n") || !strings.Contains(text, `data \(100 GiB\)`) {
		t.Errorf("the PDF is %s %q", kind, text)
	}
}

func TestInsightsTellEachDay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(201, "POST", "/v2/volumes", `{"name":"data","region":"nyc3","size_gigabytes":672}`) // ten cents an hour
	b.clock.Advance(39 * time.Hour)
	path := "/v2/billing/do:team:" + OwnTeam + "/insights/"
	out := b.do(200, "GET", path+"2026-11-24/2026-11-30", "")
	var days []string
	for _, p := range out["data_points"].([]any) {
		days = append(days, at(p, "start_date").(string)+" "+at(p, "total_amount").(string))
	}
	if got := strings.Join(days, ", "); got != "2026-11-24 1.50, 2026-11-25 2.40" || out["total_items"] != 2.0 {
		t.Errorf("days are %s: %v", got, out)
	}
	b.do(400, "GET", path+"2026-11-24/2026-11-01", "")
	b.do(404, "GET", "/v2/billing/do:team:other/insights/2026-11-24/2026-11-30", "")
}

func TestPricesAreThere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"highAvailability", "loadBalancerRegional", "loadBalancerNetwork", "loadBalancerGlobal", "volumeGiB", "snapshotGiB", "reservedIPUnassigned", "natGatewaySize", "spaces"} {
		if micros(name) <= 0 {
			t.Errorf("%s costs %d", name, micros(name))
		}
	}
}
