// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog"
)

// Available is what this k8or has products for, by category, for the document's rules.
func Available() v1alpha1.Available {
	available := v1alpha1.Available{}
	for _, p := range catalog.Products {
		about := p.About()
		switch about.Category {
		case "cluster", "apps":
			continue // not a choice of product in the document
		}
		if available[about.Category] == nil {
			available[about.Category] = map[string][]string{}
		}
		var placements []string
		for _, p := range about.Placements {
			placements = append(placements, string(p))
		}
		available[about.Category][about.Name] = placements
	}
	return available
}
