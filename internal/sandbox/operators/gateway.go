// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const gatewayGroup = "gateway.networking.k8s.io"

var (
	gatewayClasses = schema.GroupResource{Group: gatewayGroup, Resource: "gatewayclasses"}
	gateways       = schema.GroupResource{Group: gatewayGroup, Resource: "gateways"}
	httpRoutes     = schema.GroupResource{Group: gatewayGroup, Resource: "httproutes"}
	grpcRoutes     = schema.GroupResource{Group: gatewayGroup, Resource: "grpcroutes"}
	tlsRoutes      = schema.GroupResource{Group: gatewayGroup, Resource: "tlsroutes"}
	grants         = schema.GroupResource{Group: gatewayGroup, Resource: "referencegrants"}
)

// gatewayReconciles is how long a gateway's controller takes to write down what it thinks of an object, in model time.
const gatewayReconciles = time.Second

// gatewayController is one implementation of Gateway API.
type gatewayController struct {
	name string // controllerName of its classes
	// answers is whether a class's controllerName is that of one that runs, where there may be several of them, each with a name of
	// its own; nil: there is one, of this name.
	answers func(w World, name string) bool
	// strict is whether a listener takes routes only once it is programmed.
	strict   bool
	children func(*Scene) []Object
	// addresses are those of a gateway, none while they are not known.
	addresses func(*Scene) []any
}

// kinds are what a controller looks after.
func (g *gatewayController) kinds() []Kind {
	return []Kind{
		{Resource: gatewayClasses, Play: g.playClass},
		{Resource: gateways, Play: g.playGateway},
		{Resource: httpRoutes, Play: g.playRoute},
		{Resource: grpcRoutes, Play: g.playRoute},
		{Resource: tlsRoutes, Play: g.playRoute},
		{Resource: grants},
	}
}

// is whether a controllerName is the controller's, or that of one of several.
func (g *gatewayController) is(w World, name string) bool {
	if g.answers != nil {
		return g.answers(w, name)
	}
	return name == g.name
}

// serves is whose class a gateway is of, if it is one of the controller's; empty if not.
func (g *gatewayController) serves(w World, gateway Object) string {
	class := w.Get(gatewayClasses, "", textAt(gateway.Object, "spec", "gatewayClassName"))
	if class == nil || !g.is(w, textAt(class.Object, "spec", "controllerName")) {
		return ""
	}
	return textAt(class.Object, "spec", "controllerName")
}

func (g *gatewayController) playClass(s *Scene) Outcome {
	if !g.is(s.World, textAt(s.Object.Object, "spec", "controllerName")) {
		return Outcome{}
	}
	return Outcome{Status: map[string]any{"conditions": conditions(s.Object, s.Wall,
		condition{"Accepted", "True", "Accepted", "Valid GatewayClass", s.Object.GetGeneration()})}}
}

// playGateway gives a gateway what carries its traffic, and its status.
func (g *gatewayController) playGateway(s *Scene) Outcome {
	if g.serves(s.World, s.Object) == "" || !s.Ripe(gatewayReconciles) {
		return Outcome{}
	}
	var out Outcome
	if g.children != nil {
		out.Children = g.children(s)
	}
	addresses, generation := g.addresses(s), s.Object.GetGeneration()
	is := []condition{{"Accepted", "True", "Accepted", "Gateway successfully scheduled", generation}}
	if len(addresses) > 0 {
		is = append(is, condition{"Programmed", "True", "Programmed", "Gateway successfully reconciled", generation})
	} else {
		is = append(is, condition{"Programmed", "False", "AddressNotAssigned", "Gateway waiting for address", generation})
	}
	status := map[string]any{"conditions": conditions(s.Object, s.Wall, is...)}
	if len(addresses) > 0 {
		status["addresses"] = addresses
	}
	var listeners []any
	for _, l := range mapsAt(s.Object.Object, "spec", "listeners") {
		listeners = append(listeners, g.listener(s, l))
	}
	status["listeners"] = listeners
	out.Status = status
	return out
}

