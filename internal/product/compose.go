// SPDX-License-Identifier: Apache-2.0

package product

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

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
	// Rotate are the entries whose credentials are to be changed for others.
	Rotate []graph.ID
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
	// Values are those of the document, as they also stand in Spec.
	Values v1alpha1.Object
}

// Composition is what all phases made of a document.
type Composition struct {
	Graph *graph.Graph
	// Workloads are the pods of all products, for fit: those that products declare, and those that stand in rendered objects
	// (see Pods). Items are what costs money, for price, Copies what grows beside them.
	Workloads []fit.Workload
	Items     []price.Item
	Copies    []price.Copies
	// Support says which support product was chosen because of which entries.
	Support map[string][]graph.ID
	// Notes are sentences a person should read, such as that a chart could not be had.
	Notes []string
	// Sets are the objects of all products, in the order of their nodes.
	Sets []kube.Set
	// Rendered are the objects of all entries, those of hooks and of Helm releases among them.
	Rendered []Rendered
	// Entries says which product each entry chose.
	Entries []Chosen
	// Wirings are what each entry offered and joined.
	Wirings map[graph.ID]*Wired
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

// Offers are all capabilities that were offered, whether or not anybody joined them: by their types' names, and of a type in the order
// they were offered.
func (c *Composition) Offers() []any {
	var out []any
	for _, t := range slices.SortedFunc(maps.Keys(c.offers), func(a, b reflect.Type) int { return strings.Compare(a.Name(), b.Name()) }) {
		out = append(out, c.offers[t]...)
	}
	return out
}

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
		errs = append(errs, b.wrong...)
		if len(u.Values) > 0 && !b.values {
			errs = append(errs, &RefusedError{Entry: u.ID, Refusal: Refusal{Field: "values", What: "values would have no effect", Why: "no chart of k8or's stands behind " + b.about.Name,
				Fix: fmt.Sprintf("remove them; `k8or catalog show %s` tells what can be set instead", b.about.shown())}})
		}
		for _, r := range b.checks(p) {
			errs = append(errs, &RefusedError{Entry: u.ID, Refusal: r})
		}
		bounds = append(bounds, b)
	}
	return bounds, errors.Join(errs...)
}

// Items are what costs money of a document, and what grows beside it, from the first phase alone: pure, without a chart or a call.
func Items(p Platform, uses []Use, support func(name string) (Product, bool)) ([]price.Item, []price.Copies, error) {
	bounds, err := bindAll(p, uses)
	if err != nil {
		return nil, nil, err
	}
	c := &composer{platform: p, Composition: &Composition{Support: map[string][]graph.ID{}}}
	_, err = c.selectAll(bounds, support)
	return c.Items, c.Copies, err
}

// Compose runs Select, Build and Wire for all uses, each phase for all of them before the next. Uses are built in the
// order given, so foundations come first. Support finds the support product of a name. All errors are found before it
// returns.
func Compose(ctx context.Context, p Platform, s Services, uses []Use, support func(name string) (Product, bool)) (*Composition, error) {
	c := &composer{ctx: ctx, platform: p, services: s, said: map[string][]string{}, outputs: map[graph.ID]graph.Value[kube.Output]{}, premises: map[graph.ID][]graph.ID{}, Composition: &Composition{Graph: graph.New(), Support: map[string][]graph.ID{}, Wirings: map[graph.ID]*Wired{}, offers: offers{}}}
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
	if err := c.allRotate(); err != nil {
		return nil, err
	}
	for _, b := range bounds {
		if err := b.wires(&Wiring{joint{c, b.id}}); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", b.id, err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if err := oneNameAPage(c.Pages()); err != nil {
		return nil, err
	}
	for _, note := range slices.Sorted(maps.Keys(c.said)) { // one sentence for all charts of which the same is to be said
		c.Notes = append(c.Notes, fmt.Sprintf("%s %s", strings.Join(c.said[note], ", "), note))
	}
	c.remember()
	rendered, notes := Pods(c.Rendered...)
	c.Workloads, c.Notes = append(c.Workloads, rendered...), append(c.Notes, notes...)
	return c.Composition, nil
}

// oneNameAPage refuses two pages that go by one word, since `k8or open` could lead to one of them only.
func oneNameAPage(pages []Page) error {
	var errs []error
	whose := map[string]graph.ID{}
	for _, p := range pages {
		if other, taken := whose[p.Name]; taken && p.Name != "" {
			errs = append(errs, fmt.Errorf("the page %q of %s goes by the same name as one of %s, so `k8or open %s` could not tell them apart", p.Name, p.Entry, other, p.Name))
		}
		whose[p.Name] = p.Entry
	}
	return errors.Join(errs...)
}

type composer struct {
	ctx      context.Context
	platform Platform
	services Services
	said     map[string][]string // charts by what is to be said of them
	outputs  map[graph.ID]graph.Value[kube.Output]
	premises map[graph.ID][]graph.ID // what each entry needs of somebody else's
	rotate   []graph.ID              // entries whose credentials can be changed for others
	*Composition
}

// selectAll runs the first phase and puts the support products that were wanted behind the cluster, before the rest.
func (c *composer) selectAll(bounds []bound, support func(string) (Product, bool)) ([]bound, error) {
	first := slices.IndexFunc(bounds, func(b bound) bool { return b.about.Category != "cluster" })
	if first < 0 {
		first = len(bounds)
	}
	chosen := map[string]map[string]bool{} // support products, each with what of it was asked for
	pending := bounds
	for len(pending) > 0 {
		var wants []want
		for _, b := range pending {
			s := &Selecting{at: b.id, platform: c.platform}
			b.selects(s)
			c.Workloads = append(c.Workloads, s.workload...)
			c.Items = append(c.Items, s.items...)
			c.Copies = append(c.Copies, s.copies...)
			wants = append(wants, s.support...)
		}
		pending = nil
		for _, w := range wants {
			existing := c.platform.Spec.Support[w.product].Product == "existing"
			if !existing {
				c.Support[w.product] = append(c.Support[w.product], w.by)
			}
			features, there := chosen[w.product]
			if !there {
				features = map[string]bool{}
				chosen[w.product] = features
			}
			for _, f := range w.features {
				features[f] = true
			}
			if there {
				continue
			}
			product, ok := support(w.product)
			if !ok {
				return nil, fmt.Errorf("%s wants the support product %q, which the catalog does not have", w.by, w.product)
			}
			b, err := product.bind(Use{ID: graph.ID("support/" + w.product), Name: w.product, Spec: Support{Existing: existing, features: features}})
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

	features map[string]bool
}

// Asked says whether anything wants a feature of it. All have said so before it is built.
func (s Support) Asked(feature string) bool { return s.features[feature] }

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
