// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/problem"
)

// PlanDown says what taking the platform down would destroy, and what holds data. It writes nothing.
func (p *Platform) PlanDown(ctx context.Context, data graph.DataDecisions) (*Teardown, error) {
	t, err := p.makeTeardown(ctx, data)
	if ctx.Err() != nil {
		return nil, stopped(ctx)
	}
	return t, err
}

func (p *Platform) makeTeardown(ctx context.Context, data graph.DataDecisions) (*Teardown, error) {
	call := graph.NewCall()
	account, err := p.account(ctx, call)
	if err != nil {
		return nil, err
	}
	p.estate.Keep(data.Keep)
	p.estate.SnapshotFirst(data.Copied)
	g := graph.New()
	g.Prune(p.prunable()...)
	opts := p.graphOptions()
	opts.Teardown, opts.Data, opts.Shared = true, data, call
	plan, err := g.Plan(ctx, opts)
	if err != nil {
		return nil, err
	}
	decided := data
	if last := lastSnapshots(plan.Steps, data.Copied); len(last) > 0 { // the snapshots themselves are data that stays
		decided.Keep = append(slices.Clone(data.Keep), last...)
		opts.Data = decided
		if plan, err = g.Plan(ctx, opts); err != nil {
			return nil, err
		}
	}
	entitled(plan.Steps)
	t := &Teardown{Platform: p.Name(), Account: account, Sandbox: p.options.Sandbox, Steps: plan.Steps, graph: g, decided: decided}
	t.Notes = p.said.all()
	if err := p.namesakes(ctx, call); err != nil {
		t.Problems = append(t.Problems, p.explainAll(err)...)
	}
	for _, e := range plan.Errors() {
		t.Problems = append(t.Problems, p.explainNew(t.Problems, e)...)
	}
	book := p.book(ctx, call)
	var now, kept []price.Item
	if own, ok, err := p.estate.Own(ctx, call); err == nil && ok && p.doc.Spec.Cluster.Existing == "" {
		now = clusterItems(own, false)
	}
	for _, s := range plan.Steps {
		items := billed(s)
		now = append(now, items...)
		if s.Data == "" {
			continue
		}
		store := Store{Data: s.Data, Title: s.Title, Cost: book.Of(items)}
		switch {
		case s.Action == graph.Keep:
			store.Decision = "keep"
			kept = append(kept, items...)
		case slices.Contains(data.Copied, s.Data):
			store.Decision = "snapshot"
			last := lastItems(s, items)
			store.Cost, kept = book.Of(last), append(kept, last...)
		case slices.Contains(data.Lose, s.Data):
			store.Decision = "lose"
		default:
			store.protected = errors.Is(s.Err, graph.ErrProtected)
			store.last = book.Of(lastItems(s, items))
		}
		t.Data = append(t.Data, store)
	}
	t.Now, t.Cost = book.Of(now), book.Of(kept)
	if err := unknownData(t, data); err != nil {
		return t, err
	}
	return t, onlyVolumes(data.Copied)
}

