// SPDX-License-Identifier: Apache-2.0

package snapshots_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/producttest"
)

const hourly = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: shop}
spec:
  region: nyc3
  storage: {snapshots: {hourly: {schedule: "0 * * * *", keep: 2}}}
  apps:
    web: {image: "docker.io/library/nginx:1.29.1", port: 8080, volumes: {data: {size: 1Gi, path: /data}}}
`

// What hours of a schedule leave is the newest, at the cloud too: verify is content with it, status counts it and down asks for it.
func TestAScheduleLeavesTheNewest(t *testing.T) {
	t.Parallel()
	producttest.Standing(t, hourly, func(t *testing.T, p *platform.Platform, cluster func(method, path string) (int, map[string]any)) {
		for range 4 {
			for _, wait := range []time.Duration{time.Hour, 10 * time.Second, time.Second} { // virtual; a cluster in memory does what is due when it is asked something
				time.Sleep(wait)
				cluster("GET", "/api/v1/namespaces")
			}
		}
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			status, answer := cluster(r.Method, r.URL.RequestURI())
			w.WriteHeader(status)
			json.NewEncoder(w).Encode(answer) //nolint:errcheck // the probe says what became of it
		}))
		defer api.Close()
		c, err := p.Compose(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		proven := false
		for _, one := range c.Probes() {
			if one.Spec.Scheduled == nil {
				continue
			}
			spec := one.Spec
			spec.Scheduled.API, spec.Scheduled.CA, spec.Scheduled.Token = api.URL, "", ""
			found := probe.Run(t.Context(), spec, fstest.MapFS{}, &bytes.Buffer{})
			if proven = true; found.State != probe.Passed || !strings.Contains(found.Message, "a run ended well") {
				t.Errorf("the schedule's probe %s: %s", found.State, found.Message)
			}
		}
		if !proven {
			t.Error("nothing proves the schedule")
		}
		status, err := p.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		billed := 0
		for _, l := range status.Bill.Lines {
			if l.Kind == price.Snapshot {
				billed++
			}
		}
		teardown, err := p.PlanDown(t.Context(), graph.DataDecisions{})
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		for _, d := range teardown.Data {
			if strings.HasPrefix(d.Data, "snapshots/") {
				asked++
			}
		}
		if billed != 2 || asked != 2 {
			t.Errorf("status counts %d snapshots and down asks for %d, want the two that are kept: %+v", billed, asked, teardown.Data)
		}
	})
}
