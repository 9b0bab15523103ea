// SPDX-License-Identifier: Apache-2.0

package mesh

import "encoding/json"

// Dashboard is a page of Grafana's with one panel for each.
func Dashboard(uid, title string, panels []Golden) []byte {
	var out []any
	for i, p := range panels {
		out = append(out, map[string]any{"id": i + 1, "type": "timeseries", "title": p.Title,
			"gridPos":     map[string]any{"x": 12 * (i % 2), "y": 8 * (i / 2), "w": 12, "h": 8},
			"fieldConfig": map[string]any{"defaults": map[string]any{"unit": p.Unit}, "overrides": []any{}},
			"targets":     []any{map[string]any{"refId": "A", "expr": p.Expression, "legendFormat": p.Legend}}})
	}
	raw, err := json.Marshal(map[string]any{"uid": uid, "title": title, "tags": []any{"k8or", "mesh"}, "schemaVersion": 39, "refresh": "30s",
		"time": map[string]any{"from": "now-3h", "to": "now"}, "panels": out})
	if err != nil {
		panic(err) // texts and numbers alone
	}
	return raw
}
