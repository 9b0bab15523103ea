// SPDX-License-Identifier: Apache-2.0

package certmanager_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/support/certmanager"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, certmanager.Product) }
