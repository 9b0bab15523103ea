// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/ssa"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// applyPatch sends an object as a server-side apply.
var applyPatch client.Patch = serverSideApply{}

type serverSideApply struct{}

// Type implements client.Patch.
func (serverSideApply) Type() types.PatchType { return types.ApplyPatchType }

// Data implements client.Patch.
func (serverSideApply) Data(o client.Object) ([]byte, error) {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("apply %T: only unstructured objects are applied", o)
	}
	u.SetManagedFields(nil)
	return u.MarshalJSON()
}

// Applied is how far one Apply came.
type Applied struct {
	Done    bool
	Waiting string   // what the rest waits for, when not Done
	Changes []Change // what was written
}

// ReplaceError says that an object would have to be deleted and made anew, which nobody has allowed.
type ReplaceError struct{ Change Change }

// Error names the object and the server's reason.
func (e *ReplaceError) Error() string {
	return fmt.Sprintf("%s cannot be changed in place and would have to be replaced: %s", e.Change.ID, e.Change.Note)
}

// Apply makes a set so, as far as that goes now: CRDs and namespaces first, the rest once these can be used. What is
// already as wanted is not written. It may be repeated at any time, also after it was cut off. Errors match
// [ErrStranger] when a name is taken, in which case nothing was written, [*ReplaceError], and [*RejectedError].
func (c *Cluster) Apply(ctx context.Context, set Set) (Applied, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return Applied{}, err
	}
	inventory, _, err := c.Inventory(ctx, set.Name)
	if err != nil {
		return Applied{}, err
	}
	set, waits, err := c.derive(ctx, conn, set)
	if err != nil {
		return Applied{}, err
	}
	set, missing, err := conn.follow(ctx, set)
	if err != nil || missing != "" { // without its mark, a workload would start its pods twice
		return Applied{Waiting: missing}, err
	}
	sights, err := c.sight(ctx, conn, set)
	if err != nil {
		return Applied{}, err
	}
	if err := c.announce(ctx, set, sights, &inventory); err != nil {
		return Applied{}, err
	}
	var out Applied
	definitions, rest := split(sights)
	if err := conn.write(ctx, set, definitions, &out); err != nil || out.Waiting != "" {
		return out, err
	}
	if out.Waiting, err = conn.definitionsWaitFor(ctx, definitions); err != nil || out.Waiting != "" {
		return out, err
	}
	if slices.ContainsFunc(rest, func(s *sight) bool { return s.unknown }) {
		// Their CRDs are there now: ask again, which also puts them into their namespaces.
		if sights, err = c.sight(ctx, conn, set); err != nil {
			return out, err
		}
		if err := c.announce(ctx, set, sights, &inventory); err != nil {
			return out, err
		}
		_, rest = split(sights)
		if i := slices.IndexFunc(rest, func(s *sight) bool { return s.unknown }); i >= 0 {
			out.Waiting = fmt.Sprintf("%s: the cluster does not serve %s yet", rest[i].id, rest[i].want.GetAPIVersion())
			return out, nil
		}
	}
	if err := conn.write(ctx, set, rest, &out); err != nil || out.Waiting != "" {
		return out, err
	}
	if len(waits) > 0 {
		out.Waiting = waits[0].why
		return out, nil
	}
	out.Done = true
	return out, c.conclude(ctx, set, &inventory)
}

// announce writes the names of what will be made into the inventory before any of it is, so that a run that is cut off
// leaves nothing that nobody knows of. What the set needs and wants remembered goes with it: once all objects are as
// wanted, no later run would write it.
func (c *Cluster) announce(ctx context.Context, set Set, sights []*sight, inventory *Inventory) error {
	inventory.Name, inventory.Namespace = set.Name, set.Namespace
	changed := inventory.version == "" || !slices.Equal(inventory.Needs, set.Needs) || !equalMaps(inventory.Known, set.Known) || !inventory.keepsEndings(set)
	inventory.Needs, inventory.Known, inventory.Endings = set.Needs, set.Known, set.Endings
	for _, s := range sights {
		// What is of a kind not known yet cannot be made yet, and its namespace is not certain.
		if s.kept == "" && !s.unknown && !has(inventory.Objects, s.id) {
			inventory.Objects = append(inventory.Objects, s.id)
			changed = true
		}
	}
	if !changed {
		return nil
	}
	return c.save(ctx, inventory)
}

// conclude records that the set was applied in full.
func (c *Cluster) conclude(ctx context.Context, set Set, inventory *Inventory) error {
	hash := hashOf(set.Objects)
	if inventory.Hash == hash {
		return nil
	}
	inventory.Hash = hash
	return c.save(ctx, inventory)
}

