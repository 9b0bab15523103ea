// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/problem"
)

// claimsWithin is how long a claim may wait for its volume after Velero has ended, which itself waits ten minutes for it.
const claimsWithin = 2 * time.Minute

// apart are namespaces that are never drilled: the cluster's own, k8or's and Velero's.
var apart = []string{"kube-system", "kube-public", "kube-node-lease", kube.SystemNamespace, veleroNamespace}

// drilling is what a drill is about to do.
type drilling struct {
	name   string            // of the Restore
	backup string            // that is restored
	into   map[string]string // the namespace beside each, by the one that is drilled
	expect []claimOf         // the claims that are there now and were when the backup began
}

// claimOf is a claim as it stands, and what it asks for.
type claimOf struct {
	namespace, name string
	size            resource.Quantity
}

func claimID(namespace string) kube.ID {
	return kube.ID{Version: "v1", Kind: "PersistentVolumeClaim", Namespace: namespace}
}

// choose says what is drilled.
func (d drill) choose(ctx context.Context, backup string, namespaces []string) (*drilling, error) {
	live, err := d.backup(ctx, backup)
	if err != nil {
		return nil, err
	}
	plan := &drilling{name: "drill-" + time.Now().UTC().Format("20060102-150405"), backup: live.GetName(), into: map[string]string{}}
	for _, n := range namespaces {
		if slices.Contains(apart, n) || !holds(live, n) {
			return nil, &problem.Problem{Code: problem.BadUsage, Kind: problem.Usage, Title: fmt.Sprintf("namespace %s cannot be drilled", n), Why: fmt.Sprintf("backup %s does not hold it, or it is the cluster's, Velero's or k8or's own", plan.backup),
				Fix: "name others, or leave out --namespace for all that can be"}
		}
		plan.into[n] = beside(n)
	}
	all, err := d.cluster.Answers(ctx, claimID(""))
	if err != nil {
		return nil, d.explainAll(err).Err()
	}
	leave, err := d.leftOut(ctx)
	if err != nil {
		return nil, err
	}
	began := reading(live).time("startTimestamp")
	for i := range all {
		c := &all[i]
		n, phase := c.GetNamespace(), reading(c).text("phase")
		if slices.Contains(apart, n) || !holds(live, n) || leave[n] || c.GetLabels()[notBackedUp] == "true" || c.GetDeletionTimestamp() != nil || phase != "Bound" ||
			began == nil || !c.GetCreationTimestamp().Time.Before(*began) || len(namespaces) > 0 && plan.into[n] == "" {
			continue
		}
		plan.into[n] = beside(n)
		plan.expect = append(plan.expect, claimOf{n, c.GetName(), sizeAt(c, "spec", "resources", "requests", "storage")})
	}
	if len(plan.into) == 0 {
		return nil, &problem.Problem{Code: problem.RestoreFailed, Kind: problem.Usage, Title: "there is nothing to drill", Why: fmt.Sprintf("no claim that the cluster has was there when backup %s began, and a drill is about their volumes", plan.backup),
			Fix: "name the --namespace of claims that are gone; `k8or backup` takes a new backup of those that are there"}
	}
	return plan, nil
}

// backup is the one of this name, or the newest that is completed.
func (d drill) backup(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	if name == "" {
		all, err := d.backupsIn(ctx, d.cluster)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(b Backup) bool { return b.Phase == "Completed" })
		if i < 0 {
			return nil, &problem.Problem{Code: problem.RestoreFailed, Kind: problem.Usage, Title: "there is no completed backup to drill", Fix: "`k8or backup` takes one now"}
		}
		name = all[i].Name
	} else if err := d.known(ctx, d.cluster, name); err != nil {
		return nil, err
	}
	live, err := d.cluster.Answer(ctx, veleroID("Backup", name))
	if err == nil && live == nil {
		err = fmt.Errorf("backup %s has gone meanwhile", name)
	}
	if err != nil {
		return nil, d.explainAll(err).Err()
	}
	return live, nil
}

// leftOut are the namespaces that are in no backup by their label.
func (d drill) leftOut(ctx context.Context) (map[string]bool, error) {
	all, err := d.cluster.Answers(ctx, kube.ID{Version: "v1", Kind: "Namespace"})
	if err != nil {
		return nil, d.explainAll(err).Err()
	}
	out := map[string]bool{}
	for i := range all {
		out[all[i].GetName()] = all[i].GetLabels()[notBackedUp] == "true"
	}
	return out, nil
}

// holds is whether a backup is about a namespace.
func holds(backup *unstructured.Unstructured, namespace string) bool {
	included, _, _ := unstructured.NestedStringSlice(backup.Object, "spec", "includedNamespaces")
	excluded, _, _ := unstructured.NestedStringSlice(backup.Object, "spec", "excludedNamespaces")
	return (len(included) == 0 || slices.Contains(included, "*") || slices.Contains(included, namespace)) && !slices.Contains(excluded, namespace)
}

// beside is the namespace that a drill restores another into: "drill-" before its name, and within the 63 characters of a name.
func beside(namespace string) string {
	if name := "drill-" + namespace; len(name) <= 63 {
		return name
	}
	return fmt.Sprintf("drill-%s-%x", namespace[:50], sha256.Sum256([]byte(namespace)))[:63]
}

func (p *drilling) mapping() map[string]any {
	out := map[string]any{}
	for from, to := range p.into {
		out[from] = to
	}
	return out
}

