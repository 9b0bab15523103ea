// SPDX-License-Identifier: Apache-2.0

package memkube_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/k8or/k8or/internal/sandbox/memkube"
	"github.com/k8or/k8or/internal/sandbox/memkube/suite"
)

func TestMain(m *testing.M) {
	ctrllog.SetLogger(klog.Background())
	os.Exit(m.Run())
}

func TestSuiteHoldsInMemory(t *testing.T) {
	t.Parallel()
	server := memkube.New(memkube.Options{Name: "suite", Ready: 100 * time.Millisecond})
	suite.Run(t, func() *rest.Config { return server.Config() })
}

func TestSuiteHoldsOverSockets(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(memkube.New(memkube.Options{Ready: 100 * time.Millisecond}))
	t.Cleanup(server.CloseClientConnections)
	suite.Run(t, func() *rest.Config { return &rest.Config{Host: server.URL, QPS: -1} })
}

func client(t *testing.T, s *memkube.Server) kubernetes.Interface {
	t.Helper()
	c, err := kubernetes.NewForConfig(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func deployment(replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": "web"}
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: appsv1.DeploymentSpec{
		Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "a:1"}}},
		},
	}}
}

func TestReadinessTakesItsTimeInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client(t, memkube.New(memkube.Options{Ready: 10 * time.Second}))
		began := time.Now()
		if _, err := c.AppsV1().Deployments("default").Create(t.Context(), deployment(2), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		w, err := c.AppsV1().Deployments("default").Watch(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
		for e := range w.ResultChan() {
			if d := e.Object.(*appsv1.Deployment); d.Status.AvailableReplicas == 2 {
				break
			}
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("a watch saw the Deployment available after %v, want 10s", took)
		}
	})
}

func TestInformersWorkInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client(t, memkube.New(memkube.Options{}))
		ctx, cancel := context.WithCancel(t.Context())
		factory := informers.NewSharedInformerFactory(c, 0)
		informer := factory.Core().V1().ConfigMaps().Informer()
		seen := make(chan string, 10)
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: func(o any) { seen <- o.(*corev1.ConfigMap).Name }}); err != nil {
			t.Fatal(err)
		}
		factory.Start(ctx.Done())
		if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
			t.Fatal("the informer never had all objects")
		}
		if _, err := c.CoreV1().ConfigMaps("default").Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "late"}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		for name := range seen {
			if name == "late" {
				break
			}
		}
		cancel()
		factory.Shutdown() // every watch has ended, or the bubble would not
	})
}

func TestFaultsChangeWhatTheySay(t *testing.T) {
	t.Parallel()
	var status int
	var after, before bool
	s := memkube.New(memkube.Options{Fault: func(r *http.Request) (int, bool, bool) {
		if r.Method != http.MethodPost {
			return 0, false, false
		}
		return status, after, before
	}})
	c := client(t, s)
	create := func(name string) error {
		_, err := c.CoreV1().ConfigMaps("default").Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		return err
	}
	exists := func(name string) bool {
		_, err := c.CoreV1().ConfigMaps("default").Get(t.Context(), name, metav1.GetOptions{})
		return err == nil
	}
	status = http.StatusServiceUnavailable
	if err := create("refused"); !apierrors.IsServiceUnavailable(err) || exists("refused") {
		t.Errorf("status 503: error %v, made %t; want it refused and not made", err, exists("refused"))
	}
	status, before = 0, true
	if err := create("unheard"); !errors.Is(err, io.ErrUnexpectedEOF) || exists("unheard") {
		t.Errorf("dropped before: error %v, made %t; want no answer and not made", err, exists("unheard"))
	}
	before, after = false, true
	if err := create("unanswered"); !errors.Is(err, io.ErrUnexpectedEOF) || !exists("unanswered") {
		t.Errorf("dropped after: error %v, made %t; want no answer and made", err, exists("unanswered"))
	}
}

