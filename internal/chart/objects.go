// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	release "helm.sh/helm/v4/pkg/release/v1/util"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// decodeDocument reads one YAML document: nothing, an object, or a List of them.
func decodeDocument(text string) ([]*unstructured.Unstructured, error) {
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("what was rendered is not YAML: %w", err)
	}
	if bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		return nil, nil
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(raw); err != nil {
		return nil, fmt.Errorf("what was rendered is not a Kubernetes object: %w", err)
	}
	if !object.IsList() {
		if object.GetName() == "" {
			return nil, fmt.Errorf("%s without a name", object.GetKind())
		}
		return []*unstructured.Unstructured{object}, nil
	}
	var items []*unstructured.Unstructured
	err = object.EachListItem(func(item runtime.Object) error {
		one, ok := item.(*unstructured.Unstructured)
		if !ok || one.GetName() == "" {
			return errors.New("a list with an item that has no name")
		}
		items = append(items, one)
		return nil
	})
	return items, err
}

// SortForInstall puts objects into the order in which Helm would install them: kinds others stand on first, custom
// resources last, then by namespace and name.
func SortForInstall(objects []*unstructured.Unstructured) {
	slices.SortStableFunc(objects, compareForInstall)
}

func compareForInstall(a, b *unstructured.Unstructured) int {
	return cmp.Or(
		cmp.Compare(rank(a), rank(b)),
		strings.Compare(a.GroupVersionKind().GroupKind().String(), b.GroupVersionKind().GroupKind().String()),
		strings.Compare(a.GetNamespace(), b.GetNamespace()),
		strings.Compare(a.GetName(), b.GetName()),
	)
}

func rank(o *unstructured.Unstructured) int {
	if i := slices.Index(release.InstallOrder, o.GetKind()); i >= 0 {
		return i
	}
	return len(release.InstallOrder)
}

func isCRD(o *unstructured.Unstructured) bool {
	gvk := o.GroupVersionKind()
	return gvk.Group == "apiextensions.k8s.io" && gvk.Kind == "CustomResourceDefinition"
}

// uniqueByName sorts CRDs and keeps one of each: subcharts often bring the same.
func uniqueByName(crds []*unstructured.Unstructured) []*unstructured.Unstructured {
	slices.SortStableFunc(crds, func(a, b *unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	return slices.CompactFunc(crds, func(a, b *unstructured.Unstructured) bool { return a.GetName() == b.GetName() })
}

func describe(o *unstructured.Unstructured) string {
	if o.GetNamespace() == "" {
		return o.GetKind() + "/" + o.GetName()
	}
	return o.GetKind() + "/" + o.GetNamespace() + "/" + o.GetName()
}

// twice refuses two objects of one name, of which only the later would survive. Objects must be sorted.
func twice(objects []*unstructured.Unstructured) error {
	for i := 1; i < len(objects); i++ {
		if compareForInstall(objects[i-1], objects[i]) == 0 {
			return fmt.Errorf("%s is rendered twice", describe(objects[i]))
		}
	}
	return nil
}

// differing names the objects in which two renderings of a chart differ.
func differing(a, b Rendered) []string {
	all := func(r Rendered) map[string]any {
		out := map[string]any{}
		for _, o := range slices.Concat(r.CRDs, r.Objects) {
			out[describe(o)] = o.Object
		}
		for _, h := range r.Hooks {
			out["hook "+describe(h.Object)] = h.Object.Object
		}
		return out
	}
	one, other := all(a), all(b)
	var names []string
	for name, object := range one {
		if !reflect.DeepEqual(object, other[name]) {
			names = append(names, name)
		}
	}
	for name := range other {
		if _, ok := one[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// scopes knows which kinds live in a namespace.
type scopes map[schema.GroupKind]bool

func scopesOf(crds []*unstructured.Unstructured) scopes {
	s := scopes{}
	for _, crd := range crds {
		group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
		scope, _, _ := unstructured.NestedString(crd.Object, "spec", "scope")
		s[schema.GroupKind{Group: group, Kind: kind}] = scope == "Namespaced"
	}
	return s
}

// place gives a namespaced object the release's namespace when it names none. A kind of which nothing is known here,
// because its CRD comes from elsewhere, is left as it is: whoever applies it can ask the cluster.
func (s scopes) place(o *unstructured.Unstructured, namespace string) {
	gk := o.GroupVersionKind().GroupKind()
	namespaced, known := s[gk]
	if !known && builtinGroups[gk.Group] {
		namespaced, known = !builtinClusterKinds[gk.Kind], true
	}
	switch {
	case known && namespaced && o.GetNamespace() == "":
		o.SetNamespace(namespace)
	case known && !namespaced && o.GetNamespace() != "":
		o.SetNamespace("")
	}
}

// builtinClusterKinds are the kinds of Kubernetes' own groups that live in no namespace.
var builtinClusterKinds = map[string]bool{
	"APIService": true, "CertificateSigningRequest": true, "ClusterRole": true, "ClusterRoleBinding": true, "ClusterTrustBundle": true,
	"CSIDriver": true, "CSINode": true, "CustomResourceDefinition": true, "DeviceClass": true, "FlowSchema": true, "IPAddress": true,
	"IngressClass": true, "MutatingAdmissionPolicy": true, "MutatingAdmissionPolicyBinding": true, "MutatingWebhookConfiguration": true,
	"Namespace": true, "Node": true, "PersistentVolume": true, "PriorityClass": true, "PriorityLevelConfiguration": true,
	"ResourceSlice": true, "RuntimeClass": true, "ServiceCIDR": true, "StorageClass": true, "ValidatingAdmissionPolicy": true,
	"ValidatingAdmissionPolicyBinding": true, "ValidatingWebhookConfiguration": true, "VolumeAttachment": true,
	"VolumeAttributesClass": true,
}

// Place gives objects that come without a chart a namespace, as rendering does: every namespaced object that names none.
// CRDs among them count; a kind of which nothing is known is left as it is.
func Place(objects []*unstructured.Unstructured, namespace string) {
	var crds []*unstructured.Unstructured
	for _, o := range objects {
		if isCRD(o) {
			crds = append(crds, o)
		}
	}
	scopes := scopesOf(crds)
	for _, o := range objects {
		scopes.place(o, namespace)
	}
}
