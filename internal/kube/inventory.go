// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Inventory is what the cluster remembers of a set.
type Inventory struct {
	Name      string               `json:"name"`
	Namespace string               `json:"namespace,omitempty"`
	Objects   []ID                 `json:"objects"`         // in the order of applying; named before they are made
	Hash      string               `json:"hash,omitempty"`  // of the objects as last applied in full, secrets left out
	Needs     []string             `json:"needs,omitempty"` // the sets this one stands on
	Hooks     map[string]time.Time `json:"hooks,omitempty"` // hooks that have run, and when
	Known     map[string]string    `json:"known,omitempty"` // what the caller asked to be remembered
	Left      []ID                 `json:"left,omitempty"`  // what hooks have made; it goes with the set
	// Endings are run when the set goes, and Began says of those under way since when.
	Endings []Ending             `json:"endings,omitempty"`
	Began   map[string]time.Time `json:"began,omitempty"`

	version string // of the ConfigMap; empty when there is none yet
}

const inventoryKey = "inventory.json"

// inventoryName keeps the sets of platforms apart that share a cluster.
func (c *Cluster) inventoryName(set string) string {
	return "k8or-set." + c.options.Platform + "." + set
}

// List returns the inventories of all sets of the platform, by name. Nothing is left out: an error means that we do
// not know.
func (c *Cluster) List(ctx context.Context) ([]Inventory, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	var found corev1.ConfigMapList
	err = conn.client.List(ctx, &found, client.InNamespace(SystemNamespace),
		client.MatchingLabels{PlatformLabel: c.options.Platform}, client.HasLabels{SetLabel})
	if err != nil {
		return nil, fmt.Errorf("list the sets of %s: %w", c.options.Platform, err)
	}
	sets := make([]Inventory, 0, len(found.Items))
	for i := range found.Items {
		inventory, err := parseInventory(&found.Items[i])
		if err != nil {
			return nil, err
		}
		sets = append(sets, inventory)
	}
	slices.SortFunc(sets, func(a, b Inventory) int { return strings.Compare(a.Name, b.Name) })
	return sets, nil
}

// Inventory returns what the cluster remembers of a set, and whether it knows the set at all.
func (c *Cluster) Inventory(ctx context.Context, set string) (Inventory, bool, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return Inventory{}, false, err
	}
	var found corev1.ConfigMap
	err = conn.client.Get(ctx, client.ObjectKey{Namespace: SystemNamespace, Name: c.inventoryName(set)}, &found)
	if apierrors.IsNotFound(err) {
		return Inventory{Name: set}, false, nil
	}
	if err != nil {
		return Inventory{}, false, fmt.Errorf("read the inventory of %s: %w", set, err)
	}
	inventory, err := parseInventory(&found)
	return inventory, true, err
}

func parseInventory(found *corev1.ConfigMap) (Inventory, error) {
	var inventory Inventory
	if err := json.Unmarshal([]byte(found.Data[inventoryKey]), &inventory); err != nil {
		return Inventory{}, fmt.Errorf("read inventory ConfigMap %s/%s: %w; somebody else wrote it", found.Namespace, found.Name, err)
	}
	inventory.version = found.ResourceVersion
	return inventory, nil
}

// save writes an inventory; a write by somebody else since it was read is an error.
func (c *Cluster) save(ctx context.Context, inventory *Inventory) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(inventory)
	if err != nil {
		return err
	}
	object := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: SystemNamespace, Name: c.inventoryName(inventory.Name), ResourceVersion: inventory.version,
			Labels: map[string]string{ManagedByLabel: FieldManager, PlatformLabel: c.options.Platform, SetLabel: inventory.Name},
		},
		Data: map[string]string{inventoryKey: string(raw)},
	}
	if inventory.version == "" {
		if err = c.systemNamespace(ctx, conn); err == nil {
			err = conn.client.Create(ctx, object, client.FieldOwner(FieldManager))
		}
	} else {
		err = conn.client.Update(ctx, object, client.FieldOwner(FieldManager))
	}
	if err != nil {
		return fmt.Errorf("write the inventory of %s: %w", inventory.Name, err)
	}
	inventory.version = object.ResourceVersion
	return nil
}

// systemNamespace makes sure that the namespace of inventories and lock is there. It belongs to no platform.
func (c *Cluster) systemNamespace(ctx context.Context, conn *connection) error {
	err := conn.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: SystemNamespace, Labels: map[string]string{ManagedByLabel: FieldManager},
	}}, client.FieldOwner(FieldManager))
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create namespace %s: %w", SystemNamespace, err)
	}
	return nil
}

// known is what a person knows the set by: the node that it is of.
func (i Inventory) known() string { return cmp.Or(i.Known["node"], i.Name) }

// has reports whether a list names an object, in whatever version.
func has(ids []ID, id ID) bool {
	return slices.ContainsFunc(ids, func(o ID) bool { return o.same() == id.same() })
}

// hashOf is a hash of objects as wanted. What Secrets hold is left out: a hash of little data gives it away.
func hashOf(objects []*unstructured.Unstructured) string {
	sum := sha256.New()
	for _, o := range objects {
		if isSecret(o) {
			o = o.DeepCopy()
			delete(o.Object, "data")
			delete(o.Object, "stringData")
		}
		raw, err := json.Marshal(o.Object)
		if err != nil {
			continue // an object that came from JSON goes back to it
		}
		sum.Write(raw)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

func isSecret(o *unstructured.Unstructured) bool {
	gvk := o.GroupVersionKind()
	return gvk.Group == "" && gvk.Kind == "Secret"
}
