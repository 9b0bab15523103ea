// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
)

// Value is a T that is known now, or will be known once the nodes it comes from are ready. It is read only through the
// [Call] of a node that declared it, that is, holds it in an exported field. The zero Value is a known zero T.
type Value[T any] struct {
	known T
	from  []*node
	read  func(*Call) (T, bool)
}

// Known is a Value that needs nothing.
func Known[T any](v T) Value[T] { return Value[T]{known: v} }

// Get reads the value. It is false while the value is not known, which happens only while planning; a node that runs
// finds all its inputs known. Reading a value that the node did not declare is a programmer's mistake: it makes the call
// fail with an error that names both nodes.
func (v Value[T]) Get(c *Call) (T, bool) {
	if v.read == nil {
		return v.known, true
	}
	return v.read(c)
}

// Peek is a value that was known from the beginning, for who is no node; it is false of one that nodes make.
func (v Value[T]) Peek() (T, bool) { return v.known, v.read == nil }

// Read is Get for Create and Update, where all inputs are known.
func (v Value[T]) Read(c *Call) T {
	t, ok := v.Get(c)
	if !ok {
		c.fail(fmt.Errorf("node %s reads an input that is not known yet", c.node.id))
	}
	return t
}

// sources are the nodes a value comes from.
func (v Value[T]) sources() []*node { return v.from }

type sourced interface{ sources() []*node }

// Map derives a value from another; f must be pure.
func Map[A, B any](v Value[A], f func(A) B) Value[B] {
	return Value[B]{from: v.from, read: func(c *Call) (B, bool) {
		a, ok := v.Get(c)
		if !ok {
			var zero B
			return zero, false
		}
		return f(a), true
	}}
}

// Join gathers values; the result carries the edges of all of them and is known once all are.
func Join[T any](vs ...Value[T]) Value[[]T] {
	var from []*node
	for _, v := range vs {
		from = append(from, v.from...)
	}
	return Value[[]T]{from: unique(from), read: func(c *Call) ([]T, bool) {
		out := make([]T, 0, len(vs))
		for _, v := range vs {
			t, ok := v.Get(c)
			if !ok {
				return nil, false
			}
			out = append(out, t)
		}
		return out, true
	}}
}

// unique sorts nodes by insertion and drops repetitions: two fields may read one node.
func unique(ns []*node) []*node {
	ns = slices.Clone(ns)
	slices.SortFunc(ns, func(a, b *node) int { return a.index - b.index })
	return slices.Compact(ns)
}

// holders remembers mayHold, since one resource may have thousands of fields of a few types: objects of Kubernetes.
var holders sync.Map // of struct{reflect.Type; hidden bool}: bool

// mayHold reports whether a value of a type can have a Value in it where inputsOf looks for one: what is below an interface may.
func mayHold(t reflect.Type, hidden bool) bool {
	type key struct {
		reflect.Type
		hidden bool
	}
	if known, ok := holders.Load(key{t, hidden}); ok {
		return known.(bool)
	}
	seen := map[key]bool{}
	var may func(t reflect.Type, hidden bool) bool
	may = func(t reflect.Type, hidden bool) bool {
		if t.Implements(reflect.TypeFor[sourced]()) {
			return true
		}
		if seen[key{t, hidden}] {
			return false // it is being asked already
		}
		seen[key{t, hidden}] = true
		switch t.Kind() {
		case reflect.Interface:
			return !hidden
		case reflect.Pointer, reflect.Map:
			return !hidden && may(t.Elem(), hidden)
		case reflect.Slice, reflect.Array:
			return may(t.Elem(), hidden)
		case reflect.Struct:
			for i := range t.NumField() {
				f := t.Field(i)
				if f.Tag.Get("graph") == "parent" || may(f.Type, hidden || !f.IsExported() && !f.Anonymous) {
					return true
				}
			}
		}
		return false
	}
	holds := may(t, hidden)
	holders.Store(key{t, hidden}, holds)
	return holds
}

// inputsOf finds the Values in the exported fields of a resource, to any depth through structs, pointers, slices, arrays
// and maps. A Value below an unexported field is an error, because its edge could not be seen. The field tagged
// `graph:"parent"` names the node inside which the resource lives.
func inputsOf(resource any) (inputs []*node, parent *node, err error) {
	var walk func(v reflect.Value, path string, hidden bool, seen map[uintptr]bool) error
	walk = func(v reflect.Value, path string, hidden bool, seen map[uintptr]bool) error {
		if !v.IsValid() || !mayHold(v.Type(), hidden) {
			return nil
		}
		if v.Type().Implements(reflect.TypeFor[sourced]()) {
			if hidden {
				return fmt.Errorf("field %s is unexported and holds a Value, so its edge cannot be seen: export it", path)
			}
			inputs = append(inputs, v.Interface().(sourced).sources()...)
			return nil
		}
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if v.IsNil() || hidden { // what hangs below an unexported field is a collaborator, not a part
				return nil
			}
			if v.Kind() == reflect.Pointer {
				if seen[v.Pointer()] {
					return nil
				}
				seen[v.Pointer()] = true
			}
			return walk(v.Elem(), path, hidden, seen)
		case reflect.Struct:
			for i := range v.NumField() {
				f := v.Type().Field(i)
				if err := walk(v.Field(i), path+"."+f.Name, hidden || !f.IsExported() && !f.Anonymous, seen); err != nil {
					return err
				}
				if f.Tag.Get("graph") == "parent" {
					s, ok := v.Field(i).Interface().(sourced)
					if !ok || len(s.sources()) != 1 {
						return fmt.Errorf("field %s%s is tagged as the parent and is not a Value of exactly one node", path, "."+f.Name)
					}
					parent = s.sources()[0]
				}
			}
		case reflect.Slice, reflect.Array:
			for i := range v.Len() {
				if err := walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i), hidden, seen); err != nil {
					return err
				}
			}
		case reflect.Map:
			if hidden {
				return nil
			}
			for it := v.MapRange(); it.Next(); {
				if err := walk(it.Value(), fmt.Sprintf("%s[%v]", path, it.Key()), hidden, seen); err != nil {
					return err
				}
			}
		}
		return nil
	}
	v := reflect.ValueOf(resource)
	name := reflect.Indirect(v).Type().Name()
	if err := walk(v, name, false, map[uintptr]bool{}); err != nil {
		return nil, nil, err
	}
	return unique(inputs), parent, nil
}
