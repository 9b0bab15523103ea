// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Event is a moment in a chart's life at which a hook runs.
type Event string

// The moments k8or runs hooks at.
const (
	PreInstall  Event = "pre-install"
	PostInstall Event = "post-install"
	PreUpgrade  Event = "pre-upgrade"
	PostUpgrade Event = "post-upgrade"
	PreDelete   Event = "pre-delete"
	PostDelete  Event = "post-delete"
)

// DeletePolicy says when a hook's object is deleted.
type DeletePolicy string

// Helm's delete policies. A hook that names none is deleted before it is created anew.
const (
	BeforeCreation DeletePolicy = "before-hook-creation"
	WhenSucceeded  DeletePolicy = "hook-succeeded"
	WhenFailed     DeletePolicy = "hook-failed"
)

// Hook is an object to be run once at given moments rather than kept.
type Hook struct {
	Object         *unstructured.Unstructured
	Events         []Event
	Weight         int // lower runs earlier
	DeletePolicies []DeletePolicy
}

// Skipped is a hook that k8or leaves out on purpose.
type Skipped struct{ Kind, Name, Events string }

const (
	hookAnnotation   = "helm.sh/hook"
	weightAnnotation = "helm.sh/hook-weight"
	policyAnnotation = "helm.sh/hook-delete-policy"
)

var (
	runEvents     = []Event{PreInstall, PostInstall, PreUpgrade, PostUpgrade, PreDelete, PostDelete}
	skippedEvents = []string{"test", "test-success", "test-failure", "pre-rollback", "post-rollback"}
)

// HookError says that a chart has a hook of a kind that only Helm itself could run.
type HookError struct{ Kind, Name, Event string }

// Error names the hook and the way out.
func (e *HookError) Error() string {
	return fmt.Sprintf("hook %q of %s %s is not one k8or runs; let Helm install this chart with `release: true`", e.Event, e.Kind, e.Name)
}

// hookOf reads an object's hook annotations. It returns neither when the object is no hook.
func hookOf(object *unstructured.Unstructured) (*Hook, *Skipped, error) {
	annotations := object.GetAnnotations()
	text, ok := annotations[hookAnnotation]
	if !ok {
		return nil, nil, nil
	}
	hook := &Hook{Object: object}
	for name := range words(text) {
		switch {
		case slices.Contains(runEvents, Event(name)):
			hook.Events = append(hook.Events, Event(name))
		case !slices.Contains(skippedEvents, name):
			return nil, nil, &HookError{object.GetKind(), object.GetName(), name}
		}
	}
	if len(hook.Events) == 0 {
		return nil, &Skipped{object.GetKind(), object.GetName(), text}, nil
	}
	if weight, ok := annotations[weightAnnotation]; ok {
		n, err := strconv.Atoi(strings.TrimSpace(weight))
		if err != nil {
			return nil, nil, fmt.Errorf("%s %s: hook weight %q is not a whole number", object.GetKind(), object.GetName(), weight)
		}
		hook.Weight = n
	}
	for name := range words(annotations[policyAnnotation]) {
		hook.DeletePolicies = append(hook.DeletePolicies, DeletePolicy(name))
	}
	if len(hook.DeletePolicies) == 0 {
		hook.DeletePolicies = []DeletePolicy{BeforeCreation}
	}
	return hook, nil, nil
}

// words yields the words of a comma-separated annotation.
func words(text string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.ToLower(strings.TrimSpace(part)); part != "" && !yield(part) {
				return
			}
		}
	}
}

// On returns the hooks that run at a moment, in order.
func (r Rendered) On(event Event) []Hook {
	var out []Hook
	for _, h := range r.Hooks {
		if slices.Contains(h.Events, event) {
			out = append(out, h)
		}
	}
	return out
}

func sortHooks(hooks []Hook) {
	slices.SortStableFunc(hooks, func(a, b Hook) int {
		return cmp.Or(cmp.Compare(a.Weight, b.Weight), compareForInstall(a.Object, b.Object))
	})
}
