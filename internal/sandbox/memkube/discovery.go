// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	discovery "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
)

var verbs = []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}

const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

// discover answers what is not about a resource, and says whether it was that.
func (s *Server) discover(w http.ResponseWriter, r *http.Request) bool {
	steps := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	resource := steps[0] == "apis" && len(steps) > 3 || steps[0] == "api" && len(steps) > 2
	if r.Method != http.MethodGet || resource {
		return false
	}
	s.mu.Lock()
	s.settle()
	kinds := slices.SortedFunc(maps.Values(s.kinds), func(a, b *kind) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.plural, b.plural))
	})
	s.mu.Unlock()
	whole := slices.ContainsFunc(r.Header.Values("Accept"), func(a string) bool { return strings.Contains(a, "as=APIGroupDiscoveryList") })
	switch {
	case slices.Contains([]string{"healthz", "livez", "readyz"}, steps[0]):
		w.Write([]byte("ok")) // a client that has gone needs no answer
	case steps[0] == "version":
		_ = reply(w, http.StatusOK, s.release())
	case steps[0] == "openapi":
		_ = reply(w, http.StatusOK, map[string]any{"paths": map[string]any{}})
	case len(steps) == 1 && (steps[0] == "api" || steps[0] == "apis") && whole:
		_ = reply(typedWriter{w}, http.StatusOK, aggregate(kinds, steps[0] == "api"))
	case len(steps) == 1 && steps[0] == "api":
		_ = reply(w, http.StatusOK, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
	case len(steps) == 1 && steps[0] == "apis":
		_ = reply(w, http.StatusOK, metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: groups(kinds)})
	case len(steps) == 2 && steps[0] == "apis":
		for _, g := range groups(kinds) {
			if g.Name == steps[1] {
				g.TypeMeta = metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"}
				_ = reply(w, http.StatusOK, g)
				return true
			}
		}
		fail(w, noSuchPath())
	case len(steps) == 2 && steps[0] == "api":
		s.resources(w, kinds, "", steps[1])
	case len(steps) == 3 && steps[0] == "apis":
		s.resources(w, kinds, steps[1], steps[2])
	default:
		return false
	}
	return true
}

// typedWriter answers in the aggregated form's own content type.
type typedWriter struct{ http.ResponseWriter }

func (w typedWriter) WriteHeader(status int) {
	w.Header().Set("Content-Type", aggregated)
	w.ResponseWriter.WriteHeader(status)
}

func (s *Server) release() version.Info {
	parts := strings.SplitN(s.options.Version+"..", ".", 3)
	return version.Info{
		Major: parts[0], Minor: parts[1], GitVersion: "v" + s.options.Version, GitTreeState: "clean",
		GoVersion: "go1.26", Compiler: "gc", Platform: "linux/amd64",
	}
}

// groups lists the groups with a name, each with the versions that any of its kinds has.
func groups(kinds []*kind) []metav1.APIGroup {
	var out []metav1.APIGroup
	for _, k := range kinds {
		if k.group == "" {
			continue
		}
		if len(out) == 0 || out[len(out)-1].Name != k.group {
			out = append(out, metav1.APIGroup{Name: k.group})
		}
		g := &out[len(out)-1]
		for _, v := range k.versions {
			entry := metav1.GroupVersionForDiscovery{GroupVersion: k.group + "/" + v, Version: v}
			if !slices.Contains(g.Versions, entry) {
				g.Versions = append(g.Versions, entry)
			}
		}
		g.PreferredVersion = g.Versions[0]
	}
	return out
}

func (s *Server) resources(w http.ResponseWriter, kinds []*kind, group, version string) {
	gv := version
	if group != "" {
		gv = group + "/" + version
	}
	list := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: gv}
	for _, k := range kinds {
		if k.group != group || !k.serves(version) {
			continue
		}
		list.APIResources = append(list.APIResources, metav1.APIResource{
			Name: k.plural, SingularName: strings.ToLower(k.kind), Namespaced: k.namespaced, Kind: k.kind,
			Verbs: verbs, ShortNames: k.short, Categories: k.categories,
		})
		if k.status {
			list.APIResources = append(list.APIResources, metav1.APIResource{
				Name: k.plural + "/status", Namespaced: k.namespaced, Kind: k.kind, Verbs: []string{"get", "patch", "update"},
			})
		}
		if k.resource() == pods {
			list.APIResources = append(list.APIResources, metav1.APIResource{
				Name: "pods/eviction", Namespaced: true, Group: "policy", Version: "v1", Kind: "Eviction", Verbs: []string{"create"},
			})
		}
	}
	if list.APIResources == nil {
		fail(w, noSuchPath())
		return
	}
	_ = reply(w, http.StatusOK, list)
}

// aggregate is all of discovery in one answer: the core group's, or that of all others.
func aggregate(kinds []*kind, core bool) discovery.APIGroupDiscoveryList {
	list := discovery.APIGroupDiscoveryList{
		TypeMeta: metav1.TypeMeta{Kind: "APIGroupDiscoveryList", APIVersion: "apidiscovery.k8s.io/v2"},
		Items:    []discovery.APIGroupDiscovery{},
	}
	all := groups(kinds)
	if core {
		all = []metav1.APIGroup{{Versions: []metav1.GroupVersionForDiscovery{{Version: "v1"}}}}
	}
	for _, g := range all {
		item := discovery.APIGroupDiscovery{ObjectMeta: metav1.ObjectMeta{Name: g.Name}}
		for _, v := range g.Versions {
			served := discovery.APIVersionDiscovery{Version: v.Version, Freshness: discovery.DiscoveryFreshnessCurrent}
			for _, k := range kinds {
				if k.group == g.Name && k.serves(v.Version) {
					served.Resources = append(served.Resources, k.discovered(v.Version))
				}
			}
			item.Versions = append(item.Versions, served)
		}
		list.Items = append(list.Items, item)
	}
	return list
}

func (k *kind) discovered(version string) discovery.APIResourceDiscovery {
	gvk := metav1.GroupVersionKind(k.at(version))
	d := discovery.APIResourceDiscovery{
		Resource: k.plural, ResponseKind: &gvk, Scope: discovery.ScopeCluster, SingularResource: strings.ToLower(k.kind),
		Verbs: verbs, ShortNames: k.short, Categories: k.categories,
	}
	if k.namespaced {
		d.Scope = discovery.ScopeNamespace
	}
	if k.status {
		d.Subresources = append(d.Subresources, discovery.APISubresourceDiscovery{
			Subresource: "status", ResponseKind: &gvk, Verbs: []string{"get", "patch", "update"},
		})
	}
	if k.resource() == pods {
		d.Subresources = append(d.Subresources, discovery.APISubresourceDiscovery{
			Subresource: "eviction", ResponseKind: &metav1.GroupVersionKind{Group: "policy", Version: "v1", Kind: "Eviction"}, Verbs: []string{"create"},
		})
	}
	return d
}
