// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"errors"
	"fmt"
	"github.com/k8or/k8or/internal/secret"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Token is a token and where it came from.
type Token struct {
	Value secret.Text
	// Source is for people: "DIGITALOCEAN_ACCESS_TOKEN", "doctl's context work".
	Source string
	// APIURL is another place of the API, if one is set; empty is DigitalOcean's own.
	APIURL string
	// SpacesURL is another place of Spaces, if one is set, in which {{.Region}} stands for a region.
	SpacesURL string
}

// TokenPlaces are where a token is looked for. The zero value looks at this process's environment and this person's
// configuration.
type TokenPlaces struct {
	Getenv   func(string) string
	ReadFile func(string) ([]byte, error)
	// ConfigDir is the folder of people's configuration ("~/.config"); empty asks the system.
	ConfigDir string
}

// ErrNoToken says that there is no token, and where it was looked for.
type ErrNoToken struct{ Looked []string }

// Error says what to do.
func (e *ErrNoToken) Error() string {
	return fmt.Sprintf("there is no DigitalOcean token: none in %s; make one at https://cloud.digitalocean.com/account/api/tokens and export DIGITALOCEAN_ACCESS_TOKEN",
		strings.Join(e.Looked, ", "))
}

// FindToken looks for a token as people who use DigitalOcean's other tools expect: DIGITALOCEAN_ACCESS_TOKEN, then
// DIGITALOCEAN_TOKEN, then doctl's configuration with its current context, or the one that DIGITALOCEAN_CONTEXT names.
// DIGITALOCEAN_API_URL and SPACES_ENDPOINT_URL are honoured. The error is an [ErrNoToken] when there is none.
func FindToken(p TokenPlaces) (Token, error) {
	if p.Getenv == nil {
		p.Getenv = os.Getenv
	}
	if p.ReadFile == nil {
		p.ReadFile = os.ReadFile
	}
	api, objects := p.Getenv("DIGITALOCEAN_API_URL"), p.Getenv("SPACES_ENDPOINT_URL")
	looked := []string{"DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN"}
	for _, name := range looked {
		if value := strings.TrimSpace(p.Getenv(name)); value != "" {
			return Token{Value: secret.New(value), Source: name, APIURL: api, SpacesURL: objects}, nil
		}
	}
	if p.ConfigDir == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return Token{}, &ErrNoToken{Looked: looked}
		}
		p.ConfigDir = dir
	}
	for _, name := range []string{"config.yaml", filepath.Join("config", "config.yaml")} {
		path := filepath.Join(p.ConfigDir, "doctl", name)
		text, err := p.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Token{}, fmt.Errorf("read doctl's configuration: %w", err)
		}
		found, place, err := doctlToken(text, p.Getenv("DIGITALOCEAN_CONTEXT"))
		if err != nil {
			return Token{}, fmt.Errorf("read doctl's configuration %s: %w", path, err)
		}
		if api != "" {
			found.APIURL = api
		}
		found.SpacesURL = objects
		if !found.Value.Empty() {
			return found, nil
		}
		return Token{}, &ErrNoToken{Looked: append(looked, place+" ("+path+")")}
	}
	return Token{}, &ErrNoToken{Looked: append(looked, "doctl's configuration")}
}

// doctlToken reads the token of a context: the `default` one stands by itself, the others have names. doctl does not mind
// the case of a name.
func doctlToken(text []byte, context string) (found Token, place string, err error) {
	var config struct {
		Token    string            `yaml:"access-token"`
		Contexts map[string]string `yaml:"auth-contexts"`
		Context  string            `yaml:"context"`
		APIURL   string            `yaml:"api-url"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return Token{}, "", errors.New("it is not the YAML that doctl writes") // the cause might quote a token
	}
	if context == "" {
		context = config.Context
	}
	found = Token{APIURL: config.APIURL}
	if context == "" || strings.EqualFold(context, "default") {
		found.Value, found.Source = secret.New(config.Token), "doctl's default context"
		return found, found.Source, nil
	}
	found.Source = "doctl's context " + context
	for name, token := range config.Contexts {
		if strings.EqualFold(name, context) {
			found.Value = secret.New(token)
		}
	}
	return found, found.Source, nil
}
