// SPDX-License-Identifier: Apache-2.0

package product

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/unit"
)

// MiB is an amount of disk or memory of the document; zero for one that cannot be read, which the document's rules refuse before.
func MiB(q v1alpha1.Quantity) unit.MiB {
	v, err := resource.ParseQuantity(string(q))
	if err != nil {
		return 0
	}
	return unit.MiB(v.Value() / (1 << 20))
}

// GiB is an amount of disk of the document in whole GiB, rounded up; zero for one that cannot be read, which the document's
// rules refuse before.
func GiB(q v1alpha1.Quantity) int {
	v, err := resource.ParseQuantity(string(q))
	if err != nil {
		return 0
	}
	return wholeGiB(v)
}

func wholeGiB(q resource.Quantity) int { return int((q.Value() + 1<<30 - 1) >> 30) }
