// SPDX-License-Identifier: Apache-2.0

package elk_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/sink/elk"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, elk.Product) }
