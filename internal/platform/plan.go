// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog"
	"github.com/k8or/k8or/internal/catalog/cluster/doks"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/lint"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

func support(name string) (product.Product, bool) { return catalog.Find("support", name) }

// Plan says what would change, what it costs, and whether it fits. It writes nothing. Problems that keep the plan from
// being carried out are in the plan; the error is for what kept the plan itself from being made, such as the end of ctx.
func (p *Platform) Plan(ctx context.Context) (*Plan, error) {
	plan, err := p.makePlan(ctx)
	if ctx.Err() != nil {
		return nil, stopped(ctx)
	}
	return plan, err
}

// stopped is that a person said stop while nothing was being written. What was read last is then not to be trusted, nor what
// seems to be wrong with it.
func stopped(ctx context.Context) error {
	return &problem.Problem{Code: problem.Stopped, Kind: problem.Interrupted, Title: "stopped before anything was changed", Fix: "run the same command again", Cause: context.Cause(ctx)}
}

func (p *Platform) makePlan(ctx context.Context) (*Plan, error) {
	call := graph.NewCall()
	account, err := p.account(ctx, call)
	if err != nil {
		return nil, err
	}
	c, err := p.Compose(ctx)
	if err != nil {
		return nil, p.explainAll(err).Err()
	}
	plan := &Plan{Platform: p.Name(), Account: account, Sandbox: p.options.Sandbox, Support: c.Support, Notes: c.Notes, lose: p.options.Lose, graph: c.Graph, composition: c}
	plan.Notes = append(plan.Notes, endsOfLife(c.Entries, time.Now())...)
	if err := p.namesakes(ctx, call); err != nil {
		plan.Problems = append(plan.Problems, p.explainAll(err)...)
	}
	if err := p.estate.Preflight(ctx, call, p.need()); err != nil {
		plan.Problems = append(plan.Problems, p.explainAll(err)...)
	}
	plan.Notes = append(plan.Notes, p.databasesEnd(ctx, call, time.Now())...)
	opts := p.graphOptions()
	opts.Shared = call
	if plan.plan, err = c.Graph.Plan(ctx, opts); err != nil {
		return nil, p.explainAll(err).Err()
	}
	entitled(plan.plan.Steps)
	plan.whole = plan.plan.Steps
	if err := p.choose(plan); err != nil {
		return nil, err
	}
	plan.Steps = plan.plan.Steps
	for _, s := range plan.Steps { // what works, and wants somebody to do something
		if s.Action == graph.None && s.State == graph.Ready && s.Reason != "" {
			plan.Notes = append(plan.Notes, fmt.Sprintf("%s: %s", s.Node, s.Reason))
		}
	}
	for _, e := range plan.plan.Errors() {
		plan.Problems = append(plan.Problems, p.explainNew(plan.Problems, e)...)
	}
	plan.Problems = append(plan.Problems, p.judgeData(plan.whole)...)
	p.checkScopes(ctx, plan)
	plan.book = p.book(ctx, call)
	left, err := p.leftOfDrills(ctx, call, plan.book)
	if err != nil {
		plan.Problems = append(plan.Problems, p.explainNew(plan.Problems, err)...)
	}
	plan.Notes = append(plan.Notes, left...)
	plan.reckon(c.Items)
	plan.Bill.Growth = plan.book.Growth(plan.Bill, c.Copies)
	larger := p.judgeFit(plan, plan.book, c.Workloads)
	p.judgeUpgrade(plan, c.Rendered)
	p.judgeBudget(ctx, call, plan, larger)
	return plan, nil
}

// account asks whose token this is, and refuses a team other than the document's.
func (p *Platform) account(ctx context.Context, c *graph.Call) (Account, error) {
	a, err := p.client.Account(ctx, c)
	if err != nil {
		return Account{}, p.explainAll(err).Err()
	}
	account := Account{Team: a.Team, TeamID: a.TeamUUID, Email: a.Email, TokenSource: p.options.Token.Source}
	if account.Team == "" {
		account.Team = "(personal)"
	}
	if want := p.doc.Spec.Account; want != "" && want != a.TeamUUID && !p.options.Sandbox {
		return account, p.given.At("spec.account", &problem.Problem{Code: problem.WrongAccount, Kind: problem.NotAllowed,
			Title: fmt.Sprintf("this token opens another team (%s, %s) than the document's", account.Team, a.TeamUUID),
			Why:   "the platform lives in this team", Fix: "use a token of that team, such as with DIGITALOCEAN_CONTEXT"})
	}
	return account, nil
}

