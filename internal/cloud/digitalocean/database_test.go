// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/unit"
)

// data are database clusters as a document asks for them.
type data struct {
	orders  digitalocean.DatabaseSpec
	users   []string
	allow   []string
	work    int // a parameter
	pool    int
	replica *digitalocean.ReadReplica // its size and region; nil: none
	topics  map[string]int            // partitions
}

func orders() data {
	return data{orders: digitalocean.DatabaseSpec{Name: "shop-x7k2p9-orders", Engine: "pg", Version: "16", Size: "db-s-1vcpu-2gb", Nodes: 1, Region: "nyc3",
		Maintenance: digitalocean.Maintenance{Day: "sunday", Start: "04:00"}}, users: []string{"k8or-web"}, work: 8, pool: 5, topics: map[string]int{"clicks": 3}}
}

func (w *world) graphOf(d data) *graph.Graph {
	g, e := graph.New(), w.estate
	network := graph.Add(g, "network", &digitalocean.VPC{On: e, Name: mark.String(), Region: "nyc3"})
	id := graph.Map(network, func(o digitalocean.VPCOut) string { return o.ID })
	cluster := graph.Add(g, "cluster", &digitalocean.Cluster{On: e, Name: "shop", Region: "nyc3", Version: "1.36", VPC: network, VPCNative: true,
		Pools: []digitalocean.PoolSpec{{Key: "general", Size: "s-2vcpu-4gb", Count: 1}}})
	plane := graph.Map(cluster, func(o digitalocean.ClusterOut) string { return o.ID })
	graph.Add(g, "pools/general", &digitalocean.NodePool{On: e, Cluster: cluster, PoolSpec: digitalocean.PoolSpec{Key: "general", Size: "s-2vcpu-4gb", Count: 1}})
	if d.orders.Name != "" {
		out := graph.Add(g, "databases/orders", &digitalocean.Database{On: e, Entry: "databases/orders", DatabaseSpec: d.orders, VPC: id})
		graph.Add(g, "firewall", &digitalocean.DatabaseFirewall{On: e, Database: out, In: d.orders.Name, Cluster: plane, Allow: d.allow})
		graph.Add(g, "db", &digitalocean.DatabaseName{On: e, Cluster: out, In: d.orders.Name, Name: "orders"})
		graph.Add(g, "parameters", &digitalocean.DatabaseConfig{On: e, Database: out, In: d.orders.Name, Parameters: map[string]any{"work_mem": d.work}})
		for _, name := range d.users {
			graph.Add(g, graph.ID("users/"+name), &digitalocean.DatabaseUser{On: e, Database: out, In: d.orders.Name, Name: name})
		}
		graph.Add(g, "pool", &digitalocean.ConnectionPool{On: e, Database: out, In: d.orders.Name, Name: "web", Mode: "transaction", Size: d.pool, DB: "orders", User: graph.Known("k8or-web")}, graph.After("db", "users/k8or-web"))
		if r := d.replica; r != nil {
			replica := &digitalocean.ReadReplica{On: e, Database: out, In: d.orders.Name, Name: "shop-x7k2p9-reading", Size: r.Size, Region: r.Region, Storage: d.orders.Storage}
			if r.Region == "nyc3" {
				replica.VPC = id
			}
			copied := graph.Map(graph.Add(g, "replica", replica), func(o digitalocean.ReplicaOut) digitalocean.DatabaseOut { return digitalocean.DatabaseOut{ID: o.ID} })
			graph.Add(g, "replica/firewall", &digitalocean.DatabaseFirewall{On: e, Database: copied, In: d.orders.Name + "/" + replica.Name, Cluster: plane, Allow: d.allow})
		}
	}
	kafka := graph.Add(g, "messaging/events", &digitalocean.Database{On: e, Entry: "messaging/events", VPC: id,
		DatabaseSpec: digitalocean.DatabaseSpec{Name: "shop-x7k2p9-events", Engine: "kafka", Version: "3.8", Size: "db-s-2vcpu-2gb", Nodes: 3, Region: "nyc3"}})
	graph.Add(g, "events/user", &digitalocean.DatabaseUser{On: e, Database: kafka, In: "shop-x7k2p9-events", Name: "k8or-web",
		UserSettings: digitalocean.UserSettings{Topics: []digitalocean.TopicGrant{{Topic: "clicks", Permission: "produceconsume"}}}})
	for name, partitions := range d.topics {
		graph.Add(g, graph.ID("topics/"+name), &digitalocean.KafkaTopic{On: e, Cluster: kafka, In: "shop-x7k2p9-events", Name: name, Partitions: partitions, Replicas: 3,
			Config: map[string]any{"min_insync_replicas": 2}})
	}
	g.Prune(e.Kinds()...)
	return g
}

