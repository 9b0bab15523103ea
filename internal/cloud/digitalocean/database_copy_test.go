// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/json"
	"testing"

	"github.com/k8or/k8or/internal/unit"
)

func TestACopyIsAsLargeAsItsSourceAndNoLarger(t *testing.T) {
	t.Parallel()
	var offer databaseOffer
	if err := json.Unmarshal([]byte(`{"layouts": [{"num_nodes": 1, "sizes": ["db-s-4vcpu-8gb", "db-s-1vcpu-1gb", "db-s-1vcpu-2gb", "db-s-2vcpu-4gb", "gd-2vcpu-8gb"]}, {"num_nodes": 2, "sizes": ["db-s-1vcpu-2gb"]}]}`), &offer); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why, engine, size string
		disk              unit.MiB
		wantSize          string
		wantDisk          unit.MiB
	}{
		{"its own is the smallest", "pg", "db-s-1vcpu-2gb", 30 * unit.GiB, "db-s-1vcpu-2gb", 0},
		{"a disk that has grown takes a larger one", "pg", "db-s-1vcpu-2gb", 70 * unit.GiB, "db-s-4vcpu-8gb", 0},
		{"its memory counts, and not its disk alone", "mysql", "gd-2vcpu-8gb", 30 * unit.GiB, "db-s-4vcpu-8gb", 0},
		{"no known size has such a disk", "pg", "db-s-2vcpu-4gb", 500 * unit.GiB, "db-s-2vcpu-4gb", 500 * unit.GiB},
		{"nobody knows the disks of its engine", "mongodb", "db-s-2vcpu-4gb", 60 * unit.GiB, "db-s-2vcpu-4gb", 60 * unit.GiB},
	} {
		size, disk := Backed{DatabaseOut: DatabaseOut{Engine: c.engine, Size: c.size, Storage: c.disk}, offer: offer}.smallest()
		if size != c.wantSize || disk != c.wantDisk {
			t.Errorf("%s: the copy is of size %s with %s, want %s with %s", c.why, size, disk, c.wantSize, c.wantDisk)
		}
	}
}
