// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/databases"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

// DatabaseDrill is what a drill of a managed database is about to do: a copy of it is made of its newest backup, looked into from the
// platform's cluster, and deleted.
type DatabaseDrill struct {
	Entry graph.ID `json:"entry"`
	// Source is the database cluster's name at DigitalOcean, and Copy the name of all that the drill makes.
	Source string `json:"source"`
	Copy   string `json:"copy"`
	// Backup is when the newest backup was taken; nil where DigitalOcean does not tell.
	Backup *time.Time `json:"backup,omitempty"`
	// Age is how long ago that was, in seconds.
	Age  float64 `json:"ageSeconds,omitempty"`
	Size string  `json:"size"` // of the copy, which has one node
	// Cost is what the copy costs while it is there.
	Cost price.Bill `json:"cost"`
	// Sandbox says that it is simulated.
	Sandbox bool `json:"sandbox"`

	backed  digitalocean.Backed
	engine  string // in the document's words
	cluster string // the id of the platform's
}

// DrilledDatabase is what a drill of a managed database found.
type DrilledDatabase struct {
	DatabaseDrill
	// Restored is how long it took until the copy could be signed in to, in seconds; 0 where it did not come to that.
	Restored float64 `json:"restoredSeconds,omitempty"`
	// Databases are those that the source has, and whether the copy has them.
	Databases []DrilledName `json:"databases,omitempty"`
	// Probe is what somebody found in the copy who signed in from the platform's cluster; nil where it did not come to that.
	Probe *probe.Finding `json:"probe,omitempty"`
	// Left is what the drill made and did not get removed; it may cost.
	Left []string `json:"left,omitempty"`
}

// DrilledName is a database within the source.
type DrilledName struct {
	Name string `json:"name"`
	Back bool   `json:"back"`
}

// Failed is how many databases did not come back.
func (d *DrilledDatabase) Failed() int {
	return len(slices.DeleteFunc(slices.Clone(d.Databases), func(n DrilledName) bool { return n.Back }))
}

// drillable are the engines that a drill can look into, of those that DigitalOcean backs up; noDrill says why of the others.
var (
	drillable = []string{databases.PostgreSQL, databases.MySQL, databases.MongoDB}
	noDrill   = map[string]string{databases.Valkey: "DigitalOcean takes no backups of Valkey", databases.OpenSearch: "at DigitalOcean no OpenSearch begins with the backup of another"}
)

// databaseDrillLabel marks the namespace of such a drill, with the id of the source. It is not [drillLabel], by which a drill of Velero's removes what it left.
const databaseDrillLabel = "k8or.io/database-drill"

// databaseDrillNamespace is where a Job looks into the copy.
const databaseDrillNamespace = "k8or-drill"

// databaseDrill is such a drill under way.
type databaseDrill struct {
	*DatabaseDrill
	in    drill // the cluster that it is looked into from
	image string
}

// PlanDatabaseDrill says what a drill of an entry would make, and what that costs. It writes nothing.
func (p *Platform) PlanDatabaseDrill(ctx context.Context, entry string) (*DatabaseDrill, error) {
	var known []string
	for name := range p.doc.Spec.Databases {
		known = append(known, "databases/"+name)
	}
	name, _ := strings.CutPrefix(entry, "databases/")
	d, there := p.doc.Spec.Databases[name]
	refuse := func(why, fix string) error {
		return &problem.Problem{Code: problem.BadUsage, Kind: problem.Usage, Title: entry + " cannot be drilled", Why: why, Fix: fix}
	}
	switch {
	case !there:
		return nil, nothingCalled(entry, slices.Sorted(slices.Values(known)))
	case d.Product != "digitalocean":
		return nil, refuse("somebody else runs it, and has its backups", "drill it where it runs")
	case !slices.Contains(drillable, d.Engine):
		return nil, refuse(cmp.Or(noDrill[d.Engine], "there is no way to look into "+d.Engine), "a drill is for "+strings.Join(drillable, ", "))
	}
	call := graph.NewCall()
	access, there, err := p.find(ctx, call)
	if err == nil && there {
		var backed digitalocean.Backed
		if backed, there, err = p.estate.Backed(ctx, call, p.estate.NameOf(name)); err == nil && there {
			drill := &DatabaseDrill{Entry: graph.ID(entry), Sandbox: p.options.Sandbox, backed: backed, engine: d.Engine, cluster: access.ID}
			p.reckonDrill(ctx, call, drill)
			return drill, nil
		}
	}
	switch {
	case errors.Is(err, digitalocean.ErrNoBackup):
		return nil, refuse(err.Error(), "it comes minutes after the database itself: try again then")
	case err != nil:
		return nil, p.explainAll(err).Err()
	default:
		return nil, refuse("it is not there yet, or has no cluster to be looked into from", "`k8or up` makes it; `k8or status` says how it is")
	}
}

