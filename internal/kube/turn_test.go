// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/sandbox/memkube"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

// turning is a cluster in which an operator makes a Secret with a password for each ConfigMap whose name begins with app-, as
// Strimzi does for users, and takes it away with it.
type turning struct {
	*testing.T
	base   http.RoundTripper
	direct client.Client
	made   int
}

func newTurning(t *testing.T) *turning {
	w := &turning{T: t, base: wire.Transport(memkube.New(memkube.Options{Name: "turns"}))}
	var err error
	if w.direct, err = w.cluster(w.base).Client(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *turning) cluster(through http.RoundTripper) *kube.Cluster {
	return kube.New(kube.Options{Platform: "shop-x7k2p9", Transport: through, Credentials: func(context.Context) (kube.Credentials, error) {
		return kube.Credentials{Server: "https://memkube.invalid", Token: "none", Expires: time.Now().Add(time.Hour)}, nil
	}})
}

// users are the ConfigMaps that are there, passwords those of the operator's Secrets, by the users' names.
func (w *turning) users() (users map[string]bool, passwords map[string]string) {
	w.Helper()
	users, passwords = map[string]bool{}, map[string]string{}
	var maps corev1.ConfigMapList
	var secrets corev1.SecretList
	for _, list := range []client.ObjectList{&maps, &secrets} {
		if err := w.direct.List(context.Background(), list, client.InNamespace("default")); err != nil {
			w.Fatal(err)
		}
	}
	for _, m := range maps.Items {
		if strings.HasPrefix(m.Name, "app-") {
			users[m.Name] = true
		}
	}
	for _, s := range secrets.Items {
		if strings.HasPrefix(s.Name, "app-") {
			passwords[s.Name] = string(s.Data["password"])
		}
	}
	return users, passwords
}

// operate is the operator's look at what there is.
func (w *turning) operate() {
	users, passwords := w.users()
	for name := range users {
		if passwords[name] != "" {
			continue
		}
		w.made++
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Data: map[string][]byte{"password": fmt.Appendf(nil, "password-%d", w.made)}}
		if err := w.direct.Create(context.Background(), s); err != nil {
			w.Error(err)
		}
	}
	for name := range passwords {
		if users[name] {
			continue
		}
		if err := w.direct.Delete(context.Background(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}); err != nil {
			w.Error(err)
		}
	}
}

// operates has the operator look again and again, until what it returns is called.
func (w *turning) operates() (stop func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			w.operate()
			select {
			case <-over:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return func() {
		close(over)
		<-ended
	}
}

// killing is a way to the cluster that is cut at one request; with late, that one is still carried out.
type killing struct {
	w    *turning
	left atomic.Int64
	late bool
	kill context.CancelCauseFunc
}

func (k *killing) RoundTrip(r *http.Request) (*http.Response, error) {
	left := k.left.Add(-1)
	if left < 0 && (left < -1 || !k.late) {
		k.kill(errCut)
		return nil, errCut
	}
	resp, err := k.w.base.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
	if left < 0 && err == nil {
		resp.Body.Close()
		k.kill(errCut)
		return nil, errCut
	}
	return resp, err
}

// run plans and carries out, as one process does; it is cut at the n-th request, or never where n is negative, and reports whether
// it was.
func (w *turning) run(n int64, late, rotate bool) (cut bool, err error) {
	ctx, kill := context.WithCancelCause(w.Context())
	defer kill(nil)
	through := &killing{w: w, late: late, kill: kill}
	through.left.Store(n)
	if n < 0 {
		through.left.Store(1 << 40)
	}
	access := kube.Access{ID: "1", Endpoint: "https://memkube.invalid"}
	c := w.cluster(through)
	kinds := kube.NewKinds(kube.KindsOptions{Platform: "shop-x7k2p9", Connect: func(kube.Options) *kube.Cluster { return c },
		Find: func(context.Context, *graph.Call) (kube.Access, bool, error) { return access, true, nil }})
	user := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "app-web"}, "data": map[string]any{"may": "read"}}}
	binding := kube.Derived{Name: "binding", Namespace: "default", Fields: []kube.Field{{Key: "username", Text: "app-web", Turn: "app-web"},
		{Key: "password", Turn: "app-web", From: &kube.SecretKey{Namespace: "default", Name: "app-web", Key: "password"}}}}
	set := kube.Set{Name: "user", Namespace: "default", Objects: []*unstructured.Unstructured{user}, Derived: []kube.Derived{binding}, Known: map[string]string{"node": "user"},
		Turns: []kube.Turn{{Kind: "ConfigMap", Name: "app-web", Rotate: rotate, Reader: kube.SecretKey{Namespace: "default", Name: "binding", Key: "username"}}}}
	g := graph.New()
	at := graph.Add(g, "cluster", graph.Resource[kube.Access](promised[kube.Access]{key: "cluster", out: access}))
	graph.Add(g, "user", kinds.Objects(at, set))
	g.Prune(kinds.Sets)
	plan, err := g.Plan(ctx, graph.Options{Speed: 1e6})
	if err == nil {
		err = graph.NewRun(g, plan.Approve(graph.Replaces), graph.Options{Speed: 1e6}).Loop(ctx)
	}
	return through.left.Load() < 0, err
}

