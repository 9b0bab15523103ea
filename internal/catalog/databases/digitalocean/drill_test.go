// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/producttest"
)

const backedUp = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: shop}
spec:
  region: nyc3
  databases:
    orders: {product: digitalocean, engine: postgresql, databases: [orders, audit]}
    billing: {product: digitalocean, engine: mysql, standby: 1}
    catalogue: {product: digitalocean, engine: mongodb, size: medium}
`

// A drill of each engine that has backups finds all its databases in the copy and leaves nothing, also where it was stopped; left at
// once, it says what is there, the plan does too, and the next drill removes it.
func TestABackupOfEachEngineIsDrilled(t *testing.T) {
	t.Parallel()
	producttest.Standing(t, backedUp, func(t *testing.T, p *platform.Platform, cluster func(method, path string) (int, map[string]any)) {
		time.Sleep(10 * time.Minute) // for the first backups
		noted := func(want bool) {
			t.Helper()
			plan, err := p.Plan(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if said := strings.Contains(strings.Join(plan.Notes, "\n"), "is a copy of a restore drill"); said != want || plan.Changes() {
				t.Errorf("the plan tells of a copy: %t, want %t; it changes something: %t", said, want, plan.Changes())
			}
			if status, _ := cluster("GET", "/api/v1/namespaces/k8or-drill"); status != 404 && !want {
				t.Errorf("the namespace of the drill: status %d, want it gone", status)
			}
		}
		drill := func(ctx context.Context, entry string, watch platform.Watch) (*platform.DrilledDatabase, error) {
			t.Helper()
			plan, err := p.PlanDatabaseDrill(t.Context(), entry)
			if err != nil {
				t.Fatal(err)
			}
			if plan.Backup == nil || plan.Age <= 0 {
				t.Errorf("%s: the backup is of %v, %v s ago", entry, plan.Backup, plan.Age)
			}
			return p.DrillDatabase(ctx, plan, "", watch)
		}
		for entry, databases := range map[string]int{"databases/orders": 2, "databases/billing": 1, "databases/catalogue": 1} {
			found, err := drill(t.Context(), entry, nil)
			if err != nil || len(found.Databases) != databases || found.Failed() > 0 || found.Probe.State != probe.Simulated || found.Restored < 60 {
				t.Errorf("the drill of %s found %+v, %+v", entry, found, err)
			}
			noted(false)
		}
		stopped, err := drill(t.Context(), "databases/orders", func(stop func()) { time.AfterFunc(time.Minute, stop) })
		if problem.ExitCode(err) != 130 || !strings.Contains(fmt.Sprintf("%+v", err), "is removed again") || stopped != nil {
			t.Errorf("stopped, the drill ended with %+v", err)
		}
		noted(false)
		ctx, leave := context.WithTimeout(t.Context(), time.Minute)
		defer leave()
		if _, err := drill(ctx, "databases/orders", nil); problem.ExitCode(err) != 130 || !strings.Contains(fmt.Sprintf("%+v", err), "-drill-") {
			t.Errorf("left at once, the drill ended with %+v, want what is left named", err)
		}
		noted(true)
		time.Sleep(time.Hour) // until its lock lapses
		if _, err := drill(t.Context(), "databases/billing", nil); err != nil {
			t.Errorf("the next drill: %+v", err)
		}
		noted(false)
	})
}
