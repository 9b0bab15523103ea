// SPDX-License-Identifier: Apache-2.0

package spaces_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/storage/spaces"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, spaces.Product) }
