// SPDX-License-Identifier: Apache-2.0

package product

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/release"
)

// Platform is the document, with its defaults, as products see it.
type Platform struct {
	*v1alpha1.Platform
	// Dir is the folder of the document, which paths in it start from.
	Dir string
	// Minor is the Kubernetes minor that charts are rendered for: "1.36".
	Minor string
	// Env and File read what the document refers to by `from: {env}` and `from: {file}`.
	Env  func(string) (string, bool)
	File func(string) ([]byte, error)
}

// Services are the clouds' clients that products make resources with.
type Services struct {
	Estate *digitalocean.Estate
	Kube   *kube.Kinds
	Charts Charts
	// Releases are Helm releases, for apps that ask for one.
	Releases *release.Kinds
}

// Charts renders a pinned chart. Own says that the document gives values of its own, which a stand-in cannot honour. Note
// says what the reader should know of the chart, as the rest of a sentence: "could not be had"; it is empty for one from its
// own source.
type Charts interface {
	Render(ctx context.Context, source chart.Source, footprint []byte, own bool, options chart.Options) (rendered chart.Rendered, note string, err error)
	// Load gives the chart itself, or an error where it cannot be had.
	Load(ctx context.Context, source chart.Source) (*chart.Chart, error)
}

// Use is one entry of a document with the product it chose.
type Use struct {
	ID      graph.ID
	Name    string
	Product Product
	Spec    any
	// Placement is where the document wants it, empty for the product's usual one.
	Placement Placement
	Options   v1alpha1.Object
}

// Composition is what all phases made of a document.
type Composition struct {
	Graph *graph.Graph
	// Workloads are the pods of all products, for fit: those that products declare, and those that stand in rendered objects
	// (see Pods). Items are what costs money, for price.
	Workloads []fit.Workload
	Items     []price.Item
	// Support says which support product was chosen because of which entries.
	Support map[string][]graph.ID
	// Notes are sentences a person should read, such as that a chart could not be had.
	Notes []string
	// Sets are the objects of all products, in the order of their nodes.
	Sets []kube.Set
	// Entries says which product each entry chose.
	Entries []Chosen
	offers  offers
}

// Chosen is one entry and its product.
type Chosen struct {
	ID    graph.ID
	About About
}

// Pages are the places where a person finds something.
func (c *Composition) Pages() []Page { return offered[Page](c.offers) }

// Probes are the proofs that the platform's parts do their jobs.
func (c *Composition) Probes() []Probe { return offered[Probe](c.offers) }

// Gateways are the ways in.
func (c *Composition) Gateways() []Gateway { return offered[Gateway](c.offers) }

// Routes are what apps asked the gateways for.
func (c *Composition) Routes() []Route { return offered[Route](c.offers) }

// Check reads the options of all uses and asks their products, without building anything. Its error joins an OptionsError or
// a RefusedError for each thing that a product does not take or cannot do.
func Check(p Platform, uses []Use) error {
	_, err := bindAll(p, uses)
	return err
}

func bindAll(p Platform, uses []Use) ([]bound, error) {
	var bounds []bound
	var errs []error
	for _, u := range uses {
		b, err := u.Product.bind(u)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, r := range b.checks(p) {
			errs = append(errs, &RefusedError{Entry: u.ID, Refusal: r})
		}
		bounds = append(bounds, b)
	}
	return bounds, errors.Join(errs...)
}

// Compose runs Select, Build and Wire for all uses, each phase for all of them before the next. Uses are built in the
// order given, so foundations come first. Support finds the support product of a name. All errors are found before it
// returns.
func Compose(ctx context.Context, p Platform, s Services, uses []Use, support func(name string) (Product, bool)) (*Composition, error) {
	c := &composer{ctx: ctx, platform: p, services: s, said: map[string][]string{}, Composition: &Composition{Graph: graph.New(), Support: map[string][]graph.ID{}, offers: offers{}}}
	bounds, err := bindAll(p, uses)
	if err != nil {
		return nil, err
	}
	if bounds, err = c.selectAll(bounds, support); err != nil {
		return nil, err
	}
	var errs []error
	for _, b := range bounds {
		c.Entries = append(c.Entries, Chosen{b.id, b.about})
		if err := b.builds(&Building{joint{c, b.id}}); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", b.id, err))
		}
	}
	if len(errs) > 0 { // what was not built cannot be wired
		return nil, errors.Join(errs...)
	}
	for _, b := range bounds {
		if err := b.wires(&Wiring{joint{c, b.id}}); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", b.id, err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for _, note := range slices.Sorted(maps.Keys(c.said)) { // one sentence for all charts of which the same is to be said
		c.Notes = append(c.Notes, fmt.Sprintf("%s %s", strings.Join(c.said[note], ", "), note))
	}
	rendered, notes := Pods(c.rendered...)
	c.Workloads, c.Notes = append(c.Workloads, rendered...), append(c.Notes, notes...)
	return c.Composition, nil
}

