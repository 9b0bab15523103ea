// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Footprint is what was recorded of a real chart's rendering: enough to know what it asks of a cluster, and to make
// stand-ins for a sandbox that cannot reach the chart.
type Footprint struct {
	Chart        string `json:"chart"`
	ChartVersion string `json:"chartVersion"`
	AppVersion   string `json:"appVersion"`
	Workloads    []struct {
		Kind       string `json:"kind"`
		Name       string `json:"name"`
		Replicas   *int64 `json:"replicas"`
		Containers []struct {
			Name  string `json:"name"`
			Image string `json:"image"`
		} `json:"containers"`
		Requests struct {
			CPU    int64 `json:"cpu_m"`
			Memory int64 `json:"memory_Mi"`
		} `json:"requests"`
	} `json:"workloads"`
	Services []struct {
		Name     string `json:"name"`
		Type     string `json:"type"`
		Headless bool   `json:"headless"`
		Ports    []struct {
			Name       string `json:"name"`
			Port       int64  `json:"port"`
			TargetPort any    `json:"targetPort"`
		} `json:"ports"`
	} `json:"services"`
	CRDs []struct {
		Name     string `json:"name"`
		Group    string `json:"group"`
		Kind     string `json:"kind"`
		Plural   string `json:"plural"`
		Scope    string `json:"scope"`
		Versions []struct {
			Name    string `json:"name"`
			Served  bool   `json:"served"`
			Storage bool   `json:"storage"`
			Status  bool   `json:"statusSubresource"`
		} `json:"versions"`
	} `json:"crds"`
	IngressClasses []struct {
		Name       string `json:"name"`
		Controller string `json:"controller"`
	} `json:"ingressClasses"`
	APIServices []string `json:"apiServices"`
	Images      []string `json:"images"`
}

// ReadFootprint parses a recorded footprint.
func ReadFootprint(recorded []byte) (*Footprint, error) {
	f := &Footprint{}
	if err := json.Unmarshal(recorded, f); err != nil {
		return nil, fmt.Errorf("read footprint: %w", err)
	}
	if f.Chart == "" || len(f.Workloads) == 0 {
		return nil, fmt.Errorf("read footprint: it names no chart or no workload")
	}
	return f, nil
}

// StandIn makes objects from a footprint in place of a chart that cannot be had: the workloads with their requests, the
// Services with their ports, ingress classes, and CRDs of the right names with an open schema. It is for sandboxes alone,
// where no container runs; whoever uses it says so.
func StandIn(recorded []byte, o Options) (Rendered, error) {
	f, err := ReadFootprint(recorded)
	if err != nil {
		return Rendered{}, err
	}
	name := renamer(f.Chart, o)
	labels := map[string]any{"app.kubernetes.io/name": f.Chart, "app.kubernetes.io/instance": o.ReleaseName, "app.kubernetes.io/version": f.AppVersion}
	var r Rendered
	add := func(apiVersion, kind, objectName string, namespaced bool, rest map[string]any) {
		meta := map[string]any{"name": objectName, "labels": labels}
		if namespaced {
			meta["namespace"] = o.Namespace
		}
		object := map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": meta}
		for k, v := range rest {
			object[k] = v
		}
		r.Objects = append(r.Objects, (&unstructured.Unstructured{Object: object}).DeepCopy())
	}
	add("v1", "ServiceAccount", name(f.Chart), true, nil)
	for _, s := range f.Services {
		var ports []any
		for _, p := range s.Ports {
			port := map[string]any{"name": p.Name, "port": p.Port, "protocol": "TCP"}
			if n, ok := p.TargetPort.(float64); ok {
				port["targetPort"] = int64(n)
			} else if p.TargetPort != nil {
				port["targetPort"] = p.TargetPort
			}
			ports = append(ports, port)
		}
		spec := map[string]any{"type": s.Type, "ports": ports, "selector": map[string]any{"app.kubernetes.io/instance": o.ReleaseName, "app.kubernetes.io/name": f.Chart}}
		if s.Headless {
			spec["clusterIP"] = "None"
		}
		add("v1", "Service", name(s.Name), true, map[string]any{"spec": spec})
	}
	for _, w := range f.Workloads {
		spec := map[string]any{
			"selector": map[string]any{"matchLabels": map[string]any{"app.kubernetes.io/instance": o.ReleaseName, "app.kubernetes.io/name": f.Chart}},
			"template": map[string]any{"metadata": map[string]any{"labels": labels}, "spec": podOf(f, w.Name, name(f.Chart))},
		}
		if w.Kind != "DaemonSet" && w.Replicas != nil {
			spec["replicas"] = *w.Replicas
		}
		add("apps/v1", w.Kind, name(w.Name), true, map[string]any{"spec": spec})
	}
	for _, c := range f.IngressClasses {
		add("networking.k8s.io/v1", "IngressClass", ingressClassName(c.Name, o), false, map[string]any{"spec": map[string]any{"controller": c.Controller}})
	}
	for _, a := range f.APIServices {
		version, group, _ := strings.Cut(a, ".")
		add("apiregistration.k8s.io/v1", "APIService", a, false, map[string]any{"spec": map[string]any{"group": group, "version": version, "groupPriorityMinimum": int64(100), "versionPriority": int64(100),
			"insecureSkipTLSVerify": true, "service": map[string]any{"name": name(f.Chart), "namespace": o.Namespace}}})
	}
	if o.IncludeCRDs {
		r.CRDs = standInCRDs(f)
	}
	SortForInstall(r.Objects)
	return r, nil
}

// renamer follows `fullnameOverride` as charts do: names that begin with the chart's become the override's.
func renamer(chart string, o Options) func(string) string {
	override, _ := o.Values["fullnameOverride"].(string)
	return func(name string) string {
		if rest, ok := strings.CutPrefix(name, chart); ok && override != "" {
			return override + rest
		}
		return name
	}
}

// ingressClassName follows `controller.ingressClass.name`, where the charts that make ingress classes keep it.
func ingressClassName(recorded string, o Options) string {
	if name, ok, err := unstructured.NestedString(o.Values, "controller", "ingressClass", "name"); ok && err == nil {
		return name
	}
	return recorded
}

func podOf(f *Footprint, workload, account string) map[string]any {
	for _, w := range f.Workloads {
		if w.Name != workload {
			continue
		}
		var containers []any
		for i, c := range w.Containers {
			container := map[string]any{"name": c.Name, "image": c.Image}
			if i == 0 { // the recorded requests are the pod's; the first container carries them
				container["resources"] = map[string]any{"requests": map[string]any{"cpu": fmt.Sprintf("%dm", w.Requests.CPU), "memory": fmt.Sprintf("%dMi", w.Requests.Memory)}}
			}
			containers = append(containers, container)
		}
		return map[string]any{"serviceAccountName": account, "containers": containers}
	}
	return nil
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
		out = append(out, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": c.Name},
			"spec": map[string]any{"group": c.Group, "scope": c.Scope, "versions": versions,
				"names": map[string]any{"kind": c.Kind, "plural": c.Plural, "singular": strings.ToLower(c.Kind), "listKind": c.Kind + "List"}},
		}})
	}
	return out
}
