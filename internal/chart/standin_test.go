// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const recorded = `{"chart":"toy","chartVersion":"1.2.3","appVersion":"4.5.6",
"workloads":[
 {"kind":"Deployment","name":"toy-controller","replicas":2,"containers":[{"name":"main","image":"example.com/toy:4.5.6"},{"name":"side","image":"example.com/side:1.0.0"}],"requests":{"cpu_m":150,"memory_Mi":96}},
 {"kind":"DaemonSet","name":"agent","replicas":3,"containers":[{"name":"agent","image":"example.com/agent:1.0.0"}],"requests":{"cpu_m":10,"memory_Mi":20}}],
"services":[
 {"name":"toy-controller","type":"LoadBalancer","ports":[{"name":"http","port":80,"targetPort":8080},{"name":"https","port":443,"targetPort":"https"}]},
 {"name":"toy-peers","type":"ClusterIP","headless":true,"ports":[{"name":"peer","port":7000}]}],
"crds":[{"name":"toys.example.com","group":"example.com","kind":"Toy","plural":"toys","scope":"Namespaced","versions":[
 {"name":"v1","served":true,"storage":true,"statusSubresource":true},{"name":"v1alpha1","served":false,"storage":false}]}],
"ingressClasses":[{"name":"toy","controller":"example.com/toy"}],
"apiServices":["v1beta1.metrics.example.com"]}`

func standIn(t *testing.T, o Options) (Rendered, map[string]*unstructured.Unstructured) {
	t.Helper()
	r, err := StandIn([]byte(recorded), o)
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string]*unstructured.Unstructured{}
	for _, object := range r.Objects {
		objects[object.GetKind()+" "+object.GetName()] = object
	}
	return r, objects
}

// at reads a field of an object by its path.
func at(t *testing.T, o *unstructured.Unstructured, path ...string) any {
	t.Helper()
	if o == nil {
		t.Fatalf("the object of %v is not there", path)
	}
	v, _, err := unstructured.NestedFieldNoCopy(o.Object, path...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestStandInsNamesFollowTheValuesAsTheChartsDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why    string
		values map[string]any
		want   []string
	}{
		{"as recorded", nil, []string{"Deployment toy-controller", "Service toy-controller", "Service toy-peers", "ServiceAccount toy", "IngressClass toy", "DaemonSet agent"}},
		{"renamed, but for what the chart does not name after itself", map[string]any{"fullnameOverride": "public", "controller": map[string]any{"ingressClass": map[string]any{"name": "gateway-public"}}},
			[]string{"Deployment public-controller", "Service public-controller", "Service public-peers", "ServiceAccount public", "IngressClass gateway-public", "DaemonSet agent"}},
	} {
		r, objects := standIn(t, Options{ReleaseName: "r", Namespace: "ns", Values: c.values})
		for _, name := range c.want {
			if objects[name] == nil {
				t.Errorf("%s: there is no %s", c.why, name)
			}
		}
		if len(r.Objects) != len(c.want)+1 || objects["APIService v1beta1.metrics.example.com"] == nil {
			t.Errorf("%s: there are %d objects", c.why, len(r.Objects))
		}
		for name, o := range objects {
			namespaced := !strings.HasPrefix(name, "IngressClass") && !strings.HasPrefix(name, "APIService")
			if (o.GetNamespace() == "ns") != namespaced {
				t.Errorf("%s: %s is in namespace %q", c.why, name, o.GetNamespace())
			}
		}
	}
}

func TestStandInsAskForWhatWasRecorded(t *testing.T) {
	t.Parallel()
	_, objects := standIn(t, Options{ReleaseName: "r", Namespace: "ns"})
	deployment := objects["Deployment toy-controller"]
	containers := at(t, deployment, "spec", "template", "spec", "containers").([]any)
	if len(containers) != 2 || at(t, deployment, "spec", "replicas") != int64(2) {
		t.Fatalf("%d containers, %v replicas", len(containers), at(t, deployment, "spec", "replicas"))
	}
	first := &unstructured.Unstructured{Object: containers[0].(map[string]any)}
	if at(t, first, "resources", "requests", "cpu") != "150m" || at(t, first, "resources", "requests", "memory") != "96Mi" || at(t, first, "image") != "example.com/toy:4.5.6" {
		t.Errorf("the first container is %v", first.Object)
	}
	if _, ok := containers[1].(map[string]any)["resources"]; ok {
		t.Error("the pod's requests are counted twice")
	}
	if got := at(t, objects["DaemonSet agent"], "spec", "replicas"); got != nil {
		t.Errorf("a DaemonSet has %v replicas, which the API refuses", got)
	}
	ports := at(t, objects["Service toy-controller"], "spec", "ports").([]any)
	if a, b := ports[0].(map[string]any)["targetPort"], ports[1].(map[string]any)["targetPort"]; a != int64(8080) || b != "https" {
		t.Errorf("target ports are %T %v and %T %v", a, a, b, b)
	}
	if at(t, objects["Service toy-peers"], "spec", "clusterIP") != "None" || at(t, objects["Service toy-controller"], "spec", "clusterIP") != nil {
		t.Error("the headless Service is not the headless one")
	}
}

func TestStandInsCRDsServeTheRecordedVersions(t *testing.T) {
	t.Parallel()
	if r, _ := standIn(t, Options{}); len(r.CRDs) != 0 {
		t.Errorf("%d CRDs although none were asked for", len(r.CRDs))
	}
	r, _ := standIn(t, Options{IncludeCRDs: true})
	if len(r.CRDs) != 1 || r.CRDs[0].GetName() != "toys.example.com" || at(t, r.CRDs[0], "spec", "names", "listKind") != "ToyList" {
		t.Fatalf("CRDs are %v", r.CRDs)
	}
	versions := at(t, r.CRDs[0], "spec", "versions").([]any)
	v1, alpha := versions[0].(map[string]any), versions[1].(map[string]any)
	if v1["served"] != true || v1["storage"] != true || v1["subresources"] == nil || alpha["served"] != false || alpha["storage"] != false || alpha["subresources"] != nil {
		t.Errorf("versions are %v", versions)
	}
}

func TestAFootprintThatCannotBeUsedIsAnError(t *testing.T) {
	t.Parallel()
	for why, text := range map[string]string{
		"not JSON": "{", "no chart": `{"workloads":[{"kind":"Deployment"}]}`, "no workload": `{"chart":"toy"}`, "nothing": "",
	} {
		if _, err := StandIn([]byte(text), Options{}); err == nil || !strings.Contains(err.Error(), "read footprint") {
			t.Errorf("%s: got %v", why, err)
		}
	}
}

// together is a chart of two workloads with what a recorder notes of them, and beside it one noted by hand.
const together = `{"chart":"duo","chartVersion":"1.0.0","appVersion":"1.0.0",
"workloads":[
 {"kind":"StatefulSet","name":"{fullnameOverride}-store","replicas":2,"selector":{"app":"store","of":"{release}"},"labels":{"in":"{namespace}"},"requests":{"cpu_m":1,"memory_Mi":1},
  "containers":[{"name":"store","image":"example.com/store:1","ports":[{"name":"client","port":9000}]}],"claims":[{"name":"data","size":"5Gi","class":"fast"}]},
 {"kind":"Deployment","name":"{release}-web","replicas":1,"selector":{"app":"web"},"requests":{"cpu_m":1,"memory_Mi":1},"mounts":["{release}-files"],
  "containers":[{"name":"web","image":"example.com/web:1"},{"name":"side","image":"example.com/side:1","ports":[{"name":"metrics","port":9100}]}]},
 {"kind":"Job","name":"check","hook":"post-install","requests":{"cpu_m":0,"memory_Mi":0},"containers":[{"name":"check","image":"example.com/check:1"}]}],
"services":[
 {"name":"{release}-web","type":"ClusterIP","ports":[{"name":"http","port":80,"targetPort":"http"},{"name":"metrics","port":9100,"targetPort":"metrics"},{"name":"dns","port":53,"targetPort":"dns","protocol":"UDP"}],"selector":{"app":"web"}},
 {"name":"{fullnameOverride}-peers","type":"ClusterIP","headless":true,"ports":[{"port":9000}],"selector":{"app":"store"}},
 {"name":"cluster-dns","elsewhere":"kube-system","type":"ClusterIP","ports":[{"port":53}],"selector":{"k8s-app":"kube-dns"}}],
"claims":[{"name":"{release}-files","size":"1Gi"}],
"ingressClasses":[{"name":"{ingress.class}","controller":"example.com/duo"}],
"webhooks":[{"config":"ValidatingWebhookConfiguration","name":"duo"}]}`

func TestAFootprintsPlacesFollowReleaseNamespaceAndValues(t *testing.T) {
	t.Parallel()
	values := map[string]any{"fullnameOverride": "main", "ingress": map[string]any{"class": "duo-public"}}
	r, err := StandIn([]byte(together), Options{ReleaseName: "r", Namespace: "ns", Values: values})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range r.Objects {
		got = append(got, describe(o))
	}
	want := "ServiceAccount/ns/main PersistentVolumeClaim/ns/r-files Service/kube-system/cluster-dns Service/ns/main-peers Service/ns/r-web Deployment/ns/r-web StatefulSet/ns/main-store IngressClass/duo-public"
	if text := strings.Join(got, " "); !sameWords(text, want) {
		t.Errorf("got  %s\nwant %s; no hook and no webhook among them", text, want)
	}
	_, err = StandIn([]byte(together), Options{ReleaseName: "r", Namespace: "ns", Values: map[string]any{"fullnameOverride": "main"}})
	if err == nil || !strings.Contains(err.Error(), "ingress.class") || !strings.Contains(err.Error(), "duo") {
		t.Errorf("a value that is not there: %v", err)
	}
}

func sameWords(a, b string) bool {
	one, other := strings.Fields(a), strings.Fields(b)
	slices.Sort(one)
	slices.Sort(other)
	return slices.Equal(one, other)
}

func TestStandInsServicesSelectTheWorkloadTheyBelongTo(t *testing.T) {
	t.Parallel()
	values := map[string]any{"fullnameOverride": "main", "ingress": map[string]any{"class": "duo-public"}}
	for why, c := range map[string]struct {
		footprint string
		options   Options
		behind    map[string]string // of each Service; empty for one that selects nothing of the chart
	}{
		"with recorded selectors": {together, Options{ReleaseName: "r", Namespace: "ns", Values: values},
			map[string]string{"r-web": "Deployment r-web", "main-peers": "StatefulSet main-store", "cluster-dns": ""}},
		"noted by hand, told by name": {`{"chart":"toy","workloads":[
 {"kind":"Deployment","name":"toy-webhook","containers":[{"name":"a","image":"example.com/a:1"}]},
 {"kind":"Deployment","name":"toy","containers":[{"name":"a","image":"example.com/a:1"}]}],
"services":[{"name":"toy","type":"ClusterIP","ports":[{"port":1}]},{"name":"toy-webhook","type":"ClusterIP","ports":[{"port":1}]}]}`, Options{ReleaseName: "r", Namespace: "ns"},
			map[string]string{"toy": "Deployment toy", "toy-webhook": "Deployment toy-webhook"}},
	} {
		r, err := StandIn([]byte(c.footprint), c.options)
		if err != nil {
			t.Fatal(err)
		}
		for _, service := range r.Objects {
			if service.GetKind() != "Service" {
				continue
			}
			selector, _, _ := unstructured.NestedStringMap(service.Object, "spec", "selector")
			var behind []string
			for _, o := range r.Objects {
				labels, ok, _ := unstructured.NestedStringMap(o.Object, "spec", "template", "metadata", "labels")
				if ok && labelsSelected(selector, labels) {
					behind = append(behind, o.GetKind()+" "+o.GetName())
				}
			}
			if got := strings.Join(behind, ", "); got != c.behind[service.GetName()] {
				t.Errorf("%s: Service %s selects %v, which is %q, want %q", why, service.GetName(), selector, got, c.behind[service.GetName()])
			}
		}
		for _, o := range r.Objects { // the API server refuses a workload whose own pods it does not select
			selector, ok, _ := unstructured.NestedStringMap(o.Object, "spec", "selector", "matchLabels")
			labels, _, _ := unstructured.NestedStringMap(o.Object, "spec", "template", "metadata", "labels")
			if ok && !labelsSelected(selector, labels) {
				t.Errorf("%s: %s selects %v and its pods are labelled %v", why, describe(o), selector, labels)
			}
		}
	}
}

func labelsSelected(selector, labels map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return len(selector) > 0
}

func TestStandInsContainersHaveThePortsThatServicesTarget(t *testing.T) {
	t.Parallel()
	values := map[string]any{"fullnameOverride": "main", "ingress": map[string]any{"class": "duo-public"}}
	r, err := StandIn([]byte(together), Options{ReleaseName: "r", Namespace: "ns", Values: values})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, o := range r.Objects {
		containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		for _, c := range containers {
			container := c.(map[string]any)
			ports, _ := container["ports"].([]any)
			for _, p := range ports {
				port := p.(map[string]any)
				got[fmt.Sprint(port["name"])] = fmt.Sprintf("%v %v/%v", container["name"], port["containerPort"], port["protocol"])
			}
		}
	}
	want := map[string]string{"client": "store 9000/TCP", "http": "web 80/TCP", "metrics": "side 9100/TCP", "dns": "web 53/UDP"}
	if !maps.Equal(got, want) {
		t.Errorf("container ports are %v, want %v: what a Service targets by name is a port of the pods it selects", got, want)
	}
}

func TestStandInsKeepTheirVolumes(t *testing.T) {
	t.Parallel()
	values := map[string]any{"fullnameOverride": "main", "ingress": map[string]any{"class": "duo-public"}}
	r, err := StandIn([]byte(together), Options{ReleaseName: "r", Namespace: "ns", Values: values})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range r.Objects {
		switch o.GetKind() {
		case "StatefulSet":
			templates := at(t, o, "spec", "volumeClaimTemplates").([]any)
			claim := &unstructured.Unstructured{Object: templates[0].(map[string]any)}
			if claim.GetName() != "data" || at(t, claim, "spec", "resources", "requests", "storage") != "5Gi" || at(t, claim, "spec", "storageClassName") != "fast" {
				t.Errorf("the claim template is %v", claim.Object)
			}
			if at(t, o, "spec", "serviceName") != "main-peers" {
				t.Errorf("its pods are named by Service %v", at(t, o, "spec", "serviceName"))
			}
		case "Deployment":
			volumes := at(t, o, "spec", "template", "spec", "volumes").([]any)
			claim, _, _ := unstructured.NestedString(volumes[0].(map[string]any), "persistentVolumeClaim", "claimName")
			if claim != "r-files" {
				t.Errorf("it mounts %v", volumes)
			}
		}
	}
}

func TestAStandInIsAsLargeAsTheValuesSay(t *testing.T) {
	t.Parallel()
	const sized = `{"chart":"toy","workloads":[{"kind":"StatefulSet","name":"toy","replicas":2,"requests":{"cpu_m":10,"memory_Mi":20},
"follows":{"replicas":"replicaCount","cpu":["main.cpu","side.cpu","side.cpu"],"memory":["main.memory"]},
"containers":[{"name":"main","image":"example.com/toy:1"}],"claims":[{"name":"data","size":"{main.disk}"}]}]}`
	for why, c := range map[string]struct {
		values map[string]any
		want   string // replicas, CPU and memory, the claim; or of the error
	}{
		"all said":                    {map[string]any{"replicaCount": 5, "main": map[string]any{"cpu": "1", "memory": "1.5Gi", "disk": "7Gi"}, "side": map[string]any{"cpu": 0.1}}, "5 1210m 1556Mi 7Gi"},
		"no more said than has to be": {map[string]any{"main": map[string]any{"disk": "7Gi"}, "side": nil}, "2 10m 20Mi 7Gi"},
		"a word for an amount":        {map[string]any{"main": map[string]any{"cpu": "much", "disk": "7Gi"}}, "the values say much at main.cpu"},
		"an amount for its parent":    {map[string]any{"main": map[string]any{"disk": "7Gi"}, "side": "much"}, "side.cpu"},
	} {
		r, err := StandIn([]byte(sized), Options{ReleaseName: "r", Namespace: "ns", Values: c.values})
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %s", why, err, c.want)
			}
			continue
		}
		for _, o := range r.Objects {
			if o.GetKind() != "StatefulSet" {
				continue
			}
			first := func(path ...string) *unstructured.Unstructured {
				return &unstructured.Unstructured{Object: at(t, o, path...).([]any)[0].(map[string]any)}
			}
			requests := at(t, first("spec", "template", "spec", "containers"), "resources", "requests").(map[string]any)
			claim := at(t, first("spec", "volumeClaimTemplates"), "spec", "resources", "requests", "storage")
			if got := fmt.Sprint(at(t, o, "spec", "replicas"), " ", requests["cpu"], " ", requests["memory"], " ", claim); got != c.want {
				t.Errorf("%s: %s, want %s", why, got, c.want)
			}
		}
	}
}
