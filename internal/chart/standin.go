// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/unit"
)

// StandIn makes objects from a footprint in place of a chart that cannot be had: the workloads with their requests, labels
// and ports, the Services that select them, claims, ingress classes, and CRDs of the right names with an open schema. It
// is for sandboxes alone, where no container runs; whoever uses it says so. Webhooks and hooks are left out: nothing would
// answer them.
func StandIn(recorded []byte, o Options) (Rendered, error) {
	f, err := ReadFootprint(recorded)
	if err != nil {
		return Rendered{}, err
	}
	s := standIns{footprint: f, options: o}
	s.add("v1", "ServiceAccount", s.account(), "", nil, nil)
	for i := range f.Services {
		s.service(&f.Services[i])
	}
	for _, c := range f.Claims {
		s.add("v1", "PersistentVolumeClaim", s.name(c.Name), "", nil, map[string]any{"spec": s.claimSpec(c)})
	}
	for i := range f.Workloads {
		s.workload(&f.Workloads[i])
	}
	for _, c := range f.IngressClasses {
		s.add("networking.k8s.io/v1", "IngressClass", s.ingressClass(c.Name), "", nil, map[string]any{"spec": map[string]any{"controller": c.Controller}})
	}
	for _, a := range f.APIServices {
		version, group, _ := strings.Cut(a, ".")
		s.add("apiregistration.k8s.io/v1", "APIService", a, "", nil, map[string]any{"spec": map[string]any{"group": group, "version": version, "groupPriorityMinimum": int64(100), "versionPriority": int64(100),
			"insecureSkipTLSVerify": true, "service": map[string]any{"name": s.account(), "namespace": o.Namespace}}})
	}
	if s.err != nil {
		return Rendered{}, fmt.Errorf("stand in for chart %s: %w", f.Chart, s.err)
	}
	r := Rendered{Objects: s.objects, StandIn: true}
	if o.IncludeCRDs {
		r.CRDs = standInCRDs(f)
	}
	SortForInstall(r.Objects)
	return r, nil
}

// standIns is the making of stand-ins for one chart. The first error is kept, and the rest is made all the same.
type standIns struct {
	footprint *Footprint
	options   Options
	objects   []*unstructured.Unstructured
	err       error
}

// add makes an object, in the release's namespace unless it is elsewhere or of a kind that lives in none.
func (s *standIns) add(apiVersion, kind, name, elsewhere string, labels map[string]any, rest map[string]any) {
	all := map[string]any{"app.kubernetes.io/name": s.footprint.Chart, "app.kubernetes.io/instance": s.options.ReleaseName, "app.kubernetes.io/version": s.footprint.AppVersion}
	maps.Copy(all, labels)
	meta := map[string]any{"name": name, "labels": all}
	switch {
	case builtinClusterKinds[kind]:
	case elsewhere != "":
		meta["namespace"] = elsewhere
	default:
		meta["namespace"] = s.options.Namespace
	}
	object := map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": meta}
	maps.Copy(object, rest)
	s.objects = append(s.objects, (&unstructured.Unstructured{Object: object}).DeepCopy())
}

// expand fills the places in a text.
func (s *standIns) expand(text string) string {
	out, err := expand(text, s.options)
	if err != nil && s.err == nil {
		s.err = err
	}
	return out
}

func (s *standIns) expandAll(texts map[string]string) map[string]any {
	out := map[string]any{}
	for key, text := range texts {
		out[key] = s.expand(text)
	}
	return out
}

// name is an object's name. One that holds no place, and begins as the chart is called, follows `fullnameOverride`: such
// were recorded by hand.
func (s *standIns) name(recorded string) string {
	override, _ := s.options.Values["fullnameOverride"].(string)
	if rest, ok := strings.CutPrefix(recorded, s.footprint.Chart); ok && override != "" {
		return override + rest
	}
	return s.expand(recorded)
}

// account is the name of the ServiceAccount, and of the Service behind an APIService.
func (s *standIns) account() string { return s.name(s.footprint.Chart) }

