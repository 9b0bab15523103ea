// SPDX-License-Identifier: Apache-2.0

package doks_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/gateway/doks"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, doks.Product) }
