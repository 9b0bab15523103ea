// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Pruned is how far one Prune or Delete came.
type Pruned struct {
	Done    bool
	Waiting string // what has to be gone first, when not Done
	Deleted []ID   // whose end was asked for by this call
	Kept    []Kept // what stays although nobody wants it any more
}

// isLeft ends the reason why a CRD is kept: a custom resource, whoever's, would go with it.
const isLeft = " is left"

// Kept is an object that was left, and why.
type Kept struct {
	ID  ID
	Why string
}

// Prune deletes what the set's inventory names and the set no longer has, in the reverse of the order in which things
// stand on one another, each stage once the one before is gone. Left alone are objects for which keep says so (nil
// keeps none), objects that another set of the platform has, objects that lost the platform's mark, CRDs of which any
// custom resource is left, and namespaces with anything in them that the platform did not make.
func (c *Cluster) Prune(ctx context.Context, set Set, keep func(ID) bool) (Pruned, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return Pruned{}, err
	}
	if set, err = c.atTurns(ctx, set); err != nil {
		return Pruned{}, err
	}
	prepared, err := c.prepare(conn, set.named())
	if err != nil {
		return Pruned{}, err
	}
	wanted := map[ID]bool{}
	for _, o := range prepared {
		wanted[IDOf(o).same()] = true
	}
	inventory, known, err := c.Inventory(ctx, set.Name)
	if err != nil || !known {
		return Pruned{Done: err == nil}, err
	}
	var superfluous []ID
	for _, id := range inventory.Objects {
		if !wanted[id.same()] {
			superfluous = append(superfluous, id)
		}
	}
	if len(superfluous) == 0 {
		return Pruned{Done: true}, nil
	}
	out, err := c.remove(ctx, conn, inventory.Name, superfluous, keep)
	if err != nil || !out.Done {
		return out, err
	}
	inventory.Objects = slices.DeleteFunc(inventory.Objects, func(id ID) bool { return !wanted[id.same()] })
	return out, c.save(ctx, &inventory)
}

// Delete deletes all of a set, in stages as [Cluster.Prune] does, and at last its inventory. A set that the cluster does
// not know is Done.
func (c *Cluster) Delete(ctx context.Context, set string, keep func(ID) bool) (Pruned, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return Pruned{}, err
	}
	inventory, known, err := c.Inventory(ctx, set)
	if err != nil || !known {
		return Pruned{Done: err == nil}, err
	}
	out, err := c.remove(ctx, conn, set, slices.Concat(inventory.Left, inventory.Objects), keep)
	if err != nil || !out.Done {
		return out, err
	}
	// Another set may have handed something over meanwhile: then this is a conflict, and the next call sees it.
	err = conn.client.Delete(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: SystemNamespace, Name: c.inventoryName(set)}},
		client.Preconditions{ResourceVersion: &inventory.version})
	if err != nil && !apierrors.IsNotFound(err) {
		return out, fmt.Errorf("delete the inventory of %s: %w", set, err)
	}
	return out, nil
}

// Forget deletes the namespace of inventories and lock once no platform has anything in it. It is the last call of a
// teardown in a cluster that stays.
func (c *Cluster) Forget(ctx context.Context) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	live, err := conn.get(ctx, ID{Version: "v1", Kind: "Namespace", Name: SystemNamespace})
	if err != nil || live == nil {
		return err
	}
	if live.GetLabels()[ManagedByLabel] != FieldManager {
		return nil
	}
	found, err := c.tenantsOf(ctx, conn, SystemNamespace)
	if err != nil || found.any() {
		return err
	}
	return conn.delete(ctx, live)
}

// stage orders deletion: custom resources while their operators still run, what intercepts requests, workloads and all
// the rest, then CRDs, then namespaces.
func stage(conn *connection, id ID) int {
	switch {
	case id.isNamespace():
		return 4
	case id.isCRD():
		return 3
	case id.Kind == "ValidatingWebhookConfiguration" || id.Kind == "MutatingWebhookConfiguration" || id.Kind == "APIService":
		return 1
	case !conn.client.Scheme().Recognizes(id.object().GroupVersionKind()):
		return 0
	default:
		return 2
	}
}

// remove asks for the end of the objects of the first stage that still has any.
func (c *Cluster) remove(ctx context.Context, conn *connection, set string, ids []ID, keep func(ID) bool) (Pruned, error) {
	others, err := c.wantedElsewhere(ctx, set)
	if err != nil {
		return Pruned{}, err
	}
	stages := make([][]ID, 5)
	for _, id := range slices.Backward(ids) {
		n := stage(conn, id)
		stages[n] = append(stages[n], id)
	}
	var out Pruned
	for _, ids := range stages {
		removals := make([]removal, len(ids))
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(parallel)
		for i, id := range ids {
			group.Go(func() (err error) {
				removals[i], err = c.removeOne(ctx, conn, set, id, others, keep)
				return err
			})
		}
		err := group.Wait()
		for i, r := range removals {
			if r.kept != "" {
				out.Kept = append(out.Kept, Kept{ids[i], r.kept})
			}
			if r.asked {
				out.Deleted = append(out.Deleted, ids[i])
			}
			if out.Waiting == "" {
				out.Waiting = r.waiting
			}
		}
		if err != nil || out.Waiting != "" {
			return out, err
		}
	}
	out.Done = true
	return out, nil
}

