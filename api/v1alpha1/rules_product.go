// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// products checks every choice of a product: that this k8or has it, and that what goes with
// `product: existing` is given with it and with nothing else.
func (c *checker) products() {
	spec := c.given.Spec
	for _, name := range sorted(spec.Databases) {
		c.choice("databases", Join("spec.databases", name), spec.Databases[name])
	}
	for _, name := range sorted(spec.Messaging) {
		c.choice("messaging", Join("spec.messaging", name), spec.Messaging[name])
	}
	for _, name := range sorted(spec.Gateways) {
		c.choice("gateways", Join("spec.gateways", name), spec.Gateways[name])
	}
	if spec.Mesh != nil {
		c.choice("mesh", "spec.mesh", *spec.Mesh)
	}
	if spec.Monitoring != nil {
		c.choice("monitoring", "spec.monitoring", *spec.Monitoring)
	}
	if spec.Logging != nil {
		c.choice("logging", "spec.logging", *spec.Logging)
		c.choice("logging.sink", "spec.logging.sink", spec.Logging.Sink)
	}
	if spec.Storage != nil {
		for _, part := range fieldsOf(reflect.ValueOf(*spec.Storage)) {
			if part.value.Len() > 0 {
				c.has("storage", part.name, Join("spec.storage", part.name))
			}
		}
	}
	if spec.Registry != nil {
		c.choice("registry", "spec.registry", *spec.Registry)
	}
	if spec.Delivery != nil {
		c.choice("delivery", "spec.delivery", *spec.Delivery)
	}
	if spec.Backups != nil {
		c.choice("backups", "spec.backups", *spec.Backups)
	}
}

// choice checks one choice; v is a struct with a field Product and an embedded Choice.
func (c *checker) choice(category, path string, v any) {
	entry := reflect.ValueOf(v)
	choice := entry.FieldByName("Choice").Interface().(Choice)
	if choice.Pool != "" {
		c.pool(choice.Pool, Join(path, "pool"))
	}
	product := entry.FieldByName("Product").String()
	mark := MarkOf(entry.Type().Name(), "product")
	if product == "" {
		product = strings.Trim(mark.Default, `"`)
	}
	if product == "" || !slices.Contains(mark.Enum, product) {
		return // said already
	}
	if !c.has(category, product, path) {
		return
	}
	at := Join(path, "existing")
	switch {
	case product != "existing" && choice.Existing != nil:
		c.add(FieldError{Path: at, Code: CodeExistingUnused, What: fmt.Sprintf("existing does not go with product %s", product),
			Why: "k8or makes that product itself", Fix: "remove existing, or say `product: existing`"})
	case product == "existing" && (choice.Existing == nil || reflect.ValueOf(*choice.Existing).IsZero()):
		c.add(FieldError{Path: path, Code: CodeExistingMissing, What: "product existing does not say what exists",
			Fix: "add `existing:` with " + existingNeeds(category)})
	}
}

// existingNeeds says in words what an existing thing of a category is known by.
func existingNeeds(category string) string {
	switch category {
	case "gateways":
		return "the `class` of its ingresses"
	case "monitoring":
		return "its `namespace` and the `selector` of its monitors"
	}
	return "its `address` and `credentials`"
}

// has says whether this k8or has a product, and adds an error where it does not.
func (c *checker) has(category, product, path string) bool {
	if c.available == nil || slices.Contains(c.available[category], product) {
		return true
	}
	e := FieldError{Path: path, Code: CodeNotAvailable, Given: product}
	if have := c.available[category]; len(have) > 0 {
		e.What = fmt.Sprintf("product %s is not available in this k8or yet", product)
		e.Why = fmt.Sprintf("for %s there is %s", category, oneOf(have))
		e.Fix = "choose one that is there, or remove the entry"
	} else {
		e.What = fmt.Sprintf("there is no product for %s in this k8or yet", category)
		e.Why = "it is in the shape of the document, and no product stands behind it"
		e.Fix = fmt.Sprintf("remove %s; what there is: %s", path, c.available)
	}
	c.add(e)
	return false
}

// String lists what is available, as gateways (nginx), and so on.
func (a Available) String() string {
	parts := []string{"cluster"}
	for _, category := range sorted(a) {
		if len(a[category]) > 0 {
			parts = append(parts, fmt.Sprintf("%s (%s)", category, strings.Join(a[category], ", ")))
		}
	}
	return strings.Join(append(parts, "apps"), ", ")
}

// pool checks that a node pool is one of the document's.
func (c *checker) pool(name, path string) {
	pools := c.filled.Spec.Cluster.NodePools
	if _, ok := pools[name]; !ok && c.filled.Spec.Cluster.Existing == "" {
		c.add(FieldError{Path: path, Code: CodeBadReference, What: fmt.Sprintf("there is no node pool %q", name),
			Given: name, Choices: sorted(pools), Fix: "name one of the node pools: " + strings.Join(sorted(pools), ", ")})
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