// level brings it up and fails unless a plan then finds nothing to do; it gives the changes that were made, by node.
func (w *world) level(d data) map[graph.ID][]string {
	w.Helper()
	g := w.graphOf(d)
	plan, err := g.Plan(w.Context(), w.options())
	if err != nil {
		w.Fatal(err)
	}
	made := map[graph.ID][]string{}
	for _, s := range plan.Steps {
		for _, c := range s.Changes {
			made[s.Node] = append(made[s.Node], c.Path)
		}
	}
	if err := graph.NewRun(g, plan.Approve(graph.Replaces), w.options()).Loop(w.Context()); err != nil {
		w.Fatalf("up: %v\n%s", err, w.events.text())
	}
	again, err := w.graphOf(d).Plan(w.Context(), w.options())
	if err != nil {
		w.Fatal(err)
	}
	for _, s := range again.Steps {
		if s.Action != graph.None && s.Action != graph.Keep {
			w.Errorf("after up, the plan still says %s %s %v %v", s.Action, s.Node, s.Changes, s.Err)
		}
	}
	return made
}

func TestDatabasesChangeInPlaceWhateverCanChange(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		d := orders()
		w.level(d)
		edits := []struct {
			node graph.ID
			path string
			edit func()
		}{
			{"databases/orders", "size", func() { d.orders.Size = "db-s-2vcpu-4gb" }},
			{"databases/orders", "nodes", func() { d.orders.Nodes = 2 }},
			{"databases/orders", "storage", func() { d.orders.Storage = 80 * unit.GiB }},
			{"databases/orders", "storage.max", func() { d.orders.Most = 200 * unit.GiB }},
			{"databases/orders", "storage", func() { d.orders.Storage = 100 * unit.GiB }},
			{"databases/orders", "version", func() { d.orders.Version = "17" }},
			{"databases/orders", "maintenance", func() { d.orders.Maintenance.Day = "monday" }},
			{"databases/orders", "deletionProtection", func() { d.orders.Protected = true }},
			{"firewall", "rules", func() { d.allow = []string{"203.0.113.7"} }},
			{"parameters", "parameters.work_mem", func() { d.work = 16 }},
			{"pool", "size", func() { d.pool = 9 }},
			{"topics/clicks", "partitions", func() { d.topics["clicks"] = 6 }},
			{"databases/orders", "deletionProtection", func() { d.orders.Protected = false }},
		}
		for _, e := range edits {
			e.edit()
			if made := w.level(d); !slices.Equal(made[e.node], []string{e.path}) {
				w.Errorf("to change %s of %s, the plan changed %v", e.path, e.node, made)
			}
		}
		d.replica, d.users = &digitalocean.ReadReplica{Size: d.orders.Size, Region: "nyc3"}, []string{"k8or-web", "k8or-mailer"}
		w.level(d)
		d.replica.Size = "db-s-4vcpu-8gb"
		if made := w.level(d); !slices.Equal(made["replica"], []string{"size"}) {
			w.Errorf("to change the size of a read replica, the plan changed %v", made)
		}
		d.replica, d.users = nil, []string{"k8or-web"}
		w.level(d)
		if left := w.names("/v2/databases/"+w.database("orders")+"/users", "users", "name"); slices.Contains(left, "k8or-mailer") || !slices.Contains(left, "k8or-web") {
			w.Errorf("the users are %v, want k8or-web and no k8or-mailer", left)
		}
		if left := w.names("/v2/databases/"+w.database("events")+"/users", "users", "name"); !slices.Contains(left, "k8or-web") {
			w.Errorf("Kafka's users are %v: one of the same name in another cluster was taken for it", left)
		}
	})
}

