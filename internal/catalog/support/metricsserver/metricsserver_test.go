// SPDX-License-Identifier: Apache-2.0

package metricsserver_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/support/metricsserver"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, metricsserver.Product) }
