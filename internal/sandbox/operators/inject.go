// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Inject changes a pod that is about to be made as the webhooks of the operators would, each of them only while its own workload is
// ready. In life the API server asks them by MutatingWebhookConfigurations, which stand-ins of charts do not have: so what those of the
// charts select is written here.
func (p *Player) Inject(w World, pod Object) {
	for _, op := range p.operators {
		if op.Inject == nil {
			continue
		}
		if controller := controllerOf(w, op); controller != nil {
			op.Inject(w, controller, pod)
		}
	}
}

// injectProxy puts a proxy and what prepares its way before the containers of a pod. The proxy runs beside these for as long as they do.
func injectProxy(pod Object, proxy, init corev1.Container, labels, annotations map[string]string) {
	proxy.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
	init.SecurityContext = &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_ADMIN", "NET_RAW"}}}
	own := typed(&corev1.Pod{Spec: corev1.PodSpec{InitContainers: []corev1.Container{init, proxy}}})
	mapAt(pod.Object, "spec")["initContainers"] = append(listAt(own.Object, "spec", "initContainers"), listAt(pod.Object, "spec", "initContainers")...)
	pod.SetLabels(with(pod.GetLabels(), labels))
	pod.SetAnnotations(with(pod.GetAnnotations(), annotations))
}

// injectIstio plays istiod's webhook. It selects as the chart's istio-sidecar-injector of the revision default does, and adds what the
// chart's injection-template.yaml adds with native sidecars and without Istio's CNI plugin. What the containers request is a value of the
// chart's, and is left out.
func injectIstio(w World, controller, pod Object) {
	if !istioSelects(w, pod) || truthAt(pod.Object, false, "spec", "hostNetwork") || pod.GetAnnotations()["sidecar.istio.io/status"] != "" {
		return
	}
	const initial, sidecar = "istio-init", "istio-proxy"
	status, err := json.Marshal(map[string]any{"initContainers": []string{initial, sidecar}, "containers": nil, "volumes": nil, "imagePullSecrets": nil, "revision": "default"})
	if err != nil {
		panic("the status of a sidecar does not encode: " + err.Error()) // texts always do
	}
	first := textAt(mapsAt(pod.Object, "spec", "containers")[0], "name")
	was := pod.GetLabels()
	image := istioProxy(controller)
	injectProxy(pod, corev1.Container{Name: sidecar, Image: image, Ports: []corev1.ContainerPort{{Name: "http-envoy-prom", ContainerPort: 15090}}}, corev1.Container{Name: initial, Image: image},
		map[string]string{"security.istio.io/tlsMode": "istio", "service.istio.io/canonical-name": orText(was["app.kubernetes.io/name"], orText(was["app"], ownerOf(w, pod).Name)),
			"service.istio.io/canonical-revision": orText(was["app.kubernetes.io/version"], orText(was["version"], "latest"))},
		with(map[string]string{"kubectl.kubernetes.io/default-container": first, "kubectl.kubernetes.io/default-logs-container": first}, pod.GetAnnotations(),
			map[string]string{"istio.io/rev": "default", "sidecar.istio.io/status": string(status)}))
}

// istioSelects is whether one of the chart's webhooks has a pod sent to istiod.
func istioSelects(w World, pod Object) bool {
	ns := w.Get(namespaces, "", pod.GetNamespace())
	if ns == nil || slices.Contains([]string{"kube-system", "kube-public", "kube-node-lease"}, ns.GetName()) {
		return false
	}
	wish, revision := pod.GetLabels()["sidecar.istio.io/inject"], pod.GetLabels()["istio.io/rev"]
	enabled, says := ns.GetLabels()["istio-injection"]
	of, revised := ns.GetLabels()["istio.io/rev"]
	switch {
	case wish == "false":
		return false
	case says:
		return enabled == "enabled"
	case revised:
		return of == "default"
	}
	return revision == "default" || revision == "" && wish == "true"
}