// ingressClass is an ingress class's name. One that holds no place follows `controller.ingressClass.name`, where the charts
// that make ingress classes keep it.
func (s *standIns) ingressClass(recorded string) string {
	name, ok, err := unstructured.NestedString(s.options.Values, "controller", "ingressClass", "name")
	if ok && err == nil && !strings.Contains(recorded, "{") {
		return name
	}
	return s.expand(recorded)
}

// selector is what a workload selects its pods by: what was recorded, or labels of its own.
func (s *standIns) selector(w *Workload) map[string]any {
	if len(w.Selector) > 0 {
		return s.expandAll(w.Selector)
	}
	return map[string]any{"app.kubernetes.io/name": s.footprint.Chart, "app.kubernetes.io/instance": s.options.ReleaseName, "app.kubernetes.io/component": s.name(w.Name)}
}

func (s *standIns) service(svc *Service) {
	var ports []any
	for i, p := range svc.Ports {
		port := map[string]any{"port": p.Port, "protocol": protocolOf(p)}
		if p.Name != "" {
			port["name"] = p.Name
		} else if len(svc.Ports) > 1 {
			port["name"] = fmt.Sprintf("port-%d", i)
		}
		if n, ok := p.TargetPort.(float64); ok {
			port["targetPort"] = int64(n)
		} else if p.TargetPort != nil {
			port["targetPort"] = p.TargetPort
		}
		ports = append(ports, port)
	}
	selector := s.expandAll(svc.Selector)
	if w := s.footprint.behind(svc); len(selector) == 0 && w != nil {
		selector = s.selector(w)
	}
	spec := map[string]any{"type": svc.Type, "ports": ports}
	if len(selector) > 0 {
		spec["selector"] = selector
	}
	if svc.Headless {
		spec["clusterIP"] = "None"
	}
	s.add("v1", "Service", s.name(svc.Name), svc.Elsewhere, s.expandAll(svc.Labels), map[string]any{"spec": spec})
}

