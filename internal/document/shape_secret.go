// SPDX-License-Identifier: Apache-2.0

package document

import (
	"fmt"
	"slices"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/problem"
)

// hideSecrets masks a literal under a mistyped field whose right name would hold a secret.
func (s *shaper) hideSecrets(n *node, key string) {
	switch n.kind {
	case object:
		for _, e := range n.entries {
			s.hideSecrets(e.value, e.key)
		}
	case list:
		for _, item := range n.items {
			s.hideSecrets(item, key)
		}
	case null:
	default:
		if secretLike(key) {
			n.at.src.hide(n.at.line, n.at.column)
			for _, p := range s.found {
				if p.Place != nil && p.Place.File == n.at.src.name && p.Place.Line == n.at.line {
					p.Place.Snippet = n.at.src.place(n.at).Snippet
				}
			}
		}
	}
}

// secretLike says whether a field's name is one that secrets are given under.
func secretLike(key string) bool {
	words := []string{"password", "secret", "token", "credentials", "apikey", "slack", "pagerduty", "webhook", "privatekey"}
	key = strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(key))
	return problem.Nearest(key, words) != "" || slices.ContainsFunc(words, func(word string) bool { return strings.Contains(key, word) })
}

// secret lets a reference through and refuses a literal without showing it.
func (s *shaper) secret(n *node, path string, at position) (any, bool) {
	switch n.kind {
	case object:
		if from := n.get("from"); from != nil && from.value.kind != object && from.value.kind != null {
			s.literal(from.value, path, from.at)
			return nil, false
		}
		return s.fields(n, secretType, path, at)
	case null:
		s.wrong(n, path, at, "a reference to a secret", "write `{from: {env: NAME}}`, `{from: {file: path}}` or `{from: {secret: name/key}}`")
		return nil, false
	}
	s.literal(n, path, at)
	return nil, false
}

func (s *shaper) literal(n *node, path string, at position) {
	hideAll(n)
	s.fail(problem.Problem{Code: problem.SecretLiteral, Title: fmt.Sprintf("%s is a secret and stands in the document", last(path)),
		Why: "secrets come in by reference, so that the document can be shown to anybody",
		Fix: fmt.Sprintf("write `%s: {from: {env: NAME}}`, or from a file or a Secret; and replace the secret if the document was shared", last(path))}, path, at)
}

// hideAll masks a value and everything in it.
func hideAll(n *node) {
	n.at.src.hide(n.at.line, n.at.column)
	for _, item := range n.items {
		hideAll(item)
	}
	for _, e := range n.entries {
		hideAll(e.value)
	}
}

// env lets a text or a reference through.
func (s *shaper) env(n *node, path string, at position) (any, bool) {
	switch n.kind {
	case text:
		return n.text, true
	case object:
		if from := n.get("from"); from != nil && from.value.kind != object && from.value.kind != null {
			s.literal(from.value, path, from.at)
			return nil, false
		}
		v, ok := s.fields(n, envType, path, at)
		if m, isMap := v.(map[string]any); isMap && m["from"] == nil {
			if n.get("from") == nil && len(n.entries) == 0 {
				s.fail(problem.Problem{Code: v1alpha1.CodeBadFrom, Title: "the reference names no source", Fix: "write a text, or `{from: {secret: name/key}}`"}, path, at)
			}
			return "", true
		}
		return v, ok
	case null:
		s.wrong(n, path, at, "a text", "write \"\" for an empty one")
	case list:
		s.wrong(n, path, at, "a text or a reference to a secret", "write one text")
	default:
		s.wrong(n, path, at, "a text", fmt.Sprintf("put it in quotes: `%s: %q`", last(path), n.text))
	}
	return nil, false
}
