// SPDX-License-Identifier: Apache-2.0

package swap

import (
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/producttest"
)

// All that a platform has carries its name: under another one, it would be made and billed a second time.
func TestAPlatformKeepsItsName(t *testing.T) {
	t.Parallel()
	named := strings.Replace(bare, "name: swap", "name: swap, uid: t3stx1", 1)
	plan := producttest.Change(t, named, strings.Replace(named, "name: swap", "name: shop", 1))
	for _, p := range plan.Problems {
		if p.Code == problem.NotChangeable && p.Path == "metadata.name" && strings.Contains(p.Fix, "name: swap") {
			return
		}
	}
	t.Errorf("another name under the same uid gives %v, want a refusal that says which name it has", plan.Problems)
}
