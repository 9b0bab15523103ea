// SPDX-License-Identifier: Apache-2.0

package price_test

import (
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/unit"
)

func TestCopiesAreBoundedBesideTheBillAndNotCounted(t *testing.T) {
	t.Parallel()
	book := price.Default()
	bill := book.Of([]price.Item{
		{For: "monitoring", What: "metrics", Kind: price.Volume, Min: 20, Max: 20},
		{For: "logging/sink", What: "disks", Kind: price.Volume, Min: 10, Max: 25},
	})
	before := bill.String()
	got := book.Growth(bill, []price.Copies{{For: "storage/snapshots/nightly", Kept: 7}, {For: "storage/snapshots/orders", Kept: 24, Of: []string{"apps/orders-data"}}})
	if len(got) != 2 || bill.String() != before {
		t.Fatalf("the growth is %+v, the bill %s, and was %s", got, bill, before)
	}
	if all := got[0]; all.AtMost == nil || *all.AtMost != unit.Dollars(7*45*0.06) || !strings.Contains(all.What, "at most $18.90 a month: 7 snapshots of this bill's volumes, 45 GiB together") || all.Date == "" || all.Source == "" {
		t.Errorf("of all volumes: %+v", all)
	}
	if some := got[1]; some.AtMost != nil || some.PerGiB != unit.Dollars(24*0.06) || !strings.Contains(some.What, "$1.44 a month for each GiB on apps/orders-data") {
		t.Errorf("of named claims: %+v", some)
	}
	if none := book.Growth(book.Of(nil), []price.Copies{{For: "backups", Kept: 14}}); none[0].AtMost != nil || !strings.Contains(none[0].What, "$0.84 a month for each GiB on volumes") {
		t.Errorf("where the document has no volumes: %+v", none)
	}
}

func TestAnUnknownPriceSaysWhatTheSmallestCosts(t *testing.T) {
	t.Parallel()
	for engine, want := range map[string]string{"opensearch": "$19.00", "mongodb": "$15.00", "pg": ""} {
		bill := price.Default().Of([]price.Item{{For: "databases/logs", Kind: price.Database, Slug: engine + "/db-s-999vcpu", Min: 1, Max: 1}})
		if line := bill.Lines[0]; line.Known || !strings.Contains(line.Note, want) || want == "" && line.Note != "" || bill.High != 0 {
			t.Errorf("%s: %+v", engine, line)
		}
		if len(bill.Unknown) != 1 || strings.HasSuffix(bill.Unknown[0], "(from "+want+")") != (want != "") {
			t.Errorf("%s: unknown are %q, want %q in it", engine, bill.Unknown, want)
		}
	}
}
