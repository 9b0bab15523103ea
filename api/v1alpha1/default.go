// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Default is a copy of the document with what it leaves open filled in, from the defaults that the
// fields' doc comments state and the catalog set freezes. It is pure, and filling in twice changes
// nothing. A document that breaks rules is filled in as far as it goes.
func Default(p *Platform) *Platform {
	filled := p.Clone()
	if cluster := &filled.Spec.Cluster; cluster.Exact() && cluster.Existing == "" && cluster.AutoUpgrade == nil {
		cluster.AutoUpgrade = new(false) // or DigitalOcean would move what the document pins
	}
	fill(reflect.ValueOf(filled).Elem())
	for _, m := range filled.Spec.Messaging {
		defaultTopics(m)
	}
	for name, app := range filled.Spec.Apps {
		filled.Spec.Apps[name] = defaultApp(app)
	}
	return filled
}

// defaultApp fills in what follows from an app's other fields.
func defaultApp(app App) App {
	if !app.FromImage() {
		return app
	}
	if app.Kind == "" {
		switch {
		case app.Schedule != "":
			app.Kind = "cron"
		case app.Port != nil:
			app.Kind = "web"
		default:
			app.Kind = "worker"
		}
	}
	if app.Replicas == nil && app.Autoscale == nil && app.Serves() {
		app.Replicas = new(2)
		if len(app.Volumes) > 0 {
			app.Replicas = new(1)
		}
	}
	return app
}

// defaultTopics fills in how many copies of a topic there are: no more than brokers.
func defaultTopics(m Messaging) {
	if m.Brokers == nil {
		return // somebody else's
	}
	for name, topic := range m.Topics {
		if topic.Replicas == nil {
			topic.Replicas = new(min(3, *m.Brokers))
		}
		if topic.MinInSync == nil {
			topic.MinInSync = new(max(1, *topic.Replicas-1))
		}
		m.Topics[name] = topic
	}
}

// Exact says whether the version is an exact release, and not a minor's channel.
func (c Cluster) Exact() bool { return strings.Count(c.Version, ".") > 1 }

// FromImage says whether the app is made from a container image, and not from manifests or a chart.
func (a App) FromImage() bool { return a.Manifests == "" && a.Chart == nil }

// Serves says whether the app runs on, as web and worker do, and does not end, as job and cron do.
// It is meant for an app with its defaults filled in.
func (a App) Serves() bool { return a.Kind == "web" || a.Kind == "worker" }

// fill puts defaults into the open fields of a struct and of all beneath it.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Map:
		if v.Type().Elem().Kind() != reflect.Struct {
			return
		}
		for _, key := range v.MapKeys() { // an entry of a map cannot be changed in place
			entry := reflect.New(v.Type().Elem()).Elem()
			entry.Set(v.MapIndex(key))
			fill(entry)
			v.SetMapIndex(key, entry)
		}
	case reflect.Struct:
		if skipDefaults(v.Interface()) {
			return
		}
		for _, f := range fieldsOf(v) {
			mark := MarkOf(v.Type().Name(), f.name)
			if mark.Default != "" && f.value.IsZero() && !skipDefault(v.Interface(), f.name) {
				if err := json.Unmarshal([]byte(mark.Default), f.value.Addr().Interface()); err != nil {
					// The generated table and the types disagree; a test holds them together.
					panic(fmt.Sprintf("default of %s.%s: %v", v.Type().Name(), f.name, err))
				}
			}
			fill(f.value)
		}
	}
}

// skipDefaults says that a thing is somebody else's as a whole.
func skipDefaults(v any) bool {
	cluster, ok := v.(Cluster)
	return ok && cluster.Existing != ""
}

// skipDefault says that a field's default does not go with the thing's other fields.
func skipDefault(v any, field string) bool {
	switch v := v.(type) {
	case Gateway:
		return v.Product == "existing" && field != "product"
	case Messaging:
		return v.Product == "existing"
	case App:
		return !v.FromImage() && field != "namespace"
	}
	if field != "size" {
		return false
	}
	product := reflect.ValueOf(v).FieldByName("Product")
	return product.IsValid() && product.String() == "existing"
}

// member is a field of a struct by its name in the document.
type member struct {
	name  string
	value reflect.Value
}

// fieldsOf are a struct's fields in order, with those of embedded structs in their place.
func fieldsOf(v reflect.Value) []member {
	var members []member
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			members = append(members, fieldsOf(v.Field(i))...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "-" {
			members = append(members, member{name, v.Field(i)})
		}
	}
	return members
}

// Clone is a copy that shares nothing with the document.
func (p *Platform) Clone() *Platform {
	return clone(reflect.ValueOf(p)).Interface().(*Platform)
}

func clone(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return v
		}
		if v.Kind() == reflect.Interface {
			c := reflect.New(v.Type()).Elem()
			c.Set(clone(v.Elem()))
			return c
		}
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(clone(v.Elem()))
		return c
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			c.Index(i).Set(clone(v.Index(i)))
		}
		return c
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeMapWithSize(v.Type(), v.Len())
		for _, key := range v.MapKeys() {
			c.SetMapIndex(key, clone(v.MapIndex(key)))
		}
		return c
	case reflect.Struct:
		c := reflect.New(v.Type()).Elem()
		for i := range v.NumField() {
			c.Field(i).Set(clone(v.Field(i)))
		}
		return c
	}
	return v
}