func TestAnUpdateThatDigitalOceanWillInstallIsSaid(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		d := orders()
		w.level(d)
		said := func() string {
			w.Helper()
			plan, err := w.graphOf(d).Plan(w.Context(), w.options())
			if err != nil {
				w.Fatal(err)
			}
			s := plan.Steps[slices.IndexFunc(plan.Steps, func(s graph.Step) bool { return s.Node == "databases/orders" })]
			if s.Action != graph.None || s.State != graph.Ready {
				w.Errorf("the plan would %s what is %s", s.Action, s.State)
			}
			return s.Reason
		}
		if got := said(); got != "" {
			w.Errorf("with no update waiting, the plan says %q", got)
		}
		if err := w.cloud.OfferUpdate("", "shop-x7k2p9-orders", "Upgrade to PostgreSQL 16.9"); err != nil {
			w.Fatal(err)
		}
		if got := said(); !strings.Contains(got, "on sunday at 04:00 UTC (Upgrade to PostgreSQL 16.9)") {
			w.Errorf("with an update waiting, the plan says %q", got)
		}
		time.Sleep(15 * time.Minute) // of the bubble's clock: a new cluster is on its first backup
		w.api("PUT", "/v2/databases/"+w.database("orders")+"/install_update", "")
		if got := said(); got != "" {
			w.Errorf("with the update installed, the plan says %q", got)
		}
	})
}

func TestDatabasesRefuseWhatCannotChange(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.level(orders())
		for what, edit := range map[string]func(*data){
			"engine":     func(d *data) { d.orders.Engine = "mysql" },
			"version":    func(d *data) { d.orders.Version = "15" },
			"storage":    func(d *data) { d.orders.Storage = 10 * unit.GiB },
			"region":     func(d *data) { d.orders.Region = "ams3" },
			"size":       func(d *data) { d.orders.Size = "db-s-1vcpu-1gb" },
			"partitions": func(d *data) { d.topics["clicks"] = 1 },
		} {
			d := orders()
			edit(&d)
			plan, err := w.graphOf(d).Plan(w.Context(), w.options())
			if err != nil {
				w.Fatal(err)
			}
			if !slices.ContainsFunc(plan.Steps, func(s graph.Step) bool {
				return s.Action == graph.Refuse && s.Err != nil && strings.Contains(fmt.Sprint(s.Changes), what)
			}) {
				w.Errorf("another %s is not refused", what)
			}
		}
	})
}

