// SPDX-License-Identifier: Apache-2.0

package kafka_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/messaging/kafka"
	"github.com/k8or/k8or/internal/producttest"
)

func TestProduct(t *testing.T) { producttest.Run(t, kafka.Product) }
