// SPDX-License-Identifier: Apache-2.0

// Package graph is k8or's engine: it makes a set of wanted things real, in the order their data flows, and keeps no
// state of its own. It knows no cloud and no Kubernetes.
//
// A [Resource] is one wanted thing. It can be observed by its identity, compared with what is wanted, created and
// updated; none of these calls waits and all may be repeated. [Add] puts it into a [Graph] and returns its output as a
// [Value], which other resources may hold in their exported fields: a Value in an exported field is an edge. One can
// only hold a Value of a node that was added before, so insertion order is a topological order and a cycle cannot be
// written.
//
// A [Kind] lists and deletes by the platform's mark, whether or not the graph still speaks of a thing: what a kind lists
// and the graph does not want is pruned.
//
// [Graph.Plan] observes everything and says what would be done, as [Step]s with field changes and risks. An [Approval]
// covers steps of a plan. A [Run] is the memory of one attempt; [Pass] makes one non-blocking pass over the graph: it
// starts every call that is due, waits for those calls alone and never for a state, and returns when to look again.
// [Run.Loop] is Pass in a loop, as the command line uses it; an operator calls Pass once a reconcile.
//
//	g := graph.New()
//	network := graph.Add(g, "network", &VPC{Name: "shop"})
//	cluster := graph.Add(g, "cluster", &Cluster{Name: "shop", VPC: network})   // the field VPC is the edge
//	plan, err := g.Plan(ctx, opts)
//	run := graph.NewRun(g, plan, plan.Approve(graph.Restarts), opts)
//	err = run.Loop(ctx)
//
// Waiting, retrying, backing off, timing out and reporting are written here once. A create that ended without a clear
// answer is never re-sent: the next pass observes first, for as long as the kind's lists may lag. A failure stops only
// what needs the failed node, and every prune waits until all that is wanted stands.
package graph
