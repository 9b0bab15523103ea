// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"testing"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
)

func TestTheEndOfAVersionIsReadOfWhatIsWanted(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		if ends, err := w.estate.VersionsEnd(w.Context(), graph.NewCall()); err != nil || len(ends) > 0 {
			w.Errorf("where no database is wanted: %v, %v", ends, err)
		}
		for _, d := range []digitalocean.DatabaseSpec{{Name: "docs", Engine: "mongodb", Version: "7"}, {Name: "newer", Engine: "mongodb", Version: "8.0"}, {Name: "orders", Engine: "pg", Version: "15"}, {Name: "any", Engine: "mysql"}} {
			w.estate.Want(d)
		}
		ends, err := w.estate.VersionsEnd(w.Context(), graph.NewCall())
		if err != nil || len(ends) != 2 || ends[0].Name != "docs" || ends[0].Version != "7.0" || ends[0].End.Format(time.DateOnly) != "2026-08-01" || ends[1].Name != "orders" || ends[1].End.Year() != 2027 {
			w.Errorf("the versions that end are %+v, %v; want MongoDB 7.0 and PostgreSQL 15", ends, err)
		}
	})
}
