// SPDX-License-Identifier: Apache-2.0

package charttest

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/k8or/k8or/internal/chart"
)

// JSON writes a footprint for a file: what belongs to one workload, Service or CRD on one line, so that a change of it is a
// change of that line.
func JSON(f *chart.Footprint) ([]byte, error) {
	var fields map[string]json.RawMessage
	raw, err := plainJSON(f)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("{")
	separator := "\n"
	for _, name := range []string{"chart", "chartVersion", "digest", "appVersion", "workloads", "services", "claims", "crds", "ingressClasses", "apiServices", "images"} {
		value, ok := fields[name]
		if !ok {
			continue
		}
		fmt.Fprintf(&b, "%s %q: ", separator, name)
		separator = ",\n"
		var items []json.RawMessage
		if json.Unmarshal(value, &items) != nil { // not a list
			b.Write(value)
			continue
		}
		b.WriteString("[")
		for i, item := range items {
			fmt.Fprintf(&b, "\n  %s%s", item, map[bool]string{true: ",", false: ""}[i < len(items)-1])
		}
		b.WriteString("\n ]")
	}
	b.WriteString("\n}\n")
	return b.Bytes(), nil
}

// plainJSON leaves <, > and & as they are.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
