// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/k8or/k8or/internal/probe"
)

var counted = probe.Spec{Timeout: 30 * time.Second, Restored: &probe.Restored{Binding: "/probe/db", Source: "/probe/of"}}

// beside are the files of a copy and of its source.
func beside(copied, source map[string]string) map[string]string {
	all := maps.Clone(copied)
	for key, value := range source {
		all[strings.Replace(key, "db/", "of/", 1)] = value
	}
	return all
}

// TestACopyIsCountedBesideItsSource speaks to MySQL and MongoDB as they speak; PostgreSQL is a real one, with the probe of a row.
func TestACopyIsCountedBesideItsSource(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	copied, source := &mysqlServer{}, &mysqlServer{}
	files := beside(copied.listen(t, a), source.listen(t, a))
	copied.tables["carts"], source.tables["carts"] = "", ""
	f, _ := run(t, counted, files)
	wants(t, f, probe.Passed, "the copy lets web in and holds 1 tables (orders 1), as many as its source now")
	source.tables["hats"] = ""
	f, _ = run(t, counted, files)
	wants(t, f, probe.Passed, "holds 1 tables (orders 1); its source has 2 now (orders 2), which may have come or gone after the backup")
	delete(copied.tables, "carts")
	f, _ = run(t, counted, files)
	wants(t, f, probe.Failed, "holds no tables, and its source has 2 now (orders 2)", "after the backup")
	files["of/password"] = "wrong-5a4b3c"
	f, _ = run(t, counted, files)
	wants(t, f, probe.Failed, "its source cannot be counted", "MySQL refuses the user web")

	var m mongoServer
	files = m.listen(t, a)
	m.held["carts"], m.held["hats"] = bson.Raw{}, bson.Raw{}
	alone := counted
	alone.Restored = &probe.Restored{Binding: "/probe/db"}
	f, _ = run(t, alone, files)
	wants(t, f, probe.Passed, "the copy lets web in and holds 2 collections (orders 2); its source was not counted")
	files["db/type"] = "valkey"
	f, _ = run(t, alone, files)
	wants(t, f, probe.Failed, "type valkey")
}
