// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
)

// Backup is a backup as Velero knows it.
type Backup struct {
	Name string `json:"name"`
	// Phase is Velero's own word: New, InProgress, Completed, PartiallyFailed, Failed, FailedValidation, and so on.
	Phase string `json:"phase"`
	// Schedule is the schedule that took it; empty for one that a person took.
	Schedule  string     `json:"schedule,omitempty"`
	Began     *time.Time `json:"began,omitempty"`
	Ended     *time.Time `json:"ended,omitempty"`
	Expires   *time.Time `json:"expires,omitempty"`
	Objects   int64      `json:"objects"`
	Snapshots int64      `json:"snapshots"` // of volumes
	Warnings  int64      `json:"warnings,omitempty"`
	Errors    int64      `json:"errors,omitempty"`
	Message   string     `json:"message,omitempty"`
	Simulated bool       `json:"simulated,omitempty"` // in a sandbox, where Velero is played
}

// Restored is what became of a restore.
type Restored struct {
	Name      string     `json:"name"`
	Backup    string     `json:"backup"`
	Phase     string     `json:"phase"`
	Began     *time.Time `json:"began,omitempty"`
	Ended     *time.Time `json:"ended,omitempty"`
	Objects   int64      `json:"objects"` // that are there now, whether they were restored or there before
	Warnings  int64      `json:"warnings,omitempty"`
	Errors    int64      `json:"errors,omitempty"`
	Message   string     `json:"message,omitempty"`
	Simulated bool       `json:"simulated,omitempty"`
}

const (
	veleroNamespace = "backups" // that of the entry backups
	// backupLooks is how often a backup or restore is looked at, backupWithin how long it may take.
	backupLooks  = 2 * time.Second
	backupWithin = 2 * time.Hour
)

func veleroID(kind, name string) kube.ID {
	return kube.ID{Group: "velero.io", Version: "v1", Kind: kind, Namespace: veleroNamespace, Name: name}
}

// keeper is the cluster whose backups are spoken of.
func (p *Platform) keeper(ctx context.Context) (*kube.Cluster, error) {
	if p.doc.Spec.Backups == nil {
		return nil, &problem.Problem{Code: problem.NoBackups, Kind: problem.Usage, Title: "the document has no backups", Why: "Velero, which takes and restores them, runs only where the document asks for it",
			Fix: "add `backups: {bucket: storage/spaces/backups}` and such a bucket, and run `k8or up`"}
	}
	access, there, err := p.find(ctx, graph.NewCall())
	if err != nil {
		return nil, p.explainAll(err).Err()
	}
	if !there {
		return nil, &problem.Problem{Code: problem.NoBackups, Kind: problem.Usage, Title: "the platform has no cluster to back up", Fix: "`k8or up` makes it; `k8or status` says how it is"}
	}
	return p.kinds.Cluster(access.ID), nil
}

// Backups are all backups that the cluster knows of, the newest first. It writes nothing.
func (p *Platform) Backups(ctx context.Context) ([]Backup, error) {
	cluster, err := p.keeper(ctx)
	if err != nil {
		return nil, err
	}
	return p.backupsIn(ctx, cluster)
}

func (p *Platform) backupsIn(ctx context.Context, cluster *kube.Cluster) ([]Backup, error) {
	found, err := cluster.Answers(ctx, veleroID("Backup", ""))
	if err != nil {
		return nil, p.explainAll(err).Err()
	}
	out := make([]Backup, 0, len(found))
	for i := range found {
		out = append(out, p.backupOf(&found[i]))
	}
	slices.SortStableFunc(out, func(a, b Backup) int {
		if a.Began != nil && b.Began != nil {
			return b.Began.Compare(*a.Began)
		}
		return strings.Compare(b.Name, a.Name)
	})
	return out, nil
}

// TakeBackup takes a backup of some namespaces, or of all that the schedule backs up where none is named, and waits until it has
// come to its end. One that did not succeed is an error, beside the backup.
func (p *Platform) TakeBackup(ctx context.Context, name string, namespaces []string) (*Backup, error) {
	cluster, err := p.keeper(ctx)
	if err != nil {
		return nil, err
	}
	schedule, err := p.schedule(ctx, cluster)
	if err != nil {
		return nil, err
	}
	template, _, _ := unstructured.NestedMap(schedule.Object, "spec", "template")
	if len(namespaces) > 0 {
		delete(template, "excludedNamespaces")
		template["includedNamespaces"] = texts(namespaces)
	}
	name = cmp.Or(name, p.doc.Metadata.Name+"-"+time.Now().UTC().Format("20060102-150405"))
	live, err := p.have(ctx, cluster, veleroID("Backup", name), nil, template, problem.BackupFailed, "itemsBackedUp")
	if live == nil {
		return nil, err
	}
	done := p.backupOf(live)
	if err == nil && done.Phase != "Completed" {
		err = &problem.Problem{Code: problem.BackupFailed, Title: fmt.Sprintf("backup %s is %s", name, inWords(done.Phase)), Why: cmp.Or(done.Message, fmt.Sprintf("Velero counts %d errors", done.Errors)),
			Fix: fmt.Sprintf("`k8or logs backups` has Velero's reasons: look for backup=%s/%s", veleroNamespace, name)}
	}
	return &done, err
}