func (s *standIns) workload(w *Workload) {
	if w.Hook != "" || !slices.Contains([]string{"Deployment", "StatefulSet", "DaemonSet"}, w.Kind) {
		return
	}
	selector := s.selector(w)
	labels := s.expandAll(w.Labels)
	if len(w.Selector) == 0 {
		labels["app.kubernetes.io/version"] = s.footprint.AppVersion
	}
	maps.Copy(labels, selector)
	spec := map[string]any{
		"selector": map[string]any{"matchLabels": selector},
		"template": map[string]any{"metadata": map[string]any{"labels": labels}, "spec": s.pod(w)},
	}
	if w.Kind != "DaemonSet" && w.Replicas != nil {
		spec["replicas"] = s.replicas(w)
	}
	if w.Kind == "StatefulSet" {
		spec["serviceName"] = s.headless(w)
		var templates []any
		for _, c := range w.Claims {
			templates = append(templates, map[string]any{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": map[string]any{"name": c.Name}, "spec": s.claimSpec(c)})
		}
		if templates != nil {
			spec["volumeClaimTemplates"] = templates
		}
	}
	s.add("apps/v1", w.Kind, s.name(w.Name), w.Elsewhere, nil, map[string]any{"spec": spec})
}

// headless is the Service that names the pods of a StatefulSet, or the set's own name where there is none.
func (s *standIns) headless(w *Workload) string {
	for i := range s.footprint.Services {
		if svc := &s.footprint.Services[i]; svc.Headless && s.footprint.behind(svc) == w {
			return s.name(svc.Name)
		}
	}
	return s.name(w.Name)
}

func (s *standIns) pod(w *Workload) map[string]any {
	ports := s.footprint.portsOf(w)
	var containers []any
	for i, c := range w.Containers {
		container := map[string]any{"name": c.Name, "image": c.Image}
		if i == 0 { // the recorded requests are the pod's; the first container carries them
			requests := s.requests(w)
			container["resources"] = map[string]any{"requests": map[string]any{"cpu": fmt.Sprintf("%dm", requests.CPU), "memory": fmt.Sprintf("%dMi", requests.Memory)}}
		}
		if len(ports[i]) > 0 {
			var list []any
			for _, p := range ports[i] {
				port := map[string]any{"containerPort": p.Port, "protocol": protocolOf(p)}
				if p.Name != "" {
					port["name"] = p.Name
				}
				list = append(list, port)
			}
			container["ports"] = list
		}
		containers = append(containers, container)
	}
	pod := map[string]any{"serviceAccountName": s.account(), "containers": containers}
	if w.Elsewhere != "" { // the ServiceAccount is in the release's namespace
		delete(pod, "serviceAccountName")
	}
	var volumes []any
	for i, m := range w.Mounts {
		volumes = append(volumes, map[string]any{"name": fmt.Sprintf("claim-%d", i), "persistentVolumeClaim": map[string]any{"claimName": s.name(m)}})
	}
	if volumes != nil {
		pod["volumes"] = volumes
	}
	return pod
}

// replicas are a workload's, as its values say or as they were recorded.
func (s *standIns) replicas(w *Workload) int64 {
	if w.Follows != nil && w.Follows.Replicas != "" {
		if n, said := s.amount(w.Follows.Replicas); said {
			return n.Value()
		}
	}
	return *w.Replicas
}

// requests are what one pod requests, together with what its values say.
func (s *standIns) requests(w *Workload) Requests {
	out := w.Requests
	if w.Follows == nil {
		return out
	}
	for _, path := range w.Follows.CPU {
		q, _ := s.amount(path)
		out.CPU += unit.MilliCPU(q.MilliValue())
	}
	for _, path := range w.Follows.Memory {
		q, _ := s.amount(path)
		out.Memory += Mebibytes(q)
	}
	return out
}

// amount is what the values say at a path, and whether they say anything.
func (s *standIns) amount(path string) (resource.Quantity, bool) {
	q, said, err := AmountAt(s.options.Values, path)
	if err != nil && s.err == nil {
		s.err = err
	}
	return q, said
}

// AmountAt is the amount that values have at a path such as `resources.requests.cpu`, and whether they have any.
func AmountAt(values map[string]any, path string) (resource.Quantity, bool, error) {
	v, there, err := unstructured.NestedFieldNoCopy(values, strings.Split(path, ".")...)
	if err != nil || !there || v == nil {
		return resource.Quantity{}, false, err
	}
	q, err := resource.ParseQuantity(fmt.Sprint(v))
	if err != nil {
		return q, false, fmt.Errorf("the values say %v at %s: %w", v, path, err)
	}
	return q, true, nil
}

// Mebibytes is an amount of memory in whole MiB, rounded up as requests are.
func Mebibytes(q resource.Quantity) unit.MiB { return unit.MiB((q.Value() + 1<<20 - 1) >> 20) }

func protocolOf(p Port) string {
	if p.Protocol == "" {
		return "TCP"
	}
	return p.Protocol
}

func (s *standIns) claimSpec(c Claim) map[string]any {
	spec := map[string]any{"accessModes": []any{"ReadWriteOnce"}, "resources": map[string]any{"requests": map[string]any{"storage": s.expand(c.Size)}}}
	if c.Class != "" {
		spec["storageClassName"] = c.Class
	}
	return spec
}

func standInCRDs(f *Footprint) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, c := range f.CRDs {
		var versions []any
		for _, v := range c.Versions {
			version := map[string]any{"name": v.Name, "served": v.Served, "storage": v.Storage,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}
			if v.Status {
				version["subresources"] = map[string]any{"status": map[string]any{}}
			}
			versions = append(versions, version)
		}
		meta := map[string]any{"name": c.Name}
		if strings.HasSuffix(c.Group, ".k8s.io") || strings.HasSuffix(c.Group, ".kubernetes.io") {
			// Kubernetes keeps these groups for itself and wants to be told who approved; a stand-in was approved by nobody.
			meta["annotations"] = map[string]any{"api-approved.kubernetes.io": "unapproved, a stand-in"}
		}
		out = append(out, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": meta,
			"spec": map[string]any{"group": c.Group, "scope": c.Scope, "versions": versions,
				"names": map[string]any{"kind": c.Kind, "plural": c.Plural, "singular": strings.ToLower(c.Kind), "listKind": c.Kind + "List"}},
		}})
	}
	return out
}
