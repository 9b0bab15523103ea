// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// kept is what the sandbox keeps of credentials and no call shows again.
type kept struct {
	DigitalOcean struct {
		Accounts map[string]struct {
			Spaces struct {
				Keys []struct{ Name, AccessKey, Secret string }
			}
			Registries struct{ Credentials []struct{ Token string } }
			Databases  struct {
				Metrics struct {
					Password string `json:"basic_auth_password"`
				}
			}
		}
	}
}

func keptOf(ts *testscript.TestScript) kept {
	raw, err := os.ReadFile(filepath.Join(ts.Getenv("K8OR_SANDBOX_DIR"), "state.json"))
	ts.Check(err)
	var state kept
	ts.Check(json.Unmarshal(raw, &state))
	return state
}

// keysHandedOut are the secrets of access keys, the tokens of registries, and the password of databases' metrics.
func keysHandedOut(ts *testscript.TestScript) []string {
	var words []string
	for _, a := range keptOf(ts).DigitalOcean.Accounts {
		for _, k := range a.Spaces.Keys {
			words = append(words, k.Secret)
		}
		for _, c := range a.Registries.Credentials {
			words = append(words, c.Token)
		}
		words = append(words, a.Databases.Metrics.Password)
	}
	return slices.DeleteFunc(words, func(w string) bool { return w == "" })
}

// secretObject is a Secret of the cluster.
type secretObject struct {
	Metadata struct{ Name, Namespace string }
	Type     string
	Data     map[string][]byte
}

var accessID = regexp.MustCompile(`DO00[A-Z0-9]{16}`)

// credentialsLive: no Secret of the cluster holds an access key, a token of the registry or a user of a Kafka in the cluster that is
// not alive; `credentials-live NAME...` wants as many of each of them as there are, by the end of a key's name, to be exactly one.
func credentialsLive(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: credentials-live name...")
	}
	var keys, names, tokens []string
	for _, a := range keptOf(ts).DigitalOcean.Accounts {
		for _, k := range a.Spaces.Keys {
			keys, names = append(keys, k.AccessKey), append(names, k.Name)
		}
		for _, c := range a.Registries.Credentials {
			tokens = append(tokens, c.Token)
		}
	}
	for _, want := range args {
		n := 0
		for _, name := range names {
			if strings.HasSuffix(name, want) {
				n++
			}
		}
		if n != 1 {
			ts.Fatalf("there are %d keys %s, want one: %v", n, want, names)
		}
	}
	var all struct{ Items []secretObject }
	fromCluster(ts, "/api/v1/secrets", &all)
	seen := 0
	for _, s := range all.Items {
		at := s.Metadata.Namespace + "/" + s.Metadata.Name
		for key, value := range s.Data {
			for _, id := range accessID.FindAllString(string(value), -1) {
				if seen++; !slices.Contains(keys, id) {
					ts.Fatalf("the Secret %s holds under %s the access key %s, which is not there any more", at, key, id)
				}
			}
		}
		if token, ok := registryToken(s); ok {
			if seen++; !slices.Contains(tokens, token) {
				ts.Fatalf("the Secret %s pulls with a token that is not there any more", at)
			}
		}
		if s.Type == "servicebinding.io/kafka" && string(s.Data["provider"]) == "k8or" {
			host, _, _ := strings.Cut(string(s.Data["bootstrap-servers"]), ".svc")
			i := slices.IndexFunc(all.Items, func(o secretObject) bool {
				return strings.HasSuffix(host, "."+o.Metadata.Namespace) && o.Metadata.Name == string(s.Data["username"])
			})
			if seen++; i < 0 || string(all.Items[i].Data["password"]) != string(s.Data["password"]) {
				ts.Fatalf("the Secret %s signs in at Kafka as %s, who is not there any more or has another password", at, s.Data["username"])
			}
		}
	}
	if seen == 0 {
		ts.Fatalf("no Secret holds any credential")
	}
}

// registryToken is what a Secret pulls with from DigitalOcean's registry.
func registryToken(s secretObject) (string, bool) {
	var config struct {
		Auths map[string]struct{ Auth []byte }
	}
	if s.Type != "kubernetes.io/dockerconfigjson" || json.Unmarshal(s.Data[".dockerconfigjson"], &config) != nil {
		return "", false
	}
	_, token, ok := strings.Cut(string(config.Auths["registry.digitalocean.com"].Auth), ":")
	return token, ok
}

// fingerprint NAMESPACE/SECRET prints what tells whether a Secret holds something else, and not what.
func fingerprint(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fingerprint namespace/secret")
	}
	raw, err := json.Marshal(secretOf(ts, args[0]))
	ts.Check(err)
	sum := sha256.Sum256(raw)
	fmt.Fprintln(ts.Stdout(), base64.RawURLEncoding.EncodeToString(sum[:9]))
}

// everHandedOut are words with those of earlier calls: a password that was changed for another is still not to be seen.
func everHandedOut(ts *testscript.TestScript, words []string) []string {
	file := filepath.Join(ts.Getenv("K8OR_SANDBOX_DIR"), "handed-out.json")
	if raw, err := os.ReadFile(file); err == nil {
		var before []string
		ts.Check(json.Unmarshal(raw, &before))
		words = append(words, before...)
	}
	slices.Sort(words)
	words = slices.DeleteFunc(slices.Compact(words), func(w string) bool { return w == "" })
	raw, err := json.Marshal(words)
	ts.Check(err)
	ts.Check(os.WriteFile(file, raw, 0o600))
	return words
}
