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
	for _, e := range c.given.Spec.Entries() {
		c.choice(e)
	}
	if storage := c.given.Spec.Storage; storage != nil {
		for _, part := range fieldsOf(reflect.ValueOf(*storage)) {
			if part.value.Len() > 0 && part.name != "spaces" { // whose entries are entries
				c.has("storage", part.name, Join("spec.storage", part.name))
			}
		}
	}
}

// choice checks one choice of a product and what every choice may say.
func (c *checker) choice(e Entry) {
	if e.Choice.Pool != "" {
		c.pool(e.Choice.Pool, Join(e.Path, "pool"))
	}
	product := e.Product
	if product == "" {
		product = strings.Trim(MarkOf(reflect.TypeOf(e.Spec).Name(), "product").Default, `"`)
	}
	if product == "" || !c.has(e.Category, product, e.Path) {
		return // said already
	}
	c.placement(e, product)
	c.size(e, product)
	at := Join(e.Path, "existing")
	switch {
	case product != "existing" && e.Choice.Existing != nil:
		c.add(FieldError{Path: at, Code: CodeExistingUnused, What: fmt.Sprintf("existing does not go with product %s", product),
			Why: "k8or makes that product itself", Fix: "remove existing, or say `product: existing`"})
	case product == "existing" && (e.Choice.Existing == nil || reflect.ValueOf(*e.Choice.Existing).IsZero()):
		c.add(FieldError{Path: e.Path, Code: CodeExistingMissing, What: "product existing does not say what exists",
			Fix: "add `existing:` with " + existingNeeds(e.Category)})
	}
}

// placement checks that a product can be placed where the document wants it.
func (c *checker) placement(e Entry, product string) {
	can := c.available[e.Category][product]
	if e.Choice.Placement == "" || len(can) == 0 || slices.Contains(can, e.Choice.Placement) || !slices.Contains(MarkOf(reflect.TypeOf(e.Spec).Name(), "placement").Enum, e.Choice.Placement) {
		return
	}
	c.add(FieldError{Path: Join(e.Path, "placement"), Code: CodeBadPlacement, What: fmt.Sprintf("%s cannot be placed %q", product, e.Choice.Placement),
		Given: e.Choice.Placement, Choices: can, Fix: fmt.Sprintf("use `placement: %s`, or leave it out", strings.Join(can, "` or `placement: "))})
}

// sizes are those of everything that runs in the cluster.
var sizes = []string{"small", "medium", "large"}

// size checks that what runs in the cluster has a size that there is: those that a cloud sells mean nothing there.
func (c *checker) size(e Entry, product string) {
	placement := e.Choice.Placement
	if can := c.available[e.Category][product]; placement == "" && len(can) > 0 {
		placement = can[0]
	}
	if placement != "cluster" || e.Choice.Size == "" || slices.Contains(sizes, e.Choice.Size) || !matches(MarkOf(reflect.TypeOf(e.Spec).Name(), "size").Pattern, e.Choice.Size) {
		return
	}
	c.add(FieldError{Path: Join(e.Path, "size"), Code: CodeUnknownWord, What: fmt.Sprintf("size cannot be %q", e.Choice.Size), Given: e.Choice.Size, Choices: sizes, Fix: "use " + oneOf(sizes)})
}

// existingNeeds says in words what an existing thing of a category is known by.
func existingNeeds(category string) string {
	switch category {
	case "gateways":
		return "the `class` of its ingresses"
	case "mesh":
		return "the `selector`: the labels of namespaces that it takes in"
	case "monitoring":
		return "its `namespace` and the `selector` of its monitors"
	case "logging":
		return "the `address` at which it takes Fluentd's forward protocol"
	}
	return "its `address` and `credentials`"
}

// has says whether this k8or has a product, and adds an error where it does not.
func (c *checker) has(category, product, path string) bool {
	if _, ok := c.available[category][product]; ok || c.available == nil {
		return true
	}
	have := sorted(c.available[category])
	e := FieldError{Path: path, Code: CodeNotAvailable, Given: product}
	switch {
	case len(have) == 0:
		e.What = fmt.Sprintf("there is no product for %s in this k8or yet", category)
		e.Why = "it is in the shape of the document, and no product stands behind it"
		e.Fix = fmt.Sprintf("remove %s; what there is: %s", path, c.available)
	case slices.Contains(planned[category], product):
		e.What = fmt.Sprintf("product %s is not available in this k8or yet", product)
		e.Why = fmt.Sprintf("for %s there is %s", category, oneOf(have))
		e.Fix = "choose one that is there, or remove the entry"
	default:
		e.Path, e.Code, e.Choices = Join(path, "product"), CodeUnknownWord, have
		e.What, e.Fix = fmt.Sprintf("product cannot be %q", product), "use "+oneOf(have)
	}
	c.add(e)
	return false
}

// String lists what is available, as gateways (nginx), and so on.
func (a Available) String() string {
	parts := []string{"cluster"}
	for _, category := range sorted(a) {
		if len(a[category]) > 0 {
			parts = append(parts, fmt.Sprintf("%s (%s)", category, strings.Join(sorted(a[category]), ", ")))
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

func sortedKeys(m reflect.Value) []string {
	var keys []string
	for _, k := range m.MapKeys() {
		keys = append(keys, k.String())
	}
	slices.Sort(keys)
	return keys
}
