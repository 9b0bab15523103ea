// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/kube/kubetest"
	"github.com/k8or/k8or/internal/release"
)

func TestMain(m *testing.M) { os.Exit(kubetest.Main(m)) }

var access = kube.Access{ID: "c1", Endpoint: "https://cluster.example.com"}

// world is a namespace with a node, and the kinds of a platform.
type world struct {
	t      *testing.T
	ns     string
	client client.Client
	p      *kubetest.ControlPlane
	kinds  *release.Kinds
}

func newWorld(t *testing.T) *world {
	t.Helper()
	p := kubetest.Start(t)
	w := &world{t: t, ns: p.Namespace(t), client: p.Client(t), p: p}
	p.Node(t, "node-"+w.ns, map[string]string{"pool": w.ns})
	w.kinds = w.platform("shop-" + w.ns)
	return w
}

// platform makes the kinds of a platform, as each process does anew.
func (w *world) platform(name string) *release.Kinds {
	cluster := w.p.Cluster(name)
	return release.NewKinds(release.Options{
		Platform: name,
		Cluster:  func(string) *kube.Cluster { return cluster },
		Find:     func(context.Context, *graph.Call) (kube.Access, bool, error) { return access, true, nil },
	})
}

// ground is a node that stands for a cluster which is there.
type ground struct{}

var groundKind = &graph.Kind{Name: "test/cluster"}

func (ground) Kind() *graph.Kind { return groundKind }
func (ground) Key() string       { return "c1" }
func (ground) Observe(context.Context, *graph.Call) (graph.Observed[kube.Access], error) {
	return graph.Observed[kube.Access]{State: graph.Ready, ID: "c1", Out: access}, nil
}
func (ground) Diff(*graph.Call, graph.Observed[kube.Access]) []graph.Change { return nil }
func (ground) Create(context.Context, *graph.Call) (graph.Observed[kube.Access], error) {
	return graph.Observed[kube.Access]{}, errors.New("it is there")
}
func (ground) Update(context.Context, *graph.Call, graph.Observed[kube.Access], []graph.Change) (graph.Observed[kube.Access], error) {
	return graph.Observed[kube.Access]{}, errors.New("it is as wanted")
}

// wants is a platform with one release of the test's chart; nil values want none.
func (w *world) wants(k *release.Kinds, values map[string]any) *graph.Graph {
	w.t.Helper()
	g := graph.New()
	if values != nil {
		at := graph.Add(g, "cluster", ground{})
		loaded, err := chart.Load("testdata/demo")
		if err != nil {
			w.t.Fatal(err)
		}
		r, err := k.Release(at, release.Spec{Name: "demo", Namespace: w.ns, Chart: loaded, Values: values})
		if err != nil {
			w.t.Fatal(err)
		}
		graph.Add(g, "apps/demo", r)
	}
	g.Prune(k.Releases)
	return g
}

// run plans and runs, and returns the plan as text.
func (w *world) run(g *graph.Graph, opts graph.Options) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 90*time.Second)
	defer cancel()
	opts.Speed = 60
	plan, err := g.Plan(ctx, opts)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range plan.Errors() {
		w.t.Fatal(e)
	}
	approval := plan.Approve(graph.Replaces)
	if opts.Teardown {
		approval = graph.ApproveTeardown()
	}
	r := graph.NewRun(g, approval, opts)
	if err := r.Loop(ctx); err != nil {
		w.t.Fatalf("%v: %v", err, r.Failed())
	}
	if failed := r.Failed(); len(failed) > 0 {
		w.t.Fatalf("failed: %v", failed)
	}
	var out []string
	for _, s := range plan.Steps {
		if s.Action == graph.None {
			continue
		}
		out = append(out, string(s.Action)+" "+string(s.Node))
		for _, c := range s.Changes {
			out = append(out, "  "+c.Path+": "+c.Before+" -> "+c.After)
		}
	}
	return strings.Join(out, "\n")
}

func (w *world) expect(what, got, want string) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
	}
}

