// SPDX-License-Identifier: Apache-2.0

package app

import (
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// fromChart renders a Helm chart and applies it like any other set of objects, or has Helm install it where the document
// asks for a release.
func fromChart(b *product.Building, e entry) error {
	c := e.Spec.Chart
	before, err := b.AppNamespace(e.Spec.Namespace)
	if err != nil {
		return err
	}
	used, err := uses(b, e)
	if err != nil {
		return err
	}
	spec := product.ChartSpec{
		Source: chartSource(b.Platform().Dir, c.Source, c.Version), Release: e.Name, Namespace: e.Spec.Namespace, KeepNamespace: true, Values: c.Values, Follows: follows(used),
	}
	var objects []*unstructured.Unstructured
	spec.Adjust = func(rendered []*unstructured.Unstructured) error { objects = rendered; return nil }
	first := graph.After(after(used, before)...)
	if c.Release {
		_, err = b.Release(e.ID, spec, first)
	} else {
		_, err = b.Chart(e.ID, spec, first)
	}
	if err != nil {
		return err
	}
	offer(b, e, e.Name)
	logs(b, e, objects)
	return apart(b, e, podsOf(e, objects)...)
}

// chartSource reads oci://host/path/name, https://host/repository/name, or a folder beside the document.
func chartSource(dir, source, version string) chart.Source {
	if strings.HasPrefix(source, "oci://") || strings.HasPrefix(source, "https://") {
		i := strings.LastIndexByte(source, '/')
		return chart.Source{Repo: source[:i], Name: source[i+1:], Version: version}
	}
	return chart.Source{Repo: filepath.Join(dir, source), Name: filepath.Base(source)}
}
