// SPDX-License-Identifier: Apache-2.0

package product

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/k8or/k8or/internal/graph"
)

// offers keeps what was offered, by type.
type offers map[reflect.Type][]any

// Offer makes a capability known to the products that want it.
func Offer[T any](b *Building, capability T) {
	t := reflect.TypeFor[T]()
	b.gives(t)
	b.c.offers[t] = append(b.c.offers[t], capability)
}

// Offered are all capabilities of a type, in the order they were offered.
func Offered[T any](w *Wiring) []T { return taken[T](w.joint) }

// taken is what was offered of a type, to an entry that joins it.
func taken[T any](j joint) []T {
	j.takes(reflect.TypeFor[T]())
	return offered[T](j.c.offers)
}

func offered[T any](o offers) []T {
	var out []T
	for _, v := range o[reflect.TypeFor[T]()] {
		out = append(out, v.(T))
	}
	return out
}

// Foundation is the cluster, offered before anything else is built.
func (b *Building) Foundation() (Foundation, error) { return b.foundation() }

func (j joint) foundation() (Foundation, error) {
	all := offered[Foundation](j.c.offers)
	if len(all) != 1 {
		return Foundation{}, fmt.Errorf("%s needs the cluster, and %d are offered", j.at, len(all))
	}
	return all[0], nil
}

// Egress is the address that the cluster's traffic leaves from; false where every node has one of its own.
func (b *Building) Egress() (Egress, bool) {
	for _, e := range taken[Egress](b.joint) {
		return e, true
	}
	return Egress{}, false
}

// Issuer is what makes certificates; a product that uses it says Want("cert-manager") in Select.
func (j joint) Issuer() (Issuer, error) {
	all := taken[Issuer](j)
	if len(all) == 0 {
		return Issuer{}, fmt.Errorf("%s needs certificates, and nothing offers them: it has to want cert-manager in Select", j.at)
	}
	return all[0], nil
}

// Operator is the operator of a support product; a product that uses it says Want(name) in Select.
func (b *Building) Operator(name string) (Operator, error) {
	for _, o := range taken[Operator](b.joint) {
		if o.Name == name {
			return o, nil
		}
	}
	return Operator{}, fmt.Errorf("%s needs the operator %s, and nothing offers it: it has to want %s in Select", b.at, name, name)
}

// LogSinks are where logs can be kept.
func (b *Building) LogSinks() []LogSink { return taken[LogSink](b.joint) }

// PrivateServers are those of the private network that were offered.
func (b *Building) PrivateServers() []PrivateServer { return taken[PrivateServer](b.joint) }

// Bucket is a bucket that was offered; false where there is none of this entry.
func (b *Building) Bucket(entry graph.ID) (Bucket, bool) {
	for _, bucket := range taken[Bucket](b.joint) {
		if bucket.Entry == entry {
			return bucket, true
		}
	}
	return Bucket{}, false
}

// Image is the full name of an image: one that names no registry is the platform's own. The document's rules make sure that
// there is one.
func (b *Building) Image(name string) string {
	first, _, slash := strings.Cut(name, "/")
	if slash && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return name
	}
	for _, source := range taken[ImageSource](b.joint) {
		return source.Prefix + name
	}
	return name
}

// Bindings are what an app may use, by what was built before it.
func (b *Building) Bindings(user graph.ID) []Binding {
	var out []Binding
	for _, binding := range taken[Binding](b.joint) {
		if binding.User == user {
			out = append(out, binding)
		}
	}
	return out
}
