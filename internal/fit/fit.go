// SPDX-License-Identifier: Apache-2.0

// Package fit says whether a platform's pods fit its node pools, before either is bought. It is a pure function over values:
// pools and workloads go in, a report comes out.
//
// What a node has for pods is DigitalOcean's documented figure for its size (see Allocatable). What pods ask for is their
// requests. Check sums the requests against the pools, with every pool at its minimum; a workload that may run in several
// pools counts against them together. It also judges whether each single pod finds a node large enough for it. What it does
// not judge yet, its report says itself, so that nobody takes "it fits" for more than it is.
package fit

import (
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
	Taints    []Taint
}

// Workload is a set of equal pods.
type Workload struct {
	For      string // The id of what it belongs to: "app/web", "support/metrics-server".
	Name     string // The workload itself: "web", "metrics-server".
	Replicas int    // Pods, at their minimum. Not looked at with PerNode.
	PerNode  bool   // One pod on every node of every pool it may run in: a DaemonSet.

	CPU    unit.MilliCPU // What one pod requests, all its containers together.
	Memory unit.MiB      // What one pod requests, all its containers together.

	Pool         string            // The pool it is bound to by name; empty for any.
	NodeSelector map[string]string // The labels that a pool must have.
	Tolerates    []Toleration      // The taints that it may run in spite of.
}

// Amounts are CPU, memory and pods: of a node, a pool, or what is asked of them.
type Amounts struct {
	CPU    unit.MilliCPU `json:"cpu"`    // In thousandths of a core.
	Memory unit.MiB      `json:"memory"` // In MiB.
	Pods   int           `json:"pods"`
}

// Report is the answer of Check.
type Report struct {
	// Fits is true when nothing is short with every pool at its minimum.
	Fits bool `json:"fits"`
	// FitsAtMax is true when nothing is short with every pool at its maximum: with Fits false, the autoscaler makes room
	// after a while, and the plan's price is not the least one.
	FitsAtMax bool `json:"fitsAtMax"`

	Pools    []PoolReport `json:"pools"`    // One for each pool, in the order given.
	Together PoolReport   `json:"together"` // All pools and all workloads; its Name is empty.
	Short    []Shortage   `json:"short,omitempty"`

	NotJudged []string `json:"notJudged"` // What may still keep a pod from running, in whole sentences.
}

// PoolReport is the account of one pool at its minimum.
type PoolReport struct {
	Name        string  `json:"name"`
	Nodes       int     `json:"nodes"`
	Allocatable Amounts `json:"allocatable"` // What its nodes have for pods.
	Requested   Amounts `json:"requested"`   // What the workloads ask that can run nowhere else.
	Free        Amounts `json:"free"`        // Allocatable less Requested; negative where it is short.
}

// Shortage is something that does not fit. No amount of it is negative, and at least one is above zero, but for a workload
// of no requests that no pool accepts: that is short of its pods.
type Shortage struct {
	Pool  string   `json:"pool,omitempty"`  // The pool that is short; empty when several are together, or no pool will do.
	Pools []string `json:"pools,omitempty"` // All pools that are short together; empty when no pool accepts the workload.

	Amounts // What is missing.

	Because []string `json:"because"` // What asks for it, the largest first, in whole phrases.
}

// Check sums what the workloads, and the system pods that DigitalOcean adds to each cluster (see System), request against
// what the pools have.
func Check(pools []Pool, workloads []Workload) Report {
	workloads = append(System(), workloads...)
	atMin := newLedger(pools, workloads, func(p Pool) int { return max(p.Min, 0) })
	atMax := newLedger(pools, workloads, func(p Pool) int { return max(p.Min, p.Max, 0) })
	report := Report{Short: atMin.shortages(), NotJudged: notJudged(workloads)}
	report.Fits = len(report.Short) == 0
	report.FitsAtMax = report.Fits || len(atMax.shortages()) == 0
	report.Pools, report.Together = atMin.accounts()
	return report
}

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
