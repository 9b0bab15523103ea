// SPDX-License-Identifier: Apache-2.0

// Package unit holds the quantities that k8or reckons with: money, CPU and memory. A quantity carries its unit in its
// type, so that a price cannot be added to a size. All are integers: sums are exact, and rounding happens once, when a
// figure is printed.
package unit

import (
	"fmt"
	"strconv"
	"strings"
)

// Money is an amount of US dollars in micro-dollars, before tax. Negative amounts are savings.
type Money int64

// Dollar is one US dollar.
const Dollar Money = 1_000_000

// Dollars converts a published price, such as 0.05952, to Money, rounded to the nearest micro-dollar.
func Dollars(usd float64) Money {
	if usd < 0 {
		return -Dollars(-usd)
	}
	return Money(usd*float64(Dollar) + 0.5)
}

// String prints whole cents: "$48.00", "-$1.20".
func (m Money) String() string {
	sign := ""
	if m < 0 {
		sign, m = "-", -m
	}
	cents := (m + Dollar/200) / (Dollar / 100)
	return fmt.Sprintf("%s$%d.%02d", sign, cents/100, cents%100)
}

// Hourly prints an hourly rate with five decimals, as DigitalOcean publishes them: "$0.07143".
func (m Money) Hourly() string {
	return fmt.Sprintf("$%.5f", float64(m)/float64(Dollar))
}

// Plain prints whole cents as a bare number, for spreadsheets: "48.00", "-1.20".
func (m Money) Plain() string { return strings.Replace(m.String(), "$", "", 1) }

// MilliCPU is CPU time in thousandths of a core, as Kubernetes counts it.
type MilliCPU int64

// String prints "1500m", or "2" for whole cores.
func (c MilliCPU) String() string {
	if c != 0 && c%1000 == 0 {
		return strconv.FormatInt(int64(c)/1000, 10)
	}
	return strconv.FormatInt(int64(c), 10) + "m"
}

// MiB is an amount of memory or storage in mebibytes.
type MiB int64

// GiB is one gibibyte.
const GiB MiB = 1024

// String prints "512Mi", "2.5Gi" or "16Gi".
func (m MiB) String() string {
	if m < GiB && m > -GiB {
		return strconv.FormatInt(int64(m), 10) + "Mi"
	}
	return strings.TrimSuffix(strconv.FormatFloat(float64(m)/float64(GiB), 'f', 1, 64), ".0") + "Gi"
}

// Count is a number of things in words: "1 object", "2 objects". What is one of them, and gets an s.
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
