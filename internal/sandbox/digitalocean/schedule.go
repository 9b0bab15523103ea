// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"slices"
	"time"
)

// transition is one change that will happen by itself. Its kind and step name a row of steps.
type transition struct {
	At   time.Time `json:"at"` // model time
	Kind string    `json:"kind"`
	ID   string    `json:"id"`
	Step string    `json:"step"`
}

// step is one row of a state machine: how long it takes to come about, what it does then, and who says so.
type step struct {
	takes  time.Duration
	spread float64 // the time varies by this fraction of itself, either way
	do     func(c *Cloud, a *account, id string)
	source string
}

// machines is every state machine there is, by kind and step. A family adds its table here.
func machines() map[string]map[string]step {
	return map[string]map[string]step{
		"certificate":        certificateSteps,
		"collection":         collectionSteps,
		"database":           databaseSteps,
		"database-migration": migrationSteps,
		"database-operation": databaseOperationSteps,
		"database-replica":   replicaSteps,
		"database-topic":     topicSteps,
		"droplet":            dropletSteps,
		"droplet-action":     dropletActionSteps(),
		"firewall":           firewallSteps,
		"kubernetes":         kubernetesSteps,
		"load_balancer":      loadBalancerSteps,
		"nat-gateway":        natGatewaySteps,
		"node":               nodeSteps,
		"peering":            peeringSteps,
		"reserved-ip":        reservedIPSteps,
		"volume":             volumeSteps,
		"vpc-member":         vpcMemberSteps,
	}
}

// begin schedules a step of a thing. It is done as soon as its model time has come, whether or not anybody asks.
func (c *Cloud) begin(a *account, kind, id, name string) {
	s, ok := c.machines[kind][name]
	if !ok {
		panic("digitalocean: no step " + name + " of " + kind)
	}
	takes := s.takes
	if s.spread > 0 {
		takes += time.Duration(float64(takes) * s.spread * (2*c.random.Float64() - 1))
	}
	c.beginIn(a, takes, kind, id, name)
}

// beginIn schedules a step after a time of its own.
func (c *Cloud) beginIn(a *account, takes time.Duration, kind, id, name string) {
	t := transition{At: c.clock.Now().Add(takes), Kind: kind, ID: id, Step: name}
	i, _ := slices.BinarySearchFunc(a.Due, t, func(x, y transition) int {
		if x.At.After(y.At) {
			return 1
		}
		return -1 // after those of the same time
	})
	a.Due = slices.Insert(a.Due, i, t)
}

// cancel forgets the steps that a thing still had before it.
func (a *account) cancel(kind, id string) {
	a.Due = slices.DeleteFunc(a.Due, func(t transition) bool { return t.Kind == kind && t.ID == id })
}

// settle does every step whose time has come, in order.
func (c *Cloud) settle() {
	now := c.clock.Now()
	done := false
	for _, a := range c.state.Accounts {
		for len(a.Due) > 0 && !a.Due[0].At.After(now) {
			t := a.Due[0]
			a.Due = a.Due[1:]
			if s, ok := c.machines[t.Kind][t.Step]; ok {
				s.do(c, a, t.ID)
				c.meter(a, t.At) // which may be a while ago
			}
			done = true
		}
	}
	if done {
		c.changed()
	}
}

// wake sets the alarm for the next step.
func (c *Cloud) wake() {
	if c.stopWake != nil {
		c.stopWake()
		c.stopWake = nil
	}
	var next time.Time
	for _, a := range c.state.Accounts {
		if len(a.Due) > 0 && (next.IsZero() || a.Due[0].At.Before(next)) {
			next = a.Due[0].At
		}
	}
	if next.IsZero() || c.closed {
		return
	}
	c.stopWake = c.clock.AfterFunc(max(0, next.Sub(c.clock.Now())), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.closed {
			c.settle()
			c.wake()
		}
	})
}

// created, ready and gone write the record of true times that benchmarks read.
func (c *Cloud) created(kind, id, name string) {
	c.options.Record.Created(kind, id, name, c.clock.Wall())
}

func (c *Cloud) ready(kind, id string) { c.options.Record.Ready(kind, id, c.clock.Wall()) }

func (c *Cloud) gone(kind, id string) { c.options.Record.Gone(kind, id, c.clock.Wall()) }
