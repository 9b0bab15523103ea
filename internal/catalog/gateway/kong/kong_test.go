// SPDX-License-Identifier: Apache-2.0

package kong_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/gateway/kong"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, kong.Product) }