func TestLoadBalancersAreTheCloudsToGiveAndTake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ready, gone := false, false
		s := memkube.New(memkube.Options{
			LoadBalancer: func(namespace, name, uid string, annotations map[string]string) (string, bool) {
				if namespace != "default" || name != "edge" || uid == "" || annotations["size"] != "1" {
					t.Errorf("asked for %s/%s, uid %q, annotations %v", namespace, name, uid, annotations)
				}
				return "192.0.2.7", ready
			},
			LoadBalancerGone: func(_, _, _ string) bool { return gone },
		})
		services := client(t, s).CoreV1().Services("default")
		look := func() (*corev1.Service, error) {
			time.Sleep(time.Second) // the bubble's, which is when the cloud is asked again
			return services.Get(t.Context(), "edge", metav1.GetOptions{})
		}
		if _, err := services.Create(t.Context(), &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: "edge", Annotations: map[string]string{"size": "1"}},
			Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 80}}},
		}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if got, err := look(); err != nil || len(got.Status.LoadBalancer.Ingress) != 0 {
			t.Errorf("before the cloud is ready: %v, %v", got.Status, err)
		}
		ready = true
		if got, err := look(); err != nil || len(got.Status.LoadBalancer.Ingress) != 1 || got.Status.LoadBalancer.Ingress[0].IP != "192.0.2.7" {
			t.Errorf("once the cloud is ready: %v, %v", got.Status, err)
		}
		if err := services.Delete(t.Context(), "edge", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if got, err := look(); err != nil || got.DeletionTimestamp == nil {
			t.Errorf("while the cloud still has it: %v, %v; want it held", got.DeletionTimestamp, err)
		}
		gone = true
		if _, err := look(); !apierrors.IsNotFound(err) {
			t.Errorf("once the cloud has let go: %v, want not found", err)
		}
	})
}

func TestClaimsAreBackedByTheCloud(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		policy corev1.PersistentVolumeReclaimPolicy
		kept   bool
	}{{corev1.PersistentVolumeReclaimDelete, false}, {corev1.PersistentVolumeReclaimRetain, true}} {
		t.Run(string(row.policy), func(t *testing.T) {
			t.Parallel()
			var asked, removed []memkube.Claim
			s := memkube.New(memkube.Options{
				Volume:     func(c memkube.Claim) (string, bool) { asked = append(asked, c); return "vol-1", true },
				VolumeGone: func(c memkube.Claim) bool { removed = append(removed, c); return true },
			})
			c := client(t, s)
			if _, err := c.StorageV1().StorageClasses().Create(t.Context(), &storagev1.StorageClass{
				ObjectMeta:  metav1.ObjectMeta{Name: "block", Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}},
				Provisioner: "dobs.csi.digitalocean.com", ReclaimPolicy: &row.policy,
			}, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			claims := c.CoreV1().PersistentVolumeClaims("default")
			claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data"}}
			claim.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
			claim.Spec.Resources.Requests = corev1.ResourceList{"storage": resource.MustParse("10Gi")}
			if _, err := claims.Create(t.Context(), claim, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			got, err := claims.Get(t.Context(), "data", metav1.GetOptions{})
			if err != nil || got.Status.Phase != corev1.ClaimBound || *got.Spec.StorageClassName != "block" {
				t.Fatalf("the claim is %+v, %v; want it bound", got.Status, err)
			}
			volume, err := c.CoreV1().PersistentVolumes().Get(t.Context(), got.Spec.VolumeName, metav1.GetOptions{})
			if err != nil || volume.Spec.CSI.VolumeHandle != "vol-1" || len(asked) != 1 || asked[0].Bytes != 10<<30 {
				t.Fatalf("the volume is %+v, asked for %+v, %v", volume, asked, err)
			}
			if err := claims.Delete(t.Context(), "data", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			list, err := c.CoreV1().PersistentVolumes().List(t.Context(), metav1.ListOptions{})
			if err != nil || len(list.Items) == 1 != row.kept || len(removed) == 0 != row.kept {
				t.Errorf("after the claim's deletion: %d volumes, cloud asked to remove %+v, %v; want it kept: %t", len(list.Items), removed, err, row.kept)
			}
		})
	}
}

func TestStatefulSetsClaimTheirVolumes(t *testing.T) {
	t.Parallel()
	c := client(t, memkube.New(memkube.Options{}))
	like := deployment(2)
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "db"}, Spec: appsv1.StatefulSetSpec{
		Replicas: like.Spec.Replicas, Selector: like.Spec.Selector, Template: like.Spec.Template, ServiceName: "db",
		VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data"}}},
	}}
	if _, err := c.AppsV1().StatefulSets("default").Create(t.Context(), set, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	got, err := c.AppsV1().StatefulSets("default").Get(t.Context(), "db", metav1.GetOptions{})
	if err != nil || got.Status.ReadyReplicas != 2 {
		t.Errorf("status %+v, %v; want both ready", got.Status, err)
	}
	if claim, err := c.CoreV1().PersistentVolumeClaims("default").Get(t.Context(), "data-db-1", metav1.GetOptions{}); err != nil || claim.Status.Phase != corev1.ClaimBound {
		t.Errorf("the second pod's claim: %v, %v", claim.Status.Phase, err)
	}
}