// A disk with room above it grows by itself, and DigitalOcean takes no less than it has, wherever a size is said again.
func TestADiskThatGrewByItselfIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		d := orders()
		d.orders.Storage, d.orders.Most = 50*unit.GiB, 100*unit.GiB
		d.replica = &digitalocean.ReadReplica{Size: d.orders.Size, Region: "nyc3"}
		w.level(d)
		grow := func(to unit.MiB) {
			w.api("PUT", "/v2/databases/"+w.database("orders")+"/resize", fmt.Sprintf(`{"size": %q, "num_nodes": 1, "storage_size_mib": %d}`, d.orders.Size, to))
			time.Sleep(15 * time.Minute)
		}
		disk := func(of map[string]any) unit.MiB { return unit.MiB(of["storage_size_mib"].(float64)) }
		autoscale := func() any {
			return w.api("GET", "/v2/databases/"+w.database("orders")+"/autoscale", "")["autoscale"].(map[string]any)["storage"].(map[string]any)["enabled"]
		}
		grow(80 * unit.GiB)
		if made := w.level(d); len(made["databases/orders"]) > 0 || !slices.Equal(made["replica"], []string{"storage"}) {
			w.Errorf("after the disk grew by itself, the plan changed %v, want its copy's disk alone", made)
		}
		d.orders.Size, d.replica.Size = "db-s-2vcpu-4gb", "db-s-2vcpu-4gb"
		w.level(d)
		have := w.api("GET", "/v2/databases/"+w.database("orders"), "")["database"].(map[string]any)
		if disk(have) != 80*unit.GiB || have["size"] != d.orders.Size {
			w.Errorf("after another size, it is %s with a disk of %s, want the 80 GiB that it had", have["size"], disk(have))
		}
		replica := d.replica
		d.replica = nil
		w.level(d)
		d.replica = replica
		w.level(d)
		copied := w.api("GET", "/v2/databases/"+w.database("orders")+"/replicas", "")["replicas"].([]any)[0].(map[string]any)
		if disk(copied) != 80*unit.GiB {
			w.Errorf("a new copy has a disk of %s, want its source's 80 GiB", disk(copied))
		}

		grow(100 * unit.GiB)
		if made := w.level(d); !slices.Equal(made["databases/orders"], []string{"storage.max"}) || autoscale() != false {
			w.Errorf("at storage.max, the plan changed %v, and the disk may grow on by itself: %v", made, autoscale())
		}
		d.orders.Most = 120 * unit.GiB
		if made := w.level(d); !slices.Equal(made["databases/orders"], []string{"storage.max"}) || autoscale() != true {
			w.Errorf("with more room above it, the plan changed %v, and the disk may grow by itself: %v", made, autoscale())
		}
	})
}

// A private network is of one region: a copy elsewhere gets the account's own there.
func TestACopyInAnotherRegionIsInNoNetworkOfThePlatforms(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		d := orders()
		d.replica = &digitalocean.ReadReplica{Size: d.orders.Size, Region: "ams3"}
		w.level(d)
		copied := w.api("GET", "/v2/databases/"+w.database("orders")+"/replicas", "")["replicas"].([]any)[0].(map[string]any)
		if copied["region"] != "ams3" {
			w.Errorf("the copy is in %s, want ams3", copied["region"])
		}
		if rules := w.names("/v2/databases/"+copied["id"].(string)+"/firewall", "rules", "type"); !slices.Equal(rules, []string{"k8s"}) {
			w.Errorf("a copy's rules are %v: without any, the whole internet gets in", rules)
		}
		for _, edit := range []func(r *digitalocean.ReadReplica){
			func(r *digitalocean.ReadReplica) { r.Region = "nyc3" },
			func(r *digitalocean.ReadReplica) { r.Size = "db-s-1vcpu-1gb" },
		} {
			d, other := orders(), *d.replica
			edit(&other)
			d.replica = &other
			plan, err := w.graphOf(d).Plan(w.Context(), w.options())
			if err != nil {
				w.Fatal(err)
			}
			if i := slices.IndexFunc(plan.Steps, func(s graph.Step) bool { return s.Node == "replica" }); i < 0 || plan.Steps[i].Action != graph.Refuse {
				w.Errorf("a copy of size %s in %s is not refused", other.Size, other.Region)
			}
		}
	})
}

func TestNobodyGetsIntoADatabaseBeforeItsFirewallSaysWho(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		d := orders()
		g := graph.New()
		network := graph.Add(g, "network", &digitalocean.VPC{On: w.estate, Name: mark.String(), Region: "nyc3"})
		graph.Add(g, "databases/orders", &digitalocean.Database{On: w.estate, Entry: "databases/orders", DatabaseSpec: d.orders, VPC: graph.Map(network, func(o digitalocean.VPCOut) string { return o.ID })})
		plan, err := g.Plan(w.Context(), w.options())
		if err != nil {
			w.Fatal(err)
		}
		if err := graph.NewRun(g, plan.Approve(graph.Replaces), w.options()).Loop(w.Context()); err != nil {
			w.Fatal(err)
		}
		rules := w.names("/v2/databases/"+w.database("orders")+"/firewall", "rules", "type")
		if !slices.Equal(rules, []string{"tag"}) {
			w.Errorf("a new database's rules are %v: without any, the whole internet gets in", rules)
		}
	})
}