// istioProxy is the image of the proxies that go with a control plane.
func istioProxy(controller Object) string {
	for _, c := range mapsAt(controller.Object, "spec", "template", "spec", "containers") {
		if at := textAt(c, "image"); strings.HasSuffix(repositoryOf(at), "/pilot") {
			return strings.Replace(at, "/pilot", "/proxyv2", 1)
		}
	}
	return "registry.istio.io/release/proxyv2:1.30.3"
}

// injectLinkerd plays Linkerd's proxy injector, with native sidecars. It selects by the chart's selectors and by the annotation, which a
// pod has from its namespace where it has none of its own, and keeps away from pods that have a proxy of any mesh
// (linkerd2, pkg/inject/report.go). The trust anchors are those of the ConfigMap that the injector mounts.
func injectLinkerd(w World, controller, pod Object) {
	home := controller.GetNamespace()
	injector := w.Get(deployments, home, "linkerd-proxy-injector")
	ns := w.Get(namespaces, "", pod.GetNamespace())
	if injector == nil || numberAt(injector.Object, 0, "status", "readyReplicas") == 0 || ns == nil || ns.GetName() == "kube-system" || ns.GetName() == "cert-manager" ||
		ns.GetLabels()["config.linkerd.io/admission-webhooks"] == "disabled" || pod.GetLabels()["linkerd.io/control-plane-component"] != "" || truthAt(pod.Object, false, "spec", "hostNetwork") {
		return
	}
	const annotation = "linkerd.io/inject"
	if orText(pod.GetAnnotations()[annotation], ns.GetAnnotations()[annotation]) != "enabled" {
		return
	}
	for _, list := range []string{"initContainers", "containers"} {
		for _, c := range mapsAt(pod.Object, "spec", list) {
			if slices.Contains([]string{"linkerd-proxy", "linkerd-init", "istio-proxy", "istio-init"}, textAt(c, "name")) {
				return
			}
		}
	}
	image := textAt(mapsAt(injector.Object, "spec", "template", "spec", "containers")[0], "image")
	for _, c := range mapsAt(injector.Object, "spec", "template", "spec", "containers") {
		if textAt(c, "name") == "proxy-injector" {
			image = textAt(c, "image")
		}
	}
	_, version, _ := strings.Cut(image, ":")
	proxy := strings.Replace(image, "/controller:", "/proxy:", 1)
	var roots string
	if bundle := w.Get(configMaps, home, "linkerd-identity-trust-roots"); bundle != nil {
		roots = textAt(bundle.Object, "data", "ca-bundle.crt")
	}
	sum := sha256.Sum256([]byte(roots))
	owner := ownerOf(w, pod)
	injectProxy(pod, corev1.Container{Name: "linkerd-proxy", Image: proxy, Ports: []corev1.ContainerPort{{Name: "linkerd-proxy", ContainerPort: 4143}, {Name: "linkerd-admin", ContainerPort: 4191}}},
		corev1.Container{Name: "linkerd-init", Image: proxy},
		map[string]string{"linkerd.io/control-plane-ns": home, "linkerd.io/workload-ns": pod.GetNamespace(), "linkerd.io/proxy-" + strings.ToLower(owner.Kind): owner.Name},
		map[string]string{"linkerd.io/created-by": "linkerd/proxy-injector " + version, "linkerd.io/proxy-version": version, "linkerd.io/trust-root-sha256": hex.EncodeToString(sum[:])})
}

// ownerOf is the workload that a pod belongs to: a Deployment in place of its ReplicaSet, and itself where it belongs to none.
func ownerOf(w World, pod Object) metav1.OwnerReference {
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return metav1.OwnerReference{Kind: "Pod", Name: pod.GetName()}
	}
	if owner.Kind == "ReplicaSet" {
		if set := w.Get(schema.GroupResource{Group: "apps", Resource: "replicasets"}, pod.GetNamespace(), owner.Name); set != nil {
			if above := metav1.GetControllerOf(set); above != nil {
				return *above
			}
		}
	}
	return *owner
}
