// SPDX-License-Identifier: Apache-2.0

// Package digitalocean is DigitalOcean's API v2 in a box: one http.Handler with authentication, scopes, pagination, rate
// limits, validation, state machines and delays as published or measured. It is strict on purpose: a request that the
// published description does not allow is refused, a field that nobody documents too.
//
// Read cloud.go (what a Cloud is), serve.go (the way of a request), request.go (what a handler gets), schedule.go (how
// things change by themselves), then any family: vpc.go is the smallest complete one. README.md says how to add one.
package digitalocean

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/fault"
	"github.com/k8or/k8or/internal/sandbox/record"
	docr "github.com/k8or/k8or/internal/sandbox/registry"
	"github.com/k8or/k8or/internal/sandbox/spaces"
)

// Options says what cloud to make. The zero value is a cloud in real time with one account and DefaultToken.
type Options struct {
	Clock  clock.Clock // nil: the machine's time
	Seed   uint64      // of ids, addresses and how long things take; 0: from the machine's randomness
	Tokens []Token     // who may call; none: DefaultToken, full access
	Limits Limits      // the zero value is what DigitalOcean publishes
	// DropletLimit is the account's; 0 means 25, what a new account has.
	DropletLimit int
	// Versions are the slugs that DOKS offers, newest first; none: those of the dated list (data/versions.json).
	Versions []string
	// NoDefaultVPCs opens accounts as they are before anything was ever made in a region: the first VPC there becomes the
	// default one, which can never be deleted. Otherwise every region has its default VPC from the start.
	NoDefaultVPCs bool
	// GodoStates says `deleted` where the published description says `deleting`, which godo up to 1.236 cannot decode.
	GodoStates bool
	// Images is the server that container registries' images live in; nil: there are registries, and nowhere to push to.
	Images *docr.Server
	// Spaces is the S3 server that buckets live in; nil: there are keys, and nothing to open with them.
	Spaces *spaces.Server
	// SpacesAccess is a key with full access from the start; none without an AccessKey.
	SpacesAccess SpacesAccess
	Runtime      Runtime     // what Kubernetes its clusters get; nil: none, they stay `provisioning`
	Faults       *fault.Set  // nil: no faults
	Record       *record.Log // nil: nothing is recorded
	// Changed is called after the state has changed, with the cloud's lock held: it must not call back, nor wait.
	Changed func()
}

// DefaultToken is what a Cloud accepts when it is not told otherwise.
const DefaultToken = "dop_v1_0000000000000000000000000000000000000000000000000000000000sandbox"

// Cloud is one simulated DigitalOcean. It is safe for use by several goroutines.
type Cloud struct {
	options Options
	clock   clock.Clock
	mux     *http.ServeMux
	limiter limiter

	machines map[string]map[string]step

	mu       sync.Mutex // guards what follows, and every account in it
	state    state
	random   *rand.Rand
	stopWake func()
	closed   bool
	hands    hands
}

// state is all that a Cloud remembers, and its saved form.
type state struct {
	SavedAt  time.Time           `json:"savedAt"` // model time; on loading, time since then has not passed
	Loads    uint64              `json:"loads"`
	Shift    time.Duration       `json:"shift"`   // of model time before the billing calendar; grows with each load, so that none is missing from it
	LastInt  int                 `json:"lastInt"` // the last numeric id given
	Tokens   []Token             `json:"tokens"`
	Accounts map[string]*account `json:"accounts"` // by team
}

// account is what one team owns. Each family keeps its part in a struct of its own.
type account struct {
	Team         string       `json:"team"`
	UUID         string       `json:"uuid"`
	Email        string       `json:"email"`
	DropletLimit int          `json:"dropletLimit"`
	Due          []transition `json:"due"` // what will change by itself, soonest first

	Actions       actionState       `json:"actions"`
	Alerts        alertState        `json:"alerts"`
	Billing       billingState      `json:"billing"`
	CDN           cdnState          `json:"cdn"`
	Certificates  certificateState  `json:"certificates"`
	Databases     databaseState     `json:"databases"`
	Domains       domainState       `json:"domains"`
	Firewalls     firewallState     `json:"firewalls"`
	LoadBalancers loadBalancerState `json:"loadBalancers"`
	ReservedIPs   reservedIPState   `json:"reservedIPs"`
	Snapshots     snapshotState     `json:"snapshots"`
	Volumes       volumeState       `json:"volumes"`
	Droplets      dropletState      `json:"droplets"`
	Keys          keyState          `json:"keys"`
	Kubernetes    kubernetesState   `json:"kubernetes"`
	Projects      projectState      `json:"projects"`
	Tags          tagState          `json:"tags"`
	NATGateways   natGatewayState   `json:"natGateways"`
	Peerings      peeringState      `json:"peerings"`
	Registries    registryState     `json:"registries"`
	Spaces        spacesState       `json:"spaces"`
	VPCs          vpcState          `json:"vpcs"`
}