// reckonDrill says what a drill makes, and what that costs.
func (p *Platform) reckonDrill(ctx context.Context, call *graph.Call, d *DatabaseDrill) {
	d.Source, d.Copy = d.backed.Name, p.estate.NameOf("drill-"+time.Now().UTC().Format("20060102-150405"))
	if !d.backed.Backup.IsZero() {
		d.Backup, d.Age = &d.backed.Backup, time.Since(d.backed.Backup).Seconds()
	}
	wanted := d.backed.Copy(p.estate, d.Copy)
	d.Size, d.Cost = wanted.Size, p.book(ctx, call).Of(wanted.Costs())
}

// DrillDatabase carries such a drill out, and removes what it made, and first what one before it has left. The image is that of probes.
// Stopped by what watch is given, it removes what it made as well; when ctx ends, it leaves at once. One that failed is an error, beside
// what became of it.
func (p *Platform) DrillDatabase(ctx context.Context, plan *DatabaseDrill, image string, watch Watch) (done *DrilledDatabase, err error) {
	if image == "" && !p.options.Sandbox {
		return nil, noProbeImage()
	}
	cluster := p.kinds.Cluster(plan.cluster)
	lock := cluster.Lock(kube.LockOptions{Of: "drill", Holder: p.tag.Holder(), Length: leaseLength, Now: p.client.Now, Dead: p.options.Dead})
	err = p.alone(ctx, lock, func(ctx context.Context) error {
		done, err = databaseDrill{plan, drill{p, cluster}, cmp.Or(image, noImage)}.run(ctx, watch)
		return err
	})
	return done, err
}

// errStopped is why a drill ends that a person stopped.
var errStopped = errors.New("a person said stop")

func (d databaseDrill) run(ctx context.Context, watch Watch) (*DrilledDatabase, error) {
	going, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if watch != nil {
		watch(func() { stop(errStopped) })
	}
	if _, err := d.remove(ctx, "an earlier drill did not come to its end; what it left is removed first"); err != nil {
		return nil, err
	}
	done, err := d.restore(going)
	left, e := d.remove(ctx, "removing what the drill made")
	done.Left = left
	if errors.Is(context.Cause(going), errStopped) {
		said := &problem.Problem{Code: problem.Stopped, Kind: problem.Interrupted, Title: "stopped in the middle of a drill", Cause: err}
		if e == nil {
			said.Title += "; what it made is removed again"
			return nil, said
		}
		err = said
	}
	switch {
	case e != nil:
		return done, errors.Join(d.ended(ctx, err), e)
	case done.Restored == 0:
		return nil, d.ended(ctx, err)
	}
	return done, d.ended(ctx, err)
}

// ended tells a person of an error, or, where the drill was left at once, what may be left of it.
func (d databaseDrill) ended(ctx context.Context, err error) error {
	return d.in.stopped(ctx, err, "what the drill made, "+d.Copy)
}

// restore makes the copy, lets the platform's cluster and nobody else in, and looks into it.
func (d databaseDrill) restore(ctx context.Context) (*DrilledDatabase, error) {
	done := &DrilledDatabase{DatabaseDrill: *d.DatabaseDrill}
	began := time.Now()
	user, err := d.copy(ctx)
	if err != nil {
		return done, err
	}
	done.Restored = time.Since(began).Seconds()
	names, err := d.in.estate.DatabasesIn(ctx, graph.NewCall(), user.Database.ID)
	if err != nil {
		return done, err
	}
	first := "defaultdb" // DigitalOcean's own, which somebody may have deleted
	for _, name := range d.backed.Databases {
		back := slices.Contains(names, name)
		if done.Databases = append(done.Databases, DrilledName{Name: name, Back: back}); back {
			first = name
		}
	}
	found, err := d.look(ctx, user, first)
	if err != nil {
		return done, err
	}
	done.Probe = &found
	return done, done.verdict()
}