// there reports whether the namespace has an object.
func (w *world) there(o client.Object, name string) bool {
	w.t.Helper()
	err := w.client.Get(w.t.Context(), client.ObjectKey{Namespace: w.ns, Name: name}, o)
	if err != nil && !apierrors.IsNotFound(err) {
		w.t.Fatal(err)
	}
	return err == nil && o.GetDeletionTimestamp() == nil
}

// statuses are the states of the release's records, oldest first as far as their names sort.
func (w *world) statuses() string {
	w.t.Helper()
	var records corev1.SecretList
	if err := w.client.List(w.t.Context(), &records, client.InNamespace(w.ns), client.MatchingLabels{"owner": "helm"}); err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, r := range records.Items {
		out = append(out, r.Labels["version"]+" "+r.Labels["status"])
	}
	return strings.Join(out, ", ")
}

func TestAReleaseIsInstalledUpgradedAndUninstalled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := map[string]any{"hook": true, "claim": false}
	w.expect("at first", w.run(w.wants(w.kinds, first), graph.Options{}), "create apps/demo")
	w.expect("records", w.statuses(), "1 deployed")
	var d appsv1.Deployment
	if !w.there(&d, "demo") || !w.there(&corev1.ConfigMap{}, "demo-hook") {
		t.Error("the Deployment or what the hook makes is not there")
	}
	for _, f := range d.ManagedFields {
		if f.Operation == metav1.ManagedFieldsOperationApply && f.Manager != kube.FieldManager {
			t.Errorf("fields are owned by %s, want %s", f.Manager, kube.FieldManager)
		}
	}
	w.expect("the second time", w.run(w.wants(w.platform("shop-"+w.ns), first), graph.Options{}), "")
	w.expect("records after it", w.statuses(), "1 deployed")

	more := map[string]any{"hook": true, "claim": false, "replicas": 2, "password": "hunter2"}
	w.expect("other values", w.run(w.wants(w.kinds, more), graph.Options{}),
		"update apps/demo\n  values.password:  -> another value\n  values.replicas:  -> another value")
	w.expect("records after an upgrade", w.statuses(), "1 superseded, 2 deployed")
	if w.there(&d, "demo"); *d.Spec.Replicas != 2 {
		t.Errorf("%d replicas, want 2", *d.Spec.Replicas)
	}

	if err := w.client.Delete(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "demo"}}); err != nil {
		t.Fatal(err)
	}
	w.expect("an object that was deleted", w.run(w.wants(w.kinds, more), graph.Options{}),
		"update apps/demo\n  ConfigMap "+w.ns+"/demo: missing -> create")
	if !w.there(&corev1.ConfigMap{}, "demo") {
		t.Error("the ConfigMap was not made again")
	}

	if got := w.run(w.wants(w.kinds, nil), graph.Options{}); !strings.HasPrefix(got, "delete ") {
		t.Errorf("no longer wanted:\n%s", got)
	}
	if w.there(&d, "demo") || w.statuses() != "" {
		t.Errorf("left: %q", w.statuses())
	}
}

func TestAReleaseOfSomebodyElseIsNotTouched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.platform("other-" + w.ns)
	w.run(w.wants(other, map[string]any{}), graph.Options{})
	plan, err := w.wants(w.kinds, map[string]any{"replicas": 3}).Plan(t.Context(), graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if told := plan.Errors(); len(told) != 1 || !errors.Is(told[0], graph.ErrStranger) {
		t.Errorf("planned over somebody else's release: %v", told)
	}
	w.expect("without a wish", w.run(w.wants(w.kinds, nil), graph.Options{}), "")
	w.expect("records", w.statuses(), "1 deployed")
}

