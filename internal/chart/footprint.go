// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/unit"
)

// Footprint is what was recorded of a real chart's rendering: enough to know what it asks of a cluster, and to make
// stand-ins for a sandbox that cannot reach the chart. Package charttest makes one.
//
// Names, label values and selectors may hold places in braces: `{release}` and `{namespace}`, which stand for the release's
// name and namespace, and the path of a value, such as `{fullnameOverride}` or `{controller.ingressClass.name}`, which stands
// for what the values say there. A claim's size may be such a place too.
type Footprint struct {
	Chart          string         `json:"chart"`
	ChartVersion   string         `json:"chartVersion"`
	Digest         string         `json:"digest,omitempty"` // of the published archive, once `make pin` has reached it
	AppVersion     string         `json:"appVersion"`
	Workloads      []Workload     `json:"workloads,omitempty"`
	Services       []Service      `json:"services,omitempty"`
	Claims         []Claim        `json:"claims,omitempty"`
	CRDs           []CRD          `json:"crds,omitempty"`
	IngressClasses []IngressClass `json:"ingressClasses,omitempty"`
	APIServices    []string       `json:"apiServices,omitempty"` // "v1beta1.metrics.k8s.io"
	Images         []string       `json:"images,omitempty"`
}

// The places in a footprint that are no path of a value.
const (
	ReleasePlace   = "release"
	NamespacePlace = "namespace"
)

// Workload is something that makes pods: a Deployment, StatefulSet or DaemonSet. Hooks are left out.
type Workload struct {
	Kind       string            `json:"kind"`
	Name       string            `json:"name"`
	Elsewhere  string            `json:"elsewhere,omitempty"` // its namespace, where that is not the release's
	Replicas   *int64            `json:"replicas,omitempty"`  // nil for a DaemonSet, and where an autoscaler decides
	Hook       string            `json:"hook,omitempty"`      // only in footprints recorded by hand
	Requests   Requests          `json:"requests"`            // beyond what it follows
	Follows    *Follows          `json:"follows,omitempty"`   // nil where no value says how large it is
	Selector   map[string]string `json:"selector,omitempty"`  // spec.selector.matchLabels
	Labels     map[string]string `json:"labels,omitempty"`    // of its pods, beyond the selector
	Containers []Container       `json:"containers"`
	Claims     []Claim           `json:"claims,omitempty"` // a StatefulSet's templates: one for each pod
	Mounts     []string          `json:"mounts,omitempty"` // the claims that its pods share
}

// Requests are what one pod requests, all its containers together.
type Requests struct {
	CPU    unit.MilliCPU `json:"cpu_m"`
	Memory unit.MiB      `json:"memory_Mi"`
}

// Follows are the paths of the values that say how large a workload is, such as `resources.requests.cpu`.
type Follows struct {
	Replicas string   `json:"replicas,omitempty"` // where the values have nothing there, it is the recorded number
	CPU      []string `json:"cpu,omitempty"`      // what is said there adds to the Requests, as often as the path is listed
	Memory   []string `json:"memory,omitempty"`   // likewise
}

// Container is one container of a workload's pods.
type Container struct {
	Name  string `json:"name"`
	Image string `json:"image"`
	Ports []Port `json:"ports,omitempty"`
}

// Port is a container's port, or a Service's.
type Port struct {
	Name       string `json:"name,omitempty"`
	Port       int64  `json:"port"`
	TargetPort any    `json:"targetPort,omitempty"` // of a Service: a number or a container port's name; nil is the same as Port
	Protocol   string `json:"protocol,omitempty"`   // empty is TCP
}

// Service is a Service, with what it selects.
type Service struct {
	Name      string            `json:"name"`
	Elsewhere string            `json:"elsewhere,omitempty"` // its namespace, where that is not the release's
	Type      string            `json:"type"`
	Headless  bool              `json:"headless,omitempty"`
	Ports     []Port            `json:"ports"`
	Selector  map[string]string `json:"selector,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
}

// Claim is a volume claim.
type Claim struct {
	Name  string `json:"name"`
	Size  string `json:"size"`            // as Kubernetes writes it: "10Gi"
	Class string `json:"class,omitempty"` // empty for the cluster's default
}

// CRD is a custom resource definition without its schemas.
type CRD struct {
	Name     string       `json:"name"`
	Group    string       `json:"group"`
	Kind     string       `json:"kind"`
	Plural   string       `json:"plural"`
	Scope    string       `json:"scope"`
	Versions []CRDVersion `json:"versions"`
}

// CRDVersion is one version of a CRD.
type CRDVersion struct {
	Name    string `json:"name"`
	Served  bool   `json:"served,omitempty"`
	Storage bool   `json:"storage,omitempty"`
	Status  bool   `json:"statusSubresource,omitempty"`
}

// IngressClass is an ingress class.
type IngressClass struct {
	Name       string `json:"name"`
	Controller string `json:"controller"`
}

// ReadFootprint parses a recorded footprint.
func ReadFootprint(recorded []byte) (*Footprint, error) {
	f := &Footprint{}
	if err := json.Unmarshal(recorded, f); err != nil {
		return nil, fmt.Errorf("read footprint: %w", err)
	}
	if f.Chart == "" || len(f.Workloads) == 0 && len(f.CRDs) == 0 {
		return nil, fmt.Errorf("read footprint: it names no chart, or neither a workload nor a CRD")
	}
	return f, nil
}

// Pinned is the source with the digest that the footprint recorded for this version of it, if any.
func (s Source) Pinned(recorded []byte) (Source, error) {
	if recorded == nil {
		return s, nil
	}
	var f struct{ Chart, ChartVersion, Digest string }
	if err := json.Unmarshal(recorded, &f); err != nil {
		return s, fmt.Errorf("read footprint of %s: %w", s.Name, err)
	}
	if f.Chart == s.Name && f.ChartVersion == s.Version {
		s.Digest = f.Digest
	}
	return s, nil
}

// expand puts the release's name and the values into the places that a footprint keeps for them.
func expand(text string, o Options) (string, error) {
	var b strings.Builder
	for rest := text; ; {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		place, behind, closed := strings.Cut(after, "}")
		if !closed {
			return "", fmt.Errorf("the footprint's %q has a brace without an end", text)
		}
		var value string
		switch place {
		case ReleasePlace:
			value = o.ReleaseName
		case NamespacePlace:
			value = o.Namespace
		default:
			value, _, _ = unstructured.NestedString(o.Values, strings.Split(place, ".")...)
		}
		if value == "" {
			return "", fmt.Errorf("the footprint says %q, and the values have nothing at %s", text, place)
		}
		b.WriteString(value)
		rest = behind
	}
}