// cost is a sentence of what the drill's volumes cost.
func (p *drilling) cost() string {
	var bytes resource.Quantity
	for _, c := range p.expect {
		bytes.Add(c.size)
	}
	each := "each GiB costs"
	gib := int((bytes.Value() + 1<<30 - 1) >> 30)
	if gib > 0 {
		each = fmt.Sprintf("%d GiB for the claims that are there now, which cost", gib)
	}
	bill := price.Default().Of([]price.Item{{Kind: price.Volume, Min: max(gib, 1), Max: max(gib, 1)}})
	return fmt.Sprintf("drill of backup %s in %s: volumes are made beside what runs, %s %s an hour until they are removed", p.backup, strings.Join(slices.Sorted(maps.Values(p.into)), ", "), each, bill.HourlyHigh.Hourly())
}

// judge waits until every claim of a drill has its volume, or will not get it, and says so of each.
func (d drill) judge(ctx context.Context, plan *drilling) ([]DrilledClaim, error) {
	over, tick := time.NewTimer(claimsWithin), time.NewTicker(lookEvery)
	defer over.Stop()
	defer tick.Stop()
	for late := false; ; {
		found, waiting, err := d.look(ctx, plan)
		if err != nil || !waiting || late {
			return found, err
		}
		select {
		case <-ctx.Done():
			return found, context.Cause(ctx)
		case <-over.C:
			late = true
		case <-tick.C:
		}
	}
}

// look says how the claims are now, and whether some may still get their volume.
func (d drill) look(ctx context.Context, plan *drilling) (out []DrilledClaim, waiting bool, err error) {
	for from, to := range plan.into {
		all, err := d.cluster.Answers(ctx, claimID(to))
		if err != nil {
			return nil, false, err
		}
		for i := range all {
			c, open, err := d.lookAt(ctx, &all[i])
			if err != nil {
				return nil, false, err
			}
			c.Namespace, waiting = from, waiting || open
			out = append(out, c)
		}
	}
	for _, e := range plan.expect {
		i := slices.IndexFunc(out, func(c DrilledClaim) bool { return c.Namespace == e.namespace && c.Name == e.name })
		if i < 0 {
			out = append(out, DrilledClaim{Namespace: e.namespace, Name: e.name, Message: "it was there when the backup began, and the restore did not bring it"})
		} else if now := e.size.String(); out[i].Back && now != out[i].Size {
			out[i].Now = now
		}
	}
	slices.SortFunc(out, func(a, b DrilledClaim) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return out, waiting, nil
}

// lookAt judges one restored claim; open is whether it may still get its volume.
func (d drill) lookAt(ctx context.Context, c *unstructured.Unstructured) (found DrilledClaim, open bool, err error) {
	found = DrilledClaim{Name: c.GetName()}
	if reading(c).text("phase") == "Bound" {
		has, wants := sizeAt(c, "status", "capacity", "storage"), sizeAt(c, "spec", "resources", "requests", "storage")
		found.Size = has.String()
		switch {
		case !fromSnapshot(c):
			found.Message = "the backup holds no snapshot of its volume, so that the one it has is empty"
		case has.Cmp(wants) < 0:
			found.Message = fmt.Sprintf("its volume has %s, and %s were backed up", has.String(), wants.String())
		default:
			found.Back = true
		}
		return found, false, nil
	}
	if !fromSnapshot(c) {
		found.Message = "the backup holds no snapshot of its volume"
		return found, false, nil
	}
	name, _, _ := unstructured.NestedString(c.Object, "spec", "dataSource", "name")
	snapshot, err := d.cluster.Answer(ctx, kube.ID{Group: "snapshot.storage.k8s.io", Version: "v1", Kind: "VolumeSnapshot", Namespace: c.GetNamespace(), Name: name})
	if err != nil {
		return found, false, err
	}
	if snapshot != nil {
		if why := reading(snapshot).text("error", "message"); why != "" {
			found.Message = "its snapshot cannot be used: " + why
			return found, false, nil
		}
	}
	class, _, _ := unstructured.NestedString(c.Object, "spec", "storageClassName")
	of, err := d.cluster.Answer(ctx, kube.ID{Group: "storage.k8s.io", Version: "v1", Kind: "StorageClass", Name: class})
	if err != nil {
		return found, false, err
	}
	if of == nil {
		found.Message = fmt.Sprintf("the cluster has no storage class %q", class)
		return found, false, nil
	}
	if of.Object["volumeBindingMode"] == "WaitForFirstConsumer" {
		found.Message = fmt.Sprintf("its storage class %s makes a volume only for a pod, and a drill starts none: nothing is proven", class)
		return found, false, nil
	}
	why, err := d.cluster.Cause(ctx, c)
	found.Message = "it has no volume" + cmp.Or(prefixed(": ", why), " after "+claimsWithin.String())
	return found, true, err
}

func prefixed(with, text string) string {
	if text == "" {
		return ""
	}
	return with + text
}

func fromSnapshot(claim *unstructured.Unstructured) bool {
	kind, _, _ := unstructured.NestedString(claim.Object, "spec", "dataSource", "kind")
	return kind == "VolumeSnapshot"
}

// sizeAt is a quantity of an object's; nought where there is none.
func sizeAt(o *unstructured.Unstructured, path ...string) resource.Quantity {
	text, _, _ := unstructured.NestedString(o.Object, path...)
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return resource.Quantity{}
	}
	return q
}
