// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/sandbox/memkube"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

// The next anchor signs nothing while a proxy anywhere in the cluster, k8or's or not, was made before it was in the bundle.
func TestANewTrustAnchorWaitsForEveryProxy(t *testing.T) {
	t.Parallel()
	c := New(Options{Platform: "shop-x7k2p9", Transport: wire.Transport(memkube.New(memkube.Options{})), Credentials: func(context.Context) (Credentials, error) {
		return Credentials{Server: "https://memkube.invalid", Token: "none", Expires: time.Now().Add(time.Hour)}, nil
	}})
	ask := func(o map[string]any) {
		t.Helper()
		if err := c.Ask(t.Context(), &unstructured.Unstructured{Object: o}); err != nil {
			t.Fatal(err)
		}
	}
	ask(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "linkerd"}})
	for kind, plural := range map[string]string{"Certificate": "certificates", "Issuer": "issuers"} {
		ask(map[string]any{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": plural + ".cert-manager.io"},
			"spec": map[string]any{"group": "cert-manager.io", "scope": "Namespaced", "names": map[string]any{"kind": kind, "listKind": kind + "List", "plural": plural, "singular": strings.ToLower(kind)},
				"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}})
	}
	direct, err := c.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	custom := func(kind, name string, spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "cert-manager.io/v1", "kind": kind, "metadata": map[string]any{"name": name}, "spec": spec}}
	}
	anchor := Anchor{Namespace: "linkerd", Name: "anchor", Signed: "identity", Bundle: "roots"}
	sets := func(rotate bool) []Set {
		a := anchor
		a.Rotate = rotate
		return []Set{
			{Name: "anchor", Namespace: "linkerd", Anchor: &a, Derived: []Derived{{Name: "roots", ConfigMap: true}}, Objects: []*unstructured.Unstructured{
				custom("Certificate", "anchor", map[string]any{"secretName": "anchor"}), custom("Issuer", "anchor", map[string]any{"ca": map[string]any{"secretName": "anchor"}})}},
			{Name: "signed", Namespace: "linkerd", Anchor: &a, Objects: []*unstructured.Unstructured{custom("Certificate", "identity", map[string]any{"issuerRef": map[string]any{"name": "anchor"}})}},
		}
	}
	// up applies both sets, and has cert-manager make the Secret of an anchor meanwhile. It returns who signs, and the bundle.
	up := func(rotate bool, makes string) (signs, bundle string) {
		t.Helper()
		for _, set := range sets(rotate) {
			applied, err := c.Apply(t.Context(), set)
			if err == nil && !applied.Done && makes != "" {
				secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "linkerd", Name: makes}, Data: map[string][]byte{"tls.crt": []byte("certificate of " + makes + "\n")}}
				if err := direct.Create(t.Context(), secret); err != nil {
					t.Fatal(err)
				}
				applied, err = c.Apply(t.Context(), set)
			}
			if err != nil || !applied.Done {
				t.Fatalf("apply %s: %+v, %v", set.Name, applied, err)
			}
		}
		live := custom("Certificate", "identity", nil)
		var roots corev1.ConfigMap
		for _, err := range []error{direct.Get(t.Context(), client.ObjectKey{Namespace: "linkerd", Name: "identity"}, live), direct.Get(t.Context(), client.ObjectKey{Namespace: "linkerd", Name: "roots"}, &roots)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		signs, _, _ = unstructured.NestedString(live.Object, "spec", "issuerRef", "name")
		return signs, roots.Data["ca-bundle.crt"]
	}
	proxy := func(bundle string) *corev1.Pod {
		sum := sha256.Sum256([]byte(bundle))
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "theirs", Labels: map[string]string{linkerdPlane: "linkerd"},
			Annotations: map[string]string{linkerdTrusts: hex.EncodeToString(sum[:])}}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example.com/theirs:1"}}}}
	}
	signs, bundle := up(false, "anchor")
	if signs != "anchor" || bundle != "certificate of anchor\n" {
		t.Fatalf("at first %s signs, and the bundle is %q", signs, bundle)
	}
	if err := direct.Create(t.Context(), proxy(bundle)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second look begins no other
		if signs, bundle = up(true, "anchor.2"); signs != "anchor" || bundle != "certificate of anchor.2\ncertificate of anchor\n" {
			t.Fatalf("while a proxy trusts the first alone, %s signs, and the bundle is %q", signs, bundle)
		}
	}
	if why, err := c.keepsAnchor(t.Context(), sets(false)[0]); err != nil || !strings.Contains(why, "pod default/theirs does not trust anchor.2") {
		t.Errorf("it says %q, %v", why, err)
	}
	if err := direct.Delete(t.Context(), proxy("")); err != nil {
		t.Fatal(err)
	}
	if err := direct.Create(t.Context(), proxy(bundle)); err != nil {
		t.Fatal(err)
	}
	if signs, _ = up(false, ""); signs != "anchor.2" {
		t.Errorf("once each proxy trusts both, %s signs", signs)
	}
}
