// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"bytes"
	"encoding/json"
	"testing"
	"testing/synctest"

	corev1 "k8s.io/api/core/v1"

	"github.com/k8or/k8or/internal/graph"
)

// Gone brings a platform up by one document and then by another. Each of the words has to stand somewhere in the cluster after the
// first, such as a mark on a pod's template, and nowhere after the second. Judge looks at the pods after each.
func Gone(t *testing.T, from, to string, judge func(text string, pods []corev1.Pod), words ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cloud.Close()
		for _, text := range []string{from, to} {
			p, plan := w.plan(t, text)
			if _, err := p.Up(t.Context(), plan, plan.Approve(graph.Replaces), nil); err != nil {
				t.Fatalf("up: %s", whole(err))
			}
			for _, cluster := range w.cloud.Clusters() {
				held, err := w.runtime.Server(cluster.ID).Export()
				if err != nil {
					t.Fatal(err)
				}
				for _, word := range words {
					switch there := bytes.Contains(held, []byte(word)); {
					case text == from && !there:
						t.Errorf("%s is nowhere in the cluster, so this proves nothing", word)
					case text == to && there:
						at := bytes.Index(held, []byte(word))
						t.Errorf("%s is still in the cluster: …%s…", word, held[max(0, at-300):min(len(held), at+100)])
					}
				}
				judge(text, podsIn(t, held))
			}
		}
	})
}

// podsIn are the pods of a cluster that have not ended.
func podsIn(t *testing.T, exported []byte) []corev1.Pod {
	t.Helper()
	var all struct {
		Objects []struct {
			Resource string
			Object   json.RawMessage
		}
	}
	if err := json.Unmarshal(exported, &all); err != nil {
		t.Fatal(err)
	}
	var out []corev1.Pod
	for _, o := range all.Objects {
		if o.Resource != "pods" {
			continue
		}
		var pod corev1.Pod
		if err := json.Unmarshal(o.Object, &pod); err != nil {
			t.Fatal(err)
		}
		if pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			out = append(out, pod)
		}
	}
	return out
}