// lastSnapshots are the names of the snapshots that are taken, or were taken by a run before, of the volumes that go by snapshot.
func lastSnapshots(steps []graph.Step, copied []string) []string {
	var names []string
	for _, s := range steps {
		snapshot, ok := s.Out.(digitalocean.SnapshotOut)
		switch {
		case ok && snapshot.LastOf != "" && slices.Contains(copied, snapshot.LastOf):
			names = append(names, s.Data)
		case s.Kind == "digitalocean/volume" && slices.Contains(copied, s.Data):
			names = append(names, "snapshots/"+digitalocean.LastSnapshot(s.ID))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// lastItems are what the last snapshot of a volume may cost: what is billed is what it holds, which is known only once it is
// taken, and is no more than the volume's size.
func lastItems(s graph.Step, volume []price.Item) []price.Item {
	var out []price.Item
	for _, it := range volume {
		out = append(out, price.Item{For: s.Data, What: "its last snapshot, by what it holds", Kind: price.Snapshot, Min: 0, Max: it.Max})
	}
	return out
}

// onlyVolumes refuses a snapshot of what has none.
func onlyVolumes(copied []string) error {
	var list problem.List
	for _, d := range copied {
		pr := &problem.Problem{Code: problem.DataUndecided, Kind: problem.Usage, Fix: fmt.Sprintf("--keep=%s leaves it; or copy its data elsewhere first, and then --allow-data-loss=%s", d, d)}
		switch category, _, _ := strings.Cut(d, "/"); category {
		case "volumes":
			continue
		case "databases":
			pr.Title, pr.Why = fmt.Sprintf("no snapshot can be taken of %s", d), "DigitalOcean has no backup of a managed database that outlives it: its backups are deleted with it, for good, and cannot be copied elsewhere"
			pr.Fix = fmt.Sprintf("--keep=%s leaves it; or dump it first, as with pg_dump, mysqldump or mongodump, and then --allow-data-loss=%s", d, d)
		case "snapshots":
			pr.Title, pr.Why, pr.Fix = d+" is a snapshot already", "", fmt.Sprintf("--keep=%s leaves it", d)
		default:
			pr.Title, pr.Why = fmt.Sprintf("no snapshot can be taken of %s", d), "DigitalOcean takes snapshots of volumes alone"
		}
		list = append(list, pr)
	}
	return list.Err()
}

// unknownData refuses decisions about data that is not there: a slip of the pen must not pass as a decision.
func unknownData(t *Teardown, data graph.DataDecisions) error {
	var names []string
	for _, s := range t.Data {
		names = append(names, s.Data)
	}
	for _, d := range slices.Concat(data.Keep, data.Lose, data.Copied) {
		taken := func(s graph.Step) bool { // by a run before this one
			snapshot, ok := s.Out.(digitalocean.SnapshotOut)
			return ok && snapshot.LastOf == d && slices.Contains(data.Copied, d)
		}
		if slices.Contains(names, d) || slices.ContainsFunc(t.Steps, taken) {
			continue
		}
		pr := &problem.Problem{Code: problem.BadUsage, Kind: problem.Usage, Title: fmt.Sprintf("the platform has no data store %q", d), Fix: "`k8or down --dry-run` lists them"}
		if near := problem.Nearest(d, names); near != "" {
			pr.Fix = fmt.Sprintf("did you mean %q?", near)
		}
		return pr
	}
	return nil
}

// undecidedFix says what can be decided of a store.
func undecidedFix(data string) string {
	fix := fmt.Sprintf("--keep=%s leaves it, --allow-data-loss=%s destroys it", data, data)
	if strings.HasPrefix(data, "volumes/") {
		fix = fmt.Sprintf("--keep=%s leaves it, --snapshot=%s destroys it once a snapshot is taken, --allow-data-loss=%s destroys it", data, data, data)
	}
	return fix
}

// undecidedProblem says what is to be decided: of one store with all that is known of it, of many in one command. The teardown itself, which is
// shown before, has each with its title.
func undecidedProblem(stores []Store) *problem.Problem {
	pr := &problem.Problem{Code: problem.DataUndecided, Kind: problem.Preflight}
	if len(stores) == 1 {
		s := stores[0]
		pr.Title, pr.Why, pr.Fix = fmt.Sprintf("%s holds data, and nobody said what becomes of it", s.Data), fmt.Sprintf("%s; it costs %s a month", s.Title, s.Cost), undecidedFix(s.Data)
		return pr
	}
	var all []string
	for _, s := range stores {
		all = append(all, s.Data)
	}
	pr.Title = fmt.Sprintf("%d stores hold data, and nobody said what becomes of them", len(stores))
	pr.Why = "none of them can be brought back: " + some(all)
	pr.Fix = "each is named in --keep=, which leaves it, or in --allow-data-loss=, which destroys it (a volume also in --snapshot=, once a snapshot is taken). All of them: --keep=" + strings.Join(all, ",")
	return pr
}

// Down takes the platform down as the teardown decided: all of it but the data that is kept. It proves by fresh lists that nothing else is left.
// Undecided data is a problem, and nothing is done then.
func (p *Platform) Down(ctx context.Context, t *Teardown, watch Watch) (*Result, error) {
	if undecided := t.Undecided(); len(undecided) > 0 {
		return nil, undecidedProblem(undecided)
	}
	if err := t.Problems.Err(); err != nil {
		return nil, err
	}
	data := t.decided // with the snapshots that are taken on the way
	opts := p.graphOptions()
	opts.Teardown, opts.Data, opts.Lock = true, data, p.newLock(true)
	run := graph.NewRun(t.graph, graph.ApproveTeardown(slices.Concat(data.Lose, data.Copied)...), opts)
	r, err := p.finish(ctx, run, watch)
	if err != nil {
		return r, p.turnedUp(ctx, r, err)
	}
	if p.doc.Spec.Cluster.Existing != "" {
		if err := p.forget(ctx); err != nil {
			return r, err
		}
	}
	if err := p.prove(ctx, r, data); err != nil {
		return r, err
	}
	r.Done = map[graph.Action]int{}
	for _, s := range t.Steps { // all of it is proven to be gone; the tags by which it was found, which go last, are told by nobody
		if s.Action == graph.Delete {
			r.Done[graph.Delete]++
		}
	}
	return r, nil
}

// turnedUp names what a teardown holds back. It was in no list when the teardown was decided, so that nobody decided about it; and the
// tag by which the next run would find it may be gone.
func (p *Platform) turnedUp(ctx context.Context, r *Result, err error) error {
	var list problem.List
	if len(r.Held) == 0 || !errors.As(err, &list) {
		return err
	}
	list = slices.DeleteFunc(slices.Clone(list), func(pr *problem.Problem) bool {
		return pr.Code == problem.HeldForYes || errors.Is(pr.Cause, graph.ErrIncomplete)
	})
	book := p.book(ctx, graph.NewCall())
	for _, s := range r.Held {
		list = append(list, r.leave(Kept{Data: s.Data, Title: s.Title, ID: s.ID, Cost: book.Of(billed(s))}, "it turned up only while the rest was taken down, and nobody decided about it"))
	}
	return list.Err()
}

// leave notes what a teardown leaves, and says so.
func (r *Result) leave(k Kept, why string) *problem.Problem {
	r.Left = append(r.Left, k)
	return &problem.Problem{Code: problem.LeftBehind, Kind: problem.Left, Title: fmt.Sprintf("%s is still there", k.Title), Why: why,
		Fix: "run the same command again; if it stays, or is not spoken of, delete it by hand: id " + k.ID}
}

// forget takes k8or's own namespace out of a cluster that stays.
func (p *Platform) forget(ctx context.Context) error {
	access, ok, err := p.find(ctx, graph.NewCall())
	if err != nil || !ok {
		return p.explainAll(err).Err()
	}
	return p.explainAll(p.kinds.Cluster(access.ID).Forget(ctx)).Err()
}

// prove lists everything once more: what is kept is priced, and what is left without that is a problem.
func (p *Platform) prove(ctx context.Context, r *Result, data graph.DataDecisions) error {
	after, err := p.makeTeardown(ctx, graph.DataDecisions{Keep: data.Keep})
	if err != nil {
		return err
	}
	book := p.book(ctx, graph.NewCall())
	var left problem.List
	for _, s := range after.Steps {
		k := Kept{Data: s.Data, Title: s.Title, ID: s.ID, Cost: book.Of(billed(s))}
		switch {
		case s.Action == graph.Keep:
			r.Kept = append(r.Kept, k)
		case s.Kind == "digitalocean/tag" && len(data.Keep) > 0:
			// the memory of what is kept
		case s.Err != nil:
			left = append(left, &problem.Problem{Code: problem.LeftBehind, Kind: problem.Left, Title: fmt.Sprintf("nothing proves that all is gone: %s could not be read", listOf(s.Kind)), Why: s.Err.Error(),
				Fix: "run the same command again"})
		default:
			left = append(left, r.leave(k, s.Reason))
		}
	}
	return left.Err()
}
