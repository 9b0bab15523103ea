// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// BroughtClasses are the storage classes that DOKS brings to every cluster. Source: the manifests of DigitalOcean's CSI driver,
// 4.16.
var BroughtClasses = []string{"do-block-storage", "do-block-storage-retain", "do-block-storage-xfs", "do-block-storage-xfs-retain"}

// classes checks that the storage classes which disks name will be there. An existing cluster may have others, and so may what an
// app brings that is made of manifests or a chart: then nothing is known of them.
func (c *checker) classes() {
	spec := c.given.Spec
	if spec.Cluster.Existing != "" {
		return
	}
	for _, app := range spec.Apps {
		if app.Manifests != "" || app.Chart != nil {
			return
		}
	}
	known := slices.Clone(BroughtClasses)
	if spec.Storage != nil {
		known = append(sorted(spec.Storage.Classes), known...)
	}
	check := func(class, path string) {
		if class != "" && !slices.Contains(known, class) {
			c.add(FieldError{Path: Join(path, "class"), Code: CodeBadReference, What: fmt.Sprintf("there is no storage class %q", class),
				Given: class, Choices: known, Fix: "name one of " + strings.Join(known, ", ") + ", or add it to `storage.classes`"})
		}
	}
	for _, e := range spec.Entries() {
		if disk := fieldNamed(reflect.ValueOf(e.Spec), "storage"); disk.IsValid() {
			if d, ok := disk.Interface().(*DiskSpace); ok && d != nil {
				check(d.Class, Join(e.Path, "storage"))
			}
		}
	}
	for _, name := range sorted(spec.Apps) {
		for _, volume := range sorted(spec.Apps[name].Volumes) {
			check(spec.Apps[name].Volumes[volume].Class, Join(Join(Join("spec.apps", name), "volumes"), volume))
		}
	}
}