// verdict is nil for a drill in which everything came back.
func (d *DrilledDatabase) verdict() error {
	pr := &problem.Problem{Code: problem.RestoreFailed, Fix: fmt.Sprintf("what runs is untouched; DigitalOcean's control panel shows the backups of %s, and its support knows why one cannot be read", d.Source)}
	var gone []string
	for _, n := range d.Databases {
		if !n.Back {
			gone = append(gone, n.Name)
		}
	}
	switch {
	case len(gone) > 0:
		pr.Title = fmt.Sprintf("%s does not come back whole: of %d databases, %d are not in the copy", d.Entry, len(d.Databases), len(gone))
		pr.Why = some(gone) + ": made after the backup, or missing from it"
	case d.Probe.State == probe.Failed:
		pr.Title, pr.Why = fmt.Sprintf("the copy of %s is there, and what was looked for in it is not", d.Entry), looks(d.Probe.Message, d.Probe.Look)
	default:
		return nil
	}
	return pr
}

// copy makes the copy, and says how its own user signs in to it.
func (d databaseDrill) copy(ctx context.Context) (digitalocean.UserOut, error) {
	g, on, at := graph.New(), d.in.estate, d.Entry+"/drill"
	out := graph.Add(g, at, d.backed.Copy(on, d.Copy))
	graph.Add(g, at+"/firewall", &digitalocean.DatabaseFirewall{On: on, Database: out, In: d.Copy, Cluster: graph.Known(d.cluster)})
	if d.engine == databases.MongoDB { // whose own user's password is shown once, when it is made
		graph.Add(g, at+"/user", &digitalocean.DatabaseUser{On: on, Database: out, In: d.Copy, Name: d.Copy,
			UserSettings: digitalocean.UserSettings{MongoUser: &digitalocean.MongoUser{Databases: d.backed.Databases, Role: "readOnly"}}})
	} else {
		graph.Add(g, at+"/user", &digitalocean.DatabaseAdmin{On: on, Database: out, In: d.Copy, For: "drill"})
	}
	opts := graph.Options{Speed: d.in.options.Speed, Log: d.in.options.Log}
	plan, err := g.Plan(ctx, opts)
	if err != nil {
		return digitalocean.UserOut{}, err
	}
	run := graph.NewRun(g, plan.Approve(graph.Replaces), opts)
	defer context.AfterFunc(ctx, run.Stop)() // what is in flight is finished, so that nothing is made that nobody knows of
	if err := run.Loop(context.WithoutCancel(ctx)); err != nil {
		return digitalocean.UserOut{}, err
	}
	if plan, err = g.Plan(ctx, opts); err != nil {
		return digitalocean.UserOut{}, err
	}
	for _, s := range plan.Steps {
		if user, ok := s.Out.(digitalocean.UserOut); ok && s.State == graph.Ready {
			return user, nil
		}
	}
	return digitalocean.UserOut{}, fmt.Errorf("the copy %s has no user to sign in as", d.Copy)
}

// look signs in to the copy from the platform's cluster, first to a database that both have, and counts what it holds beside what its source holds. The source of a MongoDB is
// not counted: nobody can read again how to sign in to it.
func (d databaseDrill) look(ctx context.Context, user digitalocean.UserOut, first string) (probe.Finding, error) {
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	namespace.SetName(databaseDrillNamespace)
	namespace.SetLabels(map[string]string{databaseDrillLabel: d.backed.ID, notBackedUp: "true"})
	if err := d.in.cluster.Ask(ctx, namespace); err != nil {
		return probe.Finding{}, err
	}
	one := product.Probe{Entry: d.Entry, Name: "drill", Namespace: databaseDrillNamespace, Files: map[string]kube.SecretKey{}, Look: "the database cluster " + d.Copy + " at DigitalOcean",
		Proves: "the copy lets in who has its credentials, and holds tables as its source does", Spec: probe.Spec{Timeout: 5 * time.Minute, Restored: &probe.Restored{Binding: probe.Folder + "/copy"}}}
	if err := d.hand(ctx, &one, "copy", user, first); err != nil {
		return probe.Finding{}, err
	}
	if d.engine != databases.MongoDB {
		source, err := (&digitalocean.DatabaseAdmin{On: d.in.estate, Database: graph.Known(d.backed.DatabaseOut), In: d.Source}).Observe(ctx, graph.NewCall())
		if err != nil {
			return probe.Finding{}, err
		}
		if err := d.hand(ctx, &one, "source", source.Out, first); err != nil {
			return probe.Finding{}, err
		}
		one.Spec.Restored.Source = probe.Folder + "/source"
	}
	d.in.tell("signing in to the copy from the platform's cluster")
	return prover{Platform: d.in.Platform, cluster: d.in.cluster, image: d.image}.prove(ctx, one)
}

