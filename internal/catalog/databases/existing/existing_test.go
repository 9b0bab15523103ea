// SPDX-License-Identifier: Apache-2.0

package existing_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/databases/existing"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, existing.Product) }
