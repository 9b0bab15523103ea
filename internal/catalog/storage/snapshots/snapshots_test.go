// SPDX-License-Identifier: Apache-2.0

package snapshots_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/storage/snapshots"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, snapshots.Product) }
