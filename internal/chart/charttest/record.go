// SPDX-License-Identifier: Apache-2.0

package charttest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/chart"
)

// Record renders a real chart and notes its footprint. The chart is rendered a second time under other names, which
// shows what follows the release's name and the values that name things, and once more for each value that says how large
// something is.
func Record(ctx context.Context, c *chart.Chart, o chart.Options) (*chart.Footprint, error) {
	o.IncludeCRDs = true
	r, err := chart.Render(ctx, c, o)
	if err != nil {
		return nil, fmt.Errorf("record the footprint of %s %s: %w", c.Name, c.Version, err)
	}
	places := placesOf(o, r)
	other, err := chart.Render(ctx, c, places.elsewhere(o))
	if err != nil {
		return nil, fmt.Errorf("record the footprint of %s %s under other names: %w", c.Name, c.Version, err)
	}
	f := &chart.Footprint{Chart: c.Name, ChartVersion: c.Version, AppVersion: c.AppVersion, Images: chart.Images(r.Objects)}
	grown, err := follow(ctx, c, o, r)
	if err != nil {
		return nil, fmt.Errorf("record the footprint of %s %s with larger sizes: %w", c.Name, c.Version, err)
	}
	rec := recorder{places: places, options: o, other: map[string]*unstructured.Unstructured{}, grown: grown}
	for _, object := range other.Objects {
		rec.other[key(object)] = object
	}
	for _, object := range r.Objects {
		if err := rec.note(f, object); err != nil {
			return nil, fmt.Errorf("record the footprint of %s %s: %s: %w", c.Name, c.Version, Describe(object), err)
		}
	}
	for _, crd := range r.CRDs {
		noted, err := crdOf(crd)
		if err != nil {
			return nil, fmt.Errorf("record the footprint of %s %s: %s: %w", c.Name, c.Version, Describe(crd), err)
		}
		f.CRDs = append(f.CRDs, noted)
	}
	return f, nil
}

// place is a source of names: the release, its namespace, or a value.
type place struct {
	path  string // as a footprint writes it
	value string
	other string // what it is in the second rendering
}

type places []place

// placesOf finds the values that name things: name overrides, and those that say an ingress class's name.
func placesOf(o chart.Options, r chart.Rendered) places {
	classes := map[string]bool{}
	for _, object := range r.Objects {
		if object.GetKind() == "IngressClass" {
			classes[object.GetName()] = true
		}
	}
	out := places{{path: chart.ReleasePlace, value: o.ReleaseName}, {path: chart.NamespacePlace, value: o.Namespace}}
	var walk func(path string, values map[string]any)
	walk = func(path string, values map[string]any) {
		for _, key := range slices.Sorted(maps.Keys(values)) {
			at := key
			if path != "" {
				at = path + "." + key
			}
			switch v := values[key].(type) {
			case map[string]any:
				walk(at, v)
			case string:
				if v != "" && (strings.HasSuffix(strings.ToLower(key), "nameoverride") || classes[v]) {
					out = append(out, place{path: at, value: v})
				}
			}
		}
	}
	walk("", o.Values)
	for i := range out {
		out[i].other = fmt.Sprintf("%sx%d", out[i].value, i) // lengthened, so that it still contains what it contained
	}
	return out
}

// elsewhere are the options of the second rendering.
func (p places) elsewhere(o chart.Options) chart.Options {
	o.Values = clone(o.Values)
	for _, one := range p {
		switch one.path {
		case chart.ReleasePlace:
			o.ReleaseName = one.other
			continue
		case chart.NamespacePlace:
			o.Namespace = one.other
			continue
		}
		set(o.Values, one.path, one.other)
	}
	return o
}

// set changes what values have at a path.
func set(values map[string]any, path string, to any) {
	parts := strings.Split(path, ".")
	for _, part := range parts[:len(parts)-1] {
		values = values[part].(map[string]any)
	}
	values[parts[len(parts)-1]] = to
}

