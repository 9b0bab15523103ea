// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/graph"
)

// The page is what people read before they add a kind or trust a teardown; it must say what the code does.
func TestLifecyclePageTellsTheKinds(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/lifecycle.md")
	if err != nil {
		t.Fatal(err)
	}
	short := func(d time.Duration) string {
		text := d.String()
		for _, zero := range []string{"0s", "0m"} {
			if strings.HasSuffix(text, "m"+zero) || strings.HasSuffix(text, "h"+zero) {
				text = strings.TrimSuffix(text, zero)
			}
		}
		return text
	}
	e := NewEstate(clientOf(t, &answers{}), Mark{Name: "shop", UID: "x7k2p9"}, EstateOptions{})
	for _, k := range append(e.Kinds(), e.members, e.existing) {
		row := rowOf(string(page), k)
		if row == nil {
			t.Errorf("docs/lifecycle.md has no row for %s", k.Name)
			continue
		}
		if k.List == nil {
			continue
		}
		deadline := k.Deadline
		if deadline == 0 {
			deadline = max(10*k.Typical, 5*time.Minute)
		}
		if row[6] != fmt.Sprint(k.Rank) || row[5] != short(deadline) || k.Lag > 0 && row[3] != short(k.Lag) || k.Typical > 0 && row[4] != short(k.Typical) {
			t.Errorf("docs/lifecycle.md says %v of %s; the code: lag %s, typical %s, deadline %s, rank %d", row, k.Name, short(k.Lag), short(k.Typical), short(deadline), k.Rank)
		}
		if len(scopesOf[k.Name]) == 0 {
			t.Errorf("%s has no scopes", k.Name)
		}
	}
}

func rowOf(page string, k *graph.Kind) []string {
	for line := range strings.Lines(page) {
		if cells := strings.Split(line, "|"); len(cells) > 8 && strings.Contains(cells[1], "`"+k.Name+"`") {
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			return cells[1:]
		}
	}
	return nil
}

// TestEveryKindHasItsPlaces finds the lists that a new kind has to be in. Beside somebody else's cluster are only things that need no
// private network of the platform's.
func TestEveryKindHasItsPlaces(t *testing.T) {
	t.Parallel()
	e := NewEstate(clientOf(t, &answers{}), Mark{Name: "shop", UID: "x7k2p9"}, EstateOptions{})
	has := func(lists ...[]*graph.Kind) map[uintptr]bool {
		in := map[uintptr]bool{}
		for _, k := range slices.Concat(lists...) {
			in[reflect.ValueOf(k).Pointer()] = true
		}
		return in
	}
	scoped := has(e.Always(), e.Families(), []*graph.Kind{e.members, e.existing})
	pruned, beside := has(e.Kinds()), has(e.Beside())
	inside := has([]*graph.Kind{e.pools, e.clusters, e.loadBalancers, e.volumes, e.snapshots, e.natGateways, e.reservedIPs, e.vpcs, e.projects})
	estate := reflect.ValueOf(e).Elem()
	for i := range estate.NumField() {
		field, name := estate.Field(i), estate.Type().Field(i).Name
		if field.Type() != reflect.TypeFor[*graph.Kind]() {
			continue
		}
		kind := field.Pointer()
		if !scoped[kind] {
			t.Errorf("Estate.%s is neither in Always nor in Families: list it there, or in a family that Families lists and platform.Scopes asks for, or `k8or scopes` asks for nothing that it needs", name)
		}
		if field.Elem().FieldByName("List").IsNil() {
			continue
		}
		if !pruned[kind] {
			t.Errorf("Estate.%s is not in Kinds: what the document no longer wants of it stays", name)
		}
		if beside[kind] == inside[kind] {
			t.Errorf("Estate.%s is either in Beside, or this test says that it never stands beside somebody else's cluster", name)
		}
	}
}
