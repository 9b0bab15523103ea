// SPDX-License-Identifier: Apache-2.0

package classes_test

import (
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/producttest"
)

const withVolume = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: shop}
spec:
  region: nyc3
  databases: {orders: {product: digitalocean, engine: postgresql}}
  apps:
    web: {image: "docker.io/library/nginx:1.29.1", port: 8080, volumes: {data: {size: 1Gi, path: /data}}}
`

func TestASnapshotIsThereBeforeItsVolumeGoes(t *testing.T) {
	t.Parallel()
	left, later, err := producttest.Down(t, withVolume, graph.DataDecisions{Copied: []string{"volumes/apps/web-data"}, Lose: []string{"databases/orders"}})
	if err != nil {
		t.Fatalf("down: %v", err)
	}
	snapshots := 0
	for _, thing := range left {
		switch {
		case strings.HasPrefix(thing, "volume_snapshot last-"):
			snapshots++
		case !strings.HasPrefix(thing, "tag "): // the memory of what is kept
			t.Errorf("%s is left beside the snapshot", thing)
		}
	}
	if snapshots != 1 {
		t.Fatalf("left is %v, want the volume's last snapshot", left)
	}
	if len(later.Data) != 1 || !strings.Contains(later.Data[0].Title, "of apps/web-data") {
		t.Errorf("a later process finds the stores %+v, want the snapshot by its claim's name", later.Data)
	}
}

func TestADatabaseHasNoSnapshotThatOutlivesIt(t *testing.T) {
	t.Parallel()
	_, _, err := producttest.Down(t, withVolume, graph.DataDecisions{Copied: []string{"databases/orders"}, Lose: []string{"volumes/apps/web-data"}})
	if err == nil || !strings.Contains(err.Error(), "no snapshot can be taken of databases/orders") {
		t.Errorf("a snapshot of a database is answered with %v", err)
	}
}