// namesakes refuses a document whose platform would be made and billed beside the one that it was: its uid was lost, or another name was
// written.
func (p *Platform) namesakes(ctx context.Context, c *graph.Call) error {
	others, err := p.estate.Namesakes(ctx, c)
	if err != nil {
		return err
	}
	var uids []string
	for _, other := range others {
		switch {
		case p.given.Platform.Metadata.UID == "" && other.Name == p.doc.Metadata.Name:
			uids = append(uids, other.UID)
		case p.given.Platform.Metadata.UID == other.UID:
			return p.given.At("metadata.name", &problem.Problem{Code: problem.NotChangeable, Kind: problem.Preflight,
				Title: fmt.Sprintf("the platform of uid %s is named %s, and not %s", other.UID, other.Name, p.doc.Metadata.Name),
				Why:   "all that it has carries its name: another one would be made and billed beside it",
				Fix:   fmt.Sprintf("write `name: %s`; or, for a platform of its own, remove the uid, and `k8or up` writes another one", other.Name)})
		}
	}
	if len(uids) == 0 {
		return nil
	}
	return p.given.At("metadata", &problem.Problem{Code: problem.Namesake, Kind: problem.Preflight,
		Title: fmt.Sprintf("a platform named %s is there already, and this document has no uid", p.doc.Metadata.Name),
		Why:   "another one would be made beside it",
		Fix:   fmt.Sprintf("if it is this document's, write `uid: %s` under metadata; otherwise run `k8or init --uid`, or choose another name", strings.Join(uids, "` or `uid: "))})
}

// checkScopes holds what the token may do against what carrying out the plan needs, where that can be known.
func (p *Platform) checkScopes(ctx context.Context, plan *Plan) {
	if !plan.Changes() || len(plan.Problems) > 0 {
		return
	}
	granted := p.client.Granted(ctx)
	if !granted.Checked {
		plan.Notes = append(plan.Notes, "whether the token may write was not checked: "+granted.Reason)
		return
	}
	if lacks := granted.Lacks(Scopes(p.doc.Spec)); len(lacks) > 0 {
		plan.Problems = append(plan.Problems, &problem.Problem{Code: problem.MissingScope, Kind: problem.NotAllowed,
			Title: "the token may not do all that this plan needs", Why: "it lacks " + strings.Join(lacks, ", "), Fix: "make a token with the scopes that `k8or scopes` lists"})
	}
}

// need is what the document asks of the account.
func (p *Platform) need() digitalocean.Need {
	if p.doc.Spec.Cluster.Existing != "" {
		return digitalocean.Need{}
	}
	need := digitalocean.Need{Region: p.doc.Spec.Region, Version: p.doc.Spec.Cluster.Version, Pools: doks.Pools(p.doc.Spec.Cluster), Cluster: p.Name()}
	if network := p.doc.Spec.Network; network != nil {
		need.ReservedIPs = slices.Sorted(maps.Keys(network.ReservedIPs))
	}
	return need
}

// book is the price book, with DigitalOcean's own prices of sizes, and of its registry's tiers where the document has that, where it
// tells them. Where it does not, the book says the date of each of its prices.
func (p *Platform) book(ctx context.Context, c *graph.Call) *price.Book {
	book := price.Default()
	if p.options.Offline {
		return book
	}
	today := time.Now().UTC().Format(time.DateOnly)
	if sizes, err := p.client.Sizes(ctx, c); err == nil {
		var live []price.SizePrice
		for _, s := range sizes {
			live = append(live, price.SizePrice{Slug: s.Slug, MemoryMiB: s.Memory, VCPUs: s.VCPUs, Monthly: s.Monthly, Date: today})
		}
		book = book.With(live)
	}
	if r := p.doc.Spec.Registry; r == nil || r.Product != "digitalocean" {
		return book
	}
	if tiers, err := p.client.RegistryTiers(ctx, c); err == nil {
		tiers = slices.Clone(tiers)
		for i := range tiers {
			tiers[i].Date = today
		}
		book = book.WithTiers(tiers)
	}
	return book
}

