// SPDX-License-Identifier: Apache-2.0

// Package fit says whether a platform's pods fit its node pools, before either is bought. It is a pure function over values:
// pools and workloads go in, a report comes out. It knows no Kubernetes types; whoever reads pods from objects fills in
// Workload.
//
// What a node has for pods is DigitalOcean's documented figure for its size (see Allocatable). What pods ask for is their
// requests. Check puts every pod on a node as kube-scheduler does: one after the other, each on the node that its default
// plugins score highest, none ever moved again. Node selectors, required node affinity, taints, daemons, anti-affinity and
// affinity between pods on one node, topology spread over nodes, host ports, volumes per node and the extra pod of a rolling
// update are all judged.
//
// Where pods end up depends on the order in which they arrive and on chance between equal nodes, and neither is known
// beforehand. So the same pods are placed many times: in the order given, in orders that are hard (small pods first, daemons
// last, the system's pods all on the first node), and in random ones from a fixed seed. It fits when every pod found a node
// every time, but for a single failure that did not come again. That is a simulation and no proof; kube-scheduler itself is
// held against it in test/fit.
//
// Such placing is not monotone: one node more can, rarely, lead to a placing that leaves a large pod out. The sums that Check
// compares first are; what they find short stays short with less.
//
// What is not judged, the report says itself, so that nobody takes "it fits" for more than it is.
package fit

import (
	"slices"

	"github.com/k8or/k8or/internal/unit"
)

// Pool is a pool of equal nodes.
type Pool struct {
	Name      string   // The pool's key in the document.
	Size      string   // The Droplet size's slug, for people and for Suggest.
	MemoryMiB unit.MiB // Of one node, as sold.
	VCPUs     int      // Of one node, as sold.
	Min, Max  int      // Nodes; equal unless autoscaled. A Max below Min counts as Min.
	Labels    map[string]string
	Taints    []Taint // Those that DOKS adds to GPU nodes need not be named.
}

// Workload is a set of equal pods.
type Workload struct {
	For      string // The id of what it belongs to: "app/web", "support/metrics-server".
	Name     string // The workload itself: "web", "metrics-server".
	Replicas int    // Pods, at their minimum. Not looked at with PerNode.
	PerNode  bool   // One pod on every node of every pool it may run in: a DaemonSet.
	// Surge is how many pods come beside the others for a while, such as the one that a rolling update starts before it
	// takes an old one away. There must be room for one workload's at a time, once everything else stands.
	Surge int

	CPU       unit.MilliCPU // What one pod requests, all its containers together.
	Memory    unit.MiB      // What one pod requests, all its containers together.
	Volumes   int           // Block storage volumes that one pod mounts.
	HostPorts []string      // Ports of the node that one pod takes: "443/TCP". Two pods with one in common need two nodes.

	Pool         string            // The pool it is bound to by name; empty for any.
	NodeSelector map[string]string // The labels that a pool must have.
	Requires     [][]Requirement   // Required node affinity: all requirements of at least one of the terms hold.
	Tolerates    []Toleration      // The taints that it may run in spite of.

	Namespace   string            // Of its pods, for selectors.
	Labels      map[string]string // Of its pods, for selectors.
	Apart       []Selector        // Pods that may not be on its node (required anti-affinity); it may not be on theirs.
	Beside      []Selector        // Pods of which at least one must be on its node (required affinity).
	PreferApart []Preference      // Pods that had better not be on its node.
	Spread      []Spread          // Without any, kube-scheduler prefers to spread a workload's pods.

	// Open are wishes of its pods that are not judged, in words such as "affinity by topology.kubernetes.io/zone".
	Open []string
}

// Amounts are CPU, memory and pods: of a node, a pool, or what is asked of them.
type Amounts struct {
	CPU    unit.MilliCPU `json:"cpu"`    // In thousandths of a core.
	Memory unit.MiB      `json:"memory"` // In MiB.
	Pods   int           `json:"pods"`
}

// Report is the answer of Check.
type Report struct {
	// Fits is true when every pod finds a node with every pool at its minimum.
	Fits bool `json:"fits"`
	// FitsAtMax is true when every pod finds a node with pools growing from their minimum to their maximum as the autoscaler
	// would: with Fits false, there is room after a while, and the plan's price is not the least one.
	FitsAtMax bool `json:"fitsAtMax"`

	Pools    []PoolReport `json:"pools"`    // One for each pool, in the order given.
	Together PoolReport   `json:"together"` // All pools and all workloads; its Name is empty.
	Short    []Shortage   `json:"short,omitempty"`

	// Tight is true when every pod finds a node with the pods arriving in the order given, and in another order one does not:
	// it may come up all the same. Short says what was left out.
	Tight bool `json:"tight"`
	// LeftOut is the order in which a pod found no node; nil where sums alone say so, or where it fits.
	LeftOut *Order `json:"-"`
	// Orders is in how many orders of arrival the pods were placed; zero where sums alone showed that they cannot be.
	Orders int `json:"orders"`

	NotJudged []string `json:"notJudged"` // What may still keep a pod from running, in whole sentences.
}