// listener is what a gateway's status says of one of its listeners.
func (g *gatewayController) listener(s *Scene, l map[string]any) map[string]any {
	generation, name := s.Object.GetGeneration(), textAt(l, "name")
	before := Object(nil)
	for _, was := range mapsAt(s.Object.Object, "status", "listeners") {
		if was["name"] == name {
			before = &object{Object: map[string]any{"status": was}}
		}
	}
	if before == nil {
		before = &object{Object: map[string]any{}}
	}
	resolved := condition{"ResolvedRefs", "True", "ResolvedRefs", "Resolved Refs", generation}
	for _, ref := range mapsAt(l, "tls", "certificateRefs") {
		namespace := orText(textAt(ref, "namespace"), s.Object.GetNamespace())
		switch {
		case s.Get(secrets, namespace, textAt(ref, "name")) == nil:
			resolved = condition{"ResolvedRefs", "False", "InvalidCertificateRef", "CertificateRef " + namespace + "/" + textAt(ref, "name") + " not found", generation}
		case namespace != s.Object.GetNamespace() && !granted(s.World, s.Object, namespace, "", "Secret", textAt(ref, "name")):
			resolved = condition{"ResolvedRefs", "False", "RefNotPermitted", "CertificateRef is not permitted", generation}
		}
	}
	programmed := condition{"Programmed", "True", "Programmed", "Listener Programmed", generation}
	if resolved.status != "True" {
		programmed = condition{"Programmed", "False", "Invalid", "Invalid CertificateRef", generation}
	}
	kinds := []any{}
	if p := textAt(l, "protocol"); p == "HTTP" || p == "HTTPS" {
		for _, kind := range []string{"HTTPRoute", "GRPCRoute"} {
			kinds = append(kinds, map[string]any{"group": gatewayGroup, "kind": kind})
		}
	}
	attached := int64(0)
	for _, resource := range []schema.GroupResource{httpRoutes, grpcRoutes} {
		for _, route := range s.List(resource) {
			for _, ref := range mapsAt(route.Object, "spec", "parentRefs") {
				if refersTo(route, ref, s.Object) && attaches(s.World, s.Object, l, route, ref) == "" {
					attached++
					break
				}
			}
		}
	}
	return map[string]any{
		"name": name, "supportedKinds": kinds, "attachedRoutes": attached,
		"conditions": conditions(before, s.Wall, condition{"Accepted", "True", "Accepted", "Listener Accepted", generation}, programmed, resolved),
	}
}

func orText(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// refersTo is whether a route's reference is to a gateway.
func refersTo(route Object, ref map[string]any, gateway Object) bool {
	return orText(textAt(ref, "kind"), "Gateway") == "Gateway" && orText(textAt(ref, "group"), gatewayGroup) == gatewayGroup &&
		textAt(ref, "name") == gateway.GetName() && orText(textAt(ref, "namespace"), route.GetNamespace()) == gateway.GetNamespace()
}

// attaches says why a route cannot attach to a listener by a reference, nothing when it can.
func attaches(w World, gateway Object, l map[string]any, route Object, ref map[string]any) string {
	if section := textAt(ref, "sectionName"); section != "" && section != textAt(l, "name") {
		return "NoMatchingParent"
	}
	if port := numberAt(ref, 0, "port"); port != 0 && port != numberAt(l, 0, "port") {
		return "NoMatchingParent"
	}
	switch orText(textAt(l, "allowedRoutes", "namespaces", "from"), "Same") {
	case "Same":
		if route.GetNamespace() != gateway.GetNamespace() {
			return "NotAllowedByListeners"
		}
	case "None":
		return "NotAllowedByListeners"
	case "Selector":
		var selector metav1.LabelSelector
		read(mapAt(l, "allowedRoutes", "namespaces", "selector"), &selector)
		chosen, err := metav1.LabelSelectorAsSelector(&selector)
		in := w.Get(namespaces, "", route.GetNamespace())
		if err != nil || in == nil || !chosen.Matches(labels.Set(in.GetLabels())) {
			return "NotAllowedByListeners"
		}
	}
	names := textsAt(route.Object, "spec", "hostnames")
	host := textAt(l, "hostname")
	if host == "" || len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return sameHost(host, n) }) {
		return ""
	}
	return "NoMatchingListenerHostname"
}

// sameHost is whether a listener's and a route's host names have one in common.
func sameHost(a, b string) bool {
	wild := func(w, n string) bool { return strings.HasPrefix(w, "*.") && strings.HasSuffix(n, w[1:]) }
	return a == b || wild(a, b) || wild(b, a)
}

// granted is whether a namespace lets a kind of object refer to something in it.
func granted(w World, from Object, namespace, group, kind, name string) bool {
	for _, grant := range w.List(grants) {
		if grant.GetNamespace() != namespace {
			continue
		}
		may := slices.ContainsFunc(mapsAt(grant.Object, "spec", "from"), func(f map[string]any) bool {
			return textAt(f, "group") == from.GroupVersionKind().Group && textAt(f, "kind") == from.GetKind() && textAt(f, "namespace") == from.GetNamespace()
		})
		to := slices.ContainsFunc(mapsAt(grant.Object, "spec", "to"), func(t map[string]any) bool {
			return textAt(t, "group") == group && textAt(t, "kind") == kind && (textAt(t, "name") == "" || textAt(t, "name") == name)
		})
		if may && to {
			return true
		}
	}
	return false
}