// judgeFit holds the pods against the nodes; what does not fit is a problem of the plan. It gives the changes of pools that the problem
// tells to make, if any.
func (p *Platform) judgeFit(plan *Plan, book *price.Book, workloads []fit.Workload) []fit.Resize {
	if p.doc.Spec.Cluster.Existing != "" {
		plan.Notes = append(plan.Notes, "whether the pods fit an existing cluster is not judged")
		return nil
	}
	pools, unknown := poolsOf(p.doc.Spec.Cluster, book)
	if unknown != "" {
		plan.Notes = append(plan.Notes, fmt.Sprintf("whether the pods fit is not judged: the size %s is not known", unknown))
		return nil
	}
	plan.Fit = fit.Check(pools, workloads)
	if plan.Fit.Fits || plan.Fit.FitsAtMax {
		return nil
	}
	var why []string
	for _, s := range plan.Fit.Short {
		why = append(why, s.String())
	}
	var options []fit.SizeOption
	for _, s := range book.Sizes() {
		options = append(options, fit.SizeOption(s))
	}
	suggestion, helps := fit.Suggest(pools, workloads, options)
	if plan.Fit.Tight { // It may come up all the same, so nobody is kept from trying.
		note := "whether every pod finds a node depends on the order in which they arrive: " + strings.Join(why, "; ")
		if helps {
			note += "; safe is " + suggestion.String()
		}
		plan.Notes = append(plan.Notes, note)
		return nil
	}
	pr := &problem.Problem{Code: problem.DoesNotFit, Kind: problem.Preflight, Title: "the pods do not fit the nodes", Why: strings.Join(why, "; ")}
	if helps {
		pr.Fix = suggestion.String()
	}
	plan.Problems = append(plan.Problems, p.given.At("spec.cluster.nodePools", pr))
	return suggestion.Changes
}

// poolsOf are the document's node pools for fit, or the size that the book does not know.
func poolsOf(c v1alpha1.Cluster, book *price.Book) (pools []fit.Pool, unknown string) {
	for _, spec := range doks.Pools(c) {
		size, ok := book.Size(spec.Size)
		if !ok {
			return nil, spec.Size
		}
		pool := fit.Pool{Name: spec.Key, Size: spec.Size, MemoryMiB: size.MemoryMiB, VCPUs: size.VCPUs, Min: spec.Count, Max: spec.Count, Labels: maps.Clone(spec.Labels)}
		if pool.Labels == nil {
			pool.Labels = map[string]string{}
		}
		pool.Labels[product.PoolLabel] = spec.Key
		if spec.AutoScale() {
			pool.Min, pool.Max = spec.Min, spec.Max
		}
		for _, t := range spec.Taints {
			pool.Taints = append(pool.Taints, fit.Taint{Key: t.Key, Value: t.Value, Effect: t.Effect})
		}
		pools = append(pools, pool)
	}
	return pools, ""
}

// judgeUpgrade holds what is rendered against DOKS's upgrade checks. Nothing of it keeps a plan from being carried out: the
// cluster runs, until it is to be upgraded.
func (p *Platform) judgeUpgrade(plan *Plan, rendered []product.Rendered) {
	nodes := 0
	if p.doc.Spec.Cluster.Existing == "" {
		for _, pool := range doks.Pools(p.doc.Spec.Cluster) {
			least := pool.Count
			if pool.AutoScale() {
				least = pool.Min
			}
			nodes += least
		}
	}
	found, notes := lint.Check(nodes, rendered...)
	for _, f := range found {
		if plan.scope.Has(graph.ID(f.For)) {
			plan.Upgrade = append(plan.Upgrade, f)
		}
	}
	for _, note := range notes {
		if !slices.Contains(plan.Notes, note) { // of pods that cannot be read, fit has told already
			plan.Notes = append(plan.Notes, note)
		}
	}
}

// Documented gives the document with its defaults, for `plan --show-defaults`.
func (p *Platform) Documented() *v1alpha1.Platform { return p.doc }
