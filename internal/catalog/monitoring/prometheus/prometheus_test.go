// SPDX-License-Identifier: Apache-2.0

package prometheus_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/monitoring/prometheus"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, prometheus.Product) }
