// SPDX-License-Identifier: Apache-2.0

// Package lint judges rendered objects by what DigitalOcean checks before it upgrades a DOKS cluster, with no cluster at hand.
//
// DOKS runs the group `doks` of clusterlint (https://github.com/digitalocean/clusterlint) before an upgrade: its errors keep a
// cluster from being upgraded safely, its warnings are shown. These rules are here under clusterlint's names, as far as a
// rendered object shows what they ask; those about nodes, and about what a controller has marked in a running cluster, are
// not. To them comes one of our own, disruption-budget: clusterlint does not look at disruption budgets, and an upgrade waits
// for one that never lets a pod go, until it deletes the node with the pod. What only clusterlint's group `basic` asks is
// suggested and nothing more, since DOKS does not ask it. Its rules about what nobody uses are left out: they need the whole
// of a cluster.
//
// Only what is rendered is seen, and no stand-in for a chart is judged. Objects that an operator makes in the cluster, such as Strimzi's disruption budgets, are not.
// As clusterlint does, a rule leaves alone what names it in the annotation clusterlint.digitalocean.com/disabled-checks.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/k8or/k8or/internal/product"
)

// Severity says what a finding means for an upgrade of the cluster.
type Severity string

// The severities, gravest first.
const (
	Blocks   Severity = "blocks"   // An error of the group doks, or a drain that ends by deleting the node.
	Warns    Severity = "warns"    // A warning of the group doks.
	Suggests Severity = "suggests" // Asked by the group basic alone.
)

// DisabledChecks is the annotation that names rules, separated by commas, which an object or a pod is exempt from.
const DisabledChecks = "clusterlint.digitalocean.com/disabled-checks"

// Finding is one object that a rule speaks against.
type Finding struct {
	For      string   `json:"for"`    // The entry's id.
	Object   string   `json:"object"` // Such as "Deployment apps/web".
	Rule     string   `json:"rule"`   // clusterlint's name for it.
	Severity Severity `json:"severity"`
	Why      string   `json:"why"`
	Fix      string   `json:"fix"`
}

// String is the finding in a line.
func (f Finding) String() string {
	return fmt.Sprintf("%s (%s): %s: %s; %s", f.Object, f.For, f.Rule, f.Why, f.Fix)
}

// Check judges rendered objects by all rules, gravest findings first and otherwise in the order of the objects. Nodes is how many
// the cluster has at the least, 0 where that is not known. The notes say what could not be read, in whole sentences.
func Check(nodes int, rendered ...product.Rendered) (findings []Finding, notes []string) {
	t := &task{nodes: nodes, namespaces: map[string]labels.Set{}, claims: map[string]bool{}, services: map[string]bool{}, policies: map[string]policy{}}
	t.sets, t.notes = product.PodSets(rendered...)
	t.collect(rendered)
	for _, r := range rendered {
		if r.StandIn {
			continue
		}
		for _, o := range r.Objects {
			t.at = r
			t.judge(o)
		}
	}
	for _, s := range t.sets {
		if !s.StandIn() {
			t.pods(s)
		}
	}
	slices.SortStableFunc(t.findings, func(a, b Finding) int { return cmp.Compare(rank(a.Severity), rank(b.Severity)) })
	return t.findings, t.notes
}

func rank(s Severity) int { return slices.Index([]Severity{Blocks, Warns, Suggests}, s) }

// task is one call of Check.
type task struct {
	nodes      int
	sets       []product.PodSet
	namespaces map[string]labels.Set // The labels of those that are rendered.
	claims     map[string]bool       // Claims of DigitalOcean's volumes by namespace/name.
	services   map[string]bool       // By namespace/name.
	policies   map[string]policy     // ValidatingAdmissionPolicies by name.
	at         product.Rendered      // Where the object at hand stands.
	findings   []Finding
	notes      []string
}

// collect keeps what rules look up.
func (t *task) collect(rendered []product.Rendered) {
	for _, r := range rendered {
		t.at = r
		for _, o := range r.Objects {
			switch kindOf(o) {
			case "Namespace.":
				t.namespaces[o.GetName()] = labels.Merge(t.namespaces[o.GetName()], o.GetLabels())
			case "Service.":
				t.services[t.namespaceOf(o)+"/"+o.GetName()] = true
			case "PersistentVolumeClaim.":
				class, named, _ := unstructured.NestedString(o.Object, "spec", "storageClassName")
				if !named || strings.HasPrefix(class, "do-block-storage") { // the default class on DOKS is one of them
					t.claims[t.namespaceOf(o)+"/"+o.GetName()] = true
				}
			case "ValidatingAdmissionPolicy.admissionregistration.k8s.io":
				t.keepPolicy(o)
			}
		}
	}
}

// judge holds one object against the rules about its kind.
func (t *task) judge(o *unstructured.Unstructured) {
	switch kindOf(o) {
	case "ValidatingWebhookConfiguration.admissionregistration.k8s.io", "MutatingWebhookConfiguration.admissionregistration.k8s.io":
		t.webhooks(o)
	case "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io":
		t.policyBinding(o)
	case "PodDisruptionBudget.policy":
		t.budget(o)
	case "CronJob.batch":
		t.cronJob(o)
	}
	t.defaultNamespace(o)
}

// found keeps a finding, unless its object is exempt from the rule.
func (t *task) found(o *unstructured.Unstructured, exempt map[string]string, f Finding) {
	for name := range strings.SplitSeq(exempt[DisabledChecks], ",") {
		if strings.TrimSpace(name) == f.Rule {
			return
		}
	}
	f.For, f.Object = t.at.For, o.GetKind()+" "+o.GetName()
	if namespace := t.namespaceOf(o); namespace != "" {
		f.Object = fmt.Sprintf("%s %s/%s", o.GetKind(), namespace, o.GetName())
	}
	if !slices.Contains(t.findings, f) {
		t.findings = append(t.findings, f)
	}
}

// read converts an object; where it is not what its kind says, a note tells it, and the cluster will refuse it.
func (t *task) read(o *unstructured.Unstructured, into any) bool {
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, into); err != nil {
		t.notes = append(t.notes, fmt.Sprintf("%s %s (%s) is not held against DOKS's upgrade checks: %v", o.GetKind(), o.GetName(), t.at.For, err))
		return false
	}
	return true
}

// unscoped are the kinds looked at here that stand in no namespace.
var unscoped = []string{"Namespace", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}

// namespaceOf is where an object stands, empty for one that stands in none.
func (t *task) namespaceOf(o *unstructured.Unstructured) string {
	if slices.Contains(unscoped, o.GetKind()) {
		return ""
	}
	return cmp.Or(o.GetNamespace(), t.at.Namespace)
}

func kindOf(o *unstructured.Unstructured) string {
	return o.GetKind() + "." + o.GroupVersionKind().Group
}

// selects reports whether a namespace selector matches a namespace. None at all matches everything, and so does one that
// cannot be read, which the cluster refuses.
func (t *task) selects(s *metav1.LabelSelector, namespace string) bool {
	if s == nil {
		return true
	}
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err != nil || selector.Matches(labels.Merge(t.namespaces[namespace], labels.Set{"kubernetes.io/metadata.name": namespace}))
}
