// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"slices"
	"testing"

	"github.com/k8or/k8or/internal/graph"
)

func TestWhatAnEntryNeedsIsNotSaidToStandOnIt(t *testing.T) {
	t.Parallel()
	// As of a mesh: the gateway stands on it, and mutual TLS, one of its later nodes, waits for the gateway.
	w := Why{Needs: []graph.ID{"cluster", "crds/base", "gateways/public"}, UsedBy: []graph.ID{"apps/web", "crds/base", "gateways/public"}}
	w.straighten([]graph.ID{"cluster", "crds/base"})
	if needs, used := []graph.ID{"cluster", "crds/base"}, []graph.ID{"apps/web", "gateways/public"}; !slices.Equal(w.Needs, needs) || !slices.Equal(w.UsedBy, used) {
		t.Errorf("it needs %v and is used by %v, want %v and %v", w.Needs, w.UsedBy, needs, used)
	}
}
