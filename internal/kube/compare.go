// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"

	"github.com/fluxcd/pkg/ssa/jsondiff"
	"github.com/fluxcd/pkg/ssa/normalize"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

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
			if known, ok := conn.level.Load(s.id); ok && known == levelOf(s, set.Foreign) {
				return nil
			}
			change, err := conn.compare(ctx, s, rules, validate)
			if change != nil && change.Action == Replace && change.Fields != nil && (set.Replace == nil || !set.Replace(change.ID)) {
				change.Refused = fmt.Sprintf("the API server cannot change it (%s), and it is not deleted to be made anew, since it may hold data: undo the change, or add another entry beside this one", change.Note)
			}
			if level := levelOf(s, set.Foreign); err == nil && change == nil && level != "" {
				conn.level.Store(s.id, level)
			}
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

// levelOf is what an object was compared as: the version that is there, and what is wanted of it. While neither changes, a
// dry run would say the same again, which spares most of the work of looking at a set while it becomes ready.
func levelOf(s *sight, foreign []Foreign) string {
	if s.live == nil || s.kept != "" {
		return ""
	}
	raw, err := s.want.MarshalJSON()
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %s %x %v", s.live.GetUID(), s.live.GetResourceVersion(), sha256.Sum256(raw), foreign)
}

// compare asks the server what applying one object would change; nil when nothing.
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
			if stays, err := conn.hasRun(ctx, s, rules); err != nil || stays {
				return nil, err
			}
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

// hasRun reports whether an object is a Job that has run to its end and would run the same again: what is wanted of it differs by no
// more than what its pods are marked with and by which Secrets their images are pulled, as when a mesh or a registry comes or goes.
// That of the Secrets that it follows is a mark to run again for.
func (conn *connection) hasRun(ctx context.Context, s *sight, rules jsondiff.CompiledIgnoreRules) (bool, error) {
	if s.id.groupKind().String() != "Job.batch" {
		return false, nil
	}
	if status, _ := condition(s.live, "Complete"); status != "True" {
		return false, nil
	}
	want := s.want.DeepCopy()
	for _, path := range [][]string{{"metadata"}, {"spec", "imagePullSecrets"}} {
		at := append([]string{"spec", "template"}, path...)
		have, there, err := unstructured.NestedFieldCopy(s.live.Object, at...)
		if err != nil {
			return false, fmt.Errorf("read %s: %w", s.id, err)
		}
		unstructured.RemoveNestedField(want.Object, at...)
		if there {
			if err := unstructured.SetNestedField(want.Object, have, at...); err != nil {
				return false, fmt.Errorf("compare %s: %w", s.id, err)
			}
		}
	}
	mark := []string{"spec", "template", "metadata", "annotations", SecretsAnnotation}
	before, _, _ := unstructured.NestedString(s.live.Object, mark...)
	if after, _, _ := unstructured.NestedString(s.want.Object, mark...); after != before {
		return false, nil
	}
	after, err := conn.dryRun(ctx, want)
	switch {
	case err == nil:
	case isImmutable(err):
		return false, nil
	default:
		return false, fmt.Errorf("compare %s: %w", s.id, err)
	}
	fields, err := differences(s.live, after, rules)
	return len(fields) == 0, err
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