// playRoute says of each of a route's parents that is the controller's whether the route is accepted there.
func (g *gatewayController) playRoute(s *Scene) Outcome {
	if !s.Ripe(gatewayReconciles) {
		return Outcome{}
	}
	var parents []any
	for _, was := range mapsAt(s.Object.Object, "status", "parents") {
		if !g.is(s.World, textAt(was, "controllerName")) {
			parents = append(parents, was)
		}
	}
	others := len(parents)
	for _, ref := range mapsAt(s.Object.Object, "spec", "parentRefs") {
		gateway := s.Get(gateways, orText(textAt(ref, "namespace"), s.Object.GetNamespace()), textAt(ref, "name"))
		if gateway == nil || !refersTo(s.Object, ref, gateway) {
			continue
		}
		by := g.serves(s.World, gateway)
		if by == "" {
			continue
		}
		why := "NoMatchingParent"
		for _, l := range mapsAt(gateway.Object, "spec", "listeners") {
			if why = attaches(s.World, gateway, l, s.Object, ref); why == "" && g.strict && !listens(gateway, textAt(l, "name")) {
				why = "NotAllowedByListeners"
			}
			if why == "" {
				break
			}
		}
		parents = append(parents, parentStatus(s, by, ref, why))
	}
	if len(parents) == others && len(mapsAt(s.Object.Object, "status", "parents")) == others {
		return Outcome{} // none of ours
	}
	if parents == nil {
		parents = []any{}
	}
	return Outcome{Status: map[string]any{"parents": parents}}
}

// listens is whether a gateway's status says that a listener is programmed.
func listens(gateway Object, listener string) bool {
	for _, l := range mapsAt(gateway.Object, "status", "listeners") {
		if textAt(l, "name") == listener {
			return conditionOf(&object{Object: map[string]any{"status": l}}, "Programmed") == "True"
		}
	}
	return false
}

// parentStatus is what a route's status says of one of its parents, by the name of who wrote it.
func parentStatus(s *Scene, by string, ref map[string]any, why string) map[string]any {
	generation := s.Object.GetGeneration()
	before := &object{Object: map[string]any{}}
	for _, was := range mapsAt(s.Object.Object, "status", "parents") {
		if textAt(was, "controllerName") == by && covers(was["parentRef"], ref) {
			before = &object{Object: map[string]any{"status": was}}
		}
	}
	accepted := condition{"Accepted", "True", "Accepted", "Accepted " + s.Object.GetKind(), generation}
	if why != "" {
		accepted = condition{"Accepted", "False", why, "The route cannot attach to any listener: " + why, generation}
	}
	resolved := condition{"ResolvedRefs", "True", "ResolvedRefs", "Service reference is valid", generation}
	for _, rule := range mapsAt(s.Object.Object, "spec", "rules") {
		for _, backend := range mapsAt(rule, "backendRefs") {
			namespace := orText(textAt(backend, "namespace"), s.Object.GetNamespace())
			switch {
			case orText(textAt(backend, "kind"), "Service") != "Service":
			case namespace != s.Object.GetNamespace() && !granted(s.World, s.Object, namespace, "", "Service", textAt(backend, "name")):
				resolved = condition{"ResolvedRefs", "False", "RefNotPermitted", "Cross namespace references are not allowed", generation}
			case s.Get(services, namespace, textAt(backend, "name")) == nil:
				resolved = condition{"ResolvedRefs", "False", "BackendNotFound", fmt.Sprintf("Service %q not found", textAt(backend, "name")), generation}
			}
		}
	}
	return map[string]any{"parentRef": ref, "controllerName": by, "conditions": conditions(before, s.Wall, accepted, resolved)}
}

// balancedAt are the addresses of a Service's load balancer.
func balancedAt(o Object) []any {
	var out []any
	if o == nil {
		return nil
	}
	for _, at := range mapsAt(o.Object, "status", "loadBalancer", "ingress") {
		if host := textAt(at, "hostname"); host != "" {
			out = append(out, map[string]any{"type": "Hostname", "value": host})
		} else if ip := textAt(at, "ip"); ip != "" {
			out = append(out, map[string]any{"type": "IPAddress", "value": ip})
		}
	}
	return out
}

// gatewayService is the Service that a controller makes for a gateway, with a port for each of its listeners'.
func gatewayService(s *Scene, name string, own map[string]string) *corev1.Service {
	notes, more := textMap(s.Object.Object, "spec", "infrastructure", "annotations"), textMap(s.Object.Object, "spec", "infrastructure", "labels")
	svc := service(metav1.ObjectMeta{
		Namespace: s.Object.GetNamespace(), Name: name, Annotations: notes, Labels: with(more, own, map[string]string{gatewayGroup + "/gateway-name": s.Object.GetName()}),
	}, nil)
	svc.Spec.Type = corev1.ServiceTypeLoadBalancer
	for _, l := range mapsAt(s.Object.Object, "spec", "listeners") {
		number := int32(numberAt(l, 0, "port"))
		if !slices.ContainsFunc(svc.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == number }) {
			svc.Spec.Ports = append(svc.Spec.Ports, portTo(fmt.Sprintf("port-%d", number), number))
		}
	}
	return svc
}

