// SPDX-License-Identifier: Apache-2.0

package linkerd_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/mesh/linkerd"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, linkerd.Product) }
