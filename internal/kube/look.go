// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	ssaerrors "github.com/fluxcd/pkg/ssa/errors"
	"github.com/fluxcd/pkg/ssa/jsondiff"
	"github.com/fluxcd/pkg/ssa/normalize"
	"github.com/fluxcd/pkg/ssa/utils"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Action is what would be done to an object.
type Action string

// The actions. An object that needs nothing has no change.
const (
	Create  Action = "create"
	Update  Action = "update"
	Replace Action = "replace" // delete it and make it anew, because a field cannot be changed in place
	Delete  Action = "delete"
	Keep    Action = "keep" // somebody else looks after it, and k8or leaves it to them
)

// Change is what would be done to one object.
type Change struct {
	ID     ID
	Action Action
	Fields []FieldChange // for Update and Replace
	Note   string        // why, or how it was found out, where that is not plain
}

// String is one line for people.
func (c Change) String() string {
	parts := []string{string(c.Action) + " " + c.ID.String()}
	for _, f := range c.Fields {
		parts = append(parts, f.String())
	}
	if c.Note != "" {
		parts = append(parts, "("+c.Note+")")
	}
	return strings.Join(parts, "\n  ")
}

// View is how a set stands: what would change, and how healthy it is. One reading of the cluster serves both.
type View struct {
	Known   bool // whether the cluster has an inventory of the set
	Changes []Change
	Kept    []Change // CRDs that somebody else looks after, and that are left to them
	Status  Status
}

// Stranger is an object that has a name a set wants, and is not the platform's.
type Stranger struct {
	ID    ID
	Owner string // "Helm release traefik in kube-system", "platform other-k3j9x1", "kubectl"
}

// ErrStranger says that a name is taken by something that k8or did not make. Nothing was changed.
var ErrStranger = errors.New("not made by this platform")

// StrangerError is an [ErrStranger] with its particulars.
type StrangerError struct{ Strangers []Stranger }

// Error names each object and its owner.
func (e *StrangerError) Error() string {
	var parts []string
	for _, s := range e.Strangers {
		parts = append(parts, fmt.Sprintf("%s is there already and belongs to %s", s.ID, s.Owner))
	}
	return strings.Join(parts, "; ") + "; nothing was changed. Remove it, or give the product another name"
}

// Is makes it match [ErrStranger].
func (e *StrangerError) Is(target error) bool { return target == ErrStranger }

// RejectedError says that the cluster will not take an object as it is.
type RejectedError struct {
	ID  ID
	Err error
}

// Error names the object and gives the cluster's reason.
func (e *RejectedError) Error() string {
	return fmt.Sprintf("the cluster refuses %s: %v", e.ID, rootMessage(e.Err))
}

// Unwrap gives the API server's error.
func (e *RejectedError) Unwrap() error { return e.Err }

// sight is one wanted object and what the cluster has in its place.
type sight struct {
	id      ID
	want    *unstructured.Unstructured
	live    *unstructured.Unstructured // nil when absent
	unknown bool                       // the cluster does not know the kind
	kept    string                     // who else looks after it, if k8or leaves it to them
}

// Look reads how a set stands, and writes nothing. Changes are found by server-side dry run; what has no namespace or no
// CRD yet is a create. Errors match [ErrStranger] when a name is taken.
func (c *Cluster) Look(ctx context.Context, set Set) (View, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return View{}, err
	}
	inventory, known, err := c.Inventory(ctx, set.Name)
	if err != nil {
		return View{}, err
	}
	sights, err := c.sight(ctx, conn, set)
	if err != nil {
		return View{}, err
	}
	changes, err := conn.compareAll(ctx, set, sights, true)
	if err != nil {
		return View{}, err
	}
	for i := len(inventory.Objects) - 1; i >= 0; i-- {
		id := inventory.Objects[i]
		gone := !slices.ContainsFunc(sights, func(s *sight) bool { return s.id.same() == id.same() })
		if gone {
			changes = append(changes, Change{ID: id, Action: Delete, Note: "no longer wanted"})
		}
	}
	var kept []Change
	for _, s := range sights {
		if s.kept != "" {
			kept = append(kept, Change{ID: s.id, Action: Keep, Note: "belongs to " + s.kept})
		}
	}
	status, err := conn.statusOf(ctx, sights)
	if err != nil {
		return View{}, err
	}
	return View{Known: known, Changes: changes, Kept: kept, Status: status}, nil
}

