// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/secret"
)

// SpacesKey is an access key of one user of one bucket, with no other grant. Its mark is in its name. Its secret is shown once, when
// it is made: where nobody holds it any more, another key takes its place.
type SpacesKey struct {
	On *Estate
	// Entry is whose key it is: "storage/spaces/media"; User who uses it: "web".
	Entry, User string
	Bucket      string
	// Own says that the bucket is this platform's, made a moment ago perhaps.
	Own bool
	// ReadOnly grants no writing.
	ReadOnly bool
	// HeldBy is the Secret that holds the key, whose AccessKeyField is its id.
	HeldBy SecretName
}

// SecretName is a Secret of the cluster.
type SecretName struct{ Namespace, Name string }

// AccessKeyField is the key of a Secret under which an access key's id stands.
const AccessKeyField = "access-key-id"

// SpacesKeyOut is an access key that is there.
type SpacesKeyOut struct {
	Access string
	// Secret is empty where it was shown already: then the Secret that holds it is right.
	Secret secret.Text

	grants []spacesGrant
	lost   bool     // nobody holds its secret
	others []string // keys of the same name, which nobody holds
}

var _ graph.Resource[SpacesKeyOut] = (*SpacesKey)(nil)

// Kind is the kind of access keys.
func (k *SpacesKey) Kind() *graph.Kind { return k.On.spacesKeys }

// Key is the name.
func (k *SpacesKey) Key() string { return k.On.mark.keyName(k.Entry, k.User) }

// keyName is the name of a key: "k8or:shop-x7k2p9:storage:spaces:media:web".
func (m Mark) keyName(entry, user string) string {
	return m.Tag() + ":" + strings.ReplaceAll(entry, "/", ":") + ":" + user
}

func (e *Estate) allKeys(ctx context.Context, c *graph.Call) ([]accessKey, error) {
	return once[accessKey](ctx, c, e.client, "spaces-keys", "/v2/spaces/keys", "keys")
}

