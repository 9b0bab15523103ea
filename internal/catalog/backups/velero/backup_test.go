// SPDX-License-Identifier: Apache-2.0

package velero_test

import (
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/producttest"
)

const backedUp = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: shop}
spec:
  region: nyc3
  storage: {spaces: {backups: {}}}
  backups: {bucket: storage/spaces/backups}
  apps:
    web: {image: "docker.io/library/nginx:1.29.1", port: 8080, volumes: {data: {size: 1Gi, path: /data}}}
`

const (
	claim      = "/api/v1/namespaces/apps/persistentvolumeclaims/web-data"
	deployment = "/apis/apps/v1/namespaces/apps/deployments/web"
)

func TestWhatIsLostComesBackFromABackup(t *testing.T) {
	t.Parallel()
	producttest.Standing(t, backedUp, func(t *testing.T, p *platform.Platform, cluster func(method, path string) (int, map[string]any)) {
		ctx := t.Context()
		taken, err := p.TakeBackup(ctx, "first", nil)
		if err != nil || taken.Phase != "Completed" || taken.Snapshots != 1 || taken.Objects == 0 || !taken.Simulated {
			t.Fatalf("the backup is %+v, %v", taken, err)
		}
		if all, err := p.Backups(ctx); err != nil || len(all) != 1 || all[0].Name != "first" || all[0].Expires == nil || all[0].Expires.Sub(*all[0].Began) != 14*24*time.Hour {
			t.Errorf("the backups are %+v, %v; want the first, kept for the document's 14 days", all, err)
		}
		for _, path := range []string{deployment, claim} {
			if status, answer := cluster("DELETE", path+"?propagationPolicy=Background"); status != 200 {
				t.Fatalf("DELETE %s: %d %v", path, status, answer)
			}
		}
		for range 60 { // until its pods have gone, and it with them
			if status, _ := cluster("GET", claim); status == 404 {
				break
			}
			time.Sleep(time.Second)
		}
		back, err := p.Restore(ctx, "first", []string{"apps"})
		if err != nil || back.Phase != "Completed" {
			t.Fatalf("the restore is %+v, %v", back, err)
		}
		if status, _ := cluster("GET", deployment); status != 200 {
			t.Errorf("the Deployment is answered with %d after the restore", status)
		}
		for range 60 {
			if _, answer := cluster("GET", claim); answer["status"].(map[string]any)["phase"] == "Bound" {
				break
			}
			time.Sleep(time.Second)
		}
		_, restored := cluster("GET", claim)
		source, _ := restored["spec"].(map[string]any)["dataSource"].(map[string]any)
		if source["kind"] != "VolumeSnapshot" || restored["status"].(map[string]any)["phase"] != "Bound" {
			t.Errorf("the claim is %v, want one that is bound to a volume made of the snapshot", restored)
		}
		if _, err := p.Restore(ctx, "frist", nil); err == nil || !strings.Contains(err.Error(), `there is no backup "frist"`) {
			t.Errorf("a backup that is not there is answered with %v", err)
		}
		if _, err := p.TakeBackup(ctx, "first", nil); err == nil {
			t.Error("a second backup of the same name is taken")
		}
	})
}

func TestBackupsAreAskedForInTheDocument(t *testing.T) {
	t.Parallel()
	without := backedUp[:strings.Index(backedUp, "  backups: {bucket")] + backedUp[strings.Index(backedUp, "  apps:"):]
	producttest.Standing(t, without, func(t *testing.T, p *platform.Platform, _ func(string, string) (int, map[string]any)) {
		if _, err := p.TakeBackup(t.Context(), "", nil); err == nil || !strings.Contains(err.Error(), "the document has no backups") {
			t.Errorf("without Velero a backup is answered with %v", err)
		}
	})
}
