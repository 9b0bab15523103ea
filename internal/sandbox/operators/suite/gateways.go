// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	gateways = "gateways.v1.gateway.networking.k8s.io"
	routes   = "httproutes.v1.gateway.networking.k8s.io"
)

func gatewaysGetAddresses(t *testing.T, c *Cluster) {
	c.create(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public}
spec:
  gatewayClassName: cilium
  infrastructure: {annotations: {service.beta.kubernetes.io/do-loadbalancer-size-unit: "1"}}
  listeners: [{name: http, port: 80, protocol: HTTP, hostname: "*.example.com"}]
`)
	c.create(t, "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}")
	for name, host := range map[string]string{"web": "shop.example.com", "stranger": "example.org"} {
		c.create(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: `+name+`}
spec: {parentRefs: [{name: public}], hostnames: [`+host+`], rules: [{backendRefs: [{name: web, port: 80}]}]}
`)
	}
	gateway := c.becomes(t, gateways, "public", "programmed", is("Programmed", "True"))
	service := c.get(t, "services.v1.", "cilium-gateway-public")
	ingress, _, _ := unstructured.NestedSlice(service.Object, "status", "loadBalancer", "ingress")
	addresses, _, _ := unstructured.NestedSlice(gateway.Object, "status", "addresses")
	if len(ingress) != 1 || len(addresses) != 1 || addresses[0].(map[string]any)["value"] != ingress[0].(map[string]any)["ip"] {
		t.Errorf("the gateway's addresses are %v, its Service's %v", addresses, ingress)
	}
	if service.GetAnnotations()["service.beta.kubernetes.io/do-loadbalancer-size-unit"] != "1" {
		t.Errorf("the Service's annotations are %v", service.GetAnnotations())
	}
	accepted := func(want string) func(*unstructured.Unstructured) bool {
		return func(o *unstructured.Unstructured) bool {
			parents, _, _ := unstructured.NestedSlice(o.Object, "status", "parents")
			if len(parents) != 1 {
				return false
			}
			in := &unstructured.Unstructured{Object: map[string]any{"status": parents[0]}}
			return condition(in, "Accepted") == want
		}
	}
	c.becomes(t, routes, "web", "accepted", accepted("True"))
	c.becomes(t, routes, "stranger", "not accepted", accepted("False"))
	c.becomes(t, gateways, "public", "attached once", func(o *unstructured.Unstructured) bool {
		listeners, _, _ := unstructured.NestedSlice(o.Object, "status", "listeners")
		return len(listeners) == 1 && field(&unstructured.Unstructured{Object: listeners[0].(map[string]any)}, "attachedRoutes") == "1"
	})
	// An annotation that is taken off the gateway stays on the Service.
	gateway = c.get(t, gateways, "public")
	unstructured.RemoveNestedField(gateway.Object, "spec", "infrastructure", "annotations", "service.beta.kubernetes.io/do-loadbalancer-size-unit")
	must(t, unstructured.SetNestedField(gateway.Object, "late", "spec", "infrastructure", "annotations", "example.com/added"), "add an annotation")
	_, err := c.at(gateway).Update(c, gateway, metav1.UpdateOptions{})
	must(t, err, "update the gateway")
	service = c.becomes(t, "services.v1.", "cilium-gateway-public", "annotated anew", func(o *unstructured.Unstructured) bool { return o.GetAnnotations()["example.com/added"] == "late" })
	if service.GetAnnotations()["service.beta.kubernetes.io/do-loadbalancer-size-unit"] != "1" {
		t.Errorf("the Service's annotations are %v: Cilium takes none off", service.GetAnnotations())
	}
	c.remove(t, gateways, "public")
	c.gone(t, "services.v1.", "cilium-gateway-public")
}