// schedule is the schedule that the document asks for, as it stands; a backup that a person takes is like its own.
func (p *Platform) schedule(ctx context.Context, cluster *kube.Cluster) (*unstructured.Unstructured, error) {
	all, err := cluster.Answers(ctx, veleroID("Schedule", ""))
	if err != nil {
		return nil, p.explainAll(err).Err()
	}
	if len(all) == 0 {
		return nil, &problem.Problem{Code: problem.NoBackups, Kind: problem.Usage, Title: "Velero is not in the cluster yet", Why: "its schedule is not there", Fix: "run `k8or up`"}
	}
	return &all[0], nil
}

// Restore brings what a backup holds and the cluster does not have back into it, all of it or that of some namespaces, and waits
// until that has come to its end. What is there stays as it is. One that did not succeed is an error, beside what became of it.
func (p *Platform) Restore(ctx context.Context, backup string, namespaces []string) (*Restored, error) {
	cluster, err := p.keeper(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.known(ctx, cluster, backup); err != nil {
		return nil, err
	}
	name := backup + "-" + time.Now().UTC().Format("20060102-150405")
	spec := map[string]any{"backupName": backup, "restorePVs": true}
	if len(namespaces) > 0 {
		spec["includedNamespaces"] = texts(namespaces)
	}
	live, err := p.have(ctx, cluster, veleroID("Restore", name), nil, spec, problem.RestoreFailed, "itemsRestored")
	if live == nil {
		return nil, err
	}
	done := p.restoredOf(live)
	if err == nil && done.Phase != "Completed" {
		err = &problem.Problem{Code: problem.RestoreFailed, Title: fmt.Sprintf("restore %s is %s", name, inWords(done.Phase)), Why: cmp.Or(done.Message, fmt.Sprintf("Velero counts %d errors", done.Errors)),
			Fix: fmt.Sprintf("`k8or logs backups` has Velero's reasons: look for restore=%s/%s; what was restored stays, and the same command tries the rest again", veleroNamespace, name)}
	}
	return &done, err
}

// known refuses a backup that is not there, or is none to restore from.
func (p *Platform) known(ctx context.Context, cluster *kube.Cluster, backup string) error {
	all, err := cluster.Answers(ctx, veleroID("Backup", ""))
	if err != nil {
		return p.explainAll(err).Err()
	}
	var names []string
	for i := range all {
		if all[i].GetName() == backup {
			if phase := reading(&all[i]).text("phase"); phase != "Completed" && phase != "PartiallyFailed" {
				return &problem.Problem{Code: problem.RestoreFailed, Kind: problem.Usage, Title: fmt.Sprintf("backup %s holds nothing to restore", backup), Why: "it is " + inWords(phase), Fix: "`k8or backup list` shows those that are completed"}
			}
			return nil
		}
		names = append(names, all[i].GetName())
	}
	pr := &problem.Problem{Code: problem.BadUsage, Kind: problem.Usage, Title: fmt.Sprintf("there is no backup %q", backup), Fix: "`k8or backup list` shows them"}
	if near := problem.Nearest(backup, names); near != "" {
		pr.Fix = fmt.Sprintf("did you mean %q? `k8or backup list` shows them all", near)
	}
	return pr
}

// have makes a Backup or a Restore for Velero, and waits until it has come to its end.
func (p *Platform) have(ctx context.Context, cluster *kube.Cluster, id kube.ID, labels map[string]string, spec map[string]any, code problem.Code, counter string) (*unstructured.Unstructured, error) {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": id.Group + "/" + id.Version, "kind": id.Kind, "spec": spec}}
	o.SetNamespace(id.Namespace)
	o.SetName(id.Name)
	o.SetLabels(labels)
	if err := p.ask(ctx, cluster, o, code); err != nil {
		return nil, err
	}
	return p.untilOver(ctx, cluster, id, code, counter)
}

// ask makes an object for Velero, and says in its own words what the cluster has against it.
func (p *Platform) ask(ctx context.Context, cluster *kube.Cluster, o *unstructured.Unstructured, code problem.Code) error {
	err := cluster.Ask(ctx, o)
	if refused, ok := errors.AsType[*kube.RejectedError](err); ok {
		return &problem.Problem{Code: code, Title: fmt.Sprintf("the cluster does not take %s %s", strings.ToLower(o.GetKind()), o.GetName()), Why: refused.Err.Error(),
			Fix: "give it another name, if one of this name is there; `k8or status` says whether Velero is", Cause: err}
	}
	return p.explainAll(err).Err()
}

// untilOver waits until a backup or restore has come to its end, and tells how far it is. Interrupted or too late, Velero goes on,
// and the error says so.
func (p *Platform) untilOver(ctx context.Context, cluster *kube.Cluster, id kube.ID, code problem.Code, counter string) (*unstructured.Unstructured, error) {
	over, tick := time.NewTimer(backupWithin), time.NewTicker(backupLooks)
	defer over.Stop()
	defer tick.Stop()
	said := ""
	for {
		live, err := cluster.Answer(ctx, id)
		if err != nil && ctx.Err() == nil {
			return nil, p.explainAll(err).Err()
		}
		if live == nil && err == nil {
			return nil, &problem.Problem{Code: code, Title: fmt.Sprintf("%s %s was deleted by somebody", strings.ToLower(id.Kind), id.Name)}
		}
		if live != nil {
			r := reading(live)
			if ended(r.text("phase")) {
				return live, nil
			}
			if now := fmt.Sprintf("%s: %s, %d of %d objects", id.Name, inWords(r.text("phase")), r.number("progress", counter), r.number("progress", "totalItems")); now != said {
				said = now
				p.options.Log.Add(event.Event{Type: event.Note, Message: now})
			}
		}
		goesOn := func(kind problem.Kind, what string) error {
			return &problem.Problem{Code: code, Kind: kind, Title: what, Why: "Velero goes on with it in the cluster", Fix: "`k8or backup list` says how it is"}
		}
		select {
		case <-ctx.Done():
			return live, goesOn(problem.Interrupted, "stopped waiting for "+id.Name)
		case <-over.C:
			return live, goesOn(problem.Broken, fmt.Sprintf("%s has not come to its end within %s", id.Name, backupWithin))
		case <-tick.C:
		}
	}
}

// stillWorks says which of these custom resources is under way, such as a backup with the key to the bucket that it began with; empty where
// none is.
func stillWorks(ctx context.Context, cluster *kube.Cluster, kinds []kube.ID) (string, error) {
	for _, kind := range kinds {
		all, err := cluster.Answers(ctx, kind)
		if err != nil {
			return "", err
		}
		for i := range all {
			if phase := reading(&all[i]).text("phase"); !ended(phase) {
				return fmt.Sprintf("%s %s is %s, and may have begun with the old key", strings.ToLower(kind.Kind), all[i].GetName(), inWords(phase)), nil
			}
		}
	}
	return "", nil
}

// ended is whether a backup or restore changes no more.
func ended(phase string) bool {
	return slices.Contains([]string{"Completed", "PartiallyFailed", "Failed", "FailedValidation"}, phase)
}

// inWords is a phase of Velero's as part of a sentence: "partially failed".
func inWords(phase string) string {
	var b strings.Builder
	for i, r := range cmp.Or(phase, "New") {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte(' ')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

func texts(all []string) []any {
	out := make([]any, len(all))
	for i, s := range all {
		out[i] = s
	}
	return out
}

// backupOf reads a backup.
func (p *Platform) backupOf(o *unstructured.Unstructured) Backup {
	r := reading(o)
	return Backup{Name: o.GetName(), Phase: cmp.Or(r.text("phase"), "New"), Schedule: o.GetLabels()["velero.io/schedule-name"], Began: r.time("startTimestamp"), Ended: r.time("completionTimestamp"),
		Expires: r.time("expiration"), Objects: r.number("progress", "itemsBackedUp"), Snapshots: r.number("csiVolumeSnapshotsCompleted"), Warnings: r.number("warnings"), Errors: r.number("errors"),
		Message: r.why(), Simulated: p.options.Sandbox}
}

// restoredOf reads a restore.
func (p *Platform) restoredOf(o *unstructured.Unstructured) Restored {
	r := reading(o)
	backup, _, _ := unstructured.NestedString(o.Object, "spec", "backupName")
	return Restored{Name: o.GetName(), Backup: backup, Phase: r.text("phase"), Began: r.time("startTimestamp"), Ended: r.time("completionTimestamp"), Objects: r.number("progress", "itemsRestored"),
		Warnings: r.number("warnings"), Errors: r.number("errors"), Message: r.why(), Simulated: p.options.Sandbox}
}

// status reads an object's status. What is not there is empty.
type status map[string]any

func reading(o *unstructured.Unstructured) status {
	s, _, _ := unstructured.NestedMap(o.Object, "status")
	return s
}

func (s status) text(path ...string) string {
	t, _, _ := unstructured.NestedString(s, path...)
	return t
}

func (s status) number(path ...string) int64 {
	n, _, _ := unstructured.NestedInt64(s, path...)
	return n
}

func (s status) time(path ...string) *time.Time {
	t, err := time.Parse(time.RFC3339, s.text(path...))
	if err != nil {
		return nil
	}
	return &t
}

// why is what Velero says against it.
func (s status) why() string {
	errors, _, _ := unstructured.NestedStringSlice(s, "validationErrors")
	return cmp.Or(s.text("failureReason"), strings.Join(errors, "; "))
}
