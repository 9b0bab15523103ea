// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// tokenPath is where clients get tokens: /v2/registry/auth of the API in life, at the registry's own address here.
const tokenPath = "/v2/registry/auth"

// service is the registry's name in the token protocol.
const service = "registry.digitalocean.com"

// access is what a token lets its holder do, until a model time.
type access struct {
	until   time.Time
	actions map[string][]string // of a repository with its registry
	refused map[string]string   // why a push that was asked for is not among them
}

// giveToken is the Docker token protocol: Basic authentication in, a bearer token for the scopes out.
func (q *call) giveToken() error {
	_, password, ok := q.BasicAuth()
	if !ok {
		return &problem{http.StatusUnauthorized, "UNAUTHORIZED", "authentication required"}
	}
	s := q.server
	a := access{until: s.options.Clock.Now().Add(writeTokenLife), actions: map[string][]string{}, refused: map[string]string{}}
	known := false
	for _, scope := range q.URL.Query()["scope"] {
		for one := range strings.FieldsSeq(scope) {
			parts := strings.Split(one, ":")
			if len(parts) != 3 || parts[0] != "repository" {
				continue
			}
			name := parts[1]
			registry, repository := split(name)
			pull, push := s.options.Cloud.RegistryAccess(registry, password)
			known = known || pull
			for action := range strings.SplitSeq(parts[2], ",") {
				if pull && action == "pull" {
					a.actions[name] = append(a.actions[name], "pull")
				}
				if !push || action == "pull" {
					continue
				}
				if err := s.mayPush(registry, repository); err != nil {
					a.refused[name] = err.Error()
					continue
				}
				a.actions[name] = append(a.actions[name], action)
			}
		}
	}
	if pull, _ := s.options.Cloud.RegistryAccess("", password); !pull && !known {
		return &problem{http.StatusUnauthorized, "UNAUTHORIZED", "authentication required"}
	}
	value := secret(24)
	s.mu.Lock()
	s.forget()
	s.tokens[value] = a
	s.mu.Unlock()
	q.w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(q.w).Encode(map[string]any{
		"token": value, "access_token": value, "expires_in": int(s.options.Clock.Real(writeTokenLife).Seconds()), "issued_at": s.options.Clock.Wall().UTC().Format(time.RFC3339),
	})
}

// mayPush asks the cloud about a repository.
func (s *Server) mayPush(name, repository string) error {
	s.mu.Lock()
	r := s.all[name]
	if r == nil {
		s.mu.Unlock()
		return fmt.Errorf("registry %s does not exist", name)
	}
	repositories, known := len(r.Repositories), r.Repositories[repository] != nil
	s.mu.Unlock()
	return s.options.Cloud.MayPush(name, repositories, known)
}

// forget drops tokens that have expired. It is called with the lock held.
func (s *Server) forget() {
	now := s.options.Clock.Now()
	for value, a := range s.tokens {
		if !now.Before(a.until) {
			delete(s.tokens, value)
		}
	}
}

// WritableUntil is the model time until which somebody holds a token that lets push to a registry; zero when nobody does.
func (s *Server) WritableUntil(name string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	var last time.Time
	for _, a := range s.tokens {
		for in, actions := range a.actions {
			if registry, _ := split(in); registry == name && slices.Contains(actions, "push") && a.until.After(last) {
				last = a.until
			}
		}
	}
	return last
}

func (q *call) token() (access, bool) {
	value, ok := strings.CutPrefix(q.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return access{}, false
	}
	q.server.mu.Lock()
	defer q.server.mu.Unlock()
	q.server.forget()
	a, ok := q.server.tokens[value]
	return a, ok
}

// challenge tells the client where it gets a token, and for what.
func (q *call) challenge(scope string) error {
	scheme := "http"
	if q.TLS != nil {
		scheme = "https"
	}
	text := fmt.Sprintf("Bearer realm=%q,service=%q", scheme+"://"+q.Host+tokenPath, service)
	if scope != "" {
		text += fmt.Sprintf(",scope=%q", scope)
	}
	q.w.Header().Set("Www-Authenticate", text)
	return &problem{http.StatusUnauthorized, "UNAUTHORIZED", "authentication required"}
}

// authorize holds the token against what is asked for. Deleting takes the right to push.
func (q *call) authorize() error {
	name, action := q.registry+"/"+q.repository, "push"
	if q.Method == http.MethodGet || q.Method == http.MethodHead {
		action = "pull"
	}
	a, ok := q.token()
	switch {
	case ok && slices.Contains(a.actions[name], action), ok && q.Method == http.MethodDelete && slices.Contains(a.actions[name], "delete"):
	case ok && a.refused[name] != "" && action == "push":
		return &problem{http.StatusForbidden, "DENIED", a.refused[name]}
	case action == "pull":
		return q.challenge("repository:" + name + ":pull")
	default:
		return q.challenge("repository:" + name + ":pull,push")
	}
	if action != "push" {
		return nil
	}
	// A token outlives the beginning of a collection; a new repository counts whenever it is made.
	if err := q.server.mayPush(q.registry, q.repository); err != nil && !strings.Contains(err.Error(), readOnly) {
		return &problem{http.StatusForbidden, "DENIED", err.Error()}
	}
	return nil
}

// readOnly is part of what a cloud says of a registry that is being collected.
const readOnly = "read-only"