type composer struct {
	ctx      context.Context
	platform Platform
	services Services
	rendered []Rendered          // Of all entries, for counting their pods.
	said     map[string][]string // charts by what is to be said of them
	*Composition
}

// selectAll runs the first phase and puts the support products that were wanted behind the cluster, before the rest.
func (c *composer) selectAll(bounds []bound, support func(string) (Product, bool)) ([]bound, error) {
	first := slices.IndexFunc(bounds, func(b bound) bool { return b.about.Category != "cluster" })
	if first < 0 {
		first = len(bounds)
	}
	var chosen []string
	pending := bounds
	for len(pending) > 0 {
		var wants []want
		for _, b := range pending {
			s := &Selecting{at: b.id, platform: c.platform}
			b.selects(s)
			c.Workloads = append(c.Workloads, s.workload...)
			c.Items = append(c.Items, s.items...)
			wants = append(wants, s.support...)
		}
		pending = nil
		for _, w := range wants {
			existing := c.platform.Spec.Support[w.product].Product == "existing"
			if !existing {
				c.Support[w.product] = append(c.Support[w.product], w.by)
			}
			if slices.Contains(chosen, w.product) {
				continue
			}
			chosen = append(chosen, w.product)
			product, ok := support(w.product)
			if !ok {
				return nil, fmt.Errorf("%s wants the support product %q, which the catalog does not have", w.by, w.product)
			}
			b, err := product.bind(Use{ID: graph.ID("support/" + w.product), Name: w.product, Spec: Support{Existing: existing}})
			if err != nil {
				return nil, err
			}
			bounds = slices.Insert(bounds, first, b)
			first++
			pending = append(pending, b)
		}
	}
	return bounds, nil
}

// Support is the document's part of a support product.
type Support struct {
	// Existing says that somebody else runs it in the cluster.
	Existing bool
}

// joint is what Building and Wiring share.
type joint struct {
	c  *composer
	at graph.ID
}

// Building is what a product may do in its second phase.
type Building struct{ joint }

// Wiring is what a product may do in its third phase.
type Wiring struct{ joint }

// Platform is the document.
func (j joint) Platform() Platform { return j.c.platform }

// Graph is where nodes go; use graph.Add for kinds that Objects and Chart do not cover.
func (j joint) Graph() *graph.Graph { return j.c.Graph }

// Estate is the platform's part of its DigitalOcean account, on which resources are made.
func (j joint) Estate() *digitalocean.Estate { return j.c.services.Estate }

// Kube makes resources in the cluster.
func (j joint) Kube() *kube.Kinds { return j.c.services.Kube }

// Context ends when the composition is given up.
func (j joint) Context() context.Context { return j.c.ctx }

// Note tells the reader of the plan something.
func (j joint) Note(format string, args ...any) {
	if note := fmt.Sprintf(format, args...); !slices.Contains(j.c.Notes, note) {
		j.c.Notes = append(j.c.Notes, note)
	}
}

// Objects adds a set of Kubernetes objects as one node, applied server-side once the cluster and its pools are ready;
// objects that name no namespace go to the given one. Its output has the addresses of its load balancers.
func (j joint) Objects(id graph.ID, namespace string, objects []*unstructured.Unstructured, opts ...graph.Option) (graph.Value[kube.Output], error) {
	return j.Set(id, SetSpec{Namespace: namespace, Objects: objects}, opts...)
}

// SetSpec is a set of objects of the cluster.
type SetSpec struct {
	// Namespace is where objects go that name none.
	Namespace string
	Objects   []*unstructured.Unstructured
	// Derived are Secrets whose data come to be in the cluster.
	Derived []kube.Derived
	// Foreign are fields that somebody else owns, beside those of DOKS's controllers.
	Foreign []kube.Foreign
	// Guards refuse changes that what stands cannot follow.
	Guards []kube.Guard
	// Protected refuses to delete the set, whatever is asked. Something in it has to change with this, or a set that stands
	// does not learn of it.
	Protected bool

	endings []kube.Ending // hooks that run when the set goes
	needs   []string      // sets that those stand on
}

// Set is Objects with all that a set can have. Policies that concern the entry's pods and namespaces are applied to them.
func (j joint) Set(id graph.ID, s SetSpec, opts ...graph.Option) (graph.Value[kube.Output], error) {
	f, err := j.foundation()
	if err != nil {
		return graph.Value[kube.Output]{}, err
	}
	set := kube.Set{Name: setName(id), Namespace: s.Namespace, Objects: s.Objects, Derived: s.Derived, Guards: s.Guards,
		Foreign: append(foreign(s.Objects), s.Foreign...), Known: map[string]string{"node": string(id)},
		Endings: s.endings, Needs: s.needs}
	if s.Protected {
		set.Known[kube.ProtectedKey] = "true"
	}
	after := append(j.govern(&set), f.Ready...)
	resource := j.Kube().Objects(f.Access, set)
	out := graph.Add(j.c.Graph, id, resource, append([]graph.Option{graph.After(after...)}, opts...)...)
	resource.StandsOn(j.standsOn(id)...)
	j.c.Sets = append(j.c.Sets, set)
	j.renders(s.Namespace, false, s.Objects...)
	return out, nil
}

