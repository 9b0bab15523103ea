// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// fingerprint is what a composition is told by: two of the same fingerprint differ in nothing that could be seen of them. It is a hash, since
// secrets are part of it.
type fingerprint [sha256.Size]byte

// fingerprintOf takes the fingerprint of a composition: its nodes with what they want, objects with the data of Secrets, the values that its
// charts were handed, pods, bill, and all that was offered. Notes are left out: what is only talked about is not done.
func fingerprintOf(c *product.Composition, charts *valued, salted map[string]bool) (of fingerprint, computed map[string]string) {
	p := printer{sha256.New(), map[uintptr]bool{}, map[string]string{}, salted}
	for _, id := range c.Graph.IDs() {
		p.of(id, c.Graph.Needs(id), c.Graph.Resource(id))
	}
	p.of(c.Items, c.Workloads, c.Sets, c.Rendered, c.Support, c.Entries, c.Offers(), charts.handed)
	return fingerprint(p.Sum(nil)), p.computed
}

// printer writes values down in full.
type printer struct {
	hash.Hash
	seen map[uintptr]bool
	// computed is what was computed for keys of Secrets, by their names. Those that are salted come out another way each time and are left
	// out: what they are made of is told by the fields before them.
	computed map[string]string
	salted   map[string]bool
}

// compute writes a Secret's fields, which are computed here of others that are made up.
func (p printer) compute(d kube.Derived) {
	fields := map[string][]byte{}
	for _, f := range d.Fields {
		value, key := []byte(f.Text), d.Namespace+"/"+d.Name+"/"+f.Key
		switch {
		case f.From != nil:
			value = []byte(f.From.String())
		case f.Compute != nil && !p.salted[key]:
			var err error
			if value, err = f.Compute(fields, nil); err != nil {
				value = []byte(err.Error())
			}
			p.computed[key] = string(value)
		}
		fields[f.Key] = value
		fmt.Fprintf(p, "%q,", value)
	}
}

func (p printer) of(all ...any) {
	for _, v := range all {
		p.value(reflect.ValueOf(v), false)
	}
}

// value writes one value. What hangs below an unexported field by a pointer, a map or an interface is a collaborator and no part of it,
// unless it is a text: that of a secret is kept so.
func (p printer) value(v reflect.Value, hidden bool) {
	switch v.Kind() {
	case reflect.Invalid:
		fmt.Fprint(p, "nil,")
	case reflect.Pointer, reflect.Interface:
		if v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.String && !v.IsNil() {
			p.value(v.Elem(), hidden)
			return
		}
		if hidden || v.IsNil() {
			fmt.Fprint(p, v.IsZero(), ",")
			return
		}
		if v.Kind() == reflect.Pointer {
			if o, ok := v.Interface().(*unstructured.Unstructured); ok { // by far the most of it, and JSON is quick
				p.object(o)
				return
			}
			if p.seen[v.Pointer()] {
				return
			}
			p.seen[v.Pointer()] = true
		}
		p.value(v.Elem(), hidden)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[kube.Derived]() && !hidden {
			p.compute(v.Interface().(kube.Derived))
		}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			p.value(v.Field(i), hidden || !f.IsExported() && !f.Anonymous)
		}
	case reflect.Slice, reflect.Array:
		fmt.Fprint(p, v.Len(), "[")
		for i := range v.Len() {
			p.value(v.Index(i), hidden)
		}
	case reflect.Map:
		fmt.Fprint(p, v.Len(), "{")
		if hidden {
			return
		}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		for _, key := range keys {
			fmt.Fprint(p, key, ":")
			p.value(v.MapIndex(key), hidden)
		}
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		fmt.Fprint(p, v.IsNil(), ",")
	case reflect.String:
		fmt.Fprintf(p, "%q,", v.String())
	case reflect.Bool:
		fmt.Fprint(p, v.Bool(), ",")
	case reflect.Float32, reflect.Float64:
		fmt.Fprint(p, v.Float(), ",")
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		fmt.Fprint(p, v.Uint(), ",")
	default:
		fmt.Fprint(p, v.Int(), ",")
	}
}

func (p printer) object(o *unstructured.Unstructured) {
	if err := json.NewEncoder(p).Encode(o.Object); err != nil {
		fmt.Fprint(p, err)
	}
}

// valued renders charts as stand-ins, and remembers what they were handed: a stand-in is made from a footprint and cannot show it.
type valued struct{ handed []any }

var _ product.Charts = (*valued)(nil)

// Render implements product.Charts.
func (v *valued) Render(ctx context.Context, source chart.Source, footprint []byte, _ bool, o chart.Options) (chart.Rendered, string, error) {
	v.handed = append(v.handed, source, o)
	if !strings.Contains(source.Repo, "://") { // a folder beside the document
		loaded, err := chart.Load(source.Repo)
		if err != nil {
			return chart.Rendered{}, "", err
		}
		r, err := chart.Render(ctx, loaded, o)
		return r, "", err
	}
	r, err := chart.StandIn(footprint, o)
	return r, "", err
}

// Load implements product.Charts.
func (v *valued) Load(_ context.Context, source chart.Source) (*chart.Chart, error) {
	v.handed = append(v.handed, source)
	if strings.Contains(source.Repo, "://") {
		return nil, errors.New("no network in this test")
	}
	return chart.Load(source.Repo)
}