// clone copies the maps of values; what else is in them is not changed.
func clone(values map[string]any) map[string]any {
	out := maps.Clone(values)
	for k, v := range out {
		if m, ok := v.(map[string]any); ok {
			out[k] = clone(m)
		}
	}
	return out
}

// follows are the ways in which a text may follow a place: with the place's part in braces, and what it then is in the
// second rendering. The text as it stands comes first.
func (p places) follows(text string) map[string]string {
	out := map[string]string{text: text}
	for _, one := range p {
		if before, after, ok := strings.Cut(text, one.value); ok && one.value != "" {
			out[before+"{"+one.path+"}"+after] = before + one.other + after
		}
	}
	return out
}

type recorder struct {
	places  places
	options chart.Options                         // of the first rendering
	other   map[string]*unstructured.Unstructured // the second rendering, by kind and name
	grown   map[string]*grown                     // what workloads follow, by kind and name
}

// pair finds an object's name for the footprint, and the object in the second rendering.
func (r recorder) pair(o *unstructured.Unstructured) (string, *unstructured.Unstructured) {
	ways := r.places.follows(o.GetName())
	for _, template := range slices.Sorted(maps.Keys(ways)) {
		if other, ok := r.other[o.GetKind()+"/"+ways[template]]; ok {
			return template, other
		}
	}
	return o.GetName(), nil
}

// pairs keeps the labels whose values follow places, in their words, and leaves out what says the version.
func (r recorder) pairs(labels, other map[string]string) map[string]string {
	out := r.selectors(labels, other)
	for _, key := range []string{"helm.sh/chart", "chart", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "heritage"} {
		delete(out, key)
	}
	return out
}

// selectors keeps all labels that a Service selects by, those too that say a version: there are charts that select by it.
func (r recorder) selectors(labels, other map[string]string) map[string]string {
	out := map[string]string{}
	for key, value := range labels {
		out[key] = value
		for template, then := range r.places.follows(value) {
			if other[key] == then && then != value {
				out[key] = template
			}
		}
	}
	return out
}

// note adds one object to the footprint.
func (r recorder) note(f *chart.Footprint, o *unstructured.Unstructured) error {
	name, other := r.pair(o)
	if other == nil {
		other = o
	}
	elsewhere := ""
	if ns := o.GetNamespace(); ns != r.options.Namespace {
		elsewhere = ns
	}
	switch kind := o.GetKind(); {
	case IsWorkload(o):
		w, err := r.workload(o, other)
		w.Name, w.Elsewhere = name, elsewhere
		f.Workloads = append(f.Workloads, w)
		return err
	case kind == "Service" && o.GroupVersionKind().Group == "":
		s, err := r.service(o, other)
		s.Name, s.Elsewhere = name, elsewhere
		f.Services = append(f.Services, s)
		return err
	case kind == "PersistentVolumeClaim":
		c, err := into[corev1.PersistentVolumeClaim](o)
		if err != nil {
			return err
		}
		claim := claimOf(c)
		claim.Name = name
		f.Claims = append(f.Claims, claim)
	case kind == "IngressClass":
		controller, _, err := unstructured.NestedString(o.Object, "spec", "controller")
		f.IngressClasses = append(f.IngressClasses, chart.IngressClass{Name: name, Controller: controller})
		return err
	case kind == "APIService":
		f.APIServices = append(f.APIServices, o.GetName())
	}
	return nil
}

