// SPDX-License-Identifier: Apache-2.0

package document_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/document"
)

func TestADocumentThatIsNotValidStillTellsWhichPlatformItIs(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: k8or.io/v1alpha1\nkind: Platform\nmetadata: {name: shop, uid: x7k2p9}\n"
	for _, c := range []struct {
		why, text string
		wrong     int
		existing  string
	}{
		{"a good one", head + "spec: {region: nyc3}\n", 0, ""},
		{"a field that is not known any more", head + "spec: {region: nyc3, monitors: {}}\n", 1, ""},
		{"a version that is not known yet", strings.Replace(head, "v1alpha1", "v9", 1) + "spec: {region: nyc3}\n", 1, ""},
		{"a pool without a count, in an existing cluster's place", head + "spec: {region: nyc3, cluster: {existing: prod-1, nodePools: {a: {size: s-2vcpu-4gb}}}}\n", 2, "prod-1"},
		{"no region", head + "spec: {}\n", 1, ""},
	} {
		doc, wrong, err := document.Identify(v1alpha1.Available{}, write(t, c.text))
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		p := doc.Platform
		if (len(wrong) > 0) != (c.wrong > 0) || p.Metadata.Name != "shop" || p.Metadata.UID != "x7k2p9" || p.Spec.Cluster.Existing != c.existing {
			t.Errorf("%s: %+v with %d problems", c.why, p, len(wrong))
		}
		if c.wrong > 0 && len(p.Spec.Cluster.NodePools) > 0 {
			t.Errorf("%s: more was taken from it than its identity: %+v", c.why, p.Spec)
		}
	}
	for _, c := range []struct{ why, text string }{
		{"no YAML", head + "spec: {region: [}\n"},
		{"no name", strings.Replace(head, "name: shop, ", "", 1) + "spec: {region: nyc3}\n"},
		{"a name that is none", strings.Replace(head, "shop", "Shop!", 1) + "spec: {region: nyc3}\n"},
		{"a uid that is none", strings.Replace(head, "x7k2p9", "X7", 1) + "spec: {region: nyc3}\n"},
		{"a cluster that may be an existing one", head + "spec: {region: nyc3, cluster: {existing: [prod-1]}}\n"},
		{"a cluster that is anything", head + "spec: {region: nyc3, cluster: 3}\n"},
		{"an empty file", ""},
	} {
		doc, _, err := document.Identify(v1alpha1.Available{}, write(t, c.text))
		if err == nil {
			t.Errorf("%s: it was taken for %+v", c.why, doc.Platform.Metadata)
			continue
		}
		list, ok := err.(interface{ Text(bool) string })
		if !ok || !strings.Contains(list.Text(false), "metadata: {name: NAME, uid: UID}") {
			t.Errorf("%s: %v does not say what to write", c.why, err)
		}
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "k8or.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
