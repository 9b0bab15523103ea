// SPDX-License-Identifier: Apache-2.0

package price_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/unit"
)

func TestStarterCostsSixtyThreeDollars(t *testing.T) {
	t.Parallel()
	bill := price.Default().Of([]price.Item{
		{For: "cluster", What: "control plane", Kind: price.ControlPlane},
		{For: "cluster/pools/general", What: "2 × s-2vcpu-4gb", Kind: price.Node, Slug: "s-2vcpu-4gb", Min: 2, Max: 2},
		{For: "gateway/public", What: "network load balancer", Kind: price.LoadBalancer, Slug: price.RegionalNetwork, Min: 1, Max: 1},
	})
	var months []string
	for _, line := range bill.Lines {
		months = append(months, line.Low.String())
	}
	if want := []string{"$0.00", "$48.00", "$15.00"}; !slices.Equal(months, want) {
		t.Errorf("lines cost %v, want %v", months, want)
	}
	if bill.String() != "$63.00" || bill.Low != bill.High || len(bill.Unknown) > 0 {
		t.Errorf("the bill is %s (unknown: %v), want $63.00", bill, bill.Unknown)
	}
	if got, want := bill.HourlyLow.Hourly(), "$0.09374"; got != want { // 2 × 0.03571 + 15/672
		t.Errorf("an hour costs %s, want %s", got, want)
	}
}

