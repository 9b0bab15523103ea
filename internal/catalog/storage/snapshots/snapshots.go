// SPDX-License-Identifier: Apache-2.0

// Package snapshots is the product "snapshots" of the category storage: a schedule by which snapshots of volumes are taken and the
// oldest go.
package snapshots

import (
	_ "embed"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

// script is what the CronJob's pod runs.
//
//go:embed snapshots.sh
var script string

// kubectl is Kubernetes' own image of it, which has a shell (kubernetes/kubernetes#119592).
const kubectl = "registry.k8s.io/kubectl:v1.36.0"

// Product is one schedule.
var Product = &product.Definition[v1alpha1.SnapshotSchedule, struct{}]{
	Category:   "storage",
	Name:       "snapshots",
	Title:      "DigitalOcean Block Storage: scheduled snapshots",
	Licence:    "DigitalOcean's terms of service",
	Placements: []product.Placement{product.Cluster},
	Page:       page,
	Sells:      []price.Item{{What: "each GiB of a snapshot", Kind: price.Snapshot, Min: 1, Max: 1}},
	Check:      check,
	Select:     func(s *product.Selecting, e entry) { s.Copies(keep(e), e.Spec.Volumes...) },
	Build:      build,
}

type entry = product.Entry[v1alpha1.SnapshotSchedule, struct{}]

func check(_ product.Platform, e entry) []product.Refusal {
	var out []product.Refusal
	for i, v := range e.Spec.Volumes {
		if namespace, claim, ok := strings.Cut(v, "/"); !ok || namespace == "" || claim == "" || strings.ContainsAny(v, " \t\n") || strings.Contains(claim, "/") {
			out = append(out, product.Refusal{Field: fmt.Sprintf("volumes[%d]", i), What: fmt.Sprintf("%q is no claim", v), Why: "a claim is named by its namespace and its own name",
				Fix: "write it as namespace/claim, such as apps/data; `kubectl get pvc -A` lists them"})
		}
	}
	return out
}

// keep is how many snapshots stay of each volume.
func keep(e entry) int {
	if e.Spec.Keep != nil {
		return *e.Spec.Keep
	}
	return 7
}

// namespaces are those of the claims that are named, sorted; none where all of the platform's are meant.
func namespaces(s v1alpha1.SnapshotSchedule) []string {
	var out []string
	for _, v := range s.Volumes {
		namespace, _, _ := strings.Cut(v, "/")
		out = append(out, namespace)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func build(b *product.Building, e entry) error {
	objects, err := objects(b.Platform(), e)
	if err != nil {
		return err
	}
	if _, err := b.Objects(e.ID, e.Namespace(), append(objects, b.EntryNamespace(e.Namespace()))); err != nil {
		return err
	}
	product.Offer(b, product.LogSource{Entry: e.ID, Namespace: e.Namespace(), Labels: labels})
	product.Offer(b, product.Alert{Entry: e.ID, Name: "SnapshotsFail", For: "5m",
		Expression: fmt.Sprintf(`sum(kube_job_status_failed{namespace=%q}) > 0`, e.Namespace()),
		Summary:    fmt.Sprintf("a run of the snapshot schedule %s has failed: its log says which volume and why", e.Name)})
	product.Offer(b, product.Probe{Entry: e.ID, Name: "schedule", Proves: "a run of the schedule took a snapshot of every volume, no longer ago than the schedule says, and the newest snapshot can be used",
		Look: "k8or logs " + string(e.ID), Namespace: e.Namespace(), Account: reader,
		Spec: probe.Spec{Scheduled: &probe.Scheduled{API: product.APIServer, CA: product.AccountTrusts, Token: product.AccountToken,
			Schedule: "/apis/batch/v1/namespaces/" + e.Namespace() + "/cronjobs/" + name, Every: v1alpha1.Apart(e.Spec.Schedule), Takes: takes,
			Made:  "/apis/" + group + "/v1/volumesnapshots?labelSelector=" + url.QueryEscape("k8or.io/snapshots="+e.Name),
			Field: "status.readyToUse", Whole: "true", Succeeded: "status.lastSuccessfulTime"}}})
	return nil
}
