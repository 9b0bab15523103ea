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
		case "cluster", "apps", "support":
			continue // not a choice of product in the document
		}
		available[about.Category] = append(available[about.Category], about.Name)
	}
	return available
}
