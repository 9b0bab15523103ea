// SPDX-License-Identifier: Apache-2.0

package chart

import (
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
