// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Ending is a hook that runs when its set goes, such as a chart's pre-delete job. It is kept with the set's inventory,
// since by then nobody has the chart any more.
type Ending struct {
	Hook Hook `json:"hook"`
	// After says that it runs once the set's objects are gone, and not before.
	After bool `json:"after,omitempty"`
}

// endingLimit is how long one ending may take, as Helm allows a hook by default.
const endingLimit = 5 * time.Minute

// End takes a set away as [Cluster.Delete] does, with its endings run before and after its objects go, each once. One that
// fails or does not end in time is an error that matches [ErrHookFailed], unless goOn, which may be nil, says of it that the
// set goes all the same.
func (c *Cluster) End(ctx context.Context, set string, keep func(ID) bool, goOn func(error) bool) (Pruned, error) {
	inventory, known, err := c.Inventory(ctx, set)
	if err != nil || !known {
		return Pruned{Done: err == nil}, err
	}
	if waiting, err := c.runEndings(ctx, inventory, false, goOn); err != nil || waiting != "" {
		return Pruned{Waiting: waiting}, err
	}
	if slices.ContainsFunc(inventory.Endings, func(e Ending) bool { return e.After }) {
		conn, err := c.connect(ctx)
		if err != nil {
			return Pruned{}, err
		}
		// What hooks have made stays until they have run, and so does the namespace they run in.
		out, err := c.remove(ctx, conn, set, inventory.Objects, func(id ID) bool {
			return id.isNamespace() || id.isCRD() || keep != nil && keep(id)
		})
		if err != nil || !out.Done {
			return out, err
		}
		if waiting, err := c.runEndings(ctx, inventory, true, goOn); err != nil || waiting != "" {
			return Pruned{Waiting: waiting}, err
		}
	}
	return c.Delete(ctx, set, keep)
}

// runEndings runs the endings of one side, one after another, as far as that goes now.
func (c *Cluster) runEndings(ctx context.Context, inventory Inventory, after bool, goOn func(error) bool) (waiting string, err error) {
	for _, e := range inventory.Endings {
		if e.After != after {
			continue
		}
		began, err := c.beginEnding(ctx, inventory.Name, e)
		if err != nil {
			return "", err
		}
		ran, err := c.RunHook(ctx, Set{Name: inventory.Name, Namespace: inventory.Namespace}, e.Hook)
		if err == nil && !ran.Done {
			if c.options.Now().Before(began.Add(endingLimit)) {
				return ran.Waiting, nil
			}
			err = fmt.Errorf("%w: it did not end within %s: %s; delete it to have it run again", ErrHookFailed, endingLimit, ran.Waiting)
		}
		if err == nil {
			continue
		}
		passes := errors.Is(err, ErrHookFailed) && goOn != nil && goOn(err)
		if !passes && !errors.Is(err, ErrHookFailed) {
			return "", err // the next look tries again
		}
		if saveErr := c.concludeEnding(ctx, inventory.Name, e, passes); saveErr != nil {
			return "", errors.Join(err, saveErr)
		}
		if !passes {
			return "", err
		}
	}
	return "", nil
}

// beginEnding notes when an ending was first tried, which its limit counts from, and gives that time.
func (c *Cluster) beginEnding(ctx context.Context, set string, e Ending) (time.Time, error) {
	inventory, _, err := c.Inventory(ctx, set)
	if err != nil {
		return time.Time{}, err
	}
	if began, ok := inventory.Began[e.Hook.Key]; ok {
		return began, nil
	}
	now := c.options.Now().UTC()
	if _, ran := inventory.Hooks[e.Hook.Key]; ran {
		return now, nil
	}
	if inventory.Began == nil {
		inventory.Began = map[string]time.Time{}
	}
	inventory.Began[e.Hook.Key] = now
	return now, c.save(ctx, &inventory)
}

// concludeEnding notes that an ending failed: it is passed over, or its limit counts anew the next time.
func (c *Cluster) concludeEnding(ctx context.Context, set string, e Ending, passed bool) error {
	inventory, _, err := c.Inventory(ctx, set)
	if err != nil {
		return err
	}
	inventory.Began = maps.Clone(inventory.Began)
	delete(inventory.Began, e.Hook.Key)
	if passed {
		if inventory.Hooks == nil {
			inventory.Hooks = map[string]time.Time{}
		}
		inventory.Hooks[e.Hook.Key] = c.options.Now().UTC()
	}
	return c.save(ctx, &inventory)
}

// due are the endings of a set that have not run yet.
func (i Inventory) due() int {
	n := 0
	for _, e := range i.Endings {
		if _, ran := i.Hooks[e.Hook.Key]; !ran {
			n++
		}
	}
	return n
}

// keepsEndings reports whether an inventory has the set's endings, and what the set needs for them, as they are wanted.
func (i Inventory) keepsEndings(set Set) bool {
	if len(set.Endings) > 0 && !slices.Equal(i.Needs, set.Needs) {
		return false
	}
	have, err := json.Marshal(i.Endings)
	if err != nil {
		return false
	}
	want, err := json.Marshal(set.Endings)
	return err == nil && (len(i.Endings) == 0 && len(set.Endings) == 0 || bytes.Equal(have, want))
}
