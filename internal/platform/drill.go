// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
)

// Drilled is what a drill of a restore found. A drill restores the claims of a backup, and nothing else, into namespaces beside those
// that they were in, and removes them again.
type Drilled struct {
	Restored
	// Claims are those that came back, and those that should have.
	Claims []DrilledClaim `json:"claims"`
	// Left is what the drill made and did not get removed within its time; it may cost.
	Left []string `json:"left,omitempty"`
}

// DrilledClaim is what became of one claim in a drill.
type DrilledClaim struct {
	Namespace string `json:"namespace"` // that it was in when it was backed up
	Name      string `json:"name"`
	Size      string `json:"size,omitempty"` // of the volume that was made of its snapshot
	Now       string `json:"now,omitempty"`  // what the claim that runs asks for by now, where that is another size
	Back      bool   `json:"back"`           // whether it has that volume
	Message   string `json:"message,omitempty"`
}

// Failed is how many claims did not come back.
func (d *Drilled) Failed() int {
	n := 0
	for _, c := range d.Claims {
		if !c.Back {
			n++
		}
	}
	return n
}

// drillLabel marks what a drill makes; its value is the name of its Restore. notBackedUp is Velero's own mark of what no backup holds.
const (
	drillLabel  = "k8or.io/drill"
	notBackedUp = "velero.io/exclude-from-backup"
)

// drillTakes are the resources that a drill restores: claims, and what a claim needs to be made of a snapshot. Velero judges what
// comes along with an object by this list too. PersistentVolumes must not be in it: one that is retained and has no snapshot would
// be made again as it was, with the volume that is in use, and removing the drill's would then delete that. Nothing here starts a
// container, or is looked for by its labels across namespaces, as ConfigMaps are and Secrets.
var drillTakes = []string{"persistentvolumeclaims", "volumesnapshots.snapshot.storage.k8s.io", "volumesnapshotcontents.snapshot.storage.k8s.io"}

// drill is a drill in one cluster.
type drill struct {
	*Platform
	cluster *kube.Cluster
}

// Drill proves that the claims of a backup, the newest that is completed where none is named, can be made anew of their snapshots: in
// the namespaces given, or in all that the backup holds and that have claims. It removes what it made, and first what a drill before
// it has left. One that failed is an error, beside what became of it.
func (p *Platform) Drill(ctx context.Context, backup string, namespaces []string) (done *Drilled, err error) {
	cluster, err := p.keeper(ctx)
	if err != nil {
		return nil, err
	}
	lock := cluster.Lock(kube.LockOptions{Of: "drill", Holder: p.tag.Holder(), Length: leaseLength, Now: p.client.Now, Dead: p.options.Dead})
	err = p.alone(ctx, lock, func(ctx context.Context) error {
		done, err = drill{p, cluster}.run(ctx, backup, namespaces)
		return err
	})
	return done, err
}

// alone does something while it holds a lock, and ends its context when somebody else has taken it.
func (p *Platform) alone(ctx context.Context, lock graph.Lock, do func(context.Context) error) error {
	if _, err := lock.Acquire(ctx); err != nil {
		return p.explainAll(err).Err()
	}
	held, end := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for tick := time.Tick(leaseLength / 3); ; {
			select {
			case <-held.Done():
				return
			case <-tick:
			}
			_, err := lock.Renew(held)
			if _, taken := errors.AsType[*graph.ErrLocked](err); taken {
				end(err)
			}
		}
	}()
	err := do(held)
	end(nil)
	<-ended
	letGo, cancel := context.WithTimeout(context.WithoutCancel(ctx), toClean)
	defer cancel()
	if e := lock.Release(letGo); e != nil && err == nil {
		err = p.explainAll(e).Err()
	}
	return err
}

