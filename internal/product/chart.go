// SPDX-License-Identifier: Apache-2.0

package product

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/release"
)

// ChartSpec is a chart to render and apply.
type ChartSpec struct {
	Source    chart.Source
	Release   string
	Namespace string
	Values    map[string]any
	// Footprint is the product's recorded footprint, from which stand-ins are made in a sandbox where the chart cannot
	// be had.
	Footprint []byte
	// OwnValues says that the document's `values` are part of Values.
	OwnValues bool
	// SkipSchema leaves the chart's values schema unread, for a chart whose schema points at the network.
	SkipSchema bool
	// KeepNamespace is true where the namespace is not the entry's own, such as kube-system. Where it is, the chart adds it, or stands in
	// the one that OwnNamespace added.
	KeepNamespace bool
	// Adjust changes rendered objects in typed code, where that is clearer than a value of the chart.
	// What the values say of pods is the chart's: whatever the document lays over it has to stand.
	Adjust func([]*unstructured.Unstructured) error
	// StandIn tells objects that stand in for a chart's what the chart would read from its values.
	StandIn func([]*unstructured.Unstructured) error
	// Extra are objects that go with the chart's, Derived Secrets whose data come to be in the cluster, of what Sources write,
	// Foreign fields that somebody else owns, Follows Secrets that its pods start anew for.
	Extra   []*unstructured.Unstructured
	Derived []kube.Derived
	Sources []graph.ID
	Foreign []kube.Foreign
	Follows []Follow
}

// Chart renders a chart and adds it as nodes: its CRDs, once for all entries that use the chart, its hooks before and after install, and the
// objects under the given id, whose output it returns.
func (j joint) Chart(id graph.ID, s ChartSpec, opts ...graph.Option) (graph.Value[kube.Output], error) {
	var none graph.Value[kube.Output]
	options := chart.Options{ReleaseName: s.Release, Namespace: s.Namespace, Values: s.Values, KubeVersion: j.c.platform.Minor,
		SkipSchema: s.SkipSchema, IncludeCRDs: true}
	r, note, err := j.c.services.Charts.Render(j.c.ctx, s.Source, s.Footprint, s.OwnValues, options)
	if err != nil {
		return none, err
	}
	if name := s.Source.Name + " " + s.Source.Version; note != "" && !slices.Contains(j.c.said[note], name) {
		j.c.said[note] = append(j.c.said[note], name)
	}
	objects := r.Objects
	if s.StandIn != nil && r.StandIn {
		if err := s.StandIn(objects); err != nil {
			return none, err
		}
	}
	if s.Adjust != nil {
		if err := s.Adjust(objects); err != nil {
			return none, err
		}
	}
	objects = append(objects, s.Extra...)
	var before []graph.ID
	switch own := []*unstructured.Unstructured{j.EntryNamespace(s.Namespace)}; {
	case s.KeepNamespace:
	case j.c.Graph.Has(id + "/namespace"):
		before = append(before, id+"/namespace")
	case len(r.On(chart.PreInstall)) > 0: // hooks run in it before anything else is there
		if _, err := j.Objects(id+"/namespace", "", own, opts...); err != nil {
			return none, err
		}
		before = append(before, id+"/namespace")
	default:
		objects = append(own, objects...)
	}
	// Two entries of one product share its CRDs, which are not namespaced.
	if crds := graph.ID("crds/" + s.Source.Name); len(r.CRDs) > 0 {
		if !j.c.Graph.Has(crds) {
			if _, err := j.Objects(crds, "", r.CRDs); err != nil {
				return none, err
			}
		}
		before = append(before, crds)
	}
	if len(r.On(chart.PreInstall)) > 0 {
		pre := id + "/pre-install"
		if err := j.hooks(pre, s.Namespace, r, chart.PreInstall, append(opts, graph.After(before...))...); err != nil {
			return none, err
		}
		before = append(before, pre)
	}
	spec := SetSpec{Namespace: s.Namespace, Objects: objects, Derived: s.Derived, Sources: s.Sources, Foreign: s.Foreign, Follows: s.Follows, standIn: r.StandIn, endings: j.endings(id, r)}
	if len(spec.endings) > 0 { // what they run on stays until they have run
		for _, b := range before {
			spec.needs = append(spec.needs, setName(b))
		}
	}
	out, err := j.Set(id, spec, append(opts, graph.After(before...))...)
	if err != nil || len(r.On(chart.PostInstall)) == 0 {
		return out, err
	}
	return out, j.hooks(id+"/post-install", s.Namespace, r, chart.PostInstall, graph.After(id))
}

