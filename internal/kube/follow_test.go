// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
)

// follower is a Deployment whose pods read a Secret, as an object.
func follower(t *testing.T, env corev1.EnvVarSource) *unstructured.Unstructured {
	t.Helper()
	labels := map[string]string{"app": "web"}
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&appsv1.Deployment{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "default"},
		Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "example.com/web:1", Env: []corev1.EnvVar{{Name: "PASSWORD", ValueFrom: &env}}}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	delete(m, "status")
	return &unstructured.Unstructured{Object: m}
}

func TestPodsStartAnewWhenASecretTheyFollowHoldsSomethingElse(t *testing.T) {
	t.Parallel()
	c, direct := inMemory(t)
	reads := corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "binding"}, Key: "password"}}
	set := kube.Set{Name: "web", Namespace: "default", Objects: []*unstructured.Unstructured{follower(t, reads)}, Follows: []kube.Follow{{Namespace: "default", Name: "binding"}}}
	applied, err := c.Apply(t.Context(), set)
	if err != nil || applied.Done || !strings.Contains(applied.Waiting, "Secret default/binding is not there yet") {
		t.Fatalf("without its Secret, apply gave %+v, %v, want it to wait", applied, err)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "binding"}, Data: map[string][]byte{"password": []byte("hunter2")}}
	if err := direct.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	mark := func() string {
		t.Helper()
		if applied, err := c.Apply(t.Context(), set); err != nil || !applied.Done {
			t.Fatalf("apply gave %+v, %v", applied, err)
		}
		var d appsv1.Deployment
		if err := direct.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "web"}, &d); err != nil {
			t.Fatal(err)
		}
		return d.Spec.Template.Annotations[kube.SecretsAnnotation]
	}
	first := mark()
	sum := sha256.Sum256([]byte("hunter2"))
	if len(first) != 12 || strings.HasPrefix(hex.EncodeToString(sum[:]), first) {
		t.Errorf("the mark is %q, want 12 digits that are no plain hash", first)
	}
	secret.Labels = map[string]string{"somebody": "was-here"}
	if err := direct.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if again := mark(); again != first {
		t.Errorf("a label on the Secret has pods start anew: %q, then %q", first, again)
	}
	secret.Data["password"] = []byte("correct horse")
	if err := direct.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	view, err := c.Look(t.Context(), set)
	if err != nil || len(view.Changes) != 1 || !strings.Contains(view.Changes[0].String(), kube.SecretsAnnotation) || strings.Contains(view.Changes[0].String(), "horse") {
		t.Errorf("after the Secret changed, a look shows %v, %v", view.Changes, err)
	}
	if second := mark(); second == first || second == "" {
		t.Errorf("the mark is %q before and after the Secret changed", second)
	}
}

// promised is a node whose output, where a planned change says so, is another once the change is made.
type promised[O any] struct {
	key     string
	out     O
	changes []graph.Change
}

var promises = &graph.Kind{Name: "test/promise"}

func (promised[O]) Kind() *graph.Kind { return promises }
func (p promised[O]) Key() string     { return p.key }
func (p promised[O]) Observe(context.Context, *graph.Call) (graph.Observed[O], error) {
	return graph.Observed[O]{State: graph.Ready, ID: p.key, Out: p.out}, nil
}
func (p promised[O]) Diff(*graph.Call, graph.Observed[O]) []graph.Change { return p.changes }
func (p promised[O]) Create(ctx context.Context, c *graph.Call) (graph.Observed[O], error) {
	return p.Observe(ctx, c)
}
func (p promised[O]) Update(ctx context.Context, c *graph.Call, _ graph.Observed[O], _ []graph.Change) (graph.Observed[O], error) {
	return p.Observe(ctx, c)
}

func TestAPlanForetellsThatPodsStartAnew(t *testing.T) {
	t.Parallel()
	c, direct := inMemory(t)
	if err := direct.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "binding"}, Data: map[string][]byte{"password": []byte("one")}}); err != nil {
		t.Fatal(err)
	}
	deployment := follower(t, corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "binding"}, Key: "password"}})
	other := deployment.DeepCopy()
	other.SetName("other")
	if err := unstructured.SetNestedSlice(other.Object, []any{map[string]any{"name": "other", "image": "example.com/other:1"}}, "spec", "template", "spec", "containers"); err != nil {
		t.Fatal(err)
	}
	kinds := kube.NewKinds(kube.KindsOptions{Platform: "shop-x7k2p9", Connect: func(kube.Options) *kube.Cluster { return c }})
	set := kube.Set{Name: "web", Objects: []*unstructured.Unstructured{deployment, other}, Follows: []kube.Follow{{Namespace: "default", Name: "binding"}}}
	if applied, err := c.Apply(t.Context(), set); err != nil || !applied.Done {
		t.Fatalf("apply gave %+v, %v", applied, err)
	}
	for why, test := range map[string]struct {
		changes []graph.Change
		want    []string
	}{
		"the Secret is as wanted":                  {nil, nil},
		"a label of it changes":                    {[]graph.Change{{Path: "label"}}, nil},
		"it is still to be written with new words": {[]graph.Change{{Path: "data", Anew: true}}, []string{"Deployment default/web credentials"}},
	} {
		g := graph.New()
		access := graph.Add(g, "cluster", graph.Resource[kube.Access](promised[kube.Access]{key: "cluster", out: kube.Access{ID: "1", Endpoint: "https://memkube.invalid"}}))
		r := kinds.Objects(access, set)
		r.Made = []graph.Value[kube.Output]{graph.Add(g, "secret", graph.Resource[kube.Output](promised[kube.Output]{key: "secret", changes: test.changes}))}
		graph.Add(g, "web", r)
		plan, err := g.Plan(t.Context(), graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, change := range plan.Steps[2].Changes {
			got = append(got, change.Path)
			if change.Risk != graph.Restarts || !change.Unknown {
				t.Errorf("when %s, the plan tells of %+v", why, change)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("when %s, the plan tells of %q, want %q", why, got, test.want)
		}
	}
}
