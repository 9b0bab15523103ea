// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	ingresses      = schema.GroupResource{Group: "networking.k8s.io", Resource: "ingresses"}
	ingressClasses = schema.GroupResource{Group: "networking.k8s.io", Resource: "ingressclasses"}
)

// ingressReports is how long an ingress controller takes to write an address into an Ingress, in model time.
const ingressReports = 2 * time.Second

// ingressKinds are Ingresses, whose status a controller of a class's name keeps.
func ingressKinds(controller string, address func(*Scene) Object) []Kind {
	return []Kind{
		{Resource: ingressClasses, Version: "v1"},
		{Resource: ingresses, Version: "v1", Play: func(s *Scene) Outcome {
			class := s.Get(ingressClasses, "", textAt(s.Object.Object, "spec", "ingressClassName"))
			if class == nil || textAt(class.Object, "spec", "controller") != controller || !s.Ripe(ingressReports) {
				return Outcome{}
			}
			at := mapsAt(orNothing(address(s)), "status", "loadBalancer", "ingress")
			var out []any
			for _, a := range at {
				entry := map[string]any{}
				for _, field := range []string{"ip", "hostname"} {
					if v := textAt(a, field); v != "" {
						entry[field] = v
					}
				}
				out = append(out, entry)
			}
			if out == nil {
				return Outcome{}
			}
			return Outcome{Status: map[string]any{"loadBalancer": map[string]any{"ingress": out}}}
		}},
	}
}

func orNothing(o Object) map[string]any {
	if o == nil {
		return nil
	}
	return o.Object
}

// balancedBeside is the Service of a controller's own namespace that has a load balancer, by its name or, for a stand-in that
// does not say it, the only kind there is.
func balancedBeside(s *Scene, namespace, name string) Object {
	if name != "" {
		return s.Get(services, orText(namespace, s.Controller.GetNamespace()), name)
	}
	for _, o := range s.List(services) {
		if o.GetNamespace() == s.Controller.GetNamespace() && textAt(o.Object, "spec", "type") == "LoadBalancer" {
			return o
		}
	}
	return nil
}

// nginxIngress plays F5's NGINX Ingress Controller (5.5): the addresses of Ingresses, and the state of its own resources.
func nginxIngress() *Operator {
	address := func(s *Scene) Object {
		for _, c := range mapsAt(s.Controller.Object, "spec", "template", "spec", "containers") {
			for _, arg := range textsAt(c, "args") {
				if name, ok := strings.CutPrefix(strings.TrimLeft(arg, "-"), "external-service="); ok {
					return balancedBeside(s, "", name)
				}
			}
		}
		return balancedBeside(s, "", "")
	}
	op := &Operator{Name: "nginx-ingress", Image: "nginx-ingress", Kinds: ingressKinds("nginx.org/ingress-controller", address)}
	for _, kind := range []string{"virtualservers", "virtualserverroutes", "transportservers", "policies"} {
		op.Kinds = append(op.Kinds, Kind{Resource: schema.GroupResource{Group: "k8s.nginx.org", Resource: kind}, Play: func(s *Scene) Outcome {
			if !s.Ripe(ingressReports) {
				return Outcome{}
			}
			status := map[string]any{
				"state": "Valid", "reason": "AddedOrUpdated", "message": "Configuration for " + nameOf(s.Object) + " was added or updated",
			}
			if kind == "virtualservers" {
				var ends []any
				for _, a := range mapsAt(orNothing(address(s)), "status", "loadBalancer", "ingress") {
					ends = append(ends, map[string]any{"ip": orText(textAt(a, "ip"), textAt(a, "hostname")), "ports": "[80,443]"})
				}
				if ends != nil {
					status["externalEndpoints"] = ends
				}
			}
			return Outcome{Status: status}
		}})
	}
	return op
}

// kongIngress plays Kong's ingress controller (3.5): addresses of Ingresses, gateways of its classes, and whether plugins and
// consumers have reached Kong.
func kongIngress() *Operator {
	address := func(s *Scene) Object {
		at, _, _ := environment(s.Controller, "CONTROLLER_PUBLISH_SERVICE")
		namespace, name, ok := strings.Cut(at, "/")
		if !ok {
			return balancedBeside(s, "", "")
		}
		return balancedBeside(s, namespace, name)
	}
	g := &gatewayController{
		answers: kongAnswers, strict: true,
		addresses: func(s *Scene) []any {
			namespace, name, ok := strings.Cut(s.Object.GetAnnotations()["konghq.com/publish-service"], "/")
			if !ok {
				return balancedAt(address(s))
			}
			return balancedAt(s.Get(services, namespace, name))
		},
	}
	op := &Operator{
		Name: "kong-ingress-controller", Image: "kubernetes-ingress-controller", When: schema.GroupResource{Group: "configuration.konghq.com", Resource: "kongplugins"},
		Kinds: append(ingressKinds("ingress-controllers.konghq.com/kong", address), g.kinds()...),
	}
	for _, kind := range []string{"kongplugins", "kongclusterplugins", "kongconsumers", "kongconsumergroups", "kongupstreampolicies"} {
		op.Kinds = append(op.Kinds, Kind{Resource: schema.GroupResource{Group: "configuration.konghq.com", Resource: kind}, Play: playKong})
	}
	return op
}

// kongAnswers is whether one of Kong's controllers goes by a name in the Gateway API: by the one it is told, or else by its usual one.
// A stand-in, which is told nothing at all, goes by any that is Kong's.
func kongAnswers(w World, name string) bool {
	const usual = "konghq.com/kic-gateway-controller"
	for _, o := range w.List(deployments) {
		if !runs(o, "kubernetes-ingress-controller") {
			continue
		}
		_, _, real := environment(o, "CONTROLLER_PUBLISH_SERVICE")
		told, _, _ := environment(o, "CONTROLLER_GATEWAY_API_CONTROLLER_NAME")
		if name == orText(told, usual) || !real && strings.HasPrefix(name, usual+"/") {
			return true
		}
	}
	return false
}

// playKong says that an object has reached Kong. A plugin does so only once something names it, and a consumer of another class never.
func playKong(s *Scene) Outcome {
	class := s.Object.GetAnnotations()["kubernetes.io/ingress.class"]
	own := s.Get(ingressClasses, "", class)
	if class != "" && (own == nil || textAt(own.Object, "spec", "controller") != "ingress-controllers.konghq.com/kong") {
		return Outcome{}
	}
	generation := s.Object.GetGeneration()
	if !s.Ripe(ingressReports) || s.Object.GetKind() == "KongPlugin" && !kongNames(s) {
		return Outcome{Status: map[string]any{"conditions": conditions(s.Object, s.Wall,
			condition{"Programmed", "Unknown", "Pending", "Waiting for the controller", generation})}}
	}
	return Outcome{Status: map[string]any{"conditions": conditions(s.Object, s.Wall,
		condition{"Programmed", "True", "Programmed", "Object was successfully configured in Kong.", generation})}}
}

// kongNames is whether something in a plugin's namespace names it.
func kongNames(s *Scene) bool {
	for _, resource := range []schema.GroupResource{ingresses, services, httpRoutes, grpcRoutes, {Group: "configuration.konghq.com", Resource: "kongconsumers"}} {
		for _, o := range s.List(resource) {
			if o.GetNamespace() != s.Object.GetNamespace() {
				continue
			}
			for name := range strings.SplitSeq(o.GetAnnotations()["konghq.com/plugins"], ",") {
				if strings.TrimSpace(name) == s.Object.GetName() {
					return true
				}
			}
		}
	}
	return false
}
