// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"crypto/x509/pkix"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// istiod plays Istio's control plane (1.30): its authority and the root in every namespace, the authority in its webhooks,
// its gateway classes, the gateways of Gateway API, and the sidecars. Its own resources have no status that anybody waits for.
func istiod() *Operator {
	name := func(s *Scene) string { return s.Object.GetName() + "-istio" }
	g := &gatewayController{
		name: "istio.io/gateway-controller", children: istioGateway,
		addresses: func(s *Scene) []any { return balancedAt(s.Get(services, s.Object.GetNamespace(), name(s))) },
	}
	own := func(o Object) bool { return runs(o, "pilot") }
	return &Operator{
		Name: "pilot-discovery", Image: "pilot", When: schema.GroupResource{Group: "security.istio.io", Resource: "peerauthentications"},
		Inject: injectIstio,
		Kinds: append(g.kinds(),
			Kind{Resource: deployments, Version: "v1", Only: own, Play: playIstiod},
			Kind{Resource: namespaces, Version: "v1", Play: playIstioRoot},
			Kind{Resource: mutatingWebhooks, Version: "v1", Play: playIstioWebhook},
			Kind{Resource: validatingWebhooks, Version: "v1", Play: playIstioWebhook},
		),
	}
}

// istioRoot is the root certificate of Istio's authority; nil while it has none.
func istioRoot(s *Scene) []byte {
	if own := secretData(s.World, s.Controller.GetNamespace(), "cacerts"); own != nil {
		return own["root-cert.pem"]
	}
	return secretData(s.World, s.Controller.GetNamespace(), "istio-ca-secret")["root-cert.pem"]
}

// playIstiod makes the authority, unless one is given in `cacerts`, and the classes where Gateway API is served.
func playIstiod(s *Scene) Outcome {
	var out Outcome
	namespace := s.Controller.GetNamespace()
	if istioRoot(s) == nil && s.Get(secrets, namespace, "istio-ca-secret") == nil {
		ca, err := newAuthority(pkix.Name{Organization: []string{"cluster.local"}}, s.Wall, 10*365*24*time.Hour)
		if err != nil {
			return s.failed(err)
		}
		key, err := encodeKey(ca.key, false)
		if err != nil {
			return s.failed(err)
		}
		root := encodeCertificate(ca.certificate)
		o := typed(&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "istio-ca-secret"}, Type: "istio.io/ca-root",
			Data: map[string][]byte{"ca-cert.pem": root, "ca-key.pem": key, "root-cert.pem": root, "cert-chain.pem": {}, "key.pem": {}},
		})
		out.Children = append(out.Children, o)
	}
	if o := s.Get(definitions, "", "gatewayclasses."+gatewayGroup); o != nil && conditionOf(o, "Established") == "True" {
		out.Children = append(out.Children, &object{Object: map[string]any{
			"apiVersion": gatewayGroup + "/v1", "kind": "GatewayClass", "metadata": map[string]any{"name": "istio"},
			"spec": map[string]any{"controllerName": "istio.io/gateway-controller", "description": "The default Istio GatewayClass"},
		}})
	}
	return out
}

// playIstioRoot puts the root into a namespace.
func playIstioRoot(s *Scene) Outcome {
	root := istioRoot(s)
	if root == nil || slices.Contains([]string{"kube-system", "kube-public", "kube-node-lease"}, s.Object.GetName()) {
		return Outcome{}
	}
	return Outcome{Children: []Object{typed(&corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Object.GetName(), Name: "istio-ca-root-cert", Labels: map[string]string{"istio.io/config": "true"}},
		Data:       map[string]string{"root-cert.pem": string(root)},
	})}}
}

// playIstioWebhook writes the authority into the webhooks that call istiod, and makes those that validate refuse what they cannot judge.
func playIstioWebhook(s *Scene) Outcome {
	root := istioRoot(s)
	if root == nil {
		return Outcome{}
	}
	self, ours := s.Object.DeepCopy(), false
	for _, hook := range mapsAt(self.Object, "webhooks") {
		if textAt(hook, "clientConfig", "service", "namespace") != s.Controller.GetNamespace() || !strings.HasPrefix(textAt(hook, "clientConfig", "service", "name"), "istiod") {
			continue
		}
		ours = true
		setBundle(hook, "clientConfig", base64.StdEncoding.EncodeToString(root))
		if s.Object.GetKind() == "ValidatingWebhookConfiguration" {
			hook["failurePolicy"] = "Fail"
		}
	}
	if !ours {
		return Outcome{}
	}
	return Outcome{Self: self}
}

// istioGateway is what carries a gateway's traffic: a Deployment and a Service of its name and its class.
func istioGateway(s *Scene) []Object {
	name := s.Object.GetName() + "-istio"
	labels := map[string]string{gatewayGroup + "/gateway-name": s.Object.GetName(), gatewayGroup + "/gateway-class-name": "istio"}
	selector := map[string]string{gatewayGroup + "/gateway-name": s.Object.GetName()}
	image := istioProxy(s.Controller)
	meta := metav1.ObjectMeta{Namespace: s.Object.GetNamespace(), Name: name, Labels: labels}
	svc := gatewayService(s, name, labels)
	svc.Spec.Selector = selector
	svc.Spec.Ports = append([]corev1.ServicePort{portTo("status-port", 15021)}, svc.Spec.Ports...)
	if kind := s.Object.GetAnnotations()["networking.istio.io/service-type"]; kind != "" {
		svc.Spec.Type = corev1.ServiceType(kind)
	}
	out := []Object{
		typed(&corev1.ServiceAccount{ObjectMeta: meta}), typed(svc),
		typed(&appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(1)), Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
				ServiceAccountName: name,
				Containers: []corev1.Container{{
					Name: "istio-proxy", Image: image,
					Resources: corev1.ResourceRequirements{Requests: requests("100m", "128Mi"), Limits: requests("2", "1Gi")},
				}},
			}},
		}}),
	}
	for i := range out {
		owned(out[i], s.Object, true)
	}
	return out
}
