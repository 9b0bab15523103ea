// SPDX-License-Identifier: Apache-2.0

package existing

import (
	"strings"
	"testing"
)

func TestCredentialsAreReadInEitherForm(t *testing.T) {
	t.Parallel()
	for why, c := range map[string]struct{ given, user, password, fault string }{
		"a name and a password":           {given: "ada:s3cr:et\n", user: "ada", password: "s3cr:et"},
		"a config.json with both fields":  {given: `{"auths": {"ghcr.io": {"username": "ada", "password": "pw"}}}`, user: "ada", password: "pw"},
		"a config.json with auth alone":   {given: `{"auths": {"ghcr.io": {"auth": "YWRhOnB3"}}}`, user: "ada", password: "pw"},
		"a config.json of another host":   {given: `{"auths": {"quay.io": {"auth": "YWRhOnB3"}}}`, fault: "does not sign in at ghcr.io"},
		"a text that is neither":          {given: "hunter2", fault: "neither user:password nor"},
		"a config.json that is cut short": {given: `{"auths": {"hunter2`, fault: "not a Docker config.json"},
	} {
		user, password, err := signIn([]byte(c.given), "ghcr.io")
		switch {
		case c.fault == "":
			if err != nil || user != c.user || password != c.password {
				t.Errorf("%s: got %q, %v", why, user, err)
			}
		case err == nil || !strings.Contains(err.Error(), c.fault):
			t.Errorf("%s: got %v, want %q", why, err, c.fault)
		case strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: the error repeats the secret: %v", why, err)
		}
	}
}
