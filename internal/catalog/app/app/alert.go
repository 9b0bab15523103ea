// SPDX-License-Identifier: Apache-2.0

package app

import (
	"maps"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/product"
)

// observe offers the app's alerts, by name.
func observe(b *product.Building, e entry) {
	for _, name := range slices.Sorted(maps.Keys(e.Spec.Alerts)) {
		a := e.Spec.Alerts[name]
		product.Offer(b, product.Alert{Entry: e.ID, Name: camel(e.Name + "-" + name), Expression: a.Expression, For: a.For, Severity: a.Severity, Receiver: a.Receiver,
			Summary: "app " + e.Name + ": " + name})
	}
}

// camel makes TooSlow of too-slow, as alerts are named.
func camel(name string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(name, "-") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}
