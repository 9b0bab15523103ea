// SPDX-License-Identifier: Apache-2.0

package velero_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/backups/velero"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, velero.Product) }
