// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/k8or/k8or/internal/lint"
)

// TestWhatAPersonBringsIsHeldAgainstTheUpgradeChecks tries the three ways by which objects that are not ours come in.
func TestWhatAPersonBringsIsHeldAgainstTheUpgradeChecks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const guard = "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: guard}\nwebhooks:\n- name: guard.example.com\n  sideEffects: None\n" +
		"  admissionReviewVersions: [v1]\n  timeoutSeconds: 30\n  clientConfig: {url: https://guard.example.com}\n  rules: [{apiGroups: [x.io], apiVersions: [v1], operations: [CREATE], resources: ['*']}]\n"
	for name, text := range map[string]string{
		"folder/guard.yaml": guard,
		"chart/Chart.yaml":  "apiVersion: v2\nname: chart\nversion: 1.0.0\n", "chart/templates/guard.yaml": guard,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, err := composition(t.Context(), filepath.Join(dir, "k8or.yaml"), []byte(`{apiVersion: k8or.io/v1alpha1, kind: Platform, metadata: {name: shop}, spec: {region: nyc3, apps: {
		folder: {manifests: folder}, chart: {chart: {source: chart}}, release: {chart: {source: chart, release: true}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	found, _ := lint.Check(3, c.Rendered...)
	var of []string
	for _, f := range found {
		if f.Rule == "admission-controller-webhook-timeout" && f.Severity == lint.Blocks {
			of = append(of, f.For)
		}
	}
	slices.Sort(of)
	if want := []string{"apps/chart", "apps/folder", "apps/release"}; !slices.Equal(of, want) {
		t.Errorf("a webhook that takes too long is found in %v, want %v", of, want)
	}
}
