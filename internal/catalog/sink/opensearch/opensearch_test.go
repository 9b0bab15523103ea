// SPDX-License-Identifier: Apache-2.0

package opensearch_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/sink/opensearch"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, opensearch.Product) }
