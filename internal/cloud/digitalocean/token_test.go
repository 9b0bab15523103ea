// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/json"
	"errors"
	"fmt"
	"github.com/k8or/k8or/internal/secret"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
)

func TestTokenIsFoundWhereOtherToolsKeepIt(t *testing.T) {
	t.Parallel()
	const doctl = "access-token: the-default\nauth-contexts:\n  work: the-work\n  Home: the-home\ncontext: work\napi-url: https://other.example.com\n"
	tests := map[string]struct {
		env          map[string]string
		file         string
		value        string
		source, api  string
		missing, why string
	}{
		"first name":   {env: map[string]string{"DIGITALOCEAN_ACCESS_TOKEN": "a", "DIGITALOCEAN_TOKEN": "b"}, file: doctl, value: "a", source: "DIGITALOCEAN_ACCESS_TOKEN"},
		"second name":  {env: map[string]string{"DIGITALOCEAN_TOKEN": "b\n", "DIGITALOCEAN_API_URL": "https://x.example.com"}, value: "b", source: "DIGITALOCEAN_TOKEN", api: "https://x.example.com"},
		"context":      {file: doctl, value: "the-work", source: "doctl's context work", api: "https://other.example.com"},
		"named":        {env: map[string]string{"DIGITALOCEAN_CONTEXT": "home"}, file: doctl, value: "the-home", source: "doctl's context home", api: "https://other.example.com", why: "doctl does not mind case"},
		"default":      {env: map[string]string{"DIGITALOCEAN_CONTEXT": "default", "DIGITALOCEAN_API_URL": "https://y.example.com"}, file: doctl, value: "the-default", source: "doctl's default context", api: "https://y.example.com"},
		"no context":   {file: "access-token: only\n", value: "only", source: "doctl's default context"},
		"none at all":  {missing: "export DIGITALOCEAN_ACCESS_TOKEN"},
		"lost context": {env: map[string]string{"DIGITALOCEAN_CONTEXT": "gone"}, file: doctl, missing: "doctl's context gone"},
		"no yaml":      {file: "access-token: [the-default", missing: "not the YAML that doctl writes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := FindToken(TokenPlaces{ConfigDir: "conf", Getenv: func(k string) string { return test.env[k] },
				ReadFile: func(path string) ([]byte, error) {
					if test.file == "" || path != filepath.Join("conf", "doctl", "config.yaml") {
						return nil, fs.ErrNotExist
					}
					return []byte(test.file), nil
				}})
			if test.missing != "" {
				if err == nil || !strings.Contains(err.Error(), test.missing) || strings.Contains(err.Error(), "the-default") {
					t.Errorf("got %v, want an error that says %q and no token", err, test.missing)
				}
				return
			}
			if err != nil || found.Value.Reveal() != test.value || found.Source != test.source || found.APIURL != test.api {
				t.Errorf("got %q from %q at %q, %v; want %q from %q at %q %s", found.Value.Reveal(), found.Source, found.APIURL, err, test.value, test.source, test.api, test.why)
			}
		})
	}
}

func TestAFileThatCannotBeReadIsSaid(t *testing.T) {
	t.Parallel()
	_, err := FindToken(TokenPlaces{ConfigDir: "conf", Getenv: func(string) string { return "" }, ReadFile: func(string) ([]byte, error) { return nil, fs.ErrPermission }})
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want that the file cannot be read", err)
	}
}

func TestSecretsPrintHidden(t *testing.T) {
	t.Parallel()
	s := secret.New("canary")
	text, err := json.Marshal(map[string]any{"a": s, "b": Token{Value: s}, "c": Credentials{Token: s}})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", s, "token", Token{Value: s})
	printed := fmt.Sprintf("%v %+v %#v %s %q %d %x", s, s, s, s, s, s, s) + fmt.Sprint(s) + fmt.Sprintf("%+v %#v", Token{Value: s}, &Token{Value: s})
	for _, out := range []string{string(text), log.String(), printed, s.String(), s.GoString()} {
		if strings.Contains(out, "canary") || strings.Contains(out, fmt.Sprintf("%x", "canary")) || !strings.Contains(out, "[hidden]") {
			t.Errorf("a secret is printed as %s", out)
		}
	}
}
