// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
)

func TestPullSecretsFollowTheRegistries(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	client := fake.NewClientset()
	for _, name := range []string{"kube-system", "apps"} {
		if _, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name)}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := client.CoreV1().ServiceAccounts(name).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}, ImagePullSecrets: []corev1.LocalObjectReference{{Name: "theirs"}}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	look := func(h *hands) { // with what is there now seen
		h.seen = informers.NewSharedInformerFactory(client, 0)
		h.seen.Core().V1().Namespaces().Informer()
		h.seen.Core().V1().ServiceAccounts().Informer()
		h.seen.StartWithContext(ctx)
		h.seen.WaitForCacheSyncWithContext(ctx)
		if h.pullSecrets(ctx) {
			t.Error("something could not be done")
		}
	}
	has := func(namespace string, want ...string) {
		t.Helper()
		account, err := client.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, r := range account.ImagePullSecrets {
			got += r.Name + " "
		}
		all := "theirs "
		for _, w := range want {
			all += w + " "
			s, err := client.CoreV1().Secrets(namespace).Get(ctx, w, metav1.GetOptions{})
			if err != nil || s.Type != corev1.SecretTypeDockerConfigJson || s.Annotations[pulledFrom] != w {
				t.Errorf("the secret %s in %s: %v, %v", w, namespace, s, err)
			}
		}
		if got != all {
			t.Errorf("the service account in %s pulls with %q, want %q", namespace, got, all)
		}
	}
	h := &hands{client: client, nudged: make(chan struct{}, 1)}
	look(h) // nobody has said anything of registries
	has("apps")
	h.setPulls(map[string][]byte{"shop": []byte("{}")})
	look(h)
	has("kube-system", "shop")
	has("apps", "shop")
	h.setPulls(map[string][]byte{})
	look(h)
	has("apps")
	if _, err := client.CoreV1().Secrets("apps").Get(ctx, "shop", metav1.GetOptions{}); err == nil {
		t.Error("the pull secret of a registry that is not integrated any more stayed")
	}
}