func TestWhatAKilledRunLeftPendingDoesNotBlockTheNextOne(t *testing.T) {
	t.Parallel()
	for status, was := range map[string]int{"pending-install": 1, "pending-upgrade": 2, "uninstalling": 2, "failed": 1} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			values := map[string]any{}
			for revision := 1; revision <= was; revision++ {
				values["replicas"] = revision
				w.run(w.wants(w.kinds, values), graph.Options{})
			}
			if err := release.Cut(t.Context(), w.p.Cluster("shop-"+w.ns), w.ns, "demo", status); err != nil {
				t.Fatal(err)
			}
			if err := w.client.Delete(t.Context(), &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "demo"}}); err != nil {
				t.Fatal(err)
			}
			got := w.run(w.wants(w.platform("shop-"+w.ns), values), graph.Options{})
			w.expect("the next plan", got, "update apps/demo\n  status: "+status+" -> deployed\n  Deployment "+w.ns+"/demo: missing -> create")
			if !strings.HasSuffix(w.statuses(), " deployed") || !w.there(&appsv1.Deployment{}, "demo") {
				t.Errorf("not mended: %s", w.statuses())
			}
			w.expect("the one after it", w.run(w.wants(w.kinds, values), graph.Options{}), "")
		})
	}
}

func TestTeardownTakesTheLoadBalancerAndTheRecordsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := w.wants(w.kinds, map[string]any{"balanced": true})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go w.balance(ctx)
	w.run(g, graph.Options{})
	w.run(w.wants(w.kinds, nil), graph.Options{Teardown: true})
	if w.there(&corev1.Service{}, "demo") || w.statuses() != "" {
		t.Errorf("left: the load balancer, or records %q", w.statuses())
	}
	if !w.there(&appsv1.Deployment{}, "demo") {
		t.Error("the Deployment was deleted, though it goes with the cluster")
	}
}

// balance gives the release's Service an address once it is there, as the cloud does.
func (w *world) balance(ctx context.Context) {
	for tick := time.NewTicker(50 * time.Millisecond); ctx.Err() == nil; <-tick.C {
		var s corev1.Service
		if w.client.Get(ctx, client.ObjectKey{Namespace: w.ns, Name: "demo"}, &s) != nil {
			continue
		}
		s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
		if w.client.Status().Update(ctx, &s) == nil {
			return
		}
	}
}

func TestWhatHoldsDataStaysWhenTheReleaseGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client = w.p.Client(t)
	// Nobody makes a volume here, so the claim stays pending and the run is ended once Helm is done.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	g := w.wants(w.kinds, map[string]any{"claim": true})
	plan, err := g.Plan(ctx, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- graph.NewRun(g, plan.Approve(graph.Replaces), graph.Options{Speed: 60}).Loop(ctx)
	}()
	for tick := time.NewTicker(50 * time.Millisecond); w.statuses() != "1 deployed"; <-tick.C {
		if len(ended) > 0 {
			break
		}
	}
	cancel()
	<-ended
	w.run(w.wants(w.platform("shop-"+w.ns), nil), graph.Options{})
	if !w.there(&corev1.PersistentVolumeClaim{}, "demo-data") {
		t.Error("the claim was deleted with the release")
	}
	if w.there(&appsv1.Deployment{}, "demo") || w.statuses() != "" {
		t.Errorf("left: the Deployment, or records %q", w.statuses())
	}
}

func TestWhatIsThereAlreadyIsNotTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	taken := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "demo"}, Data: map[string]string{"whose": "somebody's"}}
	if err := w.client.Create(t.Context(), taken); err != nil {
		t.Fatal(err)
	}
	g := w.wants(w.kinds, map[string]any{})
	plan, err := g.Plan(t.Context(), graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := graph.NewRun(g, plan.Approve(graph.Replaces), graph.Options{Speed: 60})
	_ = r.Loop(t.Context())
	if failed := r.Failed(); len(failed) != 1 || !errors.Is(failed[0], graph.ErrStranger) {
		t.Errorf("failed with %v, want one stranger", failed)
	}
	if !w.there(taken, "demo") || taken.Data["whose"] != "somebody's" || w.statuses() != "" {
		t.Errorf("it was taken over: %v, records %q", taken.Data, w.statuses())
	}
}