// A gateway is programmed although one of its listeners lacks its certificate; that listener is not, and takes routes all the same.
func listenersWaitForTheirCertificate(t *testing.T, c *Cluster) {
	c.create(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: secured}
spec:
  gatewayClassName: cilium
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - {name: https, port: 443, protocol: HTTPS, hostname: shop.example.com, tls: {certificateRefs: [{name: shop}]}}
`)
	c.create(t, "{apiVersion: v1, kind: Service, metadata: {name: shop}, spec: {ports: [{port: 80}]}}")
	c.create(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec: {parentRefs: [{name: secured, sectionName: https}], hostnames: [shop.example.com], rules: [{backendRefs: [{name: shop, port: 80}]}]}
`)
	listener := func(status, attached string) func(*unstructured.Unstructured) bool {
		return func(o *unstructured.Unstructured) bool {
			all, _, _ := unstructured.NestedSlice(o.Object, "status", "listeners")
			if len(all) != 2 || condition(o, "Programmed") != "True" {
				return false
			}
			one := &unstructured.Unstructured{Object: map[string]any{"status": all[1]}}
			return condition(one, "Programmed") == status && condition(one, "ResolvedRefs") == status && field(one, "status.attachedRoutes") == attached
		}
	}
	c.becomes(t, gateways, "secured", "programmed without the certificate", listener("False", "1"))
	c.create(t, "{apiVersion: v1, kind: Secret, metadata: {name: shop}, type: kubernetes.io/tls, data: {tls.crt: QQ==, tls.key: QQ==}}")
	c.becomes(t, gateways, "secured", "programmed with the certificate", listener("True", "1"))
}

func ciliumJudgesPolicies(t *testing.T, c *Cluster) {
	const one = `{endpointSelector: {matchLabels: {app: web}}, enableDefaultDeny: {ingress: false}, ingress: [{fromEntities: [ingress]}]}`
	const other = `{endpointSelector: {matchLabels: {app: web}}, egressDeny: [{toEntities: [wold]}]}`
	for name, rules := range map[string]string{"right": "spec: " + one, "wrong": "spec: " + other, "all-right": "specs: [" + one + "," + one + "]", "one-wrong": "specs: [" + one + "," + other + "]", "empty": "specs: []"} {
		c.create(t, `
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: `+name+`}
`+rules+"\n")
	}
	for name, valid := range map[string]string{"right": "True", "wrong": "False", "all-right": "True", "one-wrong": "False", "empty": "False"} {
		c.becomes(t, "ciliumnetworkpolicies.v2.cilium.io", name, "judged", is("Valid", valid))
	}
}

func ingressesGetAddresses(t *testing.T, c *Cluster) {
	for _, class := range []string{"nginx", "kong", "nobody"} {
		c.create(t, `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: `+class+`}
spec:
  ingressClassName: `+class+`
  rules: [{host: shop.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
`)
	}
	for _, class := range []string{"nginx", "kong"} {
		c.becomes(t, "ingresses.v1.networking.k8s.io", class, "addressed", func(o *unstructured.Unstructured) bool {
			at, _, _ := unstructured.NestedSlice(o.Object, "status", "loadBalancer", "ingress")
			return len(at) == 1 && field(&unstructured.Unstructured{Object: at[0].(map[string]any)}, "ip") != ""
		})
	}
	if got := c.get(t, "ingresses.v1.networking.k8s.io", "nobody"); field(got, "status.loadBalancer.ingress") != "" {
		t.Errorf("an Ingress of nobody's class has status %v", got.Object["status"])
	}
	c.create(t, "{apiVersion: k8s.nginx.org/v1, kind: VirtualServer, metadata: {name: web}, spec: {host: a.example.com}}")
	c.becomes(t, "virtualservers.v1.k8s.nginx.org", "web", "valid", func(o *unstructured.Unstructured) bool { return field(o, "status.state") == "Valid" })
}

func kongSaysWhatIsProgrammed(t *testing.T, c *Cluster) {
	c.create(t, "{apiVersion: configuration.konghq.com/v1, kind: KongPlugin, metadata: {name: limit}, plugin: rate-limiting, config: {minute: 5}}")
	c.create(t, "{apiVersion: configuration.konghq.com/v1, kind: KongConsumer, metadata: {name: me, annotations: {kubernetes.io/ingress.class: kong}}, username: me}")
	c.becomes(t, "kongconsumers.v1.configuration.konghq.com", "me", "programmed", is("Programmed", "True"))
	c.becomes(t, "kongplugins.v1.configuration.konghq.com", "limit", "pending, as nothing names it", is("Programmed", "Unknown"))
	c.create(t, "{apiVersion: v1, kind: Service, metadata: {name: web, annotations: {konghq.com/plugins: limit}}, spec: {ports: [{port: 80}]}}")
	c.becomes(t, "kongplugins.v1.configuration.konghq.com", "limit", "programmed", is("Programmed", "True"))
}

