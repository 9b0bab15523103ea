// SPDX-License-Identifier: Apache-2.0

package nginx_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/gateway/nginx"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, nginx.Product) }