// cilium plays Cilium's Gateway API (1.18), which DOKS runs on VPC-native clusters from 1.33 on: each gateway of the class
// `cilium` gets a Service of type LoadBalancer, which DigitalOcean makes a network load balancer of.
func cilium() *Operator {
	name := func(s *Scene) string { return "cilium-gateway-" + s.Object.GetName() }
	g := &gatewayController{
		name: "io.cilium/gateway-controller",
		children: func(s *Scene) []Object {
			svc := gatewayService(s, name(s), map[string]string{"io.cilium.gateway/owning-gateway": s.Object.GetName()})
			if have := s.Get(services, svc.Namespace, svc.Name); have != nil { // Cilium adds labels and annotations, and takes none off
				svc.Labels, svc.Annotations = with(have.GetLabels(), svc.Labels), with(have.GetAnnotations(), svc.Annotations)
			}
			return []Object{owned(typed(svc), s.Object, true)}
		},
		addresses: func(s *Scene) []any { return balancedAt(s.Get(services, s.Object.GetNamespace(), name(s))) },
	}
	class := Kind{Resource: definitions, Version: "v1", Play: playCiliumClass, Only: func(o Object) bool {
		return o.GetName() == "gatewayclasses."+gatewayGroup && o.GetLabels()["doks.digitalocean.com/managed"] == "true"
	}}
	return &Operator{Name: "cilium-operator", Beside: true, Kinds: append(g.kinds(), class,
		Kind{Resource: schema.GroupResource{Group: "cilium.io", Resource: "ciliumnetworkpolicies"}, Play: playCiliumPolicy},
		Kind{Resource: schema.GroupResource{Group: "cilium.io", Resource: "ciliumclusterwidenetworkpolicies"}, Play: playCiliumPolicy})}
}

// playCiliumPolicy says whether a policy can be enforced, as far as that is checked here: that it selects something, and that the
// entities it names are Cilium's.
func playCiliumPolicy(s *Scene) Outcome {
	if !s.Ripe(gatewayReconciles) {
		return Outcome{}
	}
	is := condition{"Valid", "True", "", "Policy validation succeeded", 0}
	specs := mapsAt(s.Object.Object, "specs") // or one, as spec
	if spec := mapAt(s.Object.Object, "spec"); len(spec) > 0 {
		specs = append(specs, spec)
	}
	if len(specs) == 0 {
		is = condition{"Valid", "False", "", "CiliumNetworkPolicy has no spec", 0}
	}
	for _, spec := range specs {
		if why := ciliumRefuses(spec); why != "" {
			is = condition{"Valid", "False", "", why, 0}
		}
	}
	return Outcome{Status: map[string]any{"conditions": conditions(s.Object, s.Wall, is)}}
}

// ciliumRefuses says what Cilium finds wrong with a rule; empty for nothing.
func ciliumRefuses(spec map[string]any) string {
	if spec["endpointSelector"] == nil && spec["nodeSelector"] == nil {
		return "rule must have one of EndpointSelector or NodeSelector"
	}
	for _, direction := range []struct{ rules, entities string }{{"ingress", "fromEntities"}, {"ingressDeny", "fromEntities"}, {"egress", "toEntities"}, {"egressDeny", "toEntities"}} {
		for _, rule := range mapsAt(spec, direction.rules) {
			for _, entity := range textsAt(rule, direction.entities) {
				if !slices.Contains(ciliumEntities, entity) {
					return "unsupported entity: " + entity
				}
			}
		}
	}
	return ""
}

// ciliumEntities are those that Cilium's documentation names.
var ciliumEntities = []string{"all", "world", "world-ipv4", "world-ipv6", "cluster", "host", "init", "ingress", "unmanaged", "remote-node", "health", "none", "kube-apiserver"}

// playCiliumClass keeps DOKS's class where the definitions are DOKS's.
func playCiliumClass(s *Scene) Outcome {
	if conditionOf(s.Object, "Established") != "True" {
		return Outcome{}
	}
	return Outcome{Children: []Object{{Object: map[string]any{
		"apiVersion": gatewayGroup + "/v1", "kind": "GatewayClass",
		"metadata": map[string]any{"name": "cilium", "labels": map[string]any{"doks.digitalocean.com/managed": "true"}},
		"spec":     map[string]any{"controllerName": "io.cilium/gateway-controller", "description": "The default Cilium GatewayClass"},
	}}}}
}
