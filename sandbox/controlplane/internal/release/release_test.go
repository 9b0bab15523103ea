// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"os"
	"strings"
	"testing"

	"github.com/k8or/k8or/sandbox/controlplane/internal/release"
)

func TestLinkedIsTheReleaseThatGoModAsksFor(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "k8s.io/kubernetes " + release.Linked + "\n"; !strings.Contains(string(text), want) {
		t.Errorf("go.mod does not require %q", strings.TrimSpace(want))
	}
	linked, err := release.Parse(release.Linked)
	if err != nil || linked.Minor() != release.Minors()[0] {
		t.Errorf("the newest minor is %s, want that of %s (%v)", release.Minors()[0], release.Linked, err)
	}
}

func TestParseNamesTheMinorsItSupports(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"1.33.9", "1.38.0", "2.36.0"} {
		if _, err := release.Parse(text); err == nil || !strings.Contains(err.Error(), "1.37, 1.36, 1.35, 1.34") {
			t.Errorf("Parse(%q) = %v, want an error that names the minors", text, err)
		}
	}
	for _, text := range []string{"", "1.36", "latest", "1.36.3.1"} {
		if _, err := release.Parse(text); err == nil {
			t.Errorf("Parse(%q) was accepted", text)
		}
	}
	got, err := release.Parse("v1.34.6")
	if err != nil || got.String() != "1.34.6" || got.Minor() != "1.34" || got.MinorNumber() != 34 {
		t.Errorf("Parse(v1.34.6) = %v (%v)", got, err)
	}
}