// Each of Kong's controllers goes by a name of its own. Its listeners take routes only with their certificate.
func kongServesGateways(t *testing.T, c *Cluster) {
	const name = "konghq.com/kic-gateway-controller/public"
	c.create(t, "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: kong-"+c.namespace+"}, spec: {controllerName: "+name+"}}")
	c.create(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: door, annotations: {konghq.com/publish-service: `+early.namespace+`/proxy}}
spec:
  gatewayClassName: kong-`+c.namespace+`
  listeners:
  - {name: http, port: 80, protocol: HTTP, hostname: shop.example.com}
  - {name: https, port: 443, protocol: HTTPS, hostname: shop.example.com, tls: {certificateRefs: [{name: door}]}}
`)
	c.create(t, "{apiVersion: v1, kind: Service, metadata: {name: shop}, spec: {ports: [{port: 80}]}}")
	for route, parent := range map[string]string{"both": "{name: door}", "secure": "{name: door, sectionName: https}"} {
		c.create(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: `+route+`}
spec: {parentRefs: [`+parent+`], hostnames: [shop.example.com], rules: [{backendRefs: [{name: shop, port: 80}]}]}
`)
	}
	accepted := func(want string) func(*unstructured.Unstructured) bool {
		return func(o *unstructured.Unstructured) bool {
			parents, _, _ := unstructured.NestedSlice(o.Object, "status", "parents")
			if len(parents) != 1 {
				return false
			}
			one := &unstructured.Unstructured{Object: map[string]any{"status": parents[0]}}
			return field(one, "status.controllerName") == name && condition(one, "Accepted") == want
		}
	}
	gateway := c.becomes(t, gateways, "door", "programmed", is("Programmed", "True"))
	if addresses, _, _ := unstructured.NestedSlice(gateway.Object, "status", "addresses"); len(addresses) != 1 {
		t.Errorf("the gateway's addresses are %v, want its Service's", addresses)
	}
	c.becomes(t, routes, "both", "accepted", accepted("True"))
	c.becomes(t, routes, "secure", "not accepted", accepted("False"))
	c.create(t, "{apiVersion: v1, kind: Secret, metadata: {name: door}, type: kubernetes.io/tls, data: {tls.crt: QQ==, tls.key: QQ==}}")
	c.becomes(t, routes, "secure", "accepted with the certificate", accepted("True"))
}

func istioHandsOutItsRoot(t *testing.T, c *Cluster) {
	var root string
	c.becomes(t, "configmaps.v1.", "istio-ca-root-cert", "there", func(o *unstructured.Unstructured) bool {
		root, _, _ = unstructured.NestedString(o.Object, "data", "root-cert.pem")
		return root != ""
	})
	c.create(t, `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: istio-validator-`+c.namespace+`}
webhooks:
- name: rev.validation.istio.io
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {service: {name: istiod, namespace: `+early.namespace+`}}
`)
	c.until(t, "the webhook trusts istiod", func() (bool, error) {
		got, err := c.typed.AdmissionregistrationV1().ValidatingWebhookConfigurations().Get(c, "istio-validator-"+c.namespace, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		return string(got.Webhooks[0].ClientConfig.CABundle) == root && *got.Webhooks[0].FailurePolicy == "Fail", nil
	})
}

func routesAreHeldUntilNodesLetGo(t *testing.T, c *Cluster) {
	name := "out-" + c.namespace
	ways := c.dynamic.Resource(schema.GroupVersionResource{Group: "networking.doks.digitalocean.com", Version: "v1alpha1", Resource: "routes"})
	route := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "networking.doks.digitalocean.com/v1alpha1", "kind": "Route",
		"metadata": map[string]any{"name": name}, "spec": map[string]any{"destinations": []any{"203.0.113.0/24"}, "gateways": []any{"10.0.0.2"}}}}
	_, err := ways.Create(c, route, metav1.CreateOptions{})
	must(t, err, "create a Route")
	c.until(t, "the Route is held", func() (bool, error) {
		got, err := ways.Get(c, name, metav1.GetOptions{})
		return err == nil && len(got.GetFinalizers()) == 1, err
	})
	must(t, ways.Delete(c, name, metav1.DeleteOptions{}), "delete the Route")
	c.until(t, "the Route is gone", func() (bool, error) {
		_, err := ways.Get(c, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
}
