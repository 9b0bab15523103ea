// SPDX-License-Identifier: Apache-2.0

package product

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/k8or/k8or/api/v1alpha1"
)

// GiB is an amount of disk of the document in whole GiB, rounded up; zero for one that cannot be read, which the document's
// rules refuse before.
func GiB(q v1alpha1.Quantity) int {
	v, err := resource.ParseQuantity(string(q))
	if err != nil {
		return 0
	}
	return int((v.Value() + 1<<30 - 1) >> 30)
}
