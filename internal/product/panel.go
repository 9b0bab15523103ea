// SPDX-License-Identifier: Apache-2.0

package product

import "encoding/json"

// Panel is one curve of a dashboard: a title, Grafana's unit and PromQL. Legend names its lines by their labels.
type Panel struct{ Title, Unit, Legend, Expression string }

// Panels is a page of Grafana's with two panels a row, for the last three hours. UID is its identity, at most 40 characters.
func Panels(uid, title, tag string, panels []Panel) []byte {
	var out []any
	for i, p := range panels {
		out = append(out, map[string]any{"id": i + 1, "type": "timeseries", "title": p.Title,
			"gridPos":     map[string]any{"x": 12 * (i % 2), "y": 8 * (i / 2), "w": 12, "h": 8},
			"fieldConfig": map[string]any{"defaults": map[string]any{"unit": p.Unit}, "overrides": []any{}},
			"targets":     []any{map[string]any{"refId": "A", "expr": p.Expression, "legendFormat": p.Legend}}})
	}
	raw, err := json.Marshal(map[string]any{"uid": uid, "title": title, "tags": []any{"k8or", tag}, "schemaVersion": 39, "refresh": "30s",
		"time": map[string]any{"from": "now-3h", "to": "now"}, "panels": out})
	if err != nil {
		panic(err) // texts and numbers alone
	}
	return raw
}