// PoolReport is the account of one pool at its minimum, with the pods placed in the order given. Of all pools together,
// Requested is what everything asks, placed or not, so that Free is negative where it is short.
type PoolReport struct {
	Name        string  `json:"name"`
	Nodes       int     `json:"nodes"`
	Allocatable Amounts `json:"allocatable"` // What its nodes have for pods.
	Requested   Amounts `json:"requested"`   // What the pods placed on its nodes ask.
	Free        Amounts `json:"free"`        // Head room: Allocatable less Requested.
	// Largest is what the node with most room has left, in CPU and in memory each: no larger pod comes in.
	Largest Amounts `json:"largest"`
}

// Shortage is something that does not fit. No amount of it is negative, and at least one is above zero, but for a workload
// of no requests that no pool accepts: that is short of its pods.
type Shortage struct {
	Pool  string   `json:"pool,omitempty"`  // The pool that is short; empty when several are together, or no pool will do.
	Pools []string `json:"pools,omitempty"` // All pools that are short together; empty when no pool accepts the workload.

	Amounts // What is missing.
	// OneNode says that sums would do, and that no single node takes the pod: Amounts is what the closest node lacks.
	OneNode bool `json:"oneNode,omitempty"`

	Because []string `json:"because"` // What asks for it, the largest first, in whole phrases.
}

// Check places the workloads, and the system pods that DigitalOcean adds to each cluster (see System), on the pools' nodes.
func Check(pools []Pool, workloads []Workload) Report {
	workloads = append(System(), workloads...)
	report := Report{NotJudged: notJudged(pools, workloads)}
	j := judge(pools, workloads)
	report.Short, report.Orders, report.LeftOut = j.short, j.orders, j.leftOut
	report.Fits = len(report.Short) == 0
	report.Tight = !report.Fits && j.orders > 0 && j.listed.complete()
	report.FitsAtMax = report.Fits || growsToFit(pools, workloads)
	report.Pools, report.Together = j.listed.accounts()
	return report
}

// judgement is what is short with every pool at its minimum.
type judgement struct {
	short   []Shortage
	orders  int      // How many were tried.
	leftOut *Order   // The one that left a pod out.
	listed  *placing // In the order given.
}

// judge looks first at sums, which say more of what is missing, then places every pod.
func judge(pools []Pool, workloads []Workload) judgement {
	t := newTask(pools, workloads)
	j := judgement{listed: t.place(t.listed())}
	if j.short = newLedger(pools, workloads, atMin).shortages(); len(j.short) > 0 {
		j.short = append(j.short, j.listed.unmoved()...)
		return j
	}
	orders, failed, in := t.try(t.orders())
	if j.orders = orders; failed != nil {
		j.short, j.leftOut = failed.shortages(), &in
	}
	return j
}

// growsToFit says whether there is room once the autoscaler has added nodes.
func growsToFit(pools []Pool, workloads []Workload) bool {
	if !slices.ContainsFunc(pools, func(p Pool) bool { return atMax(p) > atMin(p) }) || len(newLedger(pools, workloads, atMax).shortages()) > 0 {
		return false
	}
	t := newTask(pools, workloads)
	t.grow()
	_, failed, _ := t.try(t.orders())
	return failed == nil
}

func atMin(p Pool) int { return max(p.Min, 0) }

func atMax(p Pool) int { return max(p.Min, p.Max, 0) }

func (a Amounts) plus(b Amounts) Amounts {
	return Amounts{a.CPU + b.CPU, a.Memory + b.Memory, a.Pods + b.Pods}
}

func (a Amounts) minus(b Amounts) Amounts {
	return Amounts{a.CPU - b.CPU, a.Memory - b.Memory, a.Pods - b.Pods}
}

func (a Amounts) times(n int) Amounts {
	return Amounts{a.CPU * unit.MilliCPU(n), a.Memory * unit.MiB(n), a.Pods * n}
}

// missing is what b asks beyond a, nothing where a has enough.
func (a Amounts) missing(b Amounts) Amounts {
	return Amounts{max(b.CPU-a.CPU, 0), max(b.Memory-a.Memory, 0), max(b.Pods-a.Pods, 0)}
}