// Diff is the changes of [Cluster.Look] alone.
func (c *Cluster) Diff(ctx context.Context, set Set) ([]Change, error) {
	view, err := c.Look(ctx, set)
	return view.Changes, err
}

// sight reads every object of a set, and refuses strangers.
func (c *Cluster) sight(ctx context.Context, conn *connection, set Set) ([]*sight, error) {
	prepared, err := c.prepare(conn, set)
	if err != nil {
		return nil, err
	}
	sights := make([]*sight, len(prepared))
	strangers := make([]*Stranger, len(prepared))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, want := range prepared {
		group.Go(func() error {
			s := &sight{id: IDOf(want), want: want}
			sights[i] = s
			if err := conn.read(ctx, s); err != nil {
				return err
			}
			if s.live == nil {
				return nil
			}
			owner := c.strangerTo(s.live)
			switch {
			case owner == "" && (s.id.isNamespace() || s.id.isCRD()):
				// Sets may share these; the first to have made one keeps its name on it.
				if first := s.live.GetLabels()[SetLabel]; first != "" {
					setLabel(s.want, SetLabel, first)
				}
			case owner == "" || set.adopts(s.id):
			case s.id.isCRD():
				s.kept = owner
			default:
				strangers[i] = &Stranger{s.id, owner}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var found StrangerError
	for _, s := range strangers {
		if s != nil {
			found.Strangers = append(found.Strangers, *s)
		}
	}
	if len(found.Strangers) > 0 {
		return nil, &found
	}
	return sights, nil
}

// read fills in what the cluster has.
func (conn *connection) read(ctx context.Context, s *sight) error {
	live, err := conn.get(ctx, s.id)
	switch {
	case isUnknownKind(err):
		s.unknown = true
	case err != nil:
		return err
	default:
		s.live, s.unknown = live, false
	}
	return nil
}

// get reads an object; nil without an error means that it is not there.
func (conn *connection) get(ctx context.Context, id ID) (*unstructured.Unstructured, error) {
	o := id.object()
	err := conn.client.Get(ctx, client.ObjectKeyFromObject(o), o)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", id, err)
	}
	return o, nil
}

// strangerTo names whose an object is, or is empty when it is this platform's.
func (c *Cluster) strangerTo(live *unstructured.Unstructured) string {
	labels, annotations := live.GetLabels(), live.GetAnnotations()
	switch platform := labels[PlatformLabel]; {
	case platform == c.options.Platform:
		return ""
	case platform != "":
		return "platform " + platform
	}
	if release := annotations["meta.helm.sh/release-name"]; release != "" {
		return fmt.Sprintf("Helm release %s in %s", release, annotations["meta.helm.sh/release-namespace"])
	}
	var managers []string
	for _, field := range live.GetManagedFields() {
		if field.Subresource == "" && !slices.Contains(managers, field.Manager) {
			managers = append(managers, field.Manager)
		}
	}
	if len(managers) == 0 {
		return "somebody else"
	}
	return strings.Join(managers, " and ")
}

// compareAll finds the change of each object. With validate, objects that are not there yet are dry-run too.
func (conn *connection) compareAll(ctx context.Context, set Set, sights []*sight, validate bool) ([]Change, error) {
	rules, err := jsondiff.CompileIgnoreRules(set.ignoreRules())
	if err != nil {
		return nil, fmt.Errorf("set %s: %w", set.Name, err)
	}
	found := make([]*Change, len(sights))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, s := range sights {
		group.Go(func() error {
			change, err := conn.compare(ctx, s, rules, validate)
			found[i] = change
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var changes []Change
	for _, change := range found {
		if change != nil {
			changes = append(changes, *change)
		}
	}
	return changes, nil
}

func (conn *connection) compare(ctx context.Context, s *sight, rules jsondiff.CompiledIgnoreRules, validate bool) (*Change, error) {
	switch {
	case s.unknown:
		return &Change{ID: s.id, Action: Create, Note: "its kind is not there yet"}, nil
	case s.kept != "":
		return nil, nil
	case s.live == nil:
		change := &Change{ID: s.id, Action: Create}
		if validate {
			return change, conn.validate(ctx, s, change)
		}
		return change, nil
	case s.live.GetDeletionTimestamp() != nil:
		return &Change{ID: s.id, Action: Replace, Note: "it is being deleted"}, nil
	}
	if s.id.isCRD() {
		if err := keepsStoredVersions(s); err != nil {
			return nil, err
		}
	}
	change := &Change{ID: s.id, Action: Update}
	after, err := conn.dryRun(ctx, s.want)
	for range 3 {
		if err != nil || after.GetResourceVersion() == s.live.GetResourceVersion() {
			break
		}
		// A controller wrote between reading and trying, and its change would look like one of ours: read again.
		if err := conn.read(ctx, s); err != nil {
			return nil, err
		}
		if s.live == nil {
			return &Change{ID: s.id, Action: Create}, nil
		}
		after, err = conn.dryRun(ctx, s.want)
	}
	if err != nil {
		switch {
		case isImmutable(err):
			change.Action, change.Note = Replace, rootMessage(err)
			after = overlay(s.live, s.want)
		case cannotDryRun(err):
			change.Note = "compared without the server: " + rootMessage(err)
			after = overlay(s.live, s.want)
		case apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsForbidden(err):
			return nil, &RejectedError{s.id, err}
		default:
			return nil, fmt.Errorf("compare %s: %w", s.id, err)
		}
	}
	change.Fields, err = differences(s.live, after, rules)
	if err != nil {
		return nil, fmt.Errorf("compare %s: %w", s.id, err)
	}
	if len(change.Fields) == 0 && change.Action == Update {
		return nil, nil
	}
	return change, nil
}

// validate asks the server whether it would take a new object. Where the server cannot say yet, because the namespace
// or a webhook's own pods are still to come, that is no error.
func (conn *connection) validate(ctx context.Context, s *sight, change *Change) error {
	_, err := conn.dryRun(ctx, s.want)
	switch {
	case err == nil:
	case apierrors.IsNotFound(err):
		change.Note = "its namespace is not there yet"
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err) && !cannotDryRun(err), apierrors.IsForbidden(err) && !isTerminating(err):
		return &RejectedError{s.id, err}
	case cannotDryRun(err), isTerminating(err), isWebhookDown(err):
		change.Note = "not checked by the server: " + rootMessage(err)
	default:
		return fmt.Errorf("check %s: %w", s.id, err)
	}
	return nil
}

func (conn *connection) dryRun(ctx context.Context, want *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	o := want.DeepCopy()
	// A patch rather than Client.Apply, so that the answer comes back into the object.
	err := conn.client.Patch(ctx, o, applyPatch, client.DryRunAll, client.ForceOwnership, client.FieldOwner(FieldManager))
	return o, err
}

// differences lists what would change: labels, annotations, and everything but metadata and status. Fields that others
// own are left out.
func differences(before, after *unstructured.Unstructured, rules jsondiff.CompiledIgnoreRules) ([]FieldChange, error) {
	var ignored []string
	for selector, paths := range rules {
		if selector.MatchUnstructured(after) {
			ignored = append(ignored, paths...)
		}
	}
	slices.Sort(ignored)
	var sides [2]map[string]any
	for i, o := range []*unstructured.Unstructured{before, after} {
		o = o.DeepCopy()
		if err := normalize.DryRunUnstructured(o); err != nil {
			return nil, err
		}
		if err := jsondiff.ApplyPatchToUnstructured(o, jsondiff.GenerateRemovePatch(ignored...)); err != nil {
			return nil, err
		}
		metadata := map[string]any{}
		if labels := o.GetLabels(); len(labels) > 0 {
			metadata["labels"] = anyMap(labels)
		}
		if annotations := o.GetAnnotations(); len(annotations) > 0 {
			metadata["annotations"] = anyMap(annotations)
		}
		o.Object["metadata"] = metadata
		delete(o.Object, "status")
		delete(o.Object, "apiVersion")
		sides[i] = o.Object
	}
	return compareFields(sides[0], sides[1], isSecret(after)), nil
}

func anyMap(in map[string]string) map[string]any {
	out := make(map[string]any, len(in))
	for k, v := range in {
		out[k] = v
	}
	return out
}

// overlay is what an object would look like if what is wanted were laid over what is there: good enough to show, where
// the server cannot be asked.
func overlay(live, want *unstructured.Unstructured) *unstructured.Unstructured {
	out := live.DeepCopy()
	wanted := want.DeepCopy().Object
	if metadata, ok := wanted["metadata"].(map[string]any); ok {
		wanted["metadata"] = map[string]any{"labels": metadata["labels"], "annotations": metadata["annotations"]}
	}
	lay(out.Object, wanted)
	return out
}

func lay(on, over map[string]any) {
	for k, v := range over {
		switch v := v.(type) {
		case nil:
		case map[string]any:
			if below, ok := on[k].(map[string]any); ok {
				lay(below, v)
				continue
			}
			on[k] = v
		case []any:
			below, ok := on[k].([]any)
			if !ok || len(below) != len(v) {
				on[k] = v
				continue
			}
			for i := range v {
				bm, bok := below[i].(map[string]any)
				vm, vok := v[i].(map[string]any)
				if bok && vok {
					lay(bm, vm)
				} else {
					below[i] = v[i]
				}
			}
		default:
			on[k] = v
		}
	}
}

// ignoreRules writes the set's foreign fields as Flux's rules, which match by regular expression.
func (s Set) ignoreRules() []jsondiff.IgnoreRule {
	var rules []jsondiff.IgnoreRule
	for _, f := range s.Foreign {
		selector := &jsondiff.Selector{Kind: regexp.QuoteMeta(f.Kind)}
		if f.Name != "" {
			selector.Name = regexp.QuoteMeta(f.Name)
		}
		rules = append(rules, jsondiff.IgnoreRule{Paths: f.Fields, Selector: selector})
	}
	return rules
}

// normalizeForApply mends what server-side apply trips over: a Secret's stringData, and CRDs with an empty caBundle.
func normalizeForApply(o *unstructured.Unstructured) error {
	delete(o.Object, "status")
	utils.RemoveCABundleFromCRD(o)
	if isSecret(o) {
		return normalize.Unstructured(o)
	}
	return nil
}

// keepsStoredVersions refuses a CRD that no longer has a version in which objects are stored: they could not be read.
func keepsStoredVersions(s *sight) error {
	stored, _, _ := unstructured.NestedStringSlice(s.live.Object, "status", "storedVersions")
	versions, _, _ := unstructured.NestedSlice(s.want.Object, "spec", "versions")
	for _, version := range stored {
		if !slices.ContainsFunc(versions, func(v any) bool {
			m, ok := v.(map[string]any)
			return ok && m["name"] == version
		}) {
			return &RejectedError{s.id, fmt.Errorf("version %s would vanish, in which objects may be stored; migrate them and drop it from status.storedVersions first", version)}
		}
	}
	return nil
}

func setLabel(o *unstructured.Unstructured, key, value string) {
	labels := maps.Clone(o.GetLabels())
	labels[key] = value
	o.SetLabels(labels)
}

var immutableWords = regexp.MustCompile(`(?i)immutable|updates to .* are forbidden|may not (be )?change|cannot be changed|can't be changed`)

// isImmutable is true of a refusal that only a new object of the same name could avoid.
func isImmutable(err error) bool {
	return ssaerrors.IsImmutableError(err) && immutableWords.MatchString(err.Error())
}

func cannotDryRun(err error) bool {
	return apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "dry run")
}

// isWebhookDown is true when an admission webhook did not answer, as while its own pods are starting.
func isWebhookDown(err error) bool {
	return apierrors.IsInternalError(err) && strings.Contains(err.Error(), "failed calling webhook")
}

func isTerminating(err error) bool {
	return apierrors.HasStatusCause(err, "NamespaceTerminating") || apierrors.IsForbidden(err) && strings.Contains(err.Error(), "being terminated")
}

// rootMessage is the API server's own sentence.
func rootMessage(err error) string {
	if status, ok := errors.AsType[*apierrors.StatusError](err); ok {
		return status.ErrStatus.Message
	}
	return err.Error()
}
