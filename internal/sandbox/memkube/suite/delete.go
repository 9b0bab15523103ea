// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func isNoMatch(err error) bool { return apimeta.IsNoMatchError(err) }

func lease(namespace, holder string) *coordinationv1.Lease {
	now := metav1.NowMicro()
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "lock"},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseDurationSeconds: new(int32(60)), AcquireTime: &now, RenewTime: &now},
	}
}

// gone waits until an object is no longer there.
func (c cluster) gone(t *testing.T, o client.Object) {
	t.Helper()
	c.eventually(t, o.GetName()+" to be gone", func() (bool, error) {
		err := c.client.Get(c, client.ObjectKeyFromObject(o), o)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
}

func finalizersHoldDeletion(t *testing.T, c cluster) {
	m := configMap(c.namespace, "held", nil)
	m.Finalizers = []string{"suite.k8or.io/hold"}
	must(t, c.client.Create(c, m), "create a ConfigMap with a finalizer")
	must(t, c.client.Delete(c, m), "delete it")
	must(t, c.client.Get(c, client.ObjectKeyFromObject(m), m), "read it: it is held")
	if m.DeletionTimestamp == nil {
		t.Error("a held object that was deleted has no deletionTimestamp")
	}
	must(t, c.client.Delete(c, m), "delete it a second time")
	must(t, c.client.Patch(c, m, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))), "let it go")
	c.gone(t, m)
}

func deletionHonoursPreconditions(t *testing.T, c cluster) {
	m := configMap(c.namespace, "one", nil)
	must(t, c.client.Create(c, m), "create a ConfigMap")
	other := types.UID("00000000-0000-0000-0000-000000000000")
	refused(t, c.client.Delete(c, m, client.Preconditions{UID: &other}), apierrors.IsConflict, "another object of this name was meant")
	refused(t, c.client.Delete(c, m, client.Preconditions{ResourceVersion: new("1")}), apierrors.IsConflict, "another version was meant")
	must(t, c.client.Delete(c, m, client.Preconditions{UID: &m.UID}), "delete the one that was meant")
	c.gone(t, m)
}

func deleteCollectionRemovesTheChosen(t *testing.T, c cluster) {
	for _, name := range []string{"a", "b"} {
		m := configMap(c.namespace, name, nil)
		m.Labels = map[string]string{"suite": name}
		must(t, c.client.Create(c, m), "create a ConfigMap")
	}
	must(t, c.client.DeleteAllOf(c, &corev1.ConfigMap{}, client.InNamespace(c.namespace), client.MatchingLabels{"suite": "a"}), "delete by label")
	c.gone(t, configMap(c.namespace, "a", nil))
	c.read(t, "b")
}

// family creates an owner and what it owns.
func (c cluster) family(t *testing.T) (owner, owned *corev1.ConfigMap) {
	t.Helper()
	owner = configMap(c.namespace, "owner", nil)
	must(t, c.client.Create(c, owner), "create an owner")
	owned = configMap(c.namespace, "owned", nil)
	owned.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID, Controller: new(true), BlockOwnerDeletion: new(true),
	}}
	must(t, c.client.Create(c, owned), "create what it owns")
	return owner, owned
}

func ownersTakeTheirDependents(t *testing.T, c cluster) {
	owner, owned := c.family(t)
	must(t, c.client.Delete(c, owner, client.PropagationPolicy(metav1.DeletePropagationBackground)), "delete the owner")
	c.gone(t, owner)
	c.gone(t, owned)
}

func foregroundDeletionEndsWithTheOwner(t *testing.T, c cluster) {
	owner, owned := c.family(t)
	held := []byte(`{"metadata":{"finalizers":["suite.k8or.io/hold"]}}`)
	must(t, c.client.Patch(c, owned, client.RawPatch(types.MergePatchType, held)), "hold what is owned")
	must(t, c.client.Delete(c, owner, client.PropagationPolicy(metav1.DeletePropagationForeground)), "delete the owner, its own last")
	c.eventually(t, "what is owned to be deleted", func() (bool, error) {
		err := c.client.Get(c, client.ObjectKeyFromObject(owned), owned)
		return owned.DeletionTimestamp != nil, err
	})
	must(t, c.client.Get(c, client.ObjectKeyFromObject(owner), owner), "read the owner, which waits")
	free := []byte(`{"metadata":{"finalizers":null}}`)
	must(t, c.client.Patch(c, owned, client.RawPatch(types.MergePatchType, free)), "let what is owned go")
	c.gone(t, owned)
	c.gone(t, owner)
}

func orphansStay(t *testing.T, c cluster) {
	owner, owned := c.family(t)
	must(t, c.client.Delete(c, owner, client.PropagationPolicy(metav1.DeletePropagationOrphan)), "delete the owner alone")
	c.gone(t, owner)
	c.eventually(t, "what was owned to stand alone", func() (bool, error) {
		err := c.client.Get(c, client.ObjectKeyFromObject(owned), owned)
		return len(owned.OwnerReferences) == 0, err
	})
}

func namespacesTakeTheirContent(t *testing.T, c cluster) {
	inner := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.namespace + "-inner"}}
	must(t, c.client.Create(c, inner), "create a namespace")
	if inner.Labels["kubernetes.io/metadata.name"] != inner.Name || inner.Status.Phase != corev1.NamespaceActive {
		t.Errorf("a new namespace has labels %v and phase %q", inner.Labels, inner.Status.Phase)
	}
	held := configMap(inner.Name, "held", nil)
	held.Finalizers = []string{"suite.k8or.io/hold"}
	free := configMap(inner.Name, "free", nil)
	must(t, c.client.Create(c, held), "create what is held")
	must(t, c.client.Create(c, free), "create what is not")
	must(t, c.client.Delete(c, inner), "delete the namespace")
	c.gone(t, free)
	must(t, c.client.Get(c, client.ObjectKeyFromObject(inner), inner), "read the namespace: something is held in it")
	if inner.Status.Phase != corev1.NamespaceTerminating || inner.DeletionTimestamp == nil {
		t.Errorf("it has phase %q and deletionTimestamp %v", inner.Status.Phase, inner.DeletionTimestamp)
	}
	err := c.client.Create(c, configMap(inner.Name, "late", nil))
	refused(t, err, func(err error) bool { return apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) }, "something new in a namespace that is going")
	must(t, c.client.Patch(c, held, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))), "let it go")
	c.gone(t, inner)
}
