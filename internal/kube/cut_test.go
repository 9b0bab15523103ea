// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/sandbox/memkube"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

// cutter lets a number of requests through and then none: the process was killed. With late, the request that is cut is
// still carried out, and its answer lost.
type cutter struct {
	base http.RoundTripper
	left atomic.Int64
	late bool
}

var errCut = errors.New("cut off")

func (c *cutter) RoundTrip(req *http.Request) (*http.Response, error) {
	left := c.left.Add(-1)
	if left < 0 && (left < -1 || !c.late) {
		return nil, errCut
	}
	resp, err := c.base.RoundTrip(req)
	if left < 0 && err == nil {
		resp.Body.Close()
		return nil, errCut
	}
	return resp, err
}

// TestASetIsFinishedAfterACutAtAnyRequest cuts apply, an edit with its pruning, and delete at every request they make,
// and has another process finish. The API is the sandbox's small one: this is about order and repetition, not about
// server-side apply.
func TestASetIsFinishedAfterACutAtAnyRequest(t *testing.T) {
	t.Parallel()
	const ns = "gateway"
	all := objects(t, ns, "apiVersion: v1\nkind: Namespace\nmetadata: {name: NS}\n---"+web)
	needs := []string{"crds"}
	full := kube.Set{Name: "web", Namespace: ns, Objects: all, Needs: needs}
	fewer := kube.Set{Name: "web", Namespace: ns, Objects: all[:3], Needs: needs}
	applied := func(set kube.Set) func(context.Context, *kube.Cluster) (bool, error) {
		return func(ctx context.Context, c *kube.Cluster) (bool, error) {
			out, err := c.Apply(ctx, set)
			if err != nil || !out.Done {
				return false, err
			}
			pruned, err := c.Prune(ctx, set, nil)
			return pruned.Done, err
		}
	}
	deleted := func(ctx context.Context, c *kube.Cluster) (bool, error) {
		pruned, err := c.Delete(ctx, "web", nil)
		return pruned.Done, err
	}
	for name, tt := range map[string]struct {
		before []func(context.Context, *kube.Cluster) (bool, error)
		verb   func(context.Context, *kube.Cluster) (bool, error)
		want   int // objects of the set at the end
	}{
		"apply":  {nil, applied(full), 5},
		"edit":   {[]func(context.Context, *kube.Cluster) (bool, error){applied(full)}, applied(fewer), 3},
		"delete": {[]func(context.Context, *kube.Cluster) (bool, error){applied(full)}, deleted, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, late := range []bool{false, true} {
				// Every request at first; further on, where namespaces are searched kind by kind, in growing strides.
				for n := int64(0); ; n += 1 + n/20 {
					server := memkube.New(memkube.Options{Name: "cut"})
					connect := func(through http.RoundTripper) *kube.Cluster {
						return kube.New(kube.Options{Platform: "shop-x7k2p9", Transport: through, Credentials: func(context.Context) (kube.Credentials, error) {
							return kube.Credentials{Server: "https://cluster.example.com", Token: "t"}, nil
						}})
					}
					base := wire.Transport(server)
					for _, step := range tt.before {
						finish(t, connect(base), step)
					}
					through := &cutter{base: base, late: late}
					through.left.Store(n)
					uncut := true
					for done := false; uncut && !done; {
						var err error
						done, err = tt.verb(t.Context(), connect(through))
						uncut = err == nil
					}
					verifyNeeds(t, connect(base), n, late)
					finish(t, connect(base), tt.verb)
					verifyEnd(t, connect(base), tt.want, n, late)
					if uncut {
						break
					}
				}
			}
		})
	}
}

func finish(t *testing.T, c *kube.Cluster, step func(context.Context, *kube.Cluster) (bool, error)) {
	t.Helper()
	for range 50 {
		done, err := step(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			return
		}
	}
	t.Fatal("it does not come to an end")
}

// verifyNeeds holds a set that is known at all to what it needs: when nothing is left to apply, no later run writes it.
func verifyNeeds(t *testing.T, c *kube.Cluster, n int64, late bool) {
	t.Helper()
	sets, err := c.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range sets {
		if len(set.Needs) == 0 {
			t.Errorf("cut at request %d (late %t): the inventory of %s does not say what it needs", n, late, set.Name)
		}
	}
}

// verifyEnd judges by what is there, not by what the inventory says.
func verifyEnd(t *testing.T, c *kube.Cluster, want int, n int64, late bool) {
	t.Helper()
	direct, err := c.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	there := 0
	for kind, version := range map[string]string{"Namespace": "v1", "ServiceAccount": "v1", "Secret": "v1", "Service": "v1", "Deployment": "apps/v1"} {
		list := &metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{APIVersion: version, Kind: kind + "List"}}
		if err := direct.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		for _, o := range list.Items {
			if o.Labels[kube.SetLabel] == "web" {
				there++
			}
		}
	}
	sets, err := c.List(t.Context())
	if err != nil || there != want || (len(sets) > 0) != (want > 0) {
		t.Errorf("cut at request %d (late %t): %d objects and %d inventories are there, want %d objects (%v)", n, late, there, len(sets), want, err)
	}
	if want > 0 && len(sets) == 1 && len(sets[0].Objects) != want {
		t.Errorf("cut at request %d (late %t): the inventory names %v", n, late, sets[0].Objects)
	}
}
