// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/registry/digitalocean"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, digitalocean.Product) }