func equalMaps(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// split takes what others stand on apart from the rest.
func split(sights []*sight) (definitions, rest []*sight) {
	for _, s := range sights {
		if s.id.isCRD() || s.id.isNamespace() {
			definitions = append(definitions, s)
		} else {
			rest = append(rest, s)
		}
	}
	return definitions, rest
}

// write makes objects so: neighbours of one kind at once, kinds one after another in the order of the set.
func (conn *connection) write(ctx context.Context, set Set, sights []*sight, out *Applied) error {
	changes, err := conn.compareAll(ctx, set, sights, false)
	if err != nil {
		return err
	}
	for i := range changes {
		if changes[i].Refused != "" {
			return &ReplaceError{changes[i]}
		}
	}
	byID := make(map[ID]*sight, len(sights))
	for _, s := range sights {
		byID[s.id] = s
	}
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].ID.groupKind() == changes[0].ID.groupKind() {
			n++
		}
		if err := conn.writeGroup(ctx, set, changes[:n], byID, out); err != nil || out.Waiting != "" {
			return err
		}
		changes = changes[n:]
	}
	return nil
}

func (conn *connection) writeGroup(ctx context.Context, set Set, changes []Change, byID map[ID]*sight, out *Applied) error {
	waits := make([]string, len(changes))
	errs := make([]error, len(changes))
	var group errgroup.Group // without its context: one object's failure says nothing about its neighbours
	group.SetLimit(parallel)
	for i, change := range changes {
		group.Go(func() error {
			waits[i], errs[i] = conn.writeOne(ctx, set, change, byID[change.ID])
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, change := range changes {
		if errs[i] == nil && waits[i] == "" {
			out.Changes = append(out.Changes, change)
		}
		if out.Waiting == "" {
			out.Waiting = waits[i]
		}
	}
	return errors.Join(errs...)
}

// writeOne writes an object, or says what must come first.
func (conn *connection) writeOne(ctx context.Context, set Set, change Change, s *sight) (waiting string, err error) {
	switch change.Action {
	case Replace:
		if s.live.GetDeletionTimestamp() == nil {
			if err := conn.delete(ctx, s.live); err != nil {
				return "", err
			}
		}
		return fmt.Sprintf("%s is to be gone before it is made anew%s", change.ID, finalizersOf(s.live)), nil
	case Create:
		err = conn.client.Patch(ctx, s.want.DeepCopy(), applyPatch, client.ForceOwnership, client.FieldOwner(FieldManager))
	default:
		// Flux's applier knows how to leave a field alone that another manager has taken.
		_, err = conn.applier.Apply(ctx, s.want.DeepCopy(), ssa.ApplyOptions{DriftIgnoreRules: set.ignoreRules(), MigrateAPIVersion: true})
	}
	switch {
	case err == nil:
		return "", nil
	case isWebhookDown(err), isTerminating(err), apierrors.IsConflict(err):
		return fmt.Sprintf("%s: %s", change.ID, rootMessage(err)), nil
	case apierrors.IsNotFound(err) && change.ID.Namespace != "":
		return fmt.Sprintf("%s: namespace %s is not there", change.ID, change.ID.Namespace), nil
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsForbidden(err):
		return "", &RejectedError{change.ID, err}
	default:
		return "", fmt.Errorf("%s %s: %w", change.Action, change.ID, err)
	}
}

// delete asks for an object's end; that it has gone already is no error. The object's own version guards against
// deleting a successor of the same name.
func (conn *connection) delete(ctx context.Context, live *unstructured.Unstructured) error {
	uid := live.GetUID()
	err := conn.client.Delete(ctx, live, client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &uid})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete %s: %w", IDOf(live), err)
	}
	return nil
}

func finalizersOf(live *unstructured.Unstructured) string {
	if finalizers := live.GetFinalizers(); len(finalizers) > 0 {
		return ", held by " + strings.Join(finalizers, ", ")
	}
	return ""
}

// definitionsWaitFor says which CRD or namespace cannot be used yet.
func (conn *connection) definitionsWaitFor(ctx context.Context, definitions []*sight) (string, error) {
	for _, s := range definitions {
		live, err := conn.get(ctx, s.id)
		if err != nil {
			return "", err
		}
		if live == nil {
			return fmt.Sprintf("%s is to appear", s.id), nil
		}
		if status := standing(live); status.State > Waiting {
			return fmt.Sprintf("%s: %s", s.id, status.Message), nil
		}
	}
	return "", nil
}
