// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
)

// ordered is a JSON object whose keys keep the order they were set in.
type ordered []pair

type pair struct {
	key   string
	value any
}

func (o *ordered) set(key string, value any) { *o = append(*o, pair{key, value}) }

// text sets a key unless the text is empty.
func (o *ordered) text(key, value string) {
	if value != "" {
		o.set(key, value)
	}
}

// MarshalJSON writes the object.
func (o ordered) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := compact(p.key)
		if err != nil {
			return nil, err
		}
		value, err := compact(p.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// compact is v as JSON on one line, with <, > and & as they are.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
