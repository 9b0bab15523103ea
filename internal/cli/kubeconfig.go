// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/internal/kube"
)

func (a *app) kubeconfigCommand() *cobra.Command {
	return &cobra.Command{
		Use: "kubeconfig", GroupID: "look", Short: "Print a configuration for kubectl; it asks k8or for short-lived tokens and holds none", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, wrong, err := a.openAny(cmd.Context())
			if err != nil {
				return err
			}
			a.warn(wrong, "The document is not valid; the cluster of %s is known by its name and uid.", o.Name())
			args := []string{"kube-token"}
			for _, f := range a.documents() {
				abs, err := filepath.Abs(f)
				if err != nil {
					return err
				}
				args = append(args, "-f", abs)
			}
			if a.sandbox {
				dir, err := filepath.Abs(a.boxDir())
				if err != nil {
					return err
				}
				args = append(args, "--sandbox", "--sandbox-dir", dir)
			}
			raw, err := o.Kubeconfig(cmd.Context(), a.Executable, args)
			if err != nil {
				return err
			}
			var config map[string]any
			if err := yaml.Unmarshal(raw, &config); err != nil {
				return fmt.Errorf("read the configuration for kubectl: %w", err)
			}
			config["sandbox"] = a.sandbox
			return a.print(config, func(w io.Writer) { a.yaml(w, raw) })
		},
	}
}

// kubeTokenCommand is what kubectl runs for a token.
func (a *app) kubeTokenCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "kube-token", Hidden: true, Short: "Give kubectl a short-lived token", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.sandbox { // a token for kubectl is no reason to start one
				if _, err := a.box(cmd.Context()); err != nil {
					return err
				}
			}
			o, _, err := a.openAny(cmd.Context()) // what is wrong with the document is not kubectl's to tell
			if err != nil {
				return err
			}
			_, credentials, err := o.Credentials(cmd.Context())
			if err != nil {
				return err
			}
			raw, err := kube.ExecCredential(credentials)
			if err != nil {
				return err
			}
			_, err = a.Stdout.Write(append(raw, '\n'))
			return err
		},
	}
	c.Flags().StringVar(&a.sandboxDir, "sandbox-dir", "", "the folder of the sandbox that the cluster is in")
	c.Flags().String("cluster", "", "the cluster's id, which makes kubectl's cache of tokens tell clusters apart")
	return c
}