// Release adds a chart as one node that Helm itself installs, once the cluster and its pools are ready. Of the spec, only
// source, release, namespace and values count.
func (j joint) Release(id graph.ID, s ChartSpec, opts ...graph.Option) (graph.Value[release.Output], error) {
	var none graph.Value[release.Output]
	loaded, err := j.c.services.Charts.Load(j.c.ctx, s.Source)
	if err != nil {
		return none, err
	}
	f, err := j.foundation()
	if err != nil {
		return none, err
	}
	r, err := j.c.services.Releases.Release(f.Access, release.Spec{Name: s.Release, Namespace: s.Namespace, Chart: loaded, Values: s.Values})
	if err != nil {
		return none, err
	}
	j.Note("%s is a Helm release: Helm installs it as a whole, and the plan shows no objects of it", id)
	if err := j.rendersRelease(s); err != nil {
		j.Note("the pods of %s are not counted: %v", id, err)
	}
	return graph.Add(j.c.Graph, id, r, append([]graph.Option{graph.After(j.ready(f)...)}, opts...)...), nil
}

// rendersRelease renders a chart that Helm will install, for counting its pods alone.
func (j joint) rendersRelease(s ChartSpec) error {
	r, _, err := j.c.services.Charts.Render(j.c.ctx, s.Source, nil, true, chart.Options{ReleaseName: s.Release, Namespace: s.Namespace, Values: s.Values, KubeVersion: j.c.platform.Minor})
	if err != nil {
		return err
	}
	j.renders(Rendered{Namespace: s.Namespace, Objects: r.Objects, StandIn: r.StandIn})
	for _, h := range slices.Concat(r.On(chart.PreInstall), r.On(chart.PostInstall)) {
		j.renders(Rendered{Namespace: s.Namespace, Objects: []*unstructured.Unstructured{h.Object}, Passing: true})
	}
	return nil
}

// hooks adds the hooks of one moment of a chart as a node that runs each of them once for chart, values and moment.
func (j joint) hooks(id graph.ID, namespace string, r chart.Rendered, moment chart.Event, opts ...graph.Option) error {
	f, err := j.foundation()
	if err != nil {
		return err
	}
	for _, h := range r.On(moment) {
		j.renders(Rendered{Namespace: namespace, Objects: []*unstructured.Unstructured{h.Object}, Passing: true})
	}
	set := kube.Set{Name: setName(id), Namespace: namespace, Known: map[string]string{"node": string(id)}}
	graph.Add(j.c.Graph, id, j.Kube().Hooks(f.Access, set, hooksOn(r, moment)...), append([]graph.Option{graph.After(j.ready(f)...)}, opts...)...)
	return nil
}

// endings are a chart's delete hooks, to be kept with its objects. Secrets are not kept, and that is said.
func (j joint) endings(id graph.ID, r chart.Rendered) []kube.Ending {
	var out []kube.Ending
	for _, moment := range []chart.Event{chart.PreDelete, chart.PostDelete} {
		for _, hook := range hooksOn(r, moment) {
			if hook.Object.GetKind() == "Secret" {
				j.Note("%s: its %s hook Secret %s will not be run, since k8or keeps no secret for later", id, moment, hook.Object.GetName())
				continue
			}
			out = append(out, kube.Ending{Hook: hook, After: moment == chart.PostDelete})
		}
	}
	return out
}

// hooksOn are the hooks of one moment of a chart, in their order.
func hooksOn(r chart.Rendered, moment chart.Event) []kube.Hook {
	var hooks []kube.Hook
	for _, h := range r.On(moment) {
		hook := kube.Hook{Key: r.Key(moment, h), Object: h.Object}
		for _, policy := range h.DeletePolicies {
			switch policy {
			case chart.BeforeCreation:
				hook.BeforeCreation = true
			case chart.WhenSucceeded:
				hook.WhenSucceeded = true
			case chart.WhenFailed:
				hook.WhenFailed = true
			}
		}
		hooks = append(hooks, hook)
	}
	return hooks
}
