// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"testing"
	"time"

	simulated "github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/unit"
)

// TestWhatIsSpentIsReadFromTheInvoiceToCome has a cluster run for ten hours, and finds it by its name on the invoice.
func TestWhatIsSpentIsReadFromTheInvoiceToCome(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.client = w.clientWith(simulated.DefaultToken) // k8or scopes asks for none of billing's
		before, err := w.client.Spent(w.Context())
		if err != nil || before.Account != 0 || len(before.Items) != 0 || before.Month == "" {
			w.Fatalf("before anything is made: %+v, %v", before, err)
		}
		w.mustUp(starter())
		time.Sleep(10 * time.Hour)
		after, err := w.client.Spent(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		var sum unit.Money
		named := false
		for _, i := range after.Items {
			sum += i.Amount
			named = named || i.Within == "shop" && i.Project == "shop" && i.Amount > 0 && i.Hours >= 9
		}
		if !named || sum != after.Account || sum == 0 {
			w.Errorf("ten hours of a cluster: %+v", after)
		}
	})
}
