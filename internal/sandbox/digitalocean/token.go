// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/http"
	"slices"
	"strings"
)

// Token is one way in. Without scopes it has full access. Callers of another Team see another account.
type Token struct {
	Value  string   `json:"value"`
	Team   string   `json:"team,omitempty"` // the team's uuid; empty: the sandbox's own
	Scopes []string `json:"scopes,omitempty"`

	internal bool // the hands of the cloud itself: neither limited nor recorded
}

// may says whether the token carries all these scopes.
func (t Token) may(scopes []string) bool { return t.missing(scopes) == "" }

// missing names the first of these scopes that the token lacks.
func (t Token) missing(scopes []string) string {
	if t.internal || len(t.Scopes) == 0 {
		return ""
	}
	for _, s := range scopes {
		kind, verb, _ := strings.Cut(s, ":")
		covered := slices.Contains(t.Scopes, s) || verb == "read" && slices.Contains(t.Scopes, "read") ||
			slices.Contains(t.Scopes, "write") || slices.Contains(t.Scopes, kind+":*")
		if !covered {
			return s
		}
	}
	return ""
}

func (c *Cloud) authenticate(r *http.Request) (Token, bool) {
	if t, ok := r.Context().Value(internalKey{}).(Token); ok {
		return t, true
	}
	scheme, value, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return Token{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.state.Tokens {
		if t.Value == value {
			return t, true
		}
	}
	return Token{}, false
}

// internalKey marks, in a request's context, that the cloud's own hands make it. Nobody outside this process can.
type internalKey struct{}

func (c *Cloud) tokenInfoRoutes() []route {
	return []route{{"GET /v1/oauth/token/info", 200, nil, c.tokenInfo}}
}

// tokenInfo is what `doctl auth init` asks (at cloud.digitalocean.com, or at --token-validation-server): what the token may do.
func (c *Cloud) tokenInfo(q *request) (any, error) {
	scopes := q.token.Scopes
	if len(scopes) == 0 {
		scopes = []string{"read", "write"}
	}
	return object{
		"resource_owner_id":  1,
		"scopes":             scopes,
		"expires_in_seconds": nil,
		"application":        object{"uid": nil},
		"created_at":         q.received.Unix(),
	}, nil
}
