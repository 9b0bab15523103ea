// SPDX-License-Identifier: Apache-2.0

package aggregated_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/k8or/k8or/sandbox/controlplane/internal/aggregated"
)

func TestHandlerAnswersDiscoveryAndEmptyMetrics(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		path, kind string
		status     int
		resources  int
	}{
		{"/apis/metrics.k8s.io/v1beta1", "APIResourceList", http.StatusOK, 2},
		{"/apis/external.metrics.k8s.io/v1beta1", "APIResourceList", http.StatusOK, 0},
		{"/apis/metrics.k8s.io/v1beta1/nodes", "NodeMetricsList", http.StatusOK, 0},
		{"/apis/metrics.k8s.io/v1beta1/namespaces/apps/pods", "PodMetricsList", http.StatusOK, 0},
		{"/apis/metrics.k8s.io/v1beta1/namespaces/apps/pods/web", "Status", http.StatusNotFound, 0},
		{"/apis/external.metrics.k8s.io/v1beta1/namespaces/apps/queue", "Status", http.StatusNotFound, 0},
	} {
		recorder := httptest.NewRecorder()
		aggregated.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, row.path, nil))
		var got struct {
			Kind      string `json:"kind"`
			Resources []any  `json:"resources"`
			Items     []any  `json:"items"`
		}
		if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil {
			t.Fatalf("GET %s: %v", row.path, err)
		}
		if recorder.Code != row.status || got.Kind != row.kind || len(got.Resources) != row.resources || len(got.Items) != 0 {
			t.Errorf("GET %s = %d %s with %d resources, want %d %s with %d", row.path, recorder.Code, got.Kind, len(got.Resources), row.status, row.kind, row.resources)
		}
	}
}
