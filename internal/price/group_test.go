// SPDX-License-Identifier: Apache-2.0

package price_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/k8or/k8or/internal/price"
)

func TestGroupsAreTogetherTheBill(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c"}
	rapid.Check(t, func(t *rapid.T) {
		bill := price.Default().Of(anyItems(1000).Draw(t, "items"))
		var sum price.Group
		for _, g := range price.By(bill, func(l price.Line) []string { return names[:1+len(l.Slug)%3] }) {
			sum.Low, sum.High, sum.HourlyLow, sum.HourlyHigh = sum.Low+g.Low, sum.High+g.High, sum.HourlyLow+g.HourlyLow, sum.HourlyHigh+g.HourlyHigh
		}
		if sum.Low != bill.Low || sum.High != bill.High || sum.HourlyLow != bill.HourlyLow || sum.HourlyHigh != bill.HourlyHigh {
			t.Errorf("groups are together %+v, the bill %+v", sum, bill)
		}
	})
}

func TestPairsChangeAsTheBillsDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		items := anyItems(1000)
		before, after := price.Default().Of(items.Draw(t, "before")), price.Default().Of(items.Draw(t, "after"))
		want := price.Diff(before, after)
		var got price.Change
		lines := 0
		for _, p := range price.Compare(before, after) {
			got.Low, got.High, got.HourlyLow, got.HourlyHigh = got.Low+p.Change.Low, got.High+p.Change.High, got.HourlyLow+p.Change.HourlyLow, got.HourlyHigh+p.Change.HourlyHigh
			if p.Before != nil {
				lines++
			}
			if p.After != nil {
				lines++
			}
		}
		if got.Low != want.Low || got.High != want.High || got.HourlyLow != want.HourlyLow || got.HourlyHigh != want.HourlyHigh {
			t.Errorf("pairs change by %+v, the bills by %+v", got, want)
		}
		if lines != len(before.Lines)+len(after.Lines) {
			t.Errorf("%d lines of %d stand in pairs", lines, len(before.Lines)+len(after.Lines))
		}
	})
}

func TestComparePutsTheSameThingSideBySide(t *testing.T) {
	t.Parallel()
	disk := func(what string, gib int) price.Item {
		return price.Item{For: "monitoring", What: what, Kind: price.Volume, Min: gib, Max: gib}
	}
	var got []string
	for _, p := range price.Compare(
		price.Default().Of([]price.Item{disk("metrics", 50), disk("alerts", 1), {For: "gone", Kind: price.HighAvailability}}),
		price.Default().Of([]price.Item{disk("alerts", 1), disk("metrics and more", 60), {For: "new", Kind: price.Spaces}})) {
		say := []string{"-", "-", p.Change.String()}
		if p.Before != nil {
			say[0] = p.Before.For + " " + p.Before.What
		}
		if p.After != nil {
			say[1] = p.After.For + " " + p.After.What
		}
		got = append(got, strings.Join(say, " | "))
	}
	want := []string{"monitoring metrics | monitoring metrics and more | +$1.00", "monitoring alerts | monitoring alerts | no change", "gone  | - | -$40.00", "- | new  | +$5.00"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
