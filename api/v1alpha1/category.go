// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"reflect"
	"slices"
	"strings"
)

// Available is what this k8or has products for: the products of each category with the placements
// they can have, the usual one first. Categories are named as in the document (logging.sink for the
// sink, storage.spaces for buckets; for storage: classes and snapshots). A nil Available asks nothing.
type Available map[string]map[string][]string

// Entry is one place of the document where a product is chosen.
type Entry struct {
	// Category is the field of spec: "gateways", "mesh", and "logging.sink" for the sink.
	Category string
	// Name is the entry's name, empty in a category of which a platform has one.
	Name string
	// Path is the entry's place, such as spec.gateways.public.
	Path string
	// Product is the word that was chosen, Choice what every choice may say.
	Product string
	Choice  Choice
	// Spec is the entry itself: a Gateway, a Mesh.
	Spec any
}

// ID is the entry as other things speak of it: "gateways/public", "mesh", "logging/sink".
func (e Entry) ID() string {
	id := strings.ReplaceAll(e.Category, ".", "/")
	if e.Name != "" {
		id += "/" + e.Name
	}
	return id
}

// categories are the parts of spec whose entries choose a product, in the order they are built: what
// changes the pods of others (mesh, registry) first, what apps use before what carries requests to
// them. Type is the entry's type, product what there is only one of, so that an entry need not say it.
var categories = []struct{ name, typ, product string }{
	{name: "mesh", typ: "Mesh"}, {name: "registry", typ: "Registry"}, {name: "storage.spaces", typ: "Bucket", product: "digitalocean"},
	{name: "databases", typ: "Database"}, {name: "messaging", typ: "Messaging"}, {name: "monitoring", typ: "Monitoring"},
	{name: "logging.sink", typ: "Sink"}, {name: "logging", typ: "Logging"}, {name: "gateways", typ: "Gateway"},
	{name: "delivery", typ: "Delivery"}, {name: "backups", typ: "Backups"},
}

// CategoryOf is the category whose entries are of a type, such as gateways of Gateway; empty where the
// type's entries choose no product.
func CategoryOf(typeName string) string {
	for _, c := range categories {
		if c.typ == typeName {
			return c.name
		}
	}
	return ""
}

// Entries are all places of the document where a product is chosen, in the order they are built, and
// by name within a category.
func (s Spec) Entries() []Entry {
	var out []Entry
	add := func(category, name, path, product string, v reflect.Value) {
		e := Entry{Category: category, Name: name, Path: path, Product: product, Spec: v.Interface()}
		if product == "" {
			e.Product, e.Choice = v.FieldByName("Product").String(), v.FieldByName("Choice").Interface().(Choice)
		}
		out = append(out, e)
	}
	for _, c := range categories {
		v, path := reflect.ValueOf(s), "spec"
		for part := range strings.SplitSeq(c.name, ".") {
			if v = inner(v); !v.IsValid() {
				break
			}
			path = Join(path, part)
			v = fieldNamed(v, part)
		}
		switch {
		case !v.IsValid() || v.IsZero():
		case v.Kind() == reflect.Map:
			for _, name := range sortedKeys(v) {
				add(c.name, name, Join(path, name), c.product, v.MapIndex(reflect.ValueOf(name)))
			}
		default:
			add(c.name, "", path, c.product, inner(v))
		}
	}
	return out
}

// inner is what a pointer points at, the value itself where it is none, and no value for a nil one.
func inner(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Pointer {
		return v.Elem()
	}
	return v
}

func fieldNamed(v reflect.Value, name string) reflect.Value {
	for _, f := range fieldsOf(v) {
		if f.name == name {
			return f.value
		}
	}
	return reflect.Value{}
}

// planned are the products that the shape of the document was made for and that this k8or has none
// of yet: a better answer than an unknown word.
var planned = map[string][]string{
	"databases":      {"digitalocean", "aws", "google", "azure", "cloudnative-pg", "existing"},
	"messaging":      {"kafka", "existing"},
	"gateways":       {"nginx", "kong", "doks", "existing"},
	"mesh":           {"istio", "linkerd", "existing"},
	"monitoring":     {"prometheus", "existing"},
	"logging":        {"fluentd", "existing"},
	"logging.sink":   {"elk", "opensearch", "existing"},
	"storage.spaces": {"digitalocean"},
	"registry":       {"docker-registry", "digitalocean", "dockerhub", "existing"},
	"delivery":       {"circleci", "travis", "existing"},
	"backups":        {"velero", "existing"},
}

// Planned are the products of a category that the shape of the document was made for, whether or not
// this k8or has them.
func Planned(category string) []string { return slices.Clone(planned[category]) }
