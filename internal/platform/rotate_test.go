// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/sandbox/memkube"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

func TestAKeyThatABackupBeganWithStaysUntilItHasEnded(t *testing.T) {
	t.Parallel()
	c := kube.New(kube.Options{Platform: "shop-x7k2p9", Transport: wire.Transport(memkube.New(memkube.Options{})), Credentials: func(context.Context) (kube.Credentials, error) {
		return kube.Credentials{Server: "https://memkube.invalid", Token: "none", Expires: time.Now().Add(time.Hour)}, nil
	}})
	kinds := []kube.ID{veleroID("Backup", ""), veleroID("Restore", "")}
	if why, err := stillWorks(t.Context(), c, kinds); err != nil || why != "" {
		t.Fatalf("without Velero: %q, %v", why, err)
	}
	ask := func(o map[string]any) {
		t.Helper()
		if err := c.Ask(t.Context(), &unstructured.Unstructured{Object: o}); err != nil {
			t.Fatal(err)
		}
	}
	ask(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": veleroNamespace}})
	for kind, plural := range map[string]string{"Backup": "backups", "Restore": "restores"} {
		ask(map[string]any{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": plural + ".velero.io"},
			"spec": map[string]any{"group": "velero.io", "scope": "Namespaced", "names": map[string]any{"kind": kind, "listKind": kind + "List", "plural": plural, "singular": strings.ToLower(kind)},
				"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}})
	}
	velero := func(kind, name, phase string) {
		t.Helper()
		ask(map[string]any{"apiVersion": "velero.io/v1", "kind": kind, "metadata": map[string]any{"name": name, "namespace": veleroNamespace}, "status": map[string]any{"phase": phase}})
	}
	velero("Backup", "yesterday", "Completed")
	velero("Backup", "broken", "PartiallyFailed")
	if why, err := stillWorks(t.Context(), c, kinds); err != nil || why != "" {
		t.Errorf("with backups that have ended: %q, %v", why, err)
	}
	velero("Restore", "now", "InProgress")
	if why, err := stillWorks(t.Context(), c, kinds); err != nil || !strings.Contains(why, "restore now is in progress") {
		t.Errorf("with a restore under way: %q, %v", why, err)
	}
	velero("Backup", "today", "")
	if why, err := stillWorks(t.Context(), c, kinds); err != nil || !strings.Contains(why, "backup today is new") {
		t.Errorf("with a backup that is about to begin: %q, %v", why, err)
	}
}
