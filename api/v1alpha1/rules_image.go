// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"slices"
	"strings"
)

// movingTags are tags that are made to move.
var movingTags = []string{"latest", "stable", "edge", "nightly", "main", "master", "dev", "develop", "head"}

const imageReference = `^([a-zA-Z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+(([._/-]|__)[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[a-f0-9]{64})?$`

// image checks that the image can be found, and is the same tomorrow.
func (a appChecker) image() {
	image := a.given.Image
	if image == "" {
		return
	}
	if !matches(imageReference, image) {
		a.fail("image", CodeImageInvalid, fmt.Sprintf("%q is not an image", image), "", "write registry/name:tag, such as docker.io/library/nginx:1.29.3")
		return
	}
	name, digest, _ := strings.Cut(image, "@")
	host, rest, slash := strings.Cut(name, "/")
	if !slash || !strings.ContainsAny(host, ".:") && host != "localhost" {
		host, rest = "", name
	}
	if host == "" && a.checker.given.Spec.Registry == nil {
		full := "docker.io/" + rest
		if !strings.Contains(rest, "/") {
			full = "docker.io/library/" + rest
		}
		a.fail("image", CodeImageNoRegistry, fmt.Sprintf("image %q names no registry", image), "the platform has no registry of its own",
			fmt.Sprintf("write `image: %s` if it is Docker Hub's", full))
	}
	_, tag, tagged := strings.Cut(rest[strings.LastIndex(rest, "/")+1:], ":")
	switch {
	case digest != "":
	case !tagged:
		a.fail("image", CodeImageNoTag, fmt.Sprintf("image %q has no tag", image), "it would change by itself", "add an exact tag, such as :1.4.2, or a digest")
	case slices.Contains(movingTags, strings.ToLower(tag)):
		a.fail("image", CodeImageLatest, fmt.Sprintf("tag %q moves", tag), "the platform would change by itself", "use an exact tag, such as :1.4.2, or a digest")
	}
}
