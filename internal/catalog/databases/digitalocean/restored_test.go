// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/catalog/databases"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/secret"
)

// What was there at the moment that restoreFrom names is read with what the restored entry's Binding says, out of a real PostgreSQL.
func TestAnAppReadsWhatWasThereAtTheMomentItIsRestoredFrom(t *testing.T) {
	t.Parallel()
	w := try(t)
	w.sign("k8or-web")
	w.grant("k8or-web", web())
	w.may("k8or-web", "orders", "CREATE TABLE carts (what text); INSERT INTO carts VALUES ('a shoe')")
	w.now.Advance(24 * time.Hour)
	w.may("k8or-web", "orders", "SELECT 1") // nobody is let in before a backup that is due is taken
	moment := w.now.Wall()
	w.now.Advance(time.Hour)
	w.may("k8or-web", "orders", "DELETE FROM carts")
	w.now.Advance(24 * time.Hour)
	w.may("k8or-web", "orders", "SELECT 1")

	w.cluster(fmt.Sprintf(`"name": "orders-again", "backup_restore": {"database_name": "orders", "backup_created_at": %q}`, moment.Format(time.RFC3339)))
	w.grant("k8or-web", web())
	c := with(databases.Connection{Engine: databases.PostgreSQL, Database: "orders"}, digitalocean.UserOut{Name: "k8or-web", Password: secret.New(w.passwords["k8or-web"])})
	binding := c.Data()
	w.passwords[binding["username"].Reveal()] = binding["password"].Reveal()
	if got := w.may(binding["username"].Reveal(), binding["database"].Reveal(), "SELECT what FROM carts"); got != "a shoe" {
		t.Errorf("the app reads %q, want what was there at %s", got, moment)
	}
	w.may("k8or-web", "orders", "INSERT INTO carts VALUES ('a hat')")
}
