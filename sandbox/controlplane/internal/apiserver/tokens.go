// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"net/http"
	"strings"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/group"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/k8or/k8or/sandbox/controlplane/token"
)

// clusterAttribute is the extra attribute under which a user carries the id of the cluster the token was issued for.
const clusterAttribute = "sandbox.k8or.io/cluster"

// tokens is the link of the authentication chain that knows the sandbox's tokens. It passes on requests without one, and
// fails those with a bad one, which the server answers with 401.
type tokens struct{ key []byte }

var _ authenticator.Request = tokens{}

// newTokens is that link, for a server that is meant by audiences: a token of the sandbox is for the API server alone.
func newTokens(key []byte, audiences authenticator.Audiences) authenticator.Request {
	return group.NewAuthenticatedGroupAdder(authenticator.WrapAudienceAgnosticRequest(audiences, tokens{key}))
}

func (t tokens) AuthenticateRequest(request *http.Request) (*authenticator.Response, bool, error) {
	scheme, bearer, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	bearer = strings.TrimSpace(bearer)
	if !strings.EqualFold(scheme, "bearer") || !strings.HasPrefix(bearer, token.Prefix) {
		return nil, false, nil
	}
	claims, err := token.Verify(t.key, bearer, time.Now())
	if err != nil {
		return nil, false, err
	}
	info := &user.DefaultInfo{Name: claims.User, Groups: claims.Groups}
	if claims.Cluster != "" {
		info.Extra = map[string][]string{clusterAttribute: {claims.Cluster}}
	}
	return &authenticator.Response{User: info}, true, nil
}
