// SPDX-License-Identifier: Apache-2.0

package externaldns_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/support/externaldns"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, externaldns.Product) }
