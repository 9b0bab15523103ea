// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding/json"
	"errors"
	"fmt"
)

// From says where a secret is read. Exactly one of its fields is given.
type From struct {
	// Secret is a Secret in the cluster and its key, such as payments/stripe-key. It is looked for in
	// the app's namespace; one in another namespace is namespace/name/key.
	//
	// +example="payments/stripe-key"
	// +pattern=^([a-z0-9]([a-z0-9-]*[a-z0-9])?/)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9._-]+$
	// +means=a Secret's name and a key in it, such as payments/stripe-key
	Secret string `json:"secret,omitempty"`
	// Env is a variable in the environment of the k8or that runs.
	//
	// +example="SLACK_WEBHOOK"
	// +pattern=^[A-Za-z_][A-Za-z0-9_]*$
	// +means=the name of an environment variable
	Env string `json:"env,omitempty"`
	// File is a file on the machine that runs k8or, relative to the document.
	//
	// +example="secrets/slack-webhook"
	File string `json:"file,omitempty"`
}

// Secret is a value that must not stand in the document. It is given by reference:
// `{from: {env: NAME}}`, `{from: {file: path}}` or `{from: {secret: name/key}}`. A literal is an
// error.
type Secret struct {
	// From says where the secret is read.
	//
	// +required
	From From `json:"from"`
}

// EnvValue is the value of an environment variable: a plain text, or a secret by reference. It is
// written as a string or as `{from: …}`.
type EnvValue struct {
	// Value is the plain text; From is nil then.
	Value string `json:"-"`
	// From is where the secret is read; Value is empty then.
	From *From `json:"from,omitempty"`
}

// UnmarshalJSON reads a reference and refuses a literal without repeating it.
func (s *Secret) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || (data[0] != '{' && string(data) != "null") {
		return errors.New("a secret is given by reference ({from: {env: NAME}}), not as a literal")
	}
	type plain Secret
	return json.Unmarshal(data, (*plain)(s))
}

// UnmarshalJSON reads a string or an object with from.
func (v *EnvValue) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*v = EnvValue{}
		return json.Unmarshal(data, &v.Value)
	}
	type plain EnvValue
	return json.Unmarshal(data, (*plain)(v))
}

// MarshalJSON writes the form that UnmarshalJSON reads.
func (v EnvValue) MarshalJSON() ([]byte, error) {
	if v.From == nil {
		return json.Marshal(v.Value)
	}
	type plain EnvValue
	return json.Marshal(plain(v))
}

// Quantity is an amount as Kubernetes writes it: "500m" or 2 of CPU, "512Mi" or "10Gi" of memory
// or disk. A whole number may be written without quotes.
type Quantity string

// UnmarshalJSON reads a string or a number.
func (q *Quantity) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var s string
		err := json.Unmarshal(data, &s)
		*q = Quantity(s)
		return err
	}
	var n json.Number
	if err := json.Unmarshal(data, &n); err != nil {
		return fmt.Errorf("an amount is a number with a unit, such as \"512Mi\": %w", err)
	}
	*q = Quantity(n)
	return nil
}