// standsOn names the sets that a node needs.
func (j joint) standsOn(id graph.ID) []string {
	needs := j.c.Graph.Needs(id)
	var names []string
	for _, s := range j.c.Sets {
		if slices.Contains(needs, graph.ID(s.Known["node"])) {
			names = append(names, s.Name)
		}
	}
	return names
}

// renders keeps objects for counting their pods.
func (j joint) renders(namespace string, passing bool, objects ...*unstructured.Unstructured) {
	r := Rendered{For: string(j.at), Namespace: namespace, Objects: objects, Passing: passing}
	for _, p := range j.policies() {
		r.CPU, r.Memory = r.CPU+p.Sidecar.CPU, r.Memory+p.Sidecar.Memory
	}
	j.c.rendered = append(j.c.rendered, r)
}

// hooks adds the hooks of one moment of a chart as a node that runs each of them once for chart, values and moment.
func (j joint) hooks(id graph.ID, namespace string, r chart.Rendered, moment chart.Event, opts ...graph.Option) error {
	f, err := j.foundation()
	if err != nil {
		return err
	}
	for _, h := range r.On(moment) {
		j.renders(namespace, true, h.Object)
	}
	set := kube.Set{Name: setName(id), Namespace: namespace, Known: map[string]string{"node": string(id)}}
	graph.Add(j.c.Graph, id, j.Kube().Hooks(f.Access, set, hooksOn(r, moment)...), append([]graph.Option{graph.After(f.Ready...)}, opts...)...)
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

// setName is the name of a node's set: one DNS label, whatever the id.
func setName(id graph.ID) string {
	name := strings.NewReplacer("/", "-", ".", "-").Replace(strings.ToLower(string(id)))
	if len(name) <= 50 {
		return name
	}
	return fmt.Sprintf("%s-%x", strings.TrimRight(name[:41], "-"), sha256.Sum256([]byte(id)))[:50]
}

// foreign are the fields of objects that DOKS's controllers own: they write the load balancer's id back.
func foreign(objects []*unstructured.Unstructured) []kube.Foreign {
	var out []kube.Foreign
	for _, o := range objects {
		if o.GetKind() == "Service" {
			out = append(out, kube.Foreign{Kind: "Service", Name: o.GetName(), Fields: []string{"/metadata/annotations/kubernetes.digitalocean.com~1load-balancer-id"}})
		}
	}
	return out
}

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
	// KeepNamespace is true where the namespace is not the entry's own, such as kube-system.
	KeepNamespace bool
	// Adjust changes rendered objects in typed code, where that is clearer than a value of the chart.
	Adjust func([]*unstructured.Unstructured) error
	// Extra are objects that go with the chart's, Derived Secrets whose data come to be in the cluster, Foreign fields that
	// somebody else owns.
	Extra   []*unstructured.Unstructured
	Derived []kube.Derived
	Foreign []kube.Foreign
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
	if s.Adjust != nil {
		if err := s.Adjust(objects); err != nil {
			return none, err
		}
	}
	objects = append(objects, s.Extra...)
	var before []graph.ID
	switch own := []*unstructured.Unstructured{j.EntryNamespace(s.Namespace)}; {
	case s.KeepNamespace:
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
	spec := SetSpec{Namespace: s.Namespace, Objects: objects, Derived: s.Derived, Foreign: s.Foreign, endings: j.endings(id, r)}
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
	return graph.Add(j.c.Graph, id, r, append([]graph.Option{graph.After(f.Ready...)}, opts...)...), nil
}

// rendersRelease renders a chart that Helm will install, for counting its pods alone.
func (j joint) rendersRelease(s ChartSpec) error {
	r, _, err := j.c.services.Charts.Render(j.c.ctx, s.Source, nil, true, chart.Options{ReleaseName: s.Release, Namespace: s.Namespace, Values: s.Values, KubeVersion: j.c.platform.Minor})
	if err != nil {
		return err
	}
	j.renders(s.Namespace, false, r.Objects...)
	for _, h := range slices.Concat(r.On(chart.PreInstall), r.On(chart.PostInstall)) {
		j.renders(s.Namespace, true, h.Object)
	}
	return nil
}

// namespace is the namespace of an entry, labelled with its category so that network policies can name it.
func namespace(name, category string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": name, "labels": map[string]any{"k8or.io/category": category}},
	}}
}

// category is the entry's, as namespaces are labelled with: gateways, logging.
func (j joint) category() string {
	category, _, _ := strings.Cut(string(j.at), "/")
	return category
}

// dashed turns a path of the document into a name for Kubernetes.
func dashed(path string) string { return strings.ReplaceAll(path, "/", "-") }