// Observe finds the key by its name, and of several the one that the Secret holds. Names of keys are not unique.
func (k *SpacesKey) Observe(ctx context.Context, c *graph.Call) (graph.Observed[SpacesKeyOut], error) {
	var none graph.Observed[SpacesKeyOut]
	if had, err := k.On.uses(ctx, c, usesSpaces); err != nil || !had {
		return none, err
	}
	all, err := k.On.allKeys(ctx, c)
	if err != nil {
		return none, err
	}
	mine := slices.DeleteFunc(slices.Clone(all), func(o accessKey) bool { return o.Name != k.Key() })
	if len(mine) == 0 {
		return none, nil
	}
	held, err := k.held(ctx, c)
	if err != nil {
		return none, err
	}
	slices.SortFunc(mine, func(a, b accessKey) int { // the one that is held first, then the newest
		if a.Access == held || b.Access == held {
			return cmp.Compare(rank(b.Access == held), rank(a.Access == held))
		}
		return b.Created.Compare(a.Created)
	})
	o := graph.Observed[SpacesKeyOut]{State: graph.Ready, ID: mine[0].Access, Out: SpacesKeyOut{Access: mine[0].Access, grants: mine[0].Grants}}
	o.Out.Secret = k.On.remembered(mine[0].Access)
	o.Out.lost = mine[0].Access != held && o.Out.Secret.Empty()
	for _, other := range mine[1:] {
		o.Out.others = append(o.Out.others, other.Access)
	}
	return o, nil
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// held is the id of the key that the Secret holds; one that this process made and has not written yet counts as held.
func (k *SpacesKey) held(ctx context.Context, c *graph.Call) (string, error) {
	all, err := k.On.allKeys(ctx, c)
	if err != nil {
		return "", err
	}
	for _, o := range all {
		if o.Name == k.Key() && !k.On.remembered(o.Access).Empty() {
			return o.Access, nil
		}
	}
	if k.On.options.Holds == nil {
		return "", nil
	}
	held, _, err := k.On.options.Holds(ctx, c, k.HeldBy.Namespace, k.HeldBy.Name, AccessKeyField)
	return held, err
}

// remembered is the secret of a key that this process made.
func (e *Estate) remembered(access string) secret.Text {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.made[access]
}

// grant is what the key may do.
func (k *SpacesKey) grant() spacesGrant {
	if k.ReadOnly {
		return spacesGrant{k.Bucket, "read"}
	}
	return spacesGrant{k.Bucket, "readwrite"}
}

func words(grants []spacesGrant) []string {
	var out []string
	for _, g := range grants {
		out = append(out, strings.TrimSpace(g.Permission+" "+g.Bucket))
	}
	slices.Sort(out)
	return out
}

// Diff compares what the key may do, and whether anybody can use it.
func (k *SpacesKey) Diff(c *graph.Call, have graph.Observed[SpacesKeyOut]) []graph.Change {
	d := graph.Fields(c)
	d.Wanted("grants", words(have.Out.grants), words([]spacesGrant{k.grant()}), graph.InPlace)
	if have.Out.lost {
		d.Add(graph.Change{Path: "secret", Before: "lost", After: secret.New("another").String(), Note: "it was shown once and nobody holds it: another key takes its place"})
	}
	for _, other := range have.Out.others {
		d.Add(graph.Change{Path: "others", Before: other, Note: "nobody holds its secret"})
	}
	return d.Changes()
}

// Create makes the key.
func (k *SpacesKey) Create(ctx context.Context, c *graph.Call) (graph.Observed[SpacesKeyOut], error) {
	if err := k.On.use(ctx, c, usesSpaces); err != nil {
		return graph.Observed[SpacesKeyOut]{}, err
	}
	return k.make(ctx, c)
}

func (k *SpacesKey) make(ctx context.Context, c *graph.Call) (graph.Observed[SpacesKeyOut], error) {
	made, err := k.On.makeKey(ctx, k.Key(), k.grant())
	if err != nil {
		if k.Own && statusOf(err) == http.StatusBadRequest && says(err, "bucket") {
			err = graph.Retry(err, 0) // it was made a moment ago, elsewhere
		}
		return graph.Observed[SpacesKeyOut]{}, fmt.Errorf("make an access key for %s to bucket %s: %w", k.User, k.Bucket, err)
	}
	k.On.mu.Lock()
	k.On.made[made.Access] = secret.New(made.Secret)
	k.On.mu.Unlock()
	graph.Forget(c, "digitalocean/spaces-keys")
	return graph.Observed[SpacesKeyOut]{State: graph.Ready, ID: made.Access, Out: SpacesKeyOut{Access: made.Access, Secret: secret.New(made.Secret), grants: made.Grants}}, nil
}

// Update grants what is wanted, puts another key in the place of a lost one, and deletes those that nobody holds.
func (k *SpacesKey) Update(ctx context.Context, c *graph.Call, have graph.Observed[SpacesKeyOut], _ []graph.Change) (graph.Observed[SpacesKeyOut], error) {
	out := have
	if have.Out.lost {
		var err error
		if out, err = k.make(ctx, c); err != nil {
			return have, err
		}
		have.Out.others = append(have.Out.others, have.Out.Access)
	} else if !slices.Equal(words(have.Out.grants), words([]spacesGrant{k.grant()})) {
		body := map[string]any{"name": k.Key(), "grants": []spacesGrant{k.grant()}}
		if err := k.On.client.send(ctx, http.MethodPut, "/v2/spaces/keys/"+have.Out.Access, body, nil); err != nil {
			return have, fmt.Errorf("change what the access key of %s may do: %w", k.User, err)
		}
		out.Out.grants = []spacesGrant{k.grant()}
	}
	for _, other := range have.Out.others {
		if err := gone(k.On.client.send(ctx, http.MethodDelete, "/v2/spaces/keys/"+other, nil, nil)); err != nil {
			return have, fmt.Errorf("delete access key %s: %w", other, err)
		}
	}
	out.Out.others = nil
	graph.Forget(c, "digitalocean/spaces-keys")
	return out, nil
}

// runKeyLives is how long a run's key is left alone by other runs: a plan, which takes no lock, is done by then.
const runKeyLives = 15 * time.Minute

// listSpacesKeys finds the platform's keys, and those of runs that were killed.
func (e *Estate) listSpacesKeys(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	if had, err := e.uses(ctx, c, usesSpaces); err != nil || !had {
		return nil, err
	}
	all, err := e.allKeys(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, k := range all {
		rest, ours := strings.CutPrefix(k.Name, e.mark.Tag()+":")
		switch i := strings.LastIndexByte(rest, ':'); {
		case !ours:
		case k.Name == e.mark.runKeyName():
			if k.Access != e.ownKey() && (c.Teardown || e.client.now().Sub(k.Created) > e.client.scaled(runKeyLives)) {
				items = append(items, graph.Item{Key: k.Name + ":" + k.Access, ID: k.Access, Title: "access key of a run that ended early"})
			}
		case i > 0:
			items = append(items, graph.Item{Key: k.Name, ID: k.Access, Owner: graph.ID(strings.ReplaceAll(rest[:i], ":", "/")),
				Title: fmt.Sprintf("access key of %s to %s", rest[i+1:], strings.ReplaceAll(rest[:i], ":", "/"))})
		}
	}
	return items, nil
}

// deleteSpacesKey deletes a key: nobody uses a bucket by it any more.
func (e *Estate) deleteSpacesKey(ctx context.Context, _ *graph.Call, item graph.Item) (string, error) {
	if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/spaces/keys/"+item.ID, nil, nil)); err != nil {
		return "", fmt.Errorf("delete %s: %w", item.Title, err)
	}
	return "", nil
}