// hand writes the Secret by which a probe signs in.
func (d databaseDrill) hand(ctx context.Context, to *product.Probe, name string, as digitalocean.UserOut, first string) error {
	c := databases.Connection{Engine: d.engine, Provider: "digitalocean", Host: as.Database.Host, Port: as.Database.Port, Database: first, Username: as.Name, Password: as.Password, CA: as.CA}
	if d.engine == databases.MongoDB { // which any database will do for
		c.SRV = true
	}
	o, data := product.BindingSecret(databaseDrillNamespace, name, d.engine), map[string]any{}
	for key, value := range c.Data() {
		data[key] = value.Reveal()
		to.Files[name+"/"+key] = kube.SecretKey{Namespace: databaseDrillNamespace, Name: name, Key: key}
	}
	o.Object["stringData"] = data
	return d.in.cluster.Ask(ctx, o)
}

// remove removes what such drills have made, and waits until it is gone: the copies, which cost, and then the namespaces. It says what is
// still there where it could not.
func (d databaseDrill) remove(ctx context.Context, saying string) (left []string, err error) {
	removing, cancel := context.WithTimeout(ctx, removedWithin)
	defer cancel()
	if left, err = d.standing(removing); err != nil || len(left) == 0 {
		return left, d.unremoved(ctx, err, left)
	}
	d.in.tell(saying + ": " + some(left))
	g := graph.New()
	g.Prune(d.in.estate.Drills())
	err = graph.NewRun(g, graph.ApproveTeardown(), graph.Options{Speed: d.in.options.Speed, Log: d.in.options.Log, Teardown: true}).Loop(removing)
	if err == nil {
		err = d.in.estate.EndDrills(removing, graph.NewCall())
	}
	err = errors.Join(err, d.removeNamespaces(removing))
	if err == nil {
		return nil, nil
	}
	if now, e := d.standing(context.WithoutCancel(ctx)); e == nil {
		left = now
	}
	return left, d.unremoved(ctx, err, left)
}

// unremoved tells a person what is still there.
func (d databaseDrill) unremoved(ctx context.Context, err error, left []string) error {
	what := cmp.Or(some(left), d.Copy)
	if err == nil || ctx.Err() != nil {
		return d.in.stopped(ctx, err, "what the drill made, "+what)
	}
	return &problem.Problem{Code: problem.LeftBehind, Kind: problem.Left, Title: "what the drill made is not removed", Why: fmt.Sprintf("%s may still be there, and a database costs as long as it is: %v", what, err), Cause: err,
		Fix: fmt.Sprintf("`k8or restore --drill %s` removes it first, and so does `k8or down`", d.Entry)}
}

// standing is what such drills have made and what is still there, in words.
func (d databaseDrill) standing(ctx context.Context) ([]string, error) {
	copies, err := d.in.estate.Drilled(ctx, graph.NewCall())
	if err != nil {
		return nil, err
	}
	var out []string
	for _, c := range copies {
		out = append(out, fmt.Sprintf("database cluster %s (%s)", c.Name, c.ID))
	}
	namespaces, err := d.namespaces(ctx)
	for i := range namespaces {
		out = append(out, kube.IDOf(&namespaces[i]).String())
	}
	return out, err
}

func (d databaseDrill) namespaces(ctx context.Context) ([]unstructured.Unstructured, error) {
	all, err := d.in.cluster.Answers(ctx, kube.ID{Version: "v1", Kind: "Namespace"})
	return slices.DeleteFunc(all, func(o unstructured.Unstructured) bool { return o.GetLabels()[databaseDrillLabel] == "" }), err
}

func (d databaseDrill) removeNamespaces(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		all, err := d.namespaces(ctx)
		if err != nil || len(all) == 0 {
			return err
		}
		if _, err := d.in.withdraw(ctx, all); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// leftOfDrills are sentences about copies of databases that drills have made: one is under way, or was cut off.
func (p *Platform) leftOfDrills(ctx context.Context, call *graph.Call, book *price.Book) ([]string, error) {
	copies, err := p.estate.Drilled(ctx, call)
	var out []string
	for _, c := range copies {
		out = append(out, fmt.Sprintf("database cluster %s is a copy of a restore drill that is under way or was cut off, and costs %s an hour: the next `k8or restore --drill` of a database removes what is left, and so does `k8or down`",
			c.Name, book.Of(c.Billed(c.Name, "")).HourlyHigh.Hourly()))
	}
	return out, err
}
