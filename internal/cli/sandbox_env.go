// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/internal/companion"
	"github.com/k8or/k8or/internal/document"
)

func (a *app) sandboxEnv() *cobra.Command {
	return a.boxVerb("env", "Print what an unchanged doctl, Terraform or kubectl needs to speak to it", func(ctx context.Context, s *companion.Sandbox) error {
		vars := [][2]string{
			{"DIGITALOCEAN_API_URL", s.DigitalOcean}, {"DIGITALOCEAN_ACCESS_TOKEN", s.Token}, {"DIGITALOCEAN_TOKEN", s.Token},
			// Terraform puts region and bucket into the host's name; the sandbox is found as the proxy for such names.
			{"SPACES_ENDPOINT_URL", "'http://{{.Region}}.digitaloceanspaces.com'"}, {"HTTP_PROXY", s.Spaces},
			{"SPACES_ACCESS_KEY_ID", s.SpacesKey}, {"SPACES_SECRET_ACCESS_KEY", s.SpacesSecret},
			{"AWS_ENDPOINT_URL_S3", s.Spaces}, {"AWS_ACCESS_KEY_ID", s.SpacesKey}, {"AWS_SECRET_ACCESS_KEY", s.SpacesSecret}, {"AWS_REGION", "nyc3"}, {"AWS_DEFAULT_REGION", "nyc3"},
		}
		kubectl := "no cluster can be asked yet; once one stands, this prints KUBECONFIG too"
		config, err := a.sandboxKubeconfig(ctx, s)
		if err != nil {
			return err
		}
		if config.CurrentContext != "" {
			vars = append(vars, [2]string{"KUBECONFIG", "'" + config.path + "'"})
			kubectl = fmt.Sprintf("it speaks to %s; `kubectl config get-contexts` lists the clusters that there were just now: %d", config.CurrentContext, len(config.Clusters))
		}
		m := map[string]any{}
		for _, v := range vars {
			m[v[0]] = strings.Trim(v[1], "'")
		}
		return a.print(m, func(w io.Writer) {
			for _, v := range vars {
				fmt.Fprintf(w, "export %s=%s\n", v[0], v[1])
			}
			fmt.Fprintln(w, "# eval \"$(k8or sandbox env)\"; token and keys are good in the sandbox alone. HTTP_PROXY leads plain-http requests for Spaces there, and refuses others")
			fmt.Fprintf(w, "# kubectl: %s\n", kubectl)
		})
	})
}

// kubeconfig is a configuration for kubectl, as far as several are put together.
type kubeconfig struct {
	APIVersion     string `json:"apiVersion"`
	Kind           string `json:"kind"`
	Clusters       []any  `json:"clusters"`
	Contexts       []any  `json:"contexts"`
	Users          []any  `json:"users"`
	CurrentContext string `json:"current-context"`

	path string
}

// sandboxKubeconfig puts the configurations that the simulated API gives of its clusters into one, in the sandbox's folder. It
// holds tokens for them, which are good for a week. Without a cluster that answers, nothing is written, and no context is current.
func (a *app) sandboxKubeconfig(ctx context.Context, s *companion.Sandbox) (*kubeconfig, error) {
	var list struct {
		Clusters []struct{ ID, Endpoint string } `json:"kubernetes_clusters"`
	}
	const clusters = "/v2/kubernetes/clusters"
	raw, err := s.Get(ctx, clusters+"?per_page=200")
	if err == nil {
		err = json.Unmarshal(raw, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("list the sandbox's clusters: %w", err)
	}
	all := &kubeconfig{APIVersion: "v1", Kind: "Config"}
	if all.path, err = filepath.Abs(filepath.Join(a.boxDir(), "kubeconfig")); err != nil {
		return nil, err
	}
	for _, c := range list.Clusters {
		if c.Endpoint == "" {
			continue
		}
		var one kubeconfig
		raw, err := s.Get(ctx, clusters+"/"+c.ID+"/kubeconfig")
		if err == nil {
			err = yaml.Unmarshal(raw, &one)
		}
		if err != nil {
			return nil, fmt.Errorf("ask for the configuration of cluster %s: %w", c.ID, err)
		}
		all.Clusters, all.Contexts, all.Users = append(all.Clusters, one.Clusters...), append(all.Contexts, one.Contexts...), append(all.Users, one.Users...)
		all.CurrentContext = cmp.Or(all.CurrentContext, one.CurrentContext)
	}
	if all.CurrentContext == "" {
		return all, nil
	}
	if raw, err = yaml.Marshal(all); err != nil {
		return nil, fmt.Errorf("write the sandbox's configuration for kubectl: %w", err)
	}
	return all, document.Write(all.path, raw, 0o600)
}