func TestEachKindHasItsPrice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		item price.Item
		want string
	}{
		"a highly available control plane is $40":    {price.Item{Kind: price.HighAvailability}, "$40.00"},
		"its quantity of one says the same":          {price.Item{Kind: price.HighAvailability, Min: 1, Max: 1}, "$40.00"},
		"an HTTP load balancer is $12 a node":        {price.Item{Kind: price.LoadBalancer, Slug: price.Regional, Min: 2, Max: 2}, "$24.00"},
		"a volume is 10 cents a GiB":                 {price.Item{Kind: price.Volume, Min: 16, Max: 16}, "$1.60"},
		"a snapshot is 6 cents a GiB":                {price.Item{Kind: price.Snapshot, Min: 10, Max: 10}, "$0.60"},
		"an autoscaled pool is a range":              {price.Item{Kind: price.Node, Slug: "s-4vcpu-8gb", Min: 1, Max: 4}, "$48.00 to $192.00"},
		"a maximum below the minimum is the minimum": {price.Item{Kind: price.Node, Slug: "s-4vcpu-8gb", Min: 2, Max: 1}, "$96.00"},
		"object storage is $5 for the account":       {price.Item{Kind: price.Spaces}, "$5.00"},
		"DigitalOcean's registry by its tier":        {price.Item{Kind: price.Registry, Slug: "basic", Min: 1, Max: 1}, "$5.00"},
		"its starter tier is free, and known":        {price.Item{Kind: price.Registry, Slug: "starter"}, "$0.00"},
		"a tier that nobody published":               {price.Item{Kind: price.Registry, Slug: "huge"}, "at least $0.00"},
		"a NAT gateway is $40 a size unit":           {price.Item{Kind: price.NATGateway, Min: 2, Max: 2}, "$80.00"},
		"a reserved address that nothing uses":       {price.Item{Kind: price.ReservedIP, Slug: price.Unassigned, Min: 1, Max: 1}, "$5.00"},
		"a reserved address in use is free":          {price.Item{Kind: price.ReservedIP, Slug: price.Assigned, Min: 3, Max: 3}, "$0.00"},
		"PostgreSQL with a standby is two nodes":     {price.Item{Kind: price.Database, Slug: "pg/db-s-1vcpu-2gb", Min: 2, Max: 2}, "$60.90"},
		"three nodes of managed Kafka":               {price.Item{Kind: price.Database, Slug: "kafka/db-s-2vcpu-2gb", Min: 3, Max: 3}, "$147.00"},
		"MongoDB's sizes have no published price":    {price.Item{Kind: price.Database, Slug: "mongodb/db-s-1vcpu-2gb", Min: 1, Max: 1}, "at least $0.00"},
		"a pool that may shrink to nothing":          {price.Item{Kind: price.Node, Slug: "s-4vcpu-8gb", Min: 0, Max: 1}, "$0.00 to $48.00"},
	} {
		if got := price.Default().Of([]price.Item{c.item}).String(); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestHowStandbysAreReckonedIsSaidOfThoseAlone(t *testing.T) {
	t.Parallel()
	bill := price.Default().Of([]price.Item{
		{For: "databases/alone", Kind: price.Database, Slug: "pg/db-s-1vcpu-2gb", Min: 1, Max: 1},
		{For: "databases/pair", Kind: price.Database, Slug: "pg/db-s-1vcpu-2gb", Min: 2, Max: 2},
		{For: "databases/alone/replicas/reports", Kind: price.Database, Slug: "pg/db-s-1vcpu-2gb", Min: 1, Max: 1, Copy: true},
	})
	for i, said := range []bool{false, true, true} {
		if l := bill.Lines[i]; (l.Note != "") != said {
			t.Errorf("of %s it is noted: %q", l.For, l.Note)
		}
	}
}

func TestWhatHasNoPriceIsUnknownAndNeverZero(t *testing.T) {
	t.Parallel()
	bill := price.Default().Of([]price.Item{
		{For: "cluster/pools/big", Kind: price.Node, Slug: "s-99vcpu", Min: 1, Max: 1},
		{For: "gateway/world", Kind: price.LoadBalancer, Slug: "PLANETARY", Min: 1, Max: 1},
		{For: "volume/data", Kind: price.Volume, Min: 10, Max: 10},
		{For: "space", Kind: "bucket", Min: 1, Max: 1},
	})
	want := []string{"cluster/pools/big: node s-99vcpu", "gateway/world: loadBalancer PLANETARY", "space: bucket"}
	if diff := cmp.Diff(want, bill.Unknown); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
	if got := bill.String(); got != "at least $1.00" {
		t.Errorf("the bill says %q", got)
	}
	text, err := json.Marshal(bill.Lines[0])
	if err != nil || strings.Contains(string(text), "$") || strings.Contains(string(text), "Micros") {
		t.Errorf("a line without a price is written with an amount: %s (%v)", text, err)
	}
}

func TestADiskIsBilledBeyondWhatComesWithItsSize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why         string
		slug        string
		least, most unit.MiB
		want        string // of the bill; none where nothing is billed
	}{
		{"no disk is chosen", "pg/db-s-1vcpu-2gb", 0, 0, ""},
		{"all of it comes with the size", "pg/db-s-1vcpu-2gb", 30 * unit.GiB, 0, ""},
		{"50 GiB are beyond", "pg/db-s-1vcpu-2gb", 80 * unit.GiB, 0, "$10.50"},
		{"it may grow by itself", "pg/db-s-1vcpu-2gb", 80 * unit.GiB, 120 * unit.GiB, "$10.50 to $18.90"},
		{"only what it may grow to is beyond", "pg/db-s-1vcpu-2gb", 0, 120 * unit.GiB, "$0.00 to $18.90"},
		{"a part of a GiB is a GiB", "pg/db-s-1vcpu-2gb", 30*unit.GiB + 1, 0, "$0.21"},
		{"no disk is chosen, and nobody knows what comes with the size", "kafka/db-s-2vcpu-2gb", 0, 0, ""},
		{"nobody knows how much of it comes with the size", "kafka/db-s-2vcpu-2gb", 500 * unit.GiB, 0, "at least $0.00"},
	} {
		items := price.Default().Storage("messaging/events", c.slug, c.least, c.most)
		bill := price.Default().Of(items)
		if got := bill.String(); got != c.want && (c.want != "" || len(items) > 0) {
			t.Errorf("%s: the disk costs %s, want %q: %+v", c.why, got, c.want, items)
		}
		if c.want == "at least $0.00" && !slices.Equal(bill.Unknown, []string{"messaging/events: databaseStorage " + c.slug}) {
			t.Errorf("%s: what is unknown is called %q", c.why, bill.Unknown)
		}
	}
}

func TestWhatAnAccountPaysOnceIsOnABillOnce(t *testing.T) {
	t.Parallel()
	bill := price.Default().Of([]price.Item{
		{For: "storage/spaces/media", Kind: price.Spaces}, {For: "storage/spaces/images", Kind: price.Spaces},
		{For: "registry/small", Kind: price.Registry, Slug: "basic"}, {For: "registry/large", Kind: price.Registry, Slug: "professional"},
	})
	if got := bill.String(); got != "$25.00" {
		t.Errorf("two buckets and two tiers cost %s, want $5 and the dearer tier's $20", got)
	}
	if got := bill.Lines[1].Note; got != "the account pays once: with storage/spaces/media" {
		t.Errorf("the second bucket's line says %q", got)
	}
}

