// SPDX-License-Identifier: Apache-2.0

// Package platform is the one use case that all others call: from a document to a graph, to a plan with its bill and
// fit, to a run. The command line, and later the operator and the browser page, are thin around it.
package platform

import (
	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/lint"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

// Account is whose account a platform is in, said at the start of every plan, up and down.
type Account struct {
	Team        string `json:"team"`
	TeamID      string `json:"teamID"`
	Email       string `json:"email"`
	TokenSource string `json:"tokenSource"` // where the token came from, never its value
}

// Plan is what would change, what it costs, and whether it fits.
type Plan struct {
	Platform string       `json:"platform"` // name and uid: "shop-x7k2p9"
	Account  Account      `json:"account"`
	Sandbox  bool         `json:"sandbox"`
	Steps    []graph.Step `json:"steps"`
	// Bill is what the platform costs a month once the plan is carried out, Now what stands costs today.
	Bill price.Bill   `json:"bill"`
	Now  price.Bill   `json:"now"`
	Cost price.Change `json:"costChange"`
	// Costs is what each step changes of it, by the step's node; those that change nothing are not there. JSON has it in the
	// steps, as costChange.
	Costs map[graph.ID]price.Change `json:"-"`
	// Budget is what the document allows, nil where it says nothing.
	Budget *Budget    `json:"budget,omitempty"`
	Fit    fit.Report `json:"fit"`
	// Upgrade is what DOKS would hold against the objects before it upgrades the cluster.
	Upgrade []lint.Finding `json:"upgradeChecks,omitempty"`
	// Support says which support products were added, and because of which entries.
	Support map[string][]graph.ID `json:"support,omitempty"`
	Notes   []string              `json:"notes,omitempty"`
	// Problems are what keeps the plan from being carried out, and warnings.
	Problems problem.List `json:"problems,omitempty"`

	lose        []string // data that may be destroyed
	graph       *graph.Graph
	plan        *graph.Plan
	scope       *graph.Scope // nil: everything
	whole       []graph.Step // of the whole document
	composition *product.Composition
	book        *price.Book
}

// Changes reports whether carrying the plan out would write anything.
func (p *Plan) Changes() bool { return (&graph.Plan{Steps: p.Steps}).Changes() }

// Risk is the gravest risk among the plan's steps.
func (p *Plan) Risk() graph.Risk {
	r := graph.InPlace
	for _, s := range p.Steps {
		if s.Action != graph.None && s.Action != graph.Keep {
			r = max(r, s.Risk)
		}
	}
	return r
}

// Result is how a run ended, beside its error.
type Result struct {
	Sandbox bool `json:"sandbox"`
	// Done counts what came about, by action, as the plan counts: what came with something else, as a load balancer goes with its
	// cluster, counts too.
	Done    map[graph.Action]int `json:"done"`
	Failed  []graph.ID           `json:"failed,omitempty"`
	Held    []graph.Step         `json:"held,omitempty"`
	Blocked []graph.ID           `json:"blocked,omitempty"`
	// Kept is what holds data and stays, with what it costs a month.
	Kept []Kept `json:"kept,omitempty"`
	// Left is what a teardown's last lists still show without having been kept.
	Left    []Kept         `json:"left,omitempty"`
	Elapsed float64        `json:"elapsedSeconds"`
	Timings []graph.Timing `json:"timings,omitempty"`
	Calls   int            `json:"calls"` // made to DigitalOcean
}

// Kept is something that stays.
type Kept struct {
	Data  string     `json:"data,omitempty"` // its name for --keep and --allow-data-loss
	Title string     `json:"title"`
	ID    string     `json:"id"`
	Cost  price.Bill `json:"cost"`
}

// Health is the state of one thing a person cares about.
type Health struct {
	Node    graph.ID `json:"node"`
	Kind    string   `json:"kind"`
	Title   string   `json:"title,omitempty"`
	State   string   `json:"state"` // ready, changing, missing, broken, unknown, differs; there, where the document does not tell more
	ID      string   `json:"id,omitempty"`
	Message string   `json:"message,omitempty"`
}

// Status is what runs where, with addresses.
type Status struct {
	Platform string       `json:"platform"`
	Account  Account      `json:"account"`
	Sandbox  bool         `json:"sandbox"`
	Health   []Health     `json:"health"`
	Routes   []Address    `json:"routes,omitempty"`
	Bill     price.Bill   `json:"bill"`
	Problems problem.List `json:"problems,omitempty"`
}

// Address is where something is reached.
type Address struct {
	Entry   graph.ID `json:"entry"`
	URL     string   `json:"url"`
	Address string   `json:"address,omitempty"` // of the load balancer
	Note    string   `json:"note,omitempty"`
}

// Teardown is what `down` would do.
type Teardown struct {
	Platform string       `json:"platform"`
	Account  Account      `json:"account"`
	Sandbox  bool         `json:"sandbox"`
	Steps    []graph.Step `json:"steps"`
	// Data are the stores that hold data, decided and undecided.
	Data []Store    `json:"data,omitempty"`
	Now  price.Bill `json:"now"`  // what stands costs a month
	Cost price.Bill `json:"kept"` // what is kept goes on costing
	// Notes are sentences a person should read, such as that the cluster cannot be reached.
	Notes    []string     `json:"notes,omitempty"`
	Problems problem.List `json:"problems,omitempty"`

	graph   *graph.Graph
	decided graph.DataDecisions // as asked for, and what follows from that
}

// Watch is handed a run's gentle stop before it starts: calls under way are finished, nothing more is begun.
type Watch func(stop func())