func TestPodsGoWithTheirNode(t *testing.T) {
	t.Parallel()
	c := client(t, memkube.New(memkube.Options{NeedNodes: true}))
	if _, err := c.AppsV1().Deployments("default").Create(t.Context(), deployment(1), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	available := func() int32 {
		d, err := c.AppsV1().Deployments("default").Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return d.Status.AvailableReplicas
	}
	if got := available(); got != 0 {
		t.Errorf("without a node %d pods are available, want none", got)
	}
	for _, name := range []string{"a", "b"} {
		if _, err := c.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := available(); got != 1 {
			t.Errorf("with node %s %d pods are available, want 1", name, got)
		}
	}
	if err := c.CoreV1().Nodes().Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	list, err := c.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{FieldSelector: "spec.nodeName=b"})
	if err != nil || len(list.Items) != 1 || available() != 1 {
		t.Errorf("after the pod's node has gone: %d pods on the other, %d available, %v", len(list.Items), available(), err)
	}
}

func TestAnExportedClusterIsFoundAgain(t *testing.T) {
	t.Parallel()
	first := memkube.New(memkube.Options{Name: "one"})
	before, err := client(t, first).AppsV1().Deployments("default").Create(t.Context(), deployment(1), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := first.Export()
	if err != nil {
		t.Fatal(err)
	}
	second := memkube.New(memkube.Options{})
	if err := second.Import(data); err != nil {
		t.Fatal(err)
	}
	c := client(t, second)
	after, err := c.AppsV1().Deployments("default").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil || after.UID != before.UID || after.Status.AvailableReplicas != 1 {
		t.Errorf("in the second cluster: %+v, %v", after, err)
	}
	w, err := c.AppsV1().Deployments("default").Watch(t.Context(), metav1.ListOptions{ResourceVersion: before.ResourceVersion})
	if !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
		if err == nil {
			if e := <-w.ResultChan(); e.Type == watch.Error {
				return
			}
		}
		t.Errorf("a watch of the past: %v, want that it is gone", err)
	}
	if err := second.Import([]byte("{")); err == nil {
		t.Error("half a state was taken for a whole one")
	}
}

func TestTheSameRequestsMakeTheSameCluster(t *testing.T) {
	t.Parallel()
	var uids []string
	for range 2 {
		c := client(t, memkube.New(memkube.Options{Name: "same"}))
		d, err := c.AppsV1().Deployments("default").Create(t.Context(), deployment(1), metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		list, err := c.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
		if err != nil || len(list.Items) != 1 {
			t.Fatalf("%d pods, %v", len(list.Items), err)
		}
		uids = append(uids, fmt.Sprint(d.UID, list.Items[0].Name, list.Items[0].UID))
	}
	if uids[0] != uids[1] {
		t.Errorf("one made %s, the other %s", uids[0], uids[1])
	}
}

func TestAWatchEndsWithItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := httptest.NewRequest(http.MethodGet, "/api/v1/pods?watch=1&timeoutSeconds=30", nil)
		answer := httptest.NewRecorder()
		memkube.New(memkube.Options{}).ServeHTTP(answer, r)
		if took := time.Since(began); took != 30*time.Second || strings.TrimSpace(answer.Body.String()) != "" {
			t.Errorf("ended after %v with %q, want 30s and nothing", took, answer.Body)
		}
	})
}
