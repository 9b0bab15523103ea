// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	helm "helm.sh/helm/v4/pkg/chart/v2"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// builtinVersions are the API versions that every supported Kubernetes (1.34 and later) serves without being asked.
// They are written down rather than taken from the linked client, which also knows versions long gone from clusters:
// charts that try the oldest first would then choose one that no longer exists.
var builtinVersions = []string{
	"v1", "admissionregistration.k8s.io/v1", "apiextensions.k8s.io/v1", "apiregistration.k8s.io/v1", "apps/v1",
	"authentication.k8s.io/v1", "authorization.k8s.io/v1", "autoscaling/v1", "autoscaling/v2", "batch/v1",
	"certificates.k8s.io/v1", "coordination.k8s.io/v1", "discovery.k8s.io/v1", "events.k8s.io/v1",
	"flowcontrol.apiserver.k8s.io/v1", "networking.k8s.io/v1", "node.k8s.io/v1", "policy/v1",
	"rbac.authorization.k8s.io/v1", "resource.k8s.io/v1", "scheduling.k8s.io/v1", "storage.k8s.io/v1",
}

var builtinGroups = func() map[string]bool {
	groups := map[string]bool{}
	for _, v := range builtinVersions {
		group, _, found := strings.Cut(v, "/")
		if !found {
			group = ""
		}
		groups[group] = true
	}
	return groups
}()

// capabilities is what templates see as .Capabilities.
func capabilities(o Options) (*common.Capabilities, error) {
	version, err := common.ParseKubeVersion(o.KubeVersion)
	if err != nil {
		return nil, fmt.Errorf("render for Kubernetes version %q: %w", o.KubeVersion, err)
	}
	if strings.Count(o.KubeVersion, ".") == 1 {
		// A channel such as "1.36" is rendered as its first release, so that a patch changes nothing.
		if version, err = common.ParseKubeVersion(o.KubeVersion + ".0"); err != nil {
			return nil, fmt.Errorf("render for Kubernetes version %q: %w", o.KubeVersion, err)
		}
	}
	capabilities := common.DefaultCapabilities.Copy()
	capabilities.KubeVersion = *version
	capabilities.APIVersions = apiVersions(o.APIVersions)
	return capabilities, nil
}

// apiVersions lists Kubernetes' own versions and the given ones, each version alone and with each of its kinds, as
// a real cluster's discovery would.
func apiVersions(more []string) common.VersionSet {
	set := slices.Clone(builtinVersions)
	for _, v := range builtinVersions {
		gv, err := schema.ParseGroupVersion(v)
		if err != nil {
			continue
		}
		for kind := range scheme.Scheme.KnownTypes(gv) {
			if !strings.HasSuffix(kind, "List") && !strings.HasSuffix(kind, "Options") && kind != "WatchEvent" {
				set = append(set, v+"/"+kind)
			}
		}
	}
	set = append(set, "apiregistration.k8s.io/v1/APIService")
	set = append(set, more...)
	slices.Sort(set)
	return common.VersionSet(slices.Compact(set))
}

var networkRef = regexp.MustCompile(`"\$ref"\s*:\s*"(https?://[^"#]*)`)

// schemaOnNetwork finds a schema, of the chart or of a subchart, that points at another machine.
func schemaOnNetwork(c *helm.Chart) (name, ref string, found bool) {
	for _, m := range networkRef.FindAllSubmatch(c.Schema, -1) {
		// The meta-schemas are linked, and a schema may refer to itself by its own address.
		own := bytes.Contains(c.Schema, []byte(`"$id": "`+string(m[1])+`"`))
		if !own && !bytes.HasPrefix(m[1], []byte("http://json-schema.org/")) && !bytes.HasPrefix(m[1], []byte("https://json-schema.org/")) {
			return c.Name(), string(m[1]), true
		}
	}
	for _, sub := range c.Dependencies() {
		if name, ref, found := schemaOnNetwork(sub); found {
			return name, ref, true
		}
	}
	return "", "", false
}