// removal is what became of one object: its end was asked for, it is waited for, or it is kept, and why.
type removal struct {
	asked         bool
	waiting, kept string
}

func (c *Cluster) removeOne(ctx context.Context, conn *connection, set string, id ID, others map[ID]string, keep func(ID) bool) (removal, error) {
	if keep != nil && keep(id) {
		return removal{kept: "it was asked to be kept"}, nil
	}
	if other := others[id.same()]; other != "" {
		return removal{kept: "set " + other + " has it too"}, nil
	}
	live, err := conn.get(ctx, id)
	if err != nil && !isUnknownKind(err) {
		return removal{}, err
	}
	if live == nil && id.groupKind() == gatewayKind {
		if service, err := conn.frontOf(ctx, id); err != nil || service != "" {
			return removal{waiting: fmt.Sprintf("the Service %s of %s is to be gone, with its load balancer", service, id)}, err
		}
	}
	if live == nil {
		return removal{}, nil
	}
	waiting := fmt.Sprintf("%s is to be gone%s", id, finalizersOf(live))
	if live.GetDeletionTimestamp() != nil {
		return removal{waiting: waiting}, nil
	}
	kept, err := c.keeps(ctx, conn, set, id, live)
	if err != nil || kept != "" {
		return removal{kept: kept}, err
	}
	if err := conn.delete(ctx, live); err != nil {
		return removal{}, err
	}
	return removal{asked: true, waiting: waiting}, nil
}

// keeps says why an object must not be deleted, if so.
func (c *Cluster) keeps(ctx context.Context, conn *connection, set string, id ID, live *unstructured.Unstructured) (string, error) {
	if owner := c.strangerTo(live); owner != "" {
		return "it belongs to " + owner, nil
	}
	switch {
	case id.isCRD():
		tenant, err := conn.customResourceOf(ctx, live)
		if err != nil || tenant == "" {
			return "", err
		}
		return tenant + isLeft, nil
	case id.isNamespace():
		return c.keepsNamespace(ctx, conn, set, id)
	}
	return "", nil
}

// wantedElsewhere names, for each object of the platform's other sets, one set that has it.
func (c *Cluster) wantedElsewhere(ctx context.Context, set string) (map[ID]string, error) {
	sets, err := c.List(ctx)
	if err != nil {
		return nil, err
	}
	out := map[ID]string{}
	for _, other := range sets {
		if other.Name == set {
			continue
		}
		for _, id := range slices.Concat(other.Left, other.Objects) {
			out[id.same()] = other.Name
		}
	}
	return out, nil
}

// customResourceOf names one custom resource of a CRD, whoever made it.
func (conn *connection) customResourceOf(ctx context.Context, crd *unstructured.Unstructured) (string, error) {
	found, err := conn.customResourcesOf(ctx, crd, client.Limit(1))
	if err != nil || len(found) == 0 {
		return "", err
	}
	return IDOf(&found[0]).String(), nil
}

// customResourcesOf lists the custom resources of a CRD, whoever made them.
func (conn *connection) customResourcesOf(ctx context.Context, crd *unstructured.Unstructured, opts ...client.ListOption) ([]metav1.PartialObjectMetadata, error) {
	group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
	mapping, err := conn.mapper.RESTMapping(ID{Group: group, Kind: kind}.groupKind())
	if isUnknownKind(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for custom resources of %s: %w", crd.GetName(), err)
	}
	found := &metav1.PartialObjectMetadataList{}
	found.SetGroupVersionKind(mapping.GroupVersionKind)
	err = conn.client.List(ctx, found, opts...)
	switch {
	case apierrors.IsNotFound(err) || isUnknownKind(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look for custom resources of %s: %w", crd.GetName(), err)
	}
	for i := range found.Items {
		found.Items[i].SetGroupVersionKind(mapping.GroupVersionKind)
	}
	return found.Items, nil
}

// unownedClaims are the claims that go with nothing else.
func (c *Cluster) unownedClaims(ctx context.Context) ([]ID, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	found := &metav1.PartialObjectMetadataList{}
	found.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim"))
	if err := conn.client.List(ctx, found); err != nil {
		return nil, fmt.Errorf("list claims: %w", err)
	}
	var out []ID
	for _, o := range found.Items {
		if len(o.OwnerReferences) == 0 {
			out = append(out, ID{Version: "v1", Kind: "PersistentVolumeClaim", Namespace: o.Namespace, Name: o.Name})
		}
	}
	return out, nil
}
