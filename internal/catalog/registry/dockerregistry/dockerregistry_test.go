// SPDX-License-Identifier: Apache-2.0

package dockerregistry_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/registry/dockerregistry"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, dockerregistry.Product) }
