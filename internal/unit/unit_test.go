// SPDX-License-Identifier: Apache-2.0

package unit_test

import (
	"testing"

	"github.com/k8or/k8or/internal/unit"
)

func TestQuantitiesPrintAsTheirSourcesDo(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"$48.00":   (48 * unit.Dollar).String(),
		"$0.07":    unit.Dollars(0.0714).String(),
		"-$1.20":   (-unit.Dollars(1.2)).String(),
		"$0.07143": unit.Dollars(0.07143).Hourly(),
		"1500m":    unit.MilliCPU(1500).String(),
		"2":        unit.MilliCPU(2000).String(),
		"0m":       unit.MilliCPU(0).String(),
		"512Mi":    unit.MiB(512).String(),
		"2.5Gi":    (2*unit.GiB + 512).String(),
		"16Gi":     (16 * unit.GiB).String(),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestThingsAreCounted(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 objects", 1: "1 object", 2: "2 objects"} {
		if got := unit.Count(n, "object"); got != want {
			t.Errorf("%d is told as %q, want %q", n, got, want)
		}
	}
}
