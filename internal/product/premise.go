// SPDX-License-Identifier: Apache-2.0

package product

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
)

// Needs adds a look at an object of somebody else's, as a node under the entry, named by the field of it that speaks of the object, such as
// "existing.class". What the entry at work adds to the cluster from then on waits for it. What the document itself brings, as an object
// or in a namespace of its apps, is not looked for: it comes while the platform is brought up.
func (j joint) Needs(field string, n kube.Needed) error {
	if j.brings(n.Object) {
		return nil
	}
	f, err := j.foundation()
	if err != nil {
		return err
	}
	at := fmt.Sprintf("spec.%s.%s", strings.ReplaceAll(string(j.at), "/", "."), field)
	n.Missing.Path = at
	if wrong := n.Wrong; wrong != nil {
		n.Wrong = func(live *unstructured.Unstructured) *problem.Problem {
			p := wrong(live)
			if p != nil {
				p.Path = at
			}
			return p
		}
	}
	id := j.at + graph.ID("/"+strings.ReplaceAll(field, ".", "/"))
	graph.Add(j.c.Graph, id, j.Kube().Premise(f.Access, string(id), n), graph.After(f.Ready...))
	j.c.premises[j.at] = append(j.c.premises[j.at], id)
	return nil
}

// NeedsNamespace is Needs for a namespace; why says what it is to k8or.
func (j joint) NeedsNamespace(field, name, why string) error {
	return j.Needs(field, kube.Needed{Object: kube.ID{Version: "v1", Kind: "Namespace", Name: name},
		Missing: problem.Problem{Code: problem.NotFound, Kind: problem.Preflight, Title: fmt.Sprintf("the cluster has no namespace %s", name),
			Why: why, Fix: "`kubectl get namespaces` lists those that there are; write one of them, or have it made first"}})
}

// NeedsService is Needs for the Service of an address by the cluster's own name of it, and for its port; any other address is out of
// the cluster, and nobody looks.
func (j joint) NeedsService(field, address string) error {
	s, ok := kube.ServiceOf(address)
	if !ok {
		return nil
	}
	return j.Needs(field, kube.Needed{
		Object: kube.ID{Version: "v1", Kind: "Service", Namespace: s.Namespace, Name: s.Name},
		Missing: problem.Problem{Code: problem.NotFound, Kind: problem.Preflight, Title: fmt.Sprintf("the cluster has no Service %s", s),
			Why: fmt.Sprintf("%s is to be reached by it", j.at), Fix: fmt.Sprintf("`kubectl -n %s get services` lists those that there are; write the address of one, or have it made first", s.Namespace)},
		Wrong: func(live *unstructured.Unstructured) *problem.Problem {
			ports, _, _ := unstructured.NestedSlice(live.Object, "spec", "ports")
			var has []string
			for _, p := range ports {
				port, _ := p.(map[string]any)
				n, _, _ := unstructured.NestedInt64(port, "port")
				if s.Port == 0 || int(n) == s.Port {
					return nil
				}
				has = append(has, fmt.Sprint(n))
			}
			return &problem.Problem{Code: problem.NotFound, Kind: problem.Preflight, Title: fmt.Sprintf("the Service %s has no port %d", s, s.Port),
				Why: "it has " + problem.OneOf(has), Fix: "write a port that it has"}
		},
	})
}

// brings says whether the document itself brings an object.
func (j joint) brings(id kube.ID) bool {
	for _, app := range j.c.platform.Spec.Apps {
		if app.Namespace == id.Namespace && id.Namespace != "" || id.Kind == "Namespace" && app.Namespace == id.Name {
			return true
		}
	}
	return slices.ContainsFunc(j.c.Rendered, func(r Rendered) bool {
		return slices.ContainsFunc(r.Objects, func(o *unstructured.Unstructured) bool {
			has := kube.IDOf(o)
			if has.Namespace == "" && id.Namespace != "" {
				has.Namespace = r.Namespace
			}
			has.Version = id.Version
			return has == id
		})
	})
}

// ready are the nodes that what the entry at work adds to the cluster waits for.
func (j joint) ready(f Foundation) []graph.ID { return slices.Concat(f.Ready, j.c.premises[j.at]) }
