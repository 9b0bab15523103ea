// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/price"
)

var (
	workedRow = regexp.MustCompile(`^\| ([^*|]+) \| (\d+)(?: to (\d+))? \| \$([\d.]+) \| \$([\d.]+) \| \$([\d.]+) \|$`)
	workedSum = regexp.MustCompile(`^\| \*\*together\*\* \| \| \| \*\*\$([\d.]+)\*\* \| \*\*\$([\d.]+)\*\* \|$`)
)

// TestThreeExamplesCostWhatWasReckonedByHand reads the tables of docs/cost.md, which were typed from the price data, does their sums,
// and holds k8or's bill of each document against them, line by line and in all.
func TestThreeExamplesCostWhatWasReckonedByHand(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/cost.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := strings.Split(string(page), "\n### ")[1:]
	if len(examples) != 3 {
		t.Fatalf("docs/cost.md has %d examples, want 3", len(examples))
	}
	for _, text := range examples {
		name, table, _ := strings.Cut(text, "\n")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := "../../" + name + "/k8or.yaml"
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := document.Parse(Available(), document.Input{Name: file, Data: raw})
			if err != nil {
				t.Fatal(err)
			}
			items, err := ItemsOf(doc.Platform)
			if err != nil {
				t.Fatal(err)
			}
			bill := price.Default().Of(items)
			var byHand, byMachine []string
			low, high, summed := 0, 0, false
			for row := range strings.SplitSeq(table, "\n") {
				if m := workedRow.FindStringSubmatch(row); m != nil {
					least, most := many(t, m[2]), many(t, m[2])
					if m[3] != "" {
						most = many(t, m[3])
					}
					if cents(t, m[5]) != least*cents(t, m[4]) || cents(t, m[6]) != most*cents(t, m[4]) {
						t.Errorf("%q does not multiply", row)
					}
					low, high = low+cents(t, m[5]), high+cents(t, m[6])
					byHand = append(byHand, fmt.Sprintf("$%s: $%s to $%s", m[4], m[5], m[6]))
				}
				if m := workedSum.FindStringSubmatch(row); m != nil {
					summed = true
					if cents(t, m[1]) != low || cents(t, m[2]) != high {
						t.Errorf("its lines are %d to %d cents, and it says %s", low, high, row)
					}
					if "$"+m[1] != bill.Low.String() || "$"+m[2] != bill.High.String() {
						t.Errorf("by hand it is $%s to $%s, and k8or says %s", m[1], m[2], bill)
					}
				}
			}
			for _, l := range bill.Lines {
				byMachine = append(byMachine, fmt.Sprintf("%s: %s to %s", l.Unit, l.Low, l.High))
			}
			slices.Sort(byHand)
			slices.Sort(byMachine)
			if !summed || !slices.Equal(byHand, byMachine) {
				t.Errorf("line by line:\nby hand %v\nk8or    %v", byHand, byMachine)
			}
		})
	}
}

// cents is an amount of dollars in cents.
func cents(t *testing.T, text string) int {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return int(math.Round(v * 100))
}

// many is a quantity.
func many(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
