// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"context"
	"testing"

	"github.com/fluxcd/pkg/ssa"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// apply sends a server-side apply and fills o with the answer.
func (c cluster) apply(o client.Object, manager string, more ...client.PatchOption) error {
	o.SetManagedFields(nil)
	o.SetResourceVersion("")
	//lint:ignore SA1019 it is what the applying library sends
	return c.client.Patch(c, o, client.Apply, append(more, client.FieldOwner(manager))...)
}

func (c cluster) read(t *testing.T, name string) *corev1.ConfigMap {
	t.Helper()
	got, err := c.typed.CoreV1().ConfigMaps(c.namespace).Get(c, name, metav1.GetOptions{})
	must(t, err, "read ConfigMap "+name)
	return got
}

func applyTwiceChangesNothing(t *testing.T, c cluster) {
	for _, manifest := range []string{`
apiVersion: v1
kind: ConfigMap
metadata: {name: one, labels: {a: b}}
data: {a: "1"}
`, `
apiVersion: v1
kind: Service
metadata: {name: one}
spec: {selector: {app: one}, ports: [{name: http, port: 80, targetPort: 8080}]}
`, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: one}
spec:
  replicas: 0
  selector: {matchLabels: {app: one}}
  template:
    metadata: {labels: {app: one}}
    spec:
      containers:
      - {name: main, image: "a:1", resources: {requests: {cpu: 0.5, memory: 1024Mi}}, ports: [{containerPort: 80}]}
`} {
		first := parse(manifest, c.namespace)
		must(t, c.apply(first, "suite"), "apply")
		// What controllers write goes on meanwhile, so the object itself is compared and not its version.
		second := parse(manifest, c.namespace)
		must(t, c.apply(second, "suite"), "apply again")
		for _, o := range []*unstructured.Unstructured{first, second} {
			delete(o.Object, "status")
			unstructured.RemoveNestedField(o.Object, "metadata", "annotations")
			if o.GetKind() == "Deployment" {
				o.SetResourceVersion("")
				o.SetManagedFields(nil)
			}
		}
		if d := cmp.Diff(first.Object, second.Object); d != "" {
			t.Errorf("%s changed by the second apply:\n%s", first.GetKind(), d)
		}
	}
}

func applyRemovesWhatIsNoLongerWanted(t *testing.T, c cluster) {
	must(t, c.apply(configMap(c.namespace, "one", map[string]string{"a": "1", "b": "2"}), "suite"), "apply two keys")
	must(t, c.apply(configMap(c.namespace, "one", map[string]string{"c": "3"}), "other"), "apply a third by another manager")
	must(t, c.apply(configMap(c.namespace, "one", map[string]string{"a": "1"}), "suite"), "apply one key")
	if d := cmp.Diff(map[string]string{"a": "1", "c": "3"}, c.read(t, "one").Data); d != "" {
		t.Errorf("want what each manager wants now (-want +got):\n%s", d)
	}
}

func applyMergesListsByKey(t *testing.T, c cluster) {
	const mine = `
apiVersion: v1
kind: Service
metadata: {name: one}
spec: {selector: {app: one}, ports: [{name: http, port: 80, protocol: TCP}]}
`
	const theirs = `
apiVersion: v1
kind: Service
metadata: {name: one}
spec: {ports: [{name: admin, port: 81, protocol: TCP}]}
`
	must(t, c.apply(parse(mine, c.namespace), "suite"), "apply one port")
	must(t, c.apply(parse(theirs, c.namespace), "other"), "apply another by another manager")
	must(t, c.apply(parse(mine, c.namespace), "suite"), "apply the first again")
	s, err := c.typed.CoreV1().Services(c.namespace).Get(c, "one", metav1.GetOptions{})
	must(t, err, "read the Service")
	if len(s.Spec.Ports) != 2 {
		t.Errorf("got ports %v, want both", s.Spec.Ports)
	}
}

func applyConflictsWithAnotherManager(t *testing.T, c cluster) {
	must(t, c.apply(configMap(c.namespace, "one", map[string]string{"a": "1"}), "suite"), "apply")
	err := c.apply(configMap(c.namespace, "one", map[string]string{"a": "2"}), "other")
	refused(t, err, apierrors.IsConflict, "another value for another manager's field")
	if got := c.read(t, "one").Data["a"]; got != "1" {
		t.Errorf("the refused apply was made: a is %q", got)
	}
	must(t, c.apply(configMap(c.namespace, "one", map[string]string{"a": "1"}), "other"), "apply the same value, which is shared")
	must(t, c.apply(configMap(c.namespace, "one", map[string]string{"a": "3"}), "other", client.ForceOwnership), "apply by force")
	if got := c.read(t, "one").Data["a"]; got != "3" {
		t.Errorf("after force a is %q, want 3", got)
	}
	err = c.apply(configMap(c.namespace, "one", map[string]string{"a": "1"}), "suite")
	refused(t, err, apierrors.IsConflict, "a field that was taken by force")
}

func dryRunWritesNothing(t *testing.T, c cluster) {
	made := configMap(c.namespace, "one", map[string]string{"a": "1"})
	must(t, c.apply(made, "suite", client.DryRunAll), "apply dry")
	if made.ResourceVersion != "" {
		t.Errorf("a dry run that would create answers version %q, want none", made.ResourceVersion)
	}
	must(t, c.client.Create(c, configMap(c.namespace, "two", nil), client.DryRunAll), "create dry")
	for _, name := range []string{"one", "two"} {
		_, err := c.typed.CoreV1().ConfigMaps(c.namespace).Get(c, name, metav1.GetOptions{})
		refused(t, err, apierrors.IsNotFound, name+" was only a dry run")
	}
	must(t, c.apply(configMap(c.namespace, "one", map[string]string{"a": "1"}), "suite"), "apply")
	before := c.read(t, "one")
	changed := configMap(c.namespace, "one", map[string]string{"a": "2"})
	must(t, c.apply(changed, "suite", client.DryRunAll), "apply a change dry")
	if changed.Data["a"] != "2" {
		t.Errorf("a dry run answers %v, want what would be", changed.Data)
	}
	must(t, c.client.Delete(c, configMap(c.namespace, "one", nil), client.DryRunAll), "delete dry")
	if d := cmp.Diff(before, c.read(t, "one")); d != "" {
		t.Errorf("dry runs changed the object:\n%s", d)
	}
}

func stagedApplyTwiceIsUnchanged(t *testing.T, c cluster) {
	group := c.namespace + ".suite.k8or.io"
	objects := func() []*unstructured.Unstructured {
		inner := parse(`{apiVersion: v1, kind: Namespace, metadata: {name: x}}`, "")
		inner.SetName(c.namespace + "-staged")
		secret := parse(`{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {k: v}}`, inner.GetName())
		app := parse(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: one}
spec:
  replicas: 0
  selector: {matchLabels: {app: one}}
  template:
    metadata: {labels: {app: one}}
    spec: {containers: [{name: main, image: "a:1", resources: {limits: {cpu: "1", memory: 64Mi}}, ports: [{containerPort: 80, name: http}]}]}
`, inner.GetName())
		service := parse(`
{apiVersion: v1, kind: Service, metadata: {name: one}, spec: {selector: {app: one}, ports: [{port: 80, targetPort: http}]}}`, inner.GetName())
		role := parse(`
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: "one:reader"}, rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]}`, inner.GetName())
		budget := parse(`
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: one}, spec: {maxUnavailable: 1, selector: {matchLabels: {app: one}}}}`, inner.GetName())
		scaler := parse(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: one}