func TestLivePricesReplaceTheBooks(t *testing.T) {
	t.Parallel()
	book := price.Default().With([]price.SizePrice{
		{Slug: "s-2vcpu-4gb", MemoryMiB: 4096, VCPUs: 2, Monthly: 30 * unit.Dollar, Date: "2026-11-24"},
		{Slug: "s-3vcpu-3gb", MemoryMiB: 3072, VCPUs: 3, Monthly: 21 * unit.Dollar, Hourly: unit.Dollars(0.03125), Date: "2026-11-24"},
	})
	items := []price.Item{
		{Kind: price.Node, Slug: "s-2vcpu-4gb", Min: 1, Max: 1},
		{Kind: price.Node, Slug: "s-3vcpu-3gb", Min: 1, Max: 1},
		{Kind: price.HighAvailability},
	}
	bill := book.Of(items)
	if got := bill.String(); got != "$91.00" {
		t.Errorf("with live prices: %s, want $91.00", got)
	}
	for _, line := range bill.Lines[:2] {
		if line.Source != price.LiveSource || line.Date != "2026-11-24" {
			t.Errorf("%s: source %q of %q, want the API's of the day", line.Slug, line.Source, line.Date)
		}
	}
	if got := bill.Lines[0].HourlyLow.Hourly(); got != "$0.04464" { // 30/672
		t.Errorf("without an hourly price an hour is %s, want the month's share $0.04464", got)
	}
	if got := price.Default().Of(items).String(); got != "at least $64.00" {
		t.Errorf("the built-in book changed: %s", got)
	}
	if size, ok := book.Size("s-3vcpu-3gb"); !ok || size.MemoryMiB != 3072 || size.VCPUs != 3 {
		t.Errorf("the new size is not found: %+v", size)
	}
}

func TestLivePricesOfTiersReplaceTheBooks(t *testing.T) {
	t.Parallel()
	book := price.Default().WithTiers([]price.TierPrice{
		{Slug: "starter", Repositories: 1, Storage: 500, Date: "2026-11-24"},
		{Slug: "basic", Monthly: 6 * unit.Dollar, Repositories: 5, Storage: 5 * unit.GiB, Overage: true, OveragePrice: unit.Dollars(0.03), Date: "2026-11-24"},
		{Slug: "enterprise", Monthly: 100 * unit.Dollar, Storage: 500 * unit.GiB, Overage: true, OveragePrice: unit.Dollars(0.02), Date: "2026-11-24"},
	})
	for tier, want := range map[string][3]string{
		"starter":      {"$0.00", "one repository and 500Mi", price.LiveSource},
		"basic":        {"$6.00", "5 repositories and 5Gi are included; then $0.03 a GiB", price.LiveSource},
		"enterprise":   {"$100.00", "any number of repositories and 500Gi are included; then $0.02 a GiB", price.LiveSource},
		"professional": {"$20.00", "any number of repositories, 10 registries and 100 GiB are included; then $0.02 a GiB", "DigitalOcean's documentation"},
	} {
		line := book.Of([]price.Item{{Kind: price.Registry, Slug: tier}}).Lines[0]
		if got := [3]string{line.High.String(), line.Note, line.Source}; got != want || !line.Known || line.Date == "" {
			t.Errorf("%s: got %q of %q, want %q", tier, got, line.Date, want)
		}
	}
	if got := price.Default().Of([]price.Item{{Kind: price.Registry, Slug: "basic"}}).String(); got != "$5.00" {
		t.Errorf("the built-in book changed: %s", got)
	}
}