// New makes a cloud with one empty account for each team among its tokens.
func New(o Options) *Cloud {
	if o.Clock == nil {
		o.Clock, _ = clock.NewScaled(1)
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	if len(o.Versions) == 0 {
		o.Versions = theVersions
	}
	if o.DropletLimit == 0 {
		o.DropletLimit = 25
	}
	if len(o.Tokens) == 0 {
		o.Tokens = []Token{{Value: DefaultToken}}
	}
	c := &Cloud{options: o, clock: o.Clock, limiter: newLimiter(o.Clock, o.Limits), machines: machines()}
	c.mux = c.routes()
	c.Reset()
	return c
}

// Reset forgets everything but the tokens, as if nothing had ever been made. Clusters' control planes are stopped and deleted.
func (c *Cloud) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropClusters()
	tokens := c.state.Tokens
	if tokens == nil {
		tokens = c.options.Tokens
	}
	c.state = state{Loads: c.state.Loads + 1, LastInt: 3_000_000, Tokens: tokens, Accounts: map[string]*account{}}
	c.random = rand.New(rand.NewPCG(c.options.Seed, c.state.Loads))
	for _, t := range c.state.Tokens {
		c.account(t.Team)
	}
	c.changed()
}

// account returns what a team owns, opening an account for a new team.
func (c *Cloud) account(team string) *account {
	if a := c.state.Accounts[team]; a != nil {
		return a
	}
	a := &account{
		Team: team, UUID: c.newUUID(), DropletLimit: c.options.DropletLimit,
		Email: "sandbox@example.com",
	}
	a.Projects.open(c)
	a.Billing.Opened = c.calendar(c.clock.Now())
	c.state.Accounts[team] = a
	for _, r := range theOffer.regions {
		if !c.options.NoDefaultVPCs {
			c.vpcInRegion(a, "", r.Slug)
		}
	}
	return a
}

// Save returns everything there is to remember, as JSON. Its text holds the tokens.
func (c *Cloud) Save() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	c.state.SavedAt = c.clock.Now()
	return json.MarshalIndent(c.state, "", " ")
}

// Load puts a saved state in the place of the present one. Model time stood still in between: what had a minute to go, still has.
// Clusters that had a control plane are started again.
func (c *Cloud) Load(saved []byte) error {
	var s state
	if err := json.Unmarshal(saved, &s); err != nil {
		return fmt.Errorf("load the simulated DigitalOcean's state: %w", err)
	}
	if len(s.Tokens) == 0 || s.Accounts == nil {
		return fmt.Errorf("load the simulated DigitalOcean's state: it names no token and no account, so it is no saved state")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Loads++
	c.state = s
	c.random = rand.New(rand.NewPCG(c.options.Seed, s.Loads))
	away := c.clock.Now().Sub(s.SavedAt)
	c.state.Shift += away
	for _, a := range s.Accounts {
		for i := range a.Due {
			a.Due[i].At = a.Due[i].At.Add(away)
		}
	}
	if err := c.meetImages(); err != nil {
		return fmt.Errorf("load the simulated registries: %w", err)
	}
	c.meetSpaces()
	c.resumeClusters()
	c.wake()
	return nil
}

// Tokens returns who may call.
func (c *Cloud) Tokens() []Token {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Token(nil), c.state.Tokens...)
}

// AddToken lets one more caller in, or changes what a known one may do.
func (c *Cloud) AddToken(t Token) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.state.Tokens {
		if c.state.Tokens[i].Value == t.Value {
			c.state.Tokens[i] = t
			c.changed()
			return
		}
	}
	c.state.Tokens = append(c.state.Tokens, t)
	c.account(t.Team)
	c.changed()
}

// Close stops timers and control planes; the state can still be saved. It waits for the control planes' ends.
func (c *Cloud) Close() {
	c.mu.Lock()
	c.closed = true
	if c.stopWake != nil {
		c.stopWake()
	}
	c.mu.Unlock()
	c.hands.close()
}

// changed tells the owner that there is something to save, and sets the alarm for the next change by itself.
func (c *Cloud) changed() {
	for _, a := range c.state.Accounts {
		c.meter(a, c.clock.Now())
	}
	if c.options.Changed != nil {
		c.options.Changed()
	}
	c.wake()
}

// Clock is the clock by which this cloud lives.
func (c *Cloud) Clock() clock.Clock { return c.clock }
