// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Derived is a Secret whose data come to be in the cluster: made up there once, read from other Secrets, or computed of
// both. So a password that an operator or k8or makes up passes through no plan, no value of the graph and no disk.
type Derived struct {
	Name, Namespace string
	Labels          map[string]string
	Type            string  // such as kubernetes.io/dockerconfigjson; empty means Opaque
	Fields          []Field // in order: a computed one sees those before it
	// ConfigMap makes it a ConfigMap, for what is public, such as an authority's certificate, and read as such.
	ConfigMap bool
}

// Field is one key of a Derived, by one of its sources.
type Field struct {
	Key string
	// Text is what is known beforehand: a host, a user's name, or a secret that the document refers to.
	Text string
	// Random is the length of a text of letters and digits that is made up once and then kept.
	Random int
	// From is a key of another Secret, waited for until it is there.
	From *SecretKey
	// Compute makes it of the fields before it. Have is what stands in the cluster, nil when nothing does: a computation
	// with randomness of its own (a salted hash) keeps that as long as it is right, or every look would find a change.
	Compute func(fields map[string][]byte, have []byte) ([]byte, error)
	// Turn is the name of an object of the set that takes turns: the one that counts is then the Text, or the Secret that it is From.
	Turn string
	// Unwritten keeps it out of the Secret: it serves a computation.
	Unwritten bool
}

// SecretKey is a key of a Secret in the cluster.
type SecretKey struct{ Namespace, Name, Key string }

// String is namespace/name/key.
func (k SecretKey) String() string { return k.Namespace + "/" + k.Name + "/" + k.Key }

// object is the Secret without its data: what names it.
func (d Derived) object(namespace string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret"}}
	o.SetName(d.Name)
	o.SetNamespace(d.namespace(namespace))
	o.SetLabels(d.Labels)
	if d.ConfigMap {
		o.Object["kind"] = "ConfigMap"
		return o
	}
	o.Object["type"] = "Opaque"
	if d.Type != "" {
		o.Object["type"] = d.Type
	}
	return o
}

func (d Derived) namespace(standard string) string {
	if d.Namespace != "" {
		return d.Namespace
	}
	return standard
}

// named is the set with its derived Secrets as objects that only name them.
func (s Set) named() Set {
	for _, d := range s.Derived {
		s.Objects = append(s.Objects[:len(s.Objects):len(s.Objects)], d.object(s.Namespace))
	}
	return s
}

// derives reports whether an object is one of the set's derived Secrets.
func (s Set) derives(id ID) bool {
	return slices.ContainsFunc(s.Derived, func(d Derived) bool { return IDOf(d.object(s.Namespace)).same() == id.same() })
}

// pending is a derived Secret that cannot be made yet.
type pending struct {
	id   ID
	why  string
	live bool // it stands from before
}

// derive is the set as it should stand now: at its turns, and with its derived Secrets as objects, as far as what they are made of is
// there. One that stands already and whose sources are gone stays as it is.
func (c *Cluster) derive(ctx context.Context, conn *connection, set Set) (Set, []pending, error) {
	set, err := c.atTurns(ctx, set)
	if err != nil {
		return set, nil, err
	}
	var waits []pending
	for _, d := range set.Derived {
		o := d.object(set.Namespace)
		read := conn.secret
		if d.ConfigMap {
			read = conn.configMap
		}
		have, there, err := read(ctx, o.GetNamespace(), o.GetName())
		if err != nil {
			return set, nil, err
		}
		data, why, err := conn.fill(ctx, d, have)
		if err != nil {
			return set, nil, fmt.Errorf("make %s %s/%s: %w", o.GetKind(), o.GetNamespace(), o.GetName(), err)
		}
		if why != "" {
			waits = append(waits, pending{IDOf(o), why, there})
			if !there {
				continue
			}
			data = have
		}
		encoded := map[string]any{}
		for k, v := range data {
			encoded[k] = base64.StdEncoding.EncodeToString(v)
			if d.ConfigMap {
				encoded[k] = string(v)
			}
		}
		o.Object["data"] = encoded
		set.Objects = append(set.Objects[:len(set.Objects):len(set.Objects)], o)
	}
	return set, waits, nil
}

// fill makes the data of one derived Secret, or says what it waits for.
func (conn *connection) fill(ctx context.Context, d Derived, have map[string][]byte) (data map[string][]byte, why string, err error) {
	fields, data := map[string][]byte{}, map[string][]byte{}
	for _, f := range d.Fields {
		var value []byte
		switch {
		case f.From != nil:
			source, there, err := conn.secret(ctx, f.From.Namespace, f.From.Name)
			if err != nil {
				return nil, "", err
			}
			value = source[f.From.Key]
			if !there || len(value) == 0 {
				return nil, fmt.Sprintf("Secret %s is not there yet", f.From), nil
			}
		case f.Random > 0:
			if value = have[f.Key]; len(value) == 0 {
				if value, err = random(f.Random); err != nil {
					return nil, "", err
				}
			}
		case f.Compute != nil:
			if value, err = f.Compute(fields, have[f.Key]); err != nil {
				return nil, "", fmt.Errorf("compute %s: %w", f.Key, err)
			}
		default:
			value = []byte(f.Text)
		}
		fields[f.Key] = value
		if !f.Unwritten {
			data[f.Key] = value
		}
	}
	return data, "", nil
}

// secret reads a Secret's data.
func (conn *connection) secret(ctx context.Context, namespace, name string) (map[string][]byte, bool, error) {
	var found corev1.Secret
	err := conn.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &found)
	if apierrors.IsNotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read Secret %s/%s: %w", namespace, name, err)
	}
	return found.Data, true, nil
}

// configMap reads a ConfigMap's data.
func (conn *connection) configMap(ctx context.Context, namespace, name string) (map[string][]byte, bool, error) {
	var found corev1.ConfigMap
	err := conn.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &found)
	if apierrors.IsNotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read ConfigMap %s/%s: %w", namespace, name, err)
	}
	data := map[string][]byte{}
	for k, v := range found.Data {
		data[k] = []byte(v)
	}
	return data, true, nil
}

const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789" // without what eyes confuse

func random(length int) ([]byte, error) {
	var b strings.Builder
	for range length {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			return nil, fmt.Errorf("make up a secret: %w", err)
		}
		b.WriteByte(alphabet[n.Int64()])
	}
	return []byte(b.String()), nil
}