func TestDiffIsTheMonthlyDifference(t *testing.T) {
	t.Parallel()
	pool := func(lo, hi int) price.Bill {
		return price.Default().Of([]price.Item{{For: "p", Kind: price.Node, Slug: "s-2vcpu-4gb", Min: lo, Max: hi}})
	}
	lost := price.Default().Of([]price.Item{{For: "p", Kind: price.Node, Slug: "gone"}})
	for want, c := range map[string]price.Change{
		"+$24.00":                     price.Diff(pool(2, 2), pool(3, 3)),
		"-$24.00":                     price.Diff(pool(3, 3), pool(2, 2)),
		"no change":                   price.Diff(pool(2, 2), pool(2, 2)),
		"$0.00 to +$48.00":            price.Diff(pool(2, 2), pool(2, 4)),
		"+$48.00 and what is unknown": price.Diff(lost, pool(2, 2)),
	} {
		if got := c.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestBillsAreWrittenAndReadAgain(t *testing.T) {
	t.Parallel()
	before := price.Default().Of([]price.Item{
		{For: "cluster/pools/general", What: "2 to 4 × s-2vcpu-4gb", Kind: price.Node, Slug: "s-2vcpu-4gb", Min: 2, Max: 4},
		{For: "cluster/pools/big", Kind: price.Node, Slug: "s-99vcpu", Min: 1, Max: 1},
	})
	text, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"low":"$48.00","lowMicros":48000000,"high":"$96.00"`, `"hourlyLow":"$0.07142"`, `"known":false`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	var after price.Bill
	if err := json.Unmarshal(text, &after); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the bill changed (-written +read):\n%s", diff)
	}
	change := price.Diff(price.Bill{}, before)
	text, _ = json.Marshal(change)
	var read price.Change
	if err := json.Unmarshal(text, &read); err != nil || !cmp.Equal(change, read) {
		t.Errorf("the change %+v is read as %+v (%v)", change, read, err)
	}
}

func TestBillIsTheSumOfItsLines(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bill := price.Default().Of(anyItems(1000).Draw(t, "items"))
		var low, high, hourlyLow, hourlyHigh unit.Money
		for _, line := range bill.Lines {
			low, high = low+line.Low, high+line.High
			hourlyLow, hourlyHigh = hourlyLow+line.HourlyLow, hourlyHigh+line.HourlyHigh
			if line.Known && (line.Source == "" || line.Date == "") {
				t.Errorf("%+v has no source or date", line)
			}
			if !line.Known && line.High != 0 {
				t.Errorf("%+v has an amount without a price", line)
			}
		}
		if low != bill.Low || high != bill.High || hourlyLow != bill.HourlyLow || hourlyHigh != bill.HourlyHigh {
			t.Errorf("lines sum to %d–%d and %d–%d an hour, the bill is %+v", low, high, hourlyLow, hourlyHigh, bill)
		}
	})
}

func TestBillIsNeverNegativeAndNeverShrinksByAnItem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		items := anyItems(math.MaxInt).Draw(t, "items")
		var last price.Bill
		for n := range len(items) + 1 {
			bill := price.Default().Of(items[:n])
			if bill.Low < last.Low || bill.High < last.High || bill.HourlyLow < last.HourlyLow || bill.HourlyHigh < last.HourlyHigh {
				t.Fatalf("item %d makes the bill shrink from %+v to %+v", n, last, bill)
			}
			if bill.Low < 0 || bill.High < bill.Low || bill.HourlyLow < 0 || bill.HourlyHigh < bill.HourlyLow {
				t.Fatalf("the bill is negative or upside down: %+v", bill)
			}
			if len(bill.Unknown) < len(last.Unknown) {
				t.Fatalf("an unknown price was forgotten: %v, then %v", last.Unknown, bill.Unknown)
			}
			last = bill
		}
	})
}

// anyItems are items of all kinds, some of unknown size, with quantities that may be negative or upside down.
func anyItems(most int) *rapid.Generator[[]price.Item] {
	slugs := []string{"", "gone", price.Regional, price.RegionalNetwork, "starter", "basic", "professional", price.Unassigned, "pg/db-s-1vcpu-2gb"}
	for _, s := range price.Default().Sizes() {
		slugs = append(slugs, s.Slug)
	}
	kinds := []price.Kind{
		price.Node, price.HighAvailability, price.LoadBalancer, price.Volume, price.Snapshot, price.ControlPlane, "other",
		price.Database, price.DatabaseStorage, price.Spaces, price.Registry, price.NATGateway, price.ReservedIP,
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) price.Item {
		return price.Item{
			For: "x", Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Slug: rapid.SampledFrom(slugs).Draw(t, "slug"),
			Min: rapid.IntRange(-2, most).Draw(t, "min"), Max: rapid.IntRange(-2, most).Draw(t, "max"),
		}
	}), 0, 12)
}