// works fails unless the binding signs in as somebody who is there, and there are no more users than may be. It is whom.
func (w *turning) works(when string, most int) string {
	w.Helper()
	var s corev1.Secret
	if err := w.direct.Get(w.Context(), client.ObjectKey{Namespace: "default", Name: "binding"}, &s); err != nil {
		w.Fatalf("%s: %v", when, err)
	}
	users, passwords := w.users()
	as := string(s.Data["username"])
	if !users[as] || passwords[as] != string(s.Data["password"]) || len(users) > most {
		w.Fatalf("%s, the binding signs in as %s: that works: %t; there are %v, want at most %d", when, as, users[as] && passwords[as] == string(s.Data["password"]), users, most)
	}
	return as
}

func TestTurnsKilledAtAnyRequestLeaveOneWhoCanSignIn(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("late=%v", late), func(t *testing.T) {
			t.Parallel()
			w := newTurning(t)
			defer w.operates()()
			if _, err := w.run(-1, false, false); err != nil {
				t.Fatal(err)
			}
			w.works("at first", 1)
			for n := int64(0); ; n += 1 + n/20 { // every request at first, then fewer: the late ones only look
				before := w.works(fmt.Sprintf("before a kill at request %d", n), 1)
				cut, err := w.run(n, late, true)
				if !cut && err != nil {
					t.Fatal(err)
				}
				w.works(fmt.Sprintf("after a kill at request %d", n), 2)
				again := n%2 == 0
				if _, err := w.run(-1, false, again); err != nil {
					t.Fatalf("after a kill at request %d: %v", n, err)
				}
				if now := w.works(fmt.Sprintf("after a kill at request %d and another run", n), 1); (again || !cut) && now == before {
					t.Errorf("after a kill at request %d and a rotation, the binding still signs in as %s", n, before)
				}
				if !cut {
					t.Logf("%d requests", n)
					return
				}
			}
		})
	}
}

func TestATurnThatIsOverStaysWhileAPodRunsThatReadIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTurning(t)
		defer w.operates()()
		if _, err := w.run(-1, false, false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second) // times of objects are in whole seconds
		reads := &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "binding"}, Key: "password"}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web-1"}, Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "web", Image: "example.com/web:1", Env: []corev1.EnvVar{{Name: "PASSWORD", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: reads}}}}}}}
		if err := w.direct.Create(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		asked := 0
		w.base = asks{w.base, func() {
			users, _ := w.users()
			if now := w.works("while the pod runs", 2); now != "app-web.2" || !users["app-web"] {
				t.Errorf("the binding signs in as %s, and there are %v, while a pod runs that signed in as app-web", now, users)
			}
			if asked++; asked == 3 {
				if err := w.direct.Delete(t.Context(), pod); err != nil {
					t.Error(err)
				}
			}
		}}
		if _, err := w.run(-1, false, true); err != nil {
			t.Fatal(err)
		}
		if w.works("once the pod is gone", 1); asked < 3 {
			t.Errorf("it was asked %d times which pods run, want as often as one did", asked)
		}
	})
}

// asks is a way to the cluster that tells of each question which pods run, before there is an answer.
type asks struct {
	http.RoundTripper
	pods func()
}

func (a asks) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && r.URL.Path == "/api/v1/namespaces/default/pods" {
		a.pods()
	}
	return a.RoundTripper.RoundTrip(r)
}
