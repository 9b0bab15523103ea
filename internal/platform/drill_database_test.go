// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/problem"
)

func TestADrillOfADatabaseWithoutBackupsIsRefusedInWords(t *testing.T) {
	t.Parallel()
	entry := func(product, engine string) v1alpha1.Database {
		var d v1alpha1.Database
		d.Product, d.Engine = product, engine
		return d
	}
	p := &Platform{doc: &v1alpha1.Platform{Spec: v1alpha1.Spec{Databases: map[string]v1alpha1.Database{
		"cache": entry("digitalocean", "valkey"), "logs": entry("digitalocean", "opensearch"), "theirs": entry("existing", "postgresql")}}}}
	for name, why := range map[string]string{"cache": "no backups of Valkey", "logs": "OpenSearch", "theirs": "somebody else runs it", "cashe": "databases/cache"} {
		if _, err := p.PlanDatabaseDrill(t.Context(), "databases/"+name); problem.ExitCode(err) != 64 || !strings.Contains(fmt.Sprintf("%+v", err), why) {
			t.Errorf("the drill of %s: %+v, want it refused with %q", name, err, why)
		}
	}
}

func TestADrillFailsByWhatDoesNotComeBack(t *testing.T) {
	t.Parallel()
	passed, failed := &probe.Finding{State: probe.Simulated}, &probe.Finding{State: probe.Failed, Message: "the copy holds no tables", Look: "the backup"}
	for _, c := range []struct {
		why   string
		found DrilledDatabase
		code  int
		says  string
	}{
		{"all is back", DrilledDatabase{Databases: []DrilledName{{"orders", true}}, Probe: passed}, 0, ""},
		{"one of two is not", DrilledDatabase{Databases: []DrilledName{{"audit", false}, {"orders", true}}, Probe: passed}, 1, "audit: made after the backup, or missing from it"},
		{"all is back, and empty", DrilledDatabase{Databases: []DrilledName{{"orders", true}}, Probe: failed}, 1, "the copy holds no tables; the backup"},
	} {
		err := c.found.verdict()
		if problem.ExitCode(err) != c.code || !strings.Contains(fmt.Sprintf("%+v", err), c.says) {
			t.Errorf("where %s: %+v, want exit code %d and %q", c.why, err, c.code, c.says)
		}
	}
}

func TestWhatADrillCannotRemoveIsNamed(t *testing.T) {
	t.Parallel()
	d := databaseDrill{DatabaseDrill: &DatabaseDrill{Entry: "databases/orders", Copy: "shop-x7k2p9-drill-20261126-101010"}, in: drill{Platform: &Platform{}}}
	refused := errors.New("the cloud says no")
	err := d.unremoved(t.Context(), refused, []string{"database cluster shop-x7k2p9-drill-20261126-101010 (4711)"})
	if said := fmt.Sprintf("%+v", err); problem.ExitCode(err) != 7 || !strings.Contains(said, "drill-20261126-101010 (4711)") || !strings.Contains(said, refused.Error()) {
		t.Errorf("what is left is told as %s, with exit code %d; want it named, why, and 7", said, problem.ExitCode(err))
	}
	if err := d.unremoved(t.Context(), nil, nil); err != nil {
		t.Errorf("where nothing is left: %v", err)
	}
}