func (r recorder) workload(o, other *unstructured.Unstructured) (chart.Workload, error) {
	w := chart.Workload{Kind: o.GetKind()}
	if n, ok, _ := unstructured.NestedInt64(o.Object, "spec", "replicas"); ok && o.GetKind() != "DaemonSet" {
		w.Replicas = &n
	}
	one, err := into[appsv1.StatefulSet](o) // the fields read here are the same in all three kinds
	if err != nil {
		return w, err
	}
	two, err := into[appsv1.StatefulSet](other)
	if err != nil {
		return w, err
	}
	if one.Spec.Selector == nil || len(one.Spec.Selector.MatchLabels) == 0 {
		return w, fmt.Errorf("its selector has no matchLabels, which a stand-in needs")
	}
	w.Selector = r.pairs(one.Spec.Selector.MatchLabels, two.Spec.Selector.MatchLabels)
	w.Labels = r.pairs(one.Spec.Template.Labels, two.Spec.Template.Labels)
	maps.DeleteFunc(w.Labels, func(k, _ string) bool { _, ok := w.Selector[k]; return ok })
	pod := one.Spec.Template.Spec
	w.Requests = RequestsOf(&pod)
	grown := r.grown[key(o)]
	if err := grown.takeFrom(&w, r.options.Values); err != nil {
		return w, err
	}
	for _, c := range pod.Containers {
		noted := chart.Container{Name: c.Name, Image: c.Image}
		for _, p := range c.Ports {
			noted.Ports = append(noted.Ports, chart.Port{Name: p.Name, Port: int64(p.ContainerPort), Protocol: protocol(p.Protocol)})
		}
		w.Containers = append(w.Containers, noted)
	}
	for _, c := range one.Spec.VolumeClaimTemplates {
		claim := claimOf(c)
		if place, ok := grown.claims[c.Name]; ok {
			claim.Size = place
		}
		w.Claims = append(w.Claims, claim)
	}
	for _, v := range pod.Volumes {
		if v.PersistentVolumeClaim != nil {
			name := &unstructured.Unstructured{Object: map[string]any{"kind": "PersistentVolumeClaim"}}
			name.SetName(v.PersistentVolumeClaim.ClaimName)
			mount, _ := r.pair(name)
			w.Mounts = append(w.Mounts, mount)
		}
	}
	return w, nil
}

func (r recorder) service(o, other *unstructured.Unstructured) (chart.Service, error) {
	one, err := into[corev1.Service](o)
	if err != nil {
		return chart.Service{}, err
	}
	two, err := into[corev1.Service](other)
	if err != nil {
		return chart.Service{}, err
	}
	s := chart.Service{Type: string(one.Spec.Type), Headless: one.Spec.ClusterIP == corev1.ClusterIPNone, Selector: r.selectors(one.Spec.Selector, two.Spec.Selector),
		Labels: r.pairs(one.Labels, two.Labels)}
	if s.Type == "" {
		s.Type = string(corev1.ServiceTypeClusterIP)
	}
	for _, p := range one.Spec.Ports {
		port := chart.Port{Name: p.Name, Port: int64(p.Port), Protocol: protocol(p.Protocol)}
		switch {
		case p.TargetPort.StrVal != "":
			port.TargetPort = p.TargetPort.StrVal
		case p.TargetPort.IntVal != 0 && p.TargetPort.IntVal != p.Port:
			port.TargetPort = p.TargetPort.IntVal
		}
		s.Ports = append(s.Ports, port)
	}
	return s, nil
}

func protocol(p corev1.Protocol) string {
	if p == corev1.ProtocolTCP {
		return ""
	}
	return string(p)
}

func claimOf(c corev1.PersistentVolumeClaim) chart.Claim {
	claim := chart.Claim{Name: c.Name, Size: c.Spec.Resources.Requests.Storage().String()}
	if c.Spec.StorageClassName != nil {
		claim.Class = *c.Spec.StorageClassName
	}
	return claim
}

func crdOf(o *unstructured.Unstructured) (chart.CRD, error) {
	crd, err := into[apiextensionsv1.CustomResourceDefinition](o)
	if err != nil {
		return chart.CRD{}, err
	}
	out := chart.CRD{Name: crd.Name, Group: crd.Spec.Group, Kind: crd.Spec.Names.Kind, Plural: crd.Spec.Names.Plural, Scope: string(crd.Spec.Scope)}
	for _, v := range crd.Spec.Versions {
		out.Versions = append(out.Versions, chart.CRDVersion{Name: v.Name, Served: v.Served, Storage: v.Storage, Status: v.Subresources != nil && v.Subresources.Status != nil})
	}
	return out, nil
}

// into reads an object as its typed form.
func into[T any](o *unstructured.Unstructured) (T, error) {
	var out T
	raw, err := json.Marshal(o.Object)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	return out, err
}
