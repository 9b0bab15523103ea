// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	clients "k8s.io/client-go/kubernetes"
)

// pulledFrom is the annotation by which a registry's pull secret is known: docs.digitalocean.com, use a registry with Kubernetes.
const pulledFrom = "digitalocean.com/dosecret-identifier"

// SyncPullSecrets puts each registry's pull secret, named like the registry, into every namespace of the cluster and onto its default
// service account, now and for namespaces to come; secrets of registries that are not named are taken away.
func (r *Runtime) SyncPullSecrets(_ context.Context, id string, secrets map[string][]byte) error {
	p := r.plane(id)
	if p == nil {
		return fmt.Errorf("sync the pull secrets of cluster %s: its control plane does not run", id)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hands == nil {
		return fmt.Errorf("sync the pull secrets of cluster %s: its control plane is not ready", id)
	}
	p.hands.setPulls(secrets)
	return nil
}

func (h *hands) setPulls(secrets map[string][]byte) {
	h.mu.Lock()
	h.pulls, h.pullsSet, h.pulled = secrets, true, nil
	h.mu.Unlock()
	h.nudge()
}

// pullSecrets brings namespaces in line with the registries, and says whether it has to look again.
func (h *hands) pullSecrets(ctx context.Context) (open bool) {
	h.mu.Lock()
	wanted, set, done := h.pulls, h.pullsSet, h.pulled
	h.mu.Unlock()
	if !set {
		return false
	}
	if done == nil {
		if err := DropPulls(ctx, h.client, wanted); err != nil {
			return true
		}
		done = map[string]bool{}
	}
	namespaces, err := h.seen.Core().V1().Namespaces().Lister().List(labels.Everything())
	if err != nil {
		return true
	}
	for _, n := range namespaces {
		if n.DeletionTimestamp != nil {
			continue
		}
		if !done[string(n.UID)] {
			if err := PlacePulls(ctx, h.client, n.Name, wanted); err != nil {
				open = true
				continue
			}
			done[string(n.UID)] = true
		}
		if err := h.attachPulls(ctx, n.Name, wanted); err != nil {
			open = true
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if maps.EqualFunc(h.pulls, wanted, bytes.Equal) {
		h.pulled = done
	}
	return open
}

// DropPulls deletes the secrets of registries that are no longer wanted, wherever they are.
func DropPulls(ctx context.Context, client clients.Interface, wanted map[string][]byte) error {
	all, err := client.CoreV1().Secrets("").List(ctx, metav1.ListOptions{FieldSelector: "type=" + string(corev1.SecretTypeDockerConfigJson)})
	if err != nil {
		return err
	}
	for _, s := range all.Items {
		from, ours := s.Annotations[pulledFrom]
		if _, keep := wanted[from]; !ours || keep {
			continue
		}
		if err := client.CoreV1().Secrets(s.Namespace).Delete(ctx, s.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		if err := detachPull(ctx, client, s.Namespace, s.Name); err != nil {
			return err
		}
	}
	return nil
}

func detachPull(ctx context.Context, client clients.Interface, namespace, name string) error {
	account, err := client.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	account.ImagePullSecrets = slices.DeleteFunc(account.ImagePullSecrets, func(r corev1.LocalObjectReference) bool { return r.Name == name })
	_, err = client.CoreV1().ServiceAccounts(namespace).Update(ctx, account, metav1.UpdateOptions{})
	return err
}

// PullSecret is a registry's pull secret in one namespace.
func PullSecret(registry, namespace string, config []byte) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: registry, Namespace: namespace, Annotations: map[string]string{pulledFrom: registry}},
		Type:       corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{corev1.DockerConfigJsonKey: config},
	}
}

// PlacePulls makes or refreshes the secrets of one namespace.
func PlacePulls(ctx context.Context, client clients.Interface, namespace string, wanted map[string][]byte) error {
	secrets := client.CoreV1().Secrets(namespace)
	for registry, config := range wanted {
		want := PullSecret(registry, namespace, config)
		_, err := secrets.Create(ctx, want, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			_, err = secrets.Update(ctx, want, metav1.UpdateOptions{})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// attachPulls adds the secrets to the namespace's default service account, as far as it lacks them.
func (h *hands) attachPulls(ctx context.Context, namespace string, wanted map[string][]byte) error {
	account, err := h.seen.Core().V1().ServiceAccounts().Lister().ServiceAccounts(namespace).Get("default")
	if apierrors.IsNotFound(err) {
		return nil // its coming will be seen
	}
	if err != nil {
		return err
	}
	account = account.DeepCopy()
	before := len(account.ImagePullSecrets)
	for _, registry := range slices.Sorted(maps.Keys(wanted)) {
		has := func(r corev1.LocalObjectReference) bool { return r.Name == registry }
		if !slices.ContainsFunc(account.ImagePullSecrets, has) {
			account.ImagePullSecrets = append(account.ImagePullSecrets, corev1.LocalObjectReference{Name: registry})
		}
	}
	if len(account.ImagePullSecrets) == before {
		return nil
	}
	_, err = h.client.CoreV1().ServiceAccounts(namespace).Update(ctx, account, metav1.UpdateOptions{})
	return err
}
