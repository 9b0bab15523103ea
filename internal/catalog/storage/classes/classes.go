// SPDX-License-Identifier: Apache-2.0

// Package classes is the product "classes" of the category storage: storage classes of DigitalOcean's Block Storage beside the
// four that DOKS brings.
package classes

import (
	_ "embed"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

// Product is one storage class.
var Product = &product.Definition[v1alpha1.StorageClass, struct{}]{
	Category:   "storage",
	Name:       "classes",
	Title:      "DigitalOcean Block Storage: storage classes",
	Licence:    "DigitalOcean's terms of service",
	Placements: []product.Placement{product.Cluster},
	Page:       page,
	Sells:      []price.Item{{What: "each GiB of a volume", Kind: price.Volume, Min: 1, Max: 1}},
	Check:      check,
	Build:      build,
}

type entry = product.Entry[v1alpha1.StorageClass, struct{}]

// driver is DigitalOcean's, which DOKS runs.
const driver = "dobs.csi.digitalocean.com"

func check(p product.Platform, e entry) []product.Refusal {
	var out []product.Refusal
	if slices.Contains(v1alpha1.BroughtClasses, e.Name) {
		out = append(out, product.Refusal{What: fmt.Sprintf("a class cannot be named %s", e.Name), Why: "DOKS brings one of that name to every cluster",
			Fix: "use that one as it is, or give this one another name"})
	}
	if e.Spec.Default {
		for name, other := range p.Spec.Storage.Classes {
			if other.Default && name < e.Name {
				out = append(out, product.Refusal{Field: "default", What: fmt.Sprintf("%s and %s would both be the default class", name, e.Name),
					Why: "a claim that names no class gets one", Fix: "say `default: true` of one of them"})
			}
		}
	}
	return out
}

// build adds the class. It is no foundation: a claim of a class that is not there yet waits for it by Kubernetes' own hand.
func build(b *product.Building, e entry) error {
	policy := corev1.PersistentVolumeReclaimRetain
	if e.Spec.Retain != nil && !*e.Spec.Retain {
		policy = corev1.PersistentVolumeReclaimDelete
	}
	class := &storagev1.StorageClass{
		TypeMeta:   metav1.TypeMeta{APIVersion: "storage.k8s.io/v1", Kind: "StorageClass"},
		ObjectMeta: metav1.ObjectMeta{Name: e.Name},
		// The sidecar that makes volumes reads the file system under this name; DigitalOcean's driver has no parameter of its own.
		Provisioner: driver, Parameters: map[string]string{"csi.storage.k8s.io/fstype": e.Spec.Filesystem}, ReclaimPolicy: &policy,
		// A volume can be had in all of the region, and the cluster is in one: there is nothing to wait for.
		AllowVolumeExpansion: new(true), VolumeBindingMode: new(storagev1.VolumeBindingImmediate),
	}
	if e.Spec.Default {
		class.Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
	}
	objects, err := product.Objects(class)
	if err != nil {
		return err
	}
	_, err = b.Objects(e.ID, "", objects)
	return err
}
