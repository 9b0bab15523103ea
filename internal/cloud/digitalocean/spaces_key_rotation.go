// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"slices"

	"github.com/k8or/k8or/internal/graph"
)

// Keys of Spaces take turns under one name, which DigitalOcean lets several have. The one that the Secret holds counts; what was
// made before it may still be in use by pods that started before the Secret was written, and goes once there are none; what was
// made after it nobody ever had, and goes at once. So a rotation is remembered by the keys and the Secret alone: whoever comes
// next, a rotation or an up, goes on from there.

// WantKey makes a key known to the list of all: what has its name and is not it goes.
func (e *Estate) WantKey(k *SpacesKey) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.keys[k.Key()] = k
}

// keyTurns are the keys of one name.
type keyTurns struct {
	current accessKey   // that counts; without an id where there is none
	lost    bool        // nobody has its secret
	next    bool        // a rotation wants another beside it
	strays  []string    // ids of those that nobody ever had
	past    []accessKey // those whose turn is over, and whose users may not have noticed
}

// turns tells the keys of the name apart.
func (k *SpacesKey) turns(ctx context.Context, c *graph.Call) (keyTurns, error) {
	var t keyTurns
	all, err := k.On.allKeys(ctx, c)
	if err != nil {
		return t, err
	}
	mine := slices.DeleteFunc(slices.Clone(all), func(o accessKey) bool { return o.Name != k.Key() })
	if len(mine) == 0 {
		return t, nil
	}
	slices.SortStableFunc(mine, func(a, b accessKey) int { return b.Created.Compare(a.Created) })
	i, err := k.counts(ctx, c, mine)
	if err != nil {
		return t, err
	}
	t.lost = i < 0
	t.current = mine[max(i, 0)]
	for j, other := range mine {
		switch {
		case j == max(i, 0):
		case t.lost, other.Created.After(t.current.Created):
			t.strays = append(t.strays, other.Access)
		default:
			t.past = append(t.past, other)
		}
	}
	t.next = !t.lost && k.Rotate && k.On.replaces(k.Key(), t)
	return t, nil
}

// counts is which of the keys counts, newest first as they are: one that this process made, since its Secret may still be to be
// written, or the one that the Secret holds; -1 where nobody has the secret of any.
func (k *SpacesKey) counts(ctx context.Context, c *graph.Call, mine []accessKey) (int, error) {
	if i := slices.IndexFunc(mine, func(o accessKey) bool { return !k.On.remembered(o.Access).Empty() }); i >= 0 {
		return i, nil
	}
	if k.On.options.Holds == nil {
		return -1, nil
	}
	held, _, err := k.On.options.Holds(ctx, c, k.HeldBy.Namespace, k.HeldBy.Name, AccessKeyField)
	return slices.IndexFunc(mine, func(o accessKey) bool { return o.Access == held }), err
}

// replaces reports whether the key that counts is one that a rotation replaces: the one that was found first, unless an older
// one is there still. Then a rotation is under way, and is only finished. What was wanted first is wanted to the end of the
// process.
func (e *Estate) replaces(name string, t keyTurns) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, known := e.replaced[name]; !known {
		e.replaced[name] = t.current.Access
		if slices.ContainsFunc(t.past, func(o accessKey) bool { return o.Created.Before(t.current.Created) }) {
			e.replaced[name] = ""
		}
	}
	return e.replaced[name] == t.current.Access
}

// withMade are all keys with those of them that this process made and that the list may not show yet.
func (e *Estate) withMade(all []accessKey) []accessKey {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, made := range e.newest {
		shown := slices.ContainsFunc(all, func(o accessKey) bool { return o.Access == made.Access })
		if !shown && e.client.now().Sub(made.Created) < e.client.scaled(e.spacesKeys.Lag) {
			all = append(slices.Clone(all), made)
		}
	}
	return all
}

// pastKey is whose key it was whose turn is over.
type pastKey struct{ entry, user string }

// turnOver marks the item of a key whose turn is over, or will be once another is made: nobody wants it any more. Each has the
// same name, so that who approved of one's end approved of that of another which came to be on the way.
func (e *Estate) turnOver(ctx context.Context, c *graph.Call, item *graph.Item) error {
	e.mu.Lock()
	k := e.keys[item.Key]
	e.mu.Unlock()
	if k == nil {
		return nil
	}
	t, err := k.turns(ctx, c)
	if err != nil {
		return err
	}
	past := slices.ContainsFunc(t.past, func(o accessKey) bool { return o.Access == item.ID })
	if past || t.next && t.current.Access == item.ID {
		item.Key += " (old)"
		item.Title += ", " + item.ID + ", once nobody uses it"
		item.Ref = pastKey{k.Entry, k.User}
	}
	return nil
}
