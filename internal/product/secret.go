// SPDX-License-Identifier: Apache-2.0

package product

import (
	"fmt"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
)

// SecretField is the key of a derived Secret that holds what the document refers to. Path is the reference's place in the
// document, such as spec.monitoring.receivers.oncall.slack; namespace is where a Secret is looked for that names none.
// Errors are problems that name the place.
func (p Platform) SecretField(key string, s v1alpha1.Secret, path, namespace string) (kube.Field, error) {
	from := s.From
	missing := func(what, why string) error {
		return &problem.Problem{Code: problem.SecretMissing, Kind: problem.Preflight, Path: path, Title: fmt.Sprintf("%s comes from %s, %s", path, what, why), Fix: "set it and run again"}
	}
	switch {
	case from.Secret != "":
		parts := strings.Split(from.Secret, "/")
		if len(parts) == 2 {
			parts = append([]string{namespace}, parts...)
		}
		return kube.Field{Key: key, From: &kube.SecretKey{Namespace: parts[0], Name: parts[1], Key: parts[2]}}, nil
	case from.Env != "":
		v, ok := p.Env(from.Env)
		if !ok || v == "" {
			return kube.Field{}, missing("the environment variable "+from.Env, "which is not set")
		}
		return kube.Field{Key: key, Text: v}, nil
	default:
		v, err := p.File(from.File)
		if err != nil {
			return kube.Field{}, missing("the file "+from.File, "which cannot be read: "+err.Error())
		}
		return kube.Field{Key: key, Text: strings.TrimRight(string(v), "\r\n")}, nil
	}
}

// Undisclosed is the platform with the same word in place of every secret that its document takes from the environment or a file: for what
// looks at the shape of things and writes nothing, so that it needs no secret.
func (p Platform) Undisclosed() Platform {
	const hidden = "[hidden]"
	p.Env = func(string) (string, bool) { return hidden, true }
	p.File = func(string) ([]byte, error) { return []byte(hidden), nil }
	return p
}
