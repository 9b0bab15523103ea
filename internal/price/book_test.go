// SPDX-License-Identifier: Apache-2.0

package price

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/unit"
)

func TestEveryPriceHasASourceAndADate(t *testing.T) {
	t.Parallel()
	var file struct {
		Currency, Date string
		HoursCap       entry
		Lines          []entry
	}
	if err := json.Unmarshal(embedded, &file); err != nil {
		t.Fatal(err)
	}
	if file.Currency != "USD" || len(file.Lines) < 100 {
		t.Fatalf("the book has %d lines in %q", len(file.Lines), file.Currency)
	}
	compiled, err := time.Parse(time.DateOnly, file.Date)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range append(file.Lines, file.HoursCap) {
		date, err := time.Parse(time.DateOnly, e.Date)
		if err != nil {
			date, err = time.Parse("2006-01", e.Date)
		}
		if err != nil || date.After(compiled) {
			t.Errorf("%s %q: its date %q is none, or after the book's", e.Kind, e.Slug, e.Date)
		}
		if e.Source == "" || e.Per == "" {
			t.Errorf("%s %q: no source, or nothing said of what is counted", e.Kind, e.Slug)
		}
	}
}

func TestEverySizeIsANodeWithAPlausibleHour(t *testing.T) {
	t.Parallel()
	b := Default()
	if b.HoursCap() != 672 || b.Date() == "" {
		t.Errorf("cap %d, date %q", b.HoursCap(), b.Date())
	}
	last := unit.Money(0)
	for _, s := range b.Sizes() {
		if s.MemoryMiB < 2*unit.GiB || s.VCPUs < 1 || s.Monthly < last || s.Monthly == 0 {
			t.Errorf("%+v is too small for a node, free, or out of order", s)
		}
		last = s.Monthly
		hours := 672.0
		if strings.HasPrefix(s.Slug, "gpu-") {
			hours = 744 // GPU sizes have no cap below the whole month.
		}
		e, _ := b.find(Node, s.Slug)
		if share := e.Monthly / hours; math.Abs(share-e.Hourly) > share*0.001 {
			t.Errorf("%s: $%v an hour, and the month's share is %v", s.Slug, e.Hourly, share)
		}
	}
	if size, ok := b.Size("s-2vcpu-4gb"); !ok || size != (Size{"s-2vcpu-4gb", 4096, 2, 24 * unit.Dollar}) {
		t.Errorf("s-2vcpu-4gb is %+v", size)
	}
	if _, ok := b.Size("REGIONAL"); ok {
		t.Error("a load balancer is found as a size")
	}
}

func TestABadBookIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{`:            "read the price book",
		`{"lines":[]}`: "no cap",
		`{"hoursCap":{"hours":672},"lines":[{"kind":"volume"},{"kind":"volume"}]}`: "two lines",
		`{"hoursCap":{"hours":672},"lines":[{"kind":"volume","monthly":-1}]}`:      "negative price",
	} {
		if _, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", text, err, want)
		}
	}
}