func (d drill) run(ctx context.Context, backup string, namespaces []string) (*Drilled, error) {
	if err := d.sweep(ctx); err != nil {
		return nil, d.stopped(ctx, err, "what an earlier drill left")
	}
	plan, err := d.choose(ctx, backup, namespaces)
	if err != nil {
		return nil, err
	}
	d.tell(plan.cost())
	done, err := d.restore(ctx, plan)
	left, e := d.remove(ctx)
	if done != nil {
		done.Left = left
	}
	return done, d.stopped(ctx, errors.Join(err, e), "what the drill made, in "+strings.Join(slices.Sorted(maps.Values(plan.into)), ", "))
}

// restore makes the namespaces, has Velero restore into them, and judges what came.
func (d drill) restore(ctx context.Context, plan *drilling) (*Drilled, error) {
	for _, to := range slices.Sorted(maps.Values(plan.into)) {
		o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
		o.SetName(to)
		o.SetLabels(map[string]string{drillLabel: plan.name, notBackedUp: "true"})
		err := d.cluster.Ask(ctx, o)
		if _, refused := errors.AsType[*kube.RejectedError](err); refused {
			return nil, &problem.Problem{Code: problem.RestoreFailed, Title: fmt.Sprintf("the cluster does not take namespace %s, which the drill would restore into", to), Why: err.Error(),
				Fix: "rename or remove it if it is there and no drill's; --namespace drills others", Cause: err}
		}
		if err != nil {
			return nil, err
		}
	}
	spec := map[string]any{"backupName": plan.backup, "restorePVs": true, "includedNamespaces": texts(slices.Sorted(maps.Keys(plan.into))), "includedResources": texts(drillTakes), "namespaceMapping": plan.mapping()}
	live, err := d.have(ctx, d.cluster, veleroID("Restore", plan.name), map[string]string{drillLabel: plan.name}, spec, problem.RestoreFailed, "itemsRestored")
	if err != nil {
		return nil, err
	}
	done := &Drilled{Restored: d.restoredOf(live)}
	if done.Claims, err = d.judge(ctx, plan); err != nil {
		return done, err
	}
	return done, verdict(done)
}

// verdict is nil for a drill in which everything came back.
func verdict(d *Drilled) error {
	pr := &problem.Problem{Code: problem.RestoreFailed, Fix: fmt.Sprintf("what runs is untouched; `k8or logs backups` has Velero's reasons: look for restore=%s/%s. `k8or backup` takes a backup anew, and the same drill tries that one", veleroNamespace, d.Name)}
	switch failed := d.Failed(); {
	case failed > 0:
		pr.Title = fmt.Sprintf("backup %s does not come back whole: %d of %d claims failed", d.Backup, failed, len(d.Claims))
		var why []string
		for _, c := range d.Claims {
			if !c.Back {
				why = append(why, fmt.Sprintf("%s/%s: %s", c.Namespace, c.Name, c.Message))
			}
		}
		pr.Why = some(why)
	case d.Phase != "Completed":
		pr.Title, pr.Why = fmt.Sprintf("restore %s of the drill is %s", d.Name, inWords(d.Phase)), cmp.Or(d.Message, fmt.Sprintf("Velero counts %d errors", d.Errors))
	case len(d.Claims) == 0:
		pr.Title, pr.Why = fmt.Sprintf("backup %s holds no claim of these namespaces", d.Backup), "Velero restored nothing that has a volume"
	default:
		return nil
	}
	return pr
}

// stopped tells a person of an error, or, where the drill was interrupted, what may be left of it.
func (d drill) stopped(ctx context.Context, err error, what string) error {
	if err == nil || ctx.Err() == nil {
		return d.explainAll(err).Err()
	}
	if _, taken := errors.AsType[*graph.ErrLocked](context.Cause(ctx)); taken {
		return d.explainAll(context.Cause(ctx)).Err()
	}
	return &problem.Problem{Code: problem.Stopped, Kind: problem.Interrupted, Title: "stopped in the middle of a drill", Why: what + ", is still there, and its volumes cost as long as they are", Cause: err,
		Fix: "`k8or restore --drill` removes that first, and drills anew"}
}

func (d drill) tell(message string) {
	d.options.Log.Add(event.Event{Type: event.Note, Message: message})
}