func TestARestoredDatabaseBeginsWithTheMomentAskedFor(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.level(orders())
		time.Sleep(49 * time.Hour)
		moment := time.Now().UTC().Add(-30 * time.Hour).Truncate(time.Second)
		again := orders().orders
		again.Name, again.Restore, again.RestoreAt = "shop-x7k2p9-again", "shop-x7k2p9-orders", moment.Format(time.RFC3339)
		g := graph.New()
		network := graph.Add(g, "network", &digitalocean.VPC{On: w.estate, Name: mark.String(), Region: "nyc3"})
		graph.Add(g, "databases/again", &digitalocean.Database{On: w.estate, Entry: "databases/again", DatabaseSpec: again, VPC: graph.Map(network, func(o digitalocean.VPCOut) string { return o.ID })})
		plan, err := g.Plan(w.Context(), w.options())
		if err != nil {
			w.Fatal(err)
		}
		if err := graph.NewRun(g, plan.Approve(graph.Replaces), w.options()).Loop(w.Context()); err != nil {
			w.Fatal(err)
		}
		server, err := w.cloud.DatabaseServer(w.database("again"))
		if err != nil {
			w.Fatal(err)
		}
		if server.RestoredFrom != w.database("orders") || !server.RestoredAt.Equal(moment) {
			w.Errorf("it shows %s of %s, want %s of the database orders", server.RestoredAt, server.RestoredFrom, moment)
		}
	})
}

func TestAFirewallLetsInWhomTheDocumentNames(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		droplet := func(name, tag string) string { return fmt.Sprint("droplet:", w.droplet(name, tag)) }
		named, tagged, stranger := droplet("one", "other"), droplet("two", "bastion"), droplet("three", "other")
		d := orders()
		letsIn := func(want ...string) {
			w.Helper()
			time.Sleep(time.Minute) // DigitalOcean counts the calls of one
			w.level(d)
			for _, who := range []string{named, tagged, stranger, "ip:203.0.113.7", "ip:198.51.100.1"} {
				if err := w.cloud.DatabaseAdmits(w.database("orders"), who); (err == nil) != slices.Contains(want, who) {
					w.Errorf("with access %v, %s is let in: %t", d.allow, who, err == nil)
				}
			}
		}
		letsIn()
		d.allow = []string{"203.0.113.7", named, "tag:Bastion"} // in tags, case does not count
		letsIn("ip:203.0.113.7", named, tagged)
		d.allow = []string{"tag:bastion"}
		letsIn(tagged)
	})
}

func TestAKeptDatabaseKeepsItsNetwork(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.level(orders())
		keep := graph.DataDecisions{Keep: []string{"databases/orders"}, Lose: []string{"messaging/events"}}
		w.estate.Keep(keep.Keep)
		if err := w.down(keep); err != nil {
			w.Fatalf("down: %v\n%s", err, w.events.text())
		}
		if left := w.names("/v2/databases", "databases", "name"); !slices.Equal(left, []string{"shop-x7k2p9-orders"}) {
			w.Errorf("after down there are the databases %v", left)
		}
		if left := w.names("/v2/vpcs", "vpcs", "name"); !slices.Contains(left, mark.String()) {
			w.Errorf("after down there are the networks %v, without that of the database", left)
		}
		w.estate.Keep(nil)
		w.level(orders())
		if err := w.down(graph.DataDecisions{Lose: []string{"databases/orders", "messaging/events"}}); err != nil {
			w.Fatalf("down: %v\n%s", err, w.events.text())
		}
		for _, tag := range w.names("/v2/tags", "tags", "name") {
			if strings.Contains(tag, "k8or") {
				w.Errorf("after down the tag %s is left", tag)
			}
		}
	})
}

// database is the id of a database cluster of the platform.
func (w *world) database(name string) string {
	w.Helper()
	for _, d := range w.api("GET", "/v2/databases", "")["databases"].([]any) {
		if d := d.(map[string]any); d["name"] == "shop-x7k2p9-"+name {
			return d["id"].(string)
		}
	}
	w.Fatalf("there is no database %s", name)
	return ""
}
