// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"bytes"
	"testing"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/probe"
)

// proves runs every probe of the platform, as `k8or verify` does. No containers run here: each Job is taken, its pod is given a node, what it
// mounts and calls is there, and that is what it says. Nothing of a Job stays.
func (w *world) proves(t *testing.T, name string, raw []byte) {
	p, err := w.open(name, raw)
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, p)
	v, err := p.Verify(t.Context(), platform.VerifyOptions{})
	if err != nil {
		t.Fatalf("verify: %s", whole(err))
	}
	w.see(t, v)
	for _, one := range v.Probes {
		if one.State != probe.Simulated || len(one.Checked) == 0 {
			t.Errorf("the probe %s of %s %s, having looked at %q: %s", one.Name, one.Entry, one.State, one.Checked, one.Message)
		}
	}
	for _, cluster := range w.cloud.Clusters() {
		held, err := w.runtime.Server(cluster.ID).Export()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(held, []byte(kube.TaskLabel)) {
			t.Error("verify leaves something behind in the cluster")
		}
	}
}
