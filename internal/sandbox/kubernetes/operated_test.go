// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"net/http"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/operators"
)

// definition is a CRD with these versions, each served and stored or not, once it is established.
func definition(group, plural, kind string, established bool, versions ...map[string]any) *unstructured.Unstructured {
	var all []any
	for _, v := range versions {
		all = append(all, v)
	}
	d := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": plural + "." + group},
		"spec":     map[string]any{"group": group, "names": map[string]any{"plural": plural, "kind": kind}, "versions": all}}}
	if established {
		d.Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Established", "status": "True"}}}
	}
	return d
}

func version(name string, served, storage bool) map[string]any {
	return map[string]any{"name": name, "served": served, "storage": storage}
}

func TestADefinitionIsFollowedInTheVersionThatIsKept(t *testing.T) {
	t.Parallel()
	going := definition("kafka.strimzi.io", "kafkas", "Kafka", true, version("v1", true, true))
	going.SetDeletionTimestamp(new(metav1.Now()))
	for why, c := range map[string]struct {
		definition *unstructured.Unstructured
		version    string
		ok         bool
	}{
		"the stored one of several": {definition("kafka.strimzi.io", "kafkas", "Kafka", true, version("v1beta2", true, false), version("v1", true, true)), "v1", true},
		"not established yet":       {definition("kafka.strimzi.io", "kafkas", "Kafka", false, version("v1", true, true)), "v1", false},
		"about to go":               {going, "v1", false},
		"stored and not served":     {definition("kafka.strimzi.io", "kafkas", "Kafka", true, version("v1", false, true)), "", false},
	} {
		if got, ok := stored(c.definition); got.Version != c.version || ok != c.ok {
			t.Errorf("%s: %v, %v; want %s, %v", why, got, ok, c.version, c.ok)
		}
	}
}

func TestWatchesComeAndGoWithTheDefinitions(t *testing.T) {
	t.Parallel()
	kafkas := schema.GroupVersionResource{Group: "kafka.strimzi.io", Version: "v1", Resource: "kafkas"}
	lists := map[schema.GroupVersionResource]string{definitions: "CustomResourceDefinitionList", kafkas: "KafkaList"}
	for _, gvr := range operators.Watches(map[schema.GroupResource]schema.GroupVersionResource{kafkas.GroupResource(): kafkas}) {
		if lists[gvr] == "" {
			lists[gvr] = "List"
		}
	}
	crd := definition(kafkas.Group, kafkas.Resource, "Kafka", true, version("v1", true, true))
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, crd)
	begun := make(chan struct{})
	var once sync.Once
	client.PrependWatchReactor("customresourcedefinitions", func(clienttesting.Action) (bool, watch.Interface, error) {
		w, err := client.Tracker().Watch(definitions, "")
		once.Do(func() { close(begun) }) // what changes from now on is seen
		return true, w, err
	})
	o := newOperated(&Runtime{options: Options{Cloud: func(string) http.RoundTripper { return http.DefaultTransport }}}, digitalocean.ClusterSpec{Name: "shop"}, client)
	o.watch(t.Context(), definitions)
	until := func(what string, done func() bool) {
		t.Helper()
		for over := time.After(time.Minute); ; {
			if listed := o.follow(t.Context()); listed && done() {
				return
			}
			select {
			case <-o.nudged: // something was seen
			case <-time.After(10 * time.Millisecond): // something may have been listed
			case <-over:
				t.Fatalf("still waiting for %s", what)
			}
		}
	}
	watching := func() bool { return o.watched[kafkas.GroupResource()] != nil }
	until("the watch of Kafkas to begin", watching)
	<-begun
	if err := client.Resource(definitions).Delete(t.Context(), crd.GetName(), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	until("the watch of Kafkas to end", func() bool { return !watching() })
	if len(o.watched) != 1 {
		t.Errorf("without a definition %d resources are watched, want the definitions alone", len(o.watched))
	}
}
