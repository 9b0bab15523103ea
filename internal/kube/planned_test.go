// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/graph"
)

// Of an object only the fields interrupt that have pods start anew, or requests go to others; what changes beside them is no risk.
func TestOnlyWhatInterruptsIsSaidTo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   string
		fields []string
		want   string // the first letters of those that restart
	}{
		{"Service", []string{"metadata.labels.app", "spec.selector.app", "spec.ports[0].port"}, "spec.selector"},
		{"Service", []string{"metadata.labels.app"}, ""},
		{"Deployment", []string{"metadata.labels.app", "spec.template.spec.containers[0].image", "spec.replicas"}, "spec.template"},
		{"ConfigMap", []string{"data.template"}, ""},
	} {
		change := Change{ID: ID{Version: "v1", Kind: c.kind, Namespace: "gateways", Name: "public"}, Action: Update}
		for _, path := range c.fields {
			change.Fields = append(change.Fields, FieldChange{Path: path, Before: "a", After: "b"})
		}
		for _, one := range planned(change) {
			_, field, _ := strings.Cut(one.Path, "gateways/public ")
			interrupts := c.want != "" && strings.HasPrefix(field, c.want)
			if got := one.Risk == graph.Restarts; got != interrupts {
				t.Errorf("%s of a %s is of risk %s, want it to interrupt: %t", field, c.kind, one.Risk, interrupts)
			}
			if c.kind == "Service" && interrupts != (one.Note != "") {
				t.Errorf("%s of a Service says %q", field, one.Note)
			}
		}
	}
}
