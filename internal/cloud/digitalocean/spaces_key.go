// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
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
	// Rotate asks for another key in the place of the one that is held: see spaces_key_rotation.go.
	Rotate bool
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
	next   bool     // another is to be made beside it
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
	all, err := once[accessKey](ctx, c, e.client, "spaces-keys", "/v2/spaces/keys", "keys")
	if err != nil {
		return nil, err
	}
	return e.withMade(all), nil
}

// Observe finds the key by its name, and of several the one that counts. Names of keys are not unique.
func (k *SpacesKey) Observe(ctx context.Context, c *graph.Call) (graph.Observed[SpacesKeyOut], error) {
	var none graph.Observed[SpacesKeyOut]
	if had, err := k.On.uses(ctx, c, usesSpaces); err != nil || !had {
		return none, err
	}
	t, err := k.turns(ctx, c)
	if err != nil || t.current.Access == "" {
		return none, err
	}
	o := graph.Observed[SpacesKeyOut]{State: graph.Ready, ID: t.current.Access, Out: SpacesKeyOut{Access: t.current.Access, grants: t.current.Grants, lost: t.lost, next: t.next, others: t.strays}}
	o.Out.Secret = k.On.remembered(t.current.Access)
	return o, nil
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
		d.Add(graph.Change{Path: "secret", Before: "lost", After: secret.New("another").String(), Anew: true, Note: "it was shown once and nobody holds it: another key takes its place"})
	}
	if have.Out.next {
		d.Add(graph.Change{Path: "key", Before: have.Out.Access, After: "another", Anew: true, Note: "made beside it; the old one goes once nobody uses it"})
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
	shown := secret.New(made.Secret)
	made.Secret = ""
	k.On.mu.Lock()
	k.On.made[made.Access], k.On.newest[made.Name] = shown, made
	if _, known := k.On.replaced[made.Name]; !known { // nobody had one, so that this is new enough for a rotation
		k.On.replaced[made.Name] = ""
	}
	k.On.mu.Unlock()
	graph.Forget(c, "digitalocean/spaces-keys")
	return graph.Observed[SpacesKeyOut]{State: graph.Ready, ID: made.Access, Out: SpacesKeyOut{Access: made.Access, Secret: shown, grants: made.Grants}}, nil
}

// Update grants what is wanted, puts another key in the place of a lost one or beside one whose turn is over, and deletes those
// that nobody holds.
func (k *SpacesKey) Update(ctx context.Context, c *graph.Call, have graph.Observed[SpacesKeyOut], _ []graph.Change) (graph.Observed[SpacesKeyOut], error) {
	out := have
	if have.Out.lost || have.Out.next {
		var err error
		if out, err = k.make(ctx, c); err != nil {
			return have, err
		}
		if have.Out.lost {
			have.Out.others = append(have.Out.others, have.Out.Access)
		}
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
			item := graph.Item{Key: k.Name, ID: k.Access, Owner: graph.ID(strings.ReplaceAll(rest[:i], ":", "/")),
				Title: fmt.Sprintf("access key of %s to %s", rest[i+1:], strings.ReplaceAll(rest[:i], ":", "/"))}
			if items = append(items, item); !c.Teardown {
				if err := e.turnOver(ctx, c, &items[len(items)-1]); err != nil {
					return nil, err
				}
			}
		}
	}
	return items, nil
}

// deleteSpacesKey deletes a key: nobody uses a bucket by it any more.
func (e *Estate) deleteSpacesKey(ctx context.Context, _ *graph.Call, item graph.Item) (string, error) {
	if was, ok := item.Ref.(pastKey); ok && e.options.Reads != nil {
		if waiting, err := e.options.Reads(ctx, graph.ID(was.entry), was.user); err != nil || waiting != "" {
			return waiting, err
		}
	}
	if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/spaces/keys/"+item.ID, nil, nil)); err != nil {
		return "", fmt.Errorf("delete %s: %w", item.Title, err)
	}
	return "", nil
}
