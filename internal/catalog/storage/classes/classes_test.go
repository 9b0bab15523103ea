// SPDX-License-Identifier: Apache-2.0

package classes_test

import (
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/producttest"
)

const document = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: shop}
spec:
  region: nyc3
  storage: {classes: {fast: {filesystem: ext4}}}
`

// A class cannot change; that it is made anew must not sound like the loss of its volumes.
func TestAnotherFilesystemReplacesTheClassAlone(t *testing.T) {
	t.Parallel()
	plan := producttest.Change(t, document, strings.Replace(document, "ext4", "xfs", 1))
	for _, s := range plan.Steps {
		if s.Node != "storage/classes/fast" && s.Action != graph.None && s.Action != graph.Keep {
			t.Errorf("another file system also means to %s %s", s.Action, s.Node)
		}
		if s.Risk == graph.DestroysData {
			t.Errorf("%s is said to destroy data", s.Node)
		}
	}
	if !plan.Changes() {
		t.Error("another file system changes nothing")
	}
}
