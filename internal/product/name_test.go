// SPDX-License-Identifier: Apache-2.0

package product

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/k8or/k8or/internal/graph"
)

func TestASetsNameIsOneLabelAndTellsIdsApart(t *testing.T) {
	t.Parallel()
	seen := map[string]graph.ID{}
	for _, id := range []graph.ID{
		"cluster", "gateways/public", "gateways/public/routes/shop.example.com",
		graph.ID("gateways/public/routes/" + strings.Repeat("long.", 30) + "com"), graph.ID("gateways/public/routes/" + strings.Repeat("long.", 30) + "org"),
		graph.ID("crds/" + strings.Repeat("x", 35) + "/" + strings.Repeat("y", 40)),
	} {
		name := setName(id)
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 || len(name) > 50 {
			t.Errorf("%s: the name %q is no label of 50 characters at most: %v", id, name, problems)
		}
		if other, ok := seen[name]; ok {
			t.Errorf("%s and %s have the same name %s", id, other, name)
		}
		seen[name] = id
		if setName(id) != name {
			t.Errorf("%s has two names", id)
		}
	}
}
