// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// stage is a cluster of objects that stand.
type stage map[schema.GroupResource][]Object

func (s stage) List(resource schema.GroupResource) []Object { return s[resource] }

func (s stage) Get(resource schema.GroupResource, namespace, name string) Object {
	for _, o := range s[resource] {
		if o.GetNamespace() == namespace && o.GetName() == name {
			return o
		}
	}
	return nil
}

// A mesh's webhook takes in the pods that its documentation says, and keeps off the others.
func TestMeshesInjectThePodsThatAskForIt(t *testing.T) {
	t.Parallel()
	parse := func(text string) Object {
		o := &object{}
		if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
			t.Fatal(err)
		}
		return o
	}
	istiod := parse(`{kind: Deployment, metadata: {namespace: istio-system, name: istiod}, status: {readyReplicas: 1}, spec: {template: {spec: {containers: [{image: "registry.istio.io/release/pilot:1.30.3"}]}}}}`)
	linkerd := parse(`{kind: Deployment, metadata: {namespace: linkerd, name: linkerd-proxy-injector}, status: {readyReplicas: 1}, spec: {template: {spec: {containers: [{name: proxy-injector, image: "cr.l5d.io/linkerd/controller:edge-26.8.3"}]}}}}`)
	for _, row := range []struct {
		why, namespace, pod, spec string
		of                        Object
		proxy                     string
	}{
		{"a label asks for it", "", "labels: {sidecar.istio.io/inject: 'true'}", "", istiod, "istio-proxy"},
		{"nothing asks for it", "", "labels: {app: web}", "", istiod, ""},
		{"the namespace asks for it", "labels: {istio-injection: enabled}", "", "", istiod, "istio-proxy"},
		{"the pod's refusal wins over its namespace", "labels: {istio-injection: enabled}", "labels: {sidecar.istio.io/inject: 'false'}", "", istiod, ""},
		{"the namespace's refusal wins over the pod", "labels: {istio-injection: disabled}", "labels: {sidecar.istio.io/inject: 'true'}", "", istiod, ""},
		{"the namespace asks for a revision", "labels: {istio.io/rev: default}", "", "", istiod, "istio-proxy"},
		{"the revision is another control plane's", "labels: {istio.io/rev: canary}", "labels: {sidecar.istio.io/inject: 'true'}", "", istiod, ""},
		{"a pod of an ambient mesh has none", "labels: {istio.io/dataplane-mode: ambient}", "", "", istiod, ""},
		{"a pod in its node's network has none", "", "labels: {sidecar.istio.io/inject: 'true'}", "hostNetwork: true, ", istiod, ""},
		{"without a control plane that is ready there is none", "", "labels: {sidecar.istio.io/inject: 'true'}", "", nil, ""},
		{"an annotation asks for it", "", "annotations: {linkerd.io/inject: enabled}", "", linkerd, "linkerd-proxy"},
		{"Istio's label is not Linkerd's", "", "labels: {sidecar.istio.io/inject: 'true'}", "", linkerd, ""},
		{"the namespace asks for it", "annotations: {linkerd.io/inject: enabled}", "", "", linkerd, "linkerd-proxy"},
		{"the pod's refusal wins over its namespace", "annotations: {linkerd.io/inject: enabled}", "annotations: {linkerd.io/inject: disabled}", "", linkerd, ""},
		{"webhooks are kept off the namespace", "labels: {config.linkerd.io/admission-webhooks: disabled}", "annotations: {linkerd.io/inject: enabled}", "", linkerd, ""},
		{"a pod that has a proxy gets no other", "", "annotations: {linkerd.io/inject: enabled}", "initContainers: [{name: istio-proxy}], ", linkerd, "istio-proxy"},
	} {
		world := stage{namespaces: {parse("{kind: Namespace, metadata: {name: apps, " + row.namespace + "}}")}}
		if row.of != nil {
			world[deployments] = []Object{row.of}
		}
		pod := parse("{kind: Pod, metadata: {namespace: apps, name: web, " + row.pod + "}, spec: {" + row.spec + "containers: [{name: web}]}}")
		NewPlayer(nil, nil, nil).Inject(world, pod)
		beside := mapsAt(pod.Object, "spec", "initContainers")
		got := ""
		if len(beside) > 0 {
			got = textAt(beside[len(beside)-1], "name")
		}
		if own := mapsAt(pod.Object, "spec", "containers"); got != row.proxy || len(own) != 1 {
			t.Errorf("%s: its proxy is %q, and should be %q", row.why, got, row.proxy)
		}
		marked := pod.GetLabels()["security.istio.io/tlsMode"] != "" || pod.GetLabels()["linkerd.io/control-plane-ns"] != ""
		if injected := row.proxy != "" && !strings.Contains(row.spec, row.proxy); marked != injected {
			t.Errorf("%s: the marks of a proxy are on it: %t", row.why, marked)
		}
	}
}
