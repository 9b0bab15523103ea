// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

// The app's Secret, as the world's cluster holds it.
const heldID, heldSecret = "apps/web/" + digitalocean.AccessKeyField, "apps/web/secret-access-key"

// keyHolder is the node that writes it.
type keyHolder struct {
	Made graph.Value[digitalocean.SpacesKeyOut]
	w    *world
}

func (h *keyHolder) Kind() *graph.Kind { return safes }
func (h *keyHolder) Key() string       { return "web" }
func (h *keyHolder) Observe(context.Context, *graph.Call) (graph.Observed[string], error) {
	id, ok := h.w.holds(heldID)
	if !ok {
		return graph.Observed[string]{}, nil
	}
	return graph.Observed[string]{State: graph.Ready, ID: "web", Out: id}, nil
}
func (h *keyHolder) Diff(c *graph.Call, have graph.Observed[string]) []graph.Change {
	d := graph.Fields(c)
	graph.Input(d, "key", have.Out, graph.Map(h.Made, func(k digitalocean.SpacesKeyOut) string { return k.Access }), graph.InPlace)
	return d.Changes()
}
func (h *keyHolder) Create(ctx context.Context, c *graph.Call) (graph.Observed[string], error) {
	k := h.Made.Read(c)
	if k.Secret.Empty() {
		return graph.Observed[string]{}, graph.Permanent(errors.New("a key whose secret nobody has is to be written"))
	}
	if err := ctx.Err(); err != nil { // a killed process writes nothing
		return graph.Observed[string]{}, err
	}
	h.w.hold(heldID, k.Access)
	h.w.hold(heldSecret, k.Secret.Reveal())
	return graph.Observed[string]{State: graph.Ready, ID: "web", Out: k.Access}, nil
}
func (h *keyHolder) Update(ctx context.Context, c *graph.Call, _ graph.Observed[string], _ []graph.Change) (graph.Observed[string], error) {
	return h.Create(ctx, c)
}

// aKey is the graph of one app's key to a bucket that is there already.
func (w *world) aKey(e *digitalocean.Estate, bucket string, rotate bool) *graph.Graph {
	g := graph.New()
	k := &digitalocean.SpacesKey{On: e, Entry: "storage/spaces/media", User: "web", Bucket: bucket, Rotate: rotate, HeldBy: digitalocean.SecretName{Namespace: "apps", Name: "web"}}
	e.WantKey(k)
	key := graph.Add(g, "storage/spaces/media/keys/web", k)
	graph.Add(g, "safe", graph.Resource[string](&keyHolder{Made: key, w: w}))
	g.Prune(k.Kind())
	return g
}

// rotated plans and carries out, as one process does.
func rotated(ctx context.Context, g *graph.Graph) error {
	plan, err := g.Plan(ctx, graph.Options{})
	if err != nil {
		return err
	}
	return graph.NewRun(g, plan.Approve(graph.Replaces), graph.Options{}).Loop(ctx)
}

func TestAKeysRotationKilledAtEveryRequestLeavesOneKeyThatWorks(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after=%v", after), func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				w.wire = byHost{wire.Transport(w.spaces), wire.Transport(w.cloud)}
				w.client = w.clientWith(leastToken)
				bucket := "acme-media"
				if _, err := w.owner().CreateBucket(w.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
					t.Fatal(err)
				}
				// works fails unless the app can use the bucket, and there are no more keys of its name than may be.
				works := func(when string, most int) {
					t.Helper()
					id, _ := w.holds(heldID)
					key, _ := w.holds(heldSecret)
					_, err := w.s3(id, key).ListObjectsV2(w.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
					keys := slices.DeleteFunc(w.keys(), func(name string) bool { return name == "a person's" })
					if err != nil || len(keys) > most {
						t.Fatalf("%s, the app uses the bucket by %s: %v; there are %d keys, want at most %d", when, id, err, len(keys), most)
					}
				}
				if err := rotated(w.Context(), w.aKey(w.estateOn(w.client), bucket, false)); err != nil {
					t.Fatal(err)
				}
				works("at first", 1)
				for n := 1; ; n++ {
					time.Sleep(5 * time.Minute) // all these runs would not keep to the API's rate limit
					before, _ := w.holds(heldID)
					reached := w.killed(n, after, func(ctx context.Context, e *digitalocean.Estate) { _ = rotated(ctx, w.aKey(e, bucket, true)) })
					works(fmt.Sprintf("after a kill at request %d", n), 2)
					again := n%2 == 0 // whoever comes next, a rotation or an up
					for range 2 {     // what a kill left unplanned may be held for one more plan
						if err := rotated(w.Context(), w.aKey(w.estateOn(w.client), bucket, again)); err == nil {
							break
						}
					}
					works(fmt.Sprintf("after a kill at request %d and another run", n), 1)
					if now, _ := w.holds(heldID); (again || !reached) && now == before {
						t.Errorf("after a kill at request %d and a rotation, the app still has the key %s", n, before)
					}
					if !reached {
						t.Logf("%d requests, killed at each", n-1)
						return
					}
				}
			})
		})
	}
}

func TestAKeyWhoseTurnIsOverStaysWhileSomebodyUsesIt(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		bucket := "acme-media"
		if _, err := w.owner().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
			t.Fatal(err)
		}
		if err := rotated(t.Context(), w.aKey(w.estateOn(w.client), bucket, false)); err != nil {
			t.Fatal(err)
		}
		old, _ := w.holds(heldID)
		oldSecret, _ := w.holds(heldSecret)
		asked := 0
		e := digitalocean.NewEstate(w.client, mark, digitalocean.EstateOptions{
			Holds: func(_ context.Context, _ *graph.Call, namespace, secret, key string) (string, bool, error) {
				value, ok := w.holds(namespace + "/" + secret + "/" + key)
				return value, ok, nil
			},
			Reads: func(_ context.Context, entry graph.ID, user string) (string, error) {
				if asked++; entry != "storage/spaces/media" || user != "web" {
					t.Errorf("asked who uses %s as %s", entry, user)
				}
				if now, _ := w.holds(heldID); now == old {
					t.Error("the old key is about to go while the Secret holds it")
				}
				if _, err := w.s3(old, oldSecret).ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket}); err != nil {
					t.Errorf("a pod uses the old key, and it is gone: %v", err)
				}
				if asked < 4 {
					return "a pod uses it", nil
				}
				return "", nil
			}})
		if err := rotated(t.Context(), w.aKey(e, bucket, true)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.s3(old, oldSecret).ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket}); err == nil || asked < 4 {
			t.Errorf("the old key still opens the bucket after the rotation, or went while a pod used it: asked %d times", asked)
		}
	})
}

func TestAKeyThatNobodyHadIsNewEnoughForARotation(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		bucket := "acme-media"
		if _, err := w.owner().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
			t.Fatal(err)
		}
		made := func() (n int) {
			for _, r := range w.record.ReadyTimes() {
				if strings.HasSuffix(r.Name, ":media:web") {
					n++
				}
			}
			return n
		}
		if err := rotated(t.Context(), w.aKey(w.estateOn(w.client), bucket, true)); err != nil || made() != 1 {
			t.Errorf("where there was none, a rotation made %d keys, want 1: %v", made(), err)
		}
		clear(w.held)
		if err := rotated(t.Context(), w.aKey(w.estateOn(w.client), bucket, true)); err != nil || made() != 2 {
			t.Errorf("where the Secret was lost, a rotation made %d keys more, want 1: %v", made()-1, err)
		}
	})
}
