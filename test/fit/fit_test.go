// SPDX-License-Identifier: Apache-2.0

// Package fit_test holds what `plan` says of the nodes' room against the real kube-scheduler: random platforms are judged by
// internal/fit and then put into a real control plane, pod by pod.
//
// "Fits" promises a node for every pod in whatever order they arrive. It is false if kube-scheduler leaves a pod out in any
// order tried. "Does not fit" is false if kube-scheduler places every pod, also when they arrive in the very order in which
// internal/fit left one out.
package fit_test

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/kube/kubetest"
)

var update = flag.Bool("update", false, "write each false verdict to testdata")

func TestMain(m *testing.M) { os.Exit(kubetest.Main(m)) }

// number is a number of the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// witnesses is how often the order that left a pod out is tried: between equal nodes kube-scheduler draws lots.
const witnesses = 5

// TestFitAgreesWithKubeScheduler tries K8OR_FIT_PLATFORMS random platforms, from the seed K8OR_FIT_SEED on.
func TestFitAgreesWithKubeScheduler(t *testing.T) {
	c := startCluster(t)
	n, seed := number(t, "K8OR_FIT_PLATFORMS", 3), number(t, "K8OR_FIT_SEED", 1)
	var total tally
	start := time.Now()
	for i := range n {
		p := randomPlatform(seed + i)
		total.add(t, c.try(p))
		if (i+1)%20 == 0 {
			t.Logf("%d platforms in %s: %s", i+1, time.Since(start).Round(time.Second), total)
		}
	}
	t.Logf("seeds %d to %d in %s: %s", seed, seed+n-1, time.Since(start).Round(time.Second), total)
	if total.falseFits > 0 {
		t.Errorf("%d times it was said to fit, and kube-scheduler left a pod out", total.falseFits)
	}
	if total.falseNot*50 > int(max(n, 50)) {
		t.Errorf("%d of %d times it was said not to fit, and kube-scheduler placed every pod: more than 2 %%", total.falseNot, n)
	}
}

// verdict is what was said of a platform, and what kube-scheduler did.
type verdict struct {
	platform *platform
	report   fit.Report
	listed   outcome   // With the pods in the order of the document.
	others   []outcome // In other orders.
}

// try judges a platform and gives it to kube-scheduler, until it is clear whether the judgement is right.
func (c *cluster) try(p *platform) verdict {
	workloads := p.workloads()
	v := verdict{platform: p, report: fit.Check(p.Pools, workloads)}
	run := func(o fit.Order) outcome { return c.stage(p).run(o) }
	listed := fit.Listed(p.Pools, workloads)
	v.listed = run(listed)
	switch {
	case v.report.Fits:
		if p.Seed%2 == 0 {
			v.others = append(v.others, run(smallFirst(listed, workloads)))
		} else {
			v.others = append(v.others, run(shuffled(listed, p.Seed)))
		}
	case v.listed.stuck == 0 && v.report.LeftOut != nil:
		for range witnesses {
			v.others = append(v.others, run(*v.report.LeftOut))
			if v.others[len(v.others)-1].stuck > 0 {
				break
			}
		}
	}
	return v
}

// wrong says that the verdict is false.
func (v verdict) wrong() bool {
	left := v.listed.stuck > 0 || slices.ContainsFunc(v.others, func(o outcome) bool { return o.stuck > 0 })
	return v.report.Fits == left
}

// shuffled lets the system's pods come first and the others in any order.
func shuffled(listed fit.Order, seed uint64) fit.Order {
	o := fit.Order{Pods: slices.Clone(listed.Pods), First: -1}
	chance := rand.New(rand.NewPCG(seed, 2))
	chance.Shuffle(len(o.Pods), func(i, j int) { o.Pods[i], o.Pods[j] = o.Pods[j], o.Pods[i] })
	slices.SortStableFunc(o.Pods, func(a, b fit.Arrival) int { return cmp.Compare(system(b), system(a)) })
	return o
}

func system(a fit.Arrival) int {
	if a.Workload < len(fit.System()) {
		return 1
	}
	return 0
}

// smallFirst lets the system's pods come first, then the small before the large, and daemons last.
func smallFirst(listed fit.Order, workloads []fit.Workload) fit.Order {
	all := append(fit.System(), workloads...)
	o := fit.Order{Pods: slices.Clone(listed.Pods), First: -1}
	size := func(a fit.Arrival) int { w := all[a.Workload]; return max(int(w.CPU), int(w.Memory)) }
	slices.SortStableFunc(o.Pods, func(a, b fit.Arrival) int {
		return cmp.Or(cmp.Compare(system(b), system(a)), cmp.Compare(min(a.Node, 0), min(b.Node, 0)), cmp.Compare(size(a), size(b)))
	})
	return o
}

// tally counts verdicts.
type tally struct{ fits, bySums, byOrder, tight, falseFits, falseNot, placedAsListed int }

func (n *tally) add(t *testing.T, v verdict) {
	t.Helper()
	switch {
	case v.report.Fits:
		n.fits++
	case v.report.Orders == 0:
		n.bySums++
	default:
		n.byOrder++
	}
	if v.report.Tight {
		n.tight++
	}
	if !v.report.Fits && v.listed.stuck == 0 {
		n.placedAsListed++
	}
	if !v.wrong() {
		return
	}
	if v.report.Fits {
		n.falseFits++
	} else {
		n.falseNot++
	}
	t.Logf("seed %d: fits is %v, short %v; kube-scheduler in the order listed: %s; in others: %v", v.platform.Seed, v.report.Fits, v.report.Short, v.listed, v.others)
	if *update {
		if err := v.write(); err != nil {
			t.Error(err)
		}
	}
}

func (n tally) String() string {
	return fmt.Sprintf("%d fit, %d do not by sums, %d do not in some order (%d of them tight); false fits %d, false does-not-fits %d; %d that do not were placed as listed",
		n.fits, n.bySums, n.byOrder, n.tight, n.falseFits, n.falseNot, n.placedAsListed)
}
