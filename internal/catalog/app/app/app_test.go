// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/app/app"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, app.Product) }
