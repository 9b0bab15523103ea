// SPDX-License-Identifier: Apache-2.0

// Package release knows which Kubernetes is linked into this binary and which minors it can emulate.
package release

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"
)

// Linked is the release of the Kubernetes code in this binary. go.mod asks for the same one; a test holds them together.
const Linked = "v1.37.2"

// Minors are the minors that can be emulated, newest first: the linked one and the three before it, which is as far back
// as Kubernetes goes.
func Minors() []string { return []string{"1.37", "1.36", "1.35", "1.34"} }

// Release is one release of Kubernetes that a cluster is said to run.
type Release struct{ parsed *version.Version }

// Parse reads a full release such as "1.36.3" (or "v1.36.3"). The error for a minor that cannot be emulated names those
// that can.
func Parse(text string) (Release, error) {
	parsed, err := version.ParseSemantic(text)
	if err != nil {
		return Release{}, fmt.Errorf("%q is not a release of Kubernetes such as 1.36.3", text)
	}
	release := Release{parsed}
	if !slices.Contains(Minors(), release.Minor()) {
		return Release{}, fmt.Errorf("release %s of Kubernetes cannot be emulated by %s: it supports the minors %s",
			text, Linked, strings.Join(Minors(), ", "))
	}
	return release, nil
}

// Minor is the release's minor, such as "1.36".
func (r Release) Minor() string { return fmt.Sprintf("%d.%d", r.parsed.Major(), r.parsed.Minor()) }

// MinorNumber is the minor alone, such as 36.
func (r Release) MinorNumber() uint { return r.parsed.Minor() }

// String is the release without a leading v, such as "1.36.3".
func (r Release) String() string { return r.parsed.String() }