spec:
  minReplicas: 1
  maxReplicas: 3
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: absent}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]
`, inner.GetName())
		return []*unstructured.Unstructured{widget(group, inner.GetName(), "w", 1), app, service, role, budget, scaler, secret, definition(group), inner}
	}
	m := c.applier()
	t.Cleanup(func() {
		for _, o := range []client.Object{definition(group), objects()[8]} {
			if err := c.client.Delete(context.Background(), o); err != nil {
				t.Errorf("clear up: %v", err)
			}
		}
	})
	options := ssa.DefaultApplyOptions()
	first, err := m.ApplyAllStaged(c, objects(), options)
	must(t, err, "apply in stages")
	for _, e := range first.Entries {
		if e.Action != ssa.CreatedAction {
			t.Errorf("first: %s is %s, want created", e.Subject, e.Action)
		}
	}
	second, err := m.ApplyAllStaged(c, objects(), options)
	must(t, err, "apply in stages again")
	if len(second.Entries) != len(first.Entries) {
		t.Errorf("second: %d entries, first: %d", len(second.Entries), len(first.Entries))
	}
	for _, e := range second.Entries {
		if e.Action != ssa.UnchangedAction {
			t.Errorf("second: %s is %s, want unchanged", e.Subject, e.Action)
		}
	}
}
