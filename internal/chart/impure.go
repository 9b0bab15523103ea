// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"maps"
	"reflect"
	"slices"
	"sync"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// impureFunctions are the template functions whose result is not a function of what they are given.
var impureFunctions = []string{
	"now", "ago", "uuidv4", "shuffle",
	"randAlphaNum", "randAlpha", "randAscii", "randNumeric", "randBytes", "randInt",
	"genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey",
	"htpasswd", "bcrypt", "encryptAES",
}

// impure remembers which impure functions a rendering called.
type impure struct {
	mu    sync.Mutex
	names map[string]bool
}

func newImpure() *impure { return &impure{names: map[string]bool{}} }

// functions wraps sprig's functions so that calls are seen; what they do is unchanged.
func (i *impure) functions() template.FuncMap {
	original := sprig.TxtFuncMap()
	wrapped := template.FuncMap{}
	for _, name := range impureFunctions {
		f, ok := original[name]
		if !ok {
			continue
		}
		value := reflect.ValueOf(f)
		wrapped[name] = reflect.MakeFunc(value.Type(), func(args []reflect.Value) []reflect.Value {
			i.mu.Lock()
			i.names[name] = true
			i.mu.Unlock()
			if value.Type().IsVariadic() {
				return value.CallSlice(args)
			}
			return value.Call(args)
		}).Interface()
	}
	return wrapped
}

func (i *impure) called() []string { return slices.Sorted(maps.Keys(i.names)) }
