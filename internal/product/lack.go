// SPDX-License-Identifier: Apache-2.0

package product

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
)

// Lack is a part of a category that a product has nothing behind. Where an entry gives it another value than its default, the entry is
// refused: who writes a field counts on it.
type Lack struct {
	// Fields are the parts by their paths below the entry: "tls", "storage.max".
	Fields []string
	// Why says why the product has no such thing, Fix what to do instead; empty for no more than to remove it.
	Why, Fix string
}

// NoPods is the lack of a product none of whose pods are k8or's.
var NoPods = Lack{Fields: []string{"size", "pool"}, Why: "k8or runs no pods of it"}

// NoGrowth is the lack of a product whose disks are volumes of DigitalOcean's block storage.
var NoGrowth = Lack{Fields: []string{"storage.max"}, Why: "a volume of DigitalOcean's block storage does not grow by itself", Fix: "write a larger storage.size when it fills: the volume grows in place"}

// Of are the refusals of an entry's parts. The entry is a category's part of the document with its defaults; a path that it does not have
// is a mistake of the product's, and panics.
func (l Lack) Of(entry any) []Refusal {
	var out []Refusal
	for _, field := range l.Fields {
		if given(reflect.ValueOf(entry), strings.Split(field, ".")) {
			fix := l.Fix
			if fix == "" {
				fix = "remove it"
			}
			out = append(out, Refusal{Field: field, What: field + " would have no effect", Why: l.Why, Fix: fix})
		}
	}
	return out
}

// given says whether a part has another value than its default.
func given(v reflect.Value, path []string) bool {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return false
		}
		v = v.Elem()
	}
	f := fieldOf(v, path[0])
	if !f.IsValid() {
		panic(fmt.Sprintf("product: %s has no field %s", v.Type(), path[0]))
	}
	if len(path) > 1 {
		return given(f, path[1:])
	}
	if f.IsZero() || f.Kind() == reflect.Map && f.Len() == 0 || f.Kind() == reflect.Slice && f.Len() == 0 {
		return false
	}
	standard := reflect.New(f.Type())
	if err := json.Unmarshal([]byte(v1alpha1.MarkOf(v.Type().Name(), path[0]).Default), standard.Interface()); err != nil {
		return true // it has none
	}
	return !reflect.DeepEqual(f.Interface(), standard.Elem().Interface())
}

// fieldOf is a struct's field by its name in the document, those of what it embeds among them.
func fieldOf(v reflect.Value, name string) reflect.Value {
	for f, value := range v.Fields() {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case tag == name:
			return value
		case f.Anonymous:
			if inner := fieldOf(value, name); inner.IsValid() {
				return inner
			}
		}
	}
	return reflect.Value{}
}
