// SPDX-License-Identifier: Apache-2.0

package price

import (
	"slices"

	"github.com/k8or/k8or/internal/unit"
)

// Change is the difference between two bills, a month. Negative amounts are savings.
type Change struct {
	Low, High             unit.Money // The change of the minimum, and of the maximum.
	HourlyLow, HourlyHigh unit.Money
	Unknown               []string // What has no known price before or after, so that the difference leaves it out.
}

// Diff says what changes when the platform goes from one bill to another.
func Diff(before, after Bill) Change {
	unknown := slices.Concat(before.Unknown, after.Unknown)
	slices.Sort(unknown)
	return Change{
		Low: after.Low - before.Low, High: after.High - before.High,
		HourlyLow: after.HourlyLow - before.HourlyLow, HourlyHigh: after.HourlyHigh - before.HourlyHigh,
		Unknown: slices.Compact(unknown),
	}
}

// String prints a month's difference: "+$24.00", "-$15.00", "no change", "+$24.00 to +$72.00"; with "and what is unknown"
// when it leaves something out.
func (c Change) String() string {
	text := signed(c.Low)
	if c.High != c.Low {
		text += " to " + signed(c.High)
	} else if c.Low == 0 {
		text = "no change"
	}
	if len(c.Unknown) > 0 {
		text += " and what is unknown"
	}
	return text
}

func signed(m unit.Money) string {
	if m > 0 {
		return "+" + m.String()
	}
	return m.String()
}
