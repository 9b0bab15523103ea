// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/schema"
)

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "validate", GroupID: "look", Short: "Check the document and tell everything that is wrong with it at once", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			d, err := a.load()
			if err != nil {
				return err
			}
			return a.print(map[string]any{"valid": true, "files": d.Files}, func(w io.Writer) {
				fmt.Fprintf(w, "%s is a valid platform: %s in %s.\n", d.Files[0], d.Platform.Metadata.Name, d.Platform.Spec.Region)
			})
		},
	}
}

// load reads the document with its overlays.
func (a *app) load() (*document.Document, error) {
	d, err := document.Load(platform.Available(), a.documents()...)
	if err != nil {
		return nil, err
	}
	return d, platform.Check(d)
}

func (a *app) schemaCommand() *cobra.Command {
	var crd bool
	c := &cobra.Command{
		Use: "schema", GroupID: "look", Short: "Print the JSON Schema of the document, for editors", Args: noArgs,
		Long: "Print the JSON Schema (draft 7) of k8or.yaml. Save it and name it in the first line of the document:\n  # yaml-language-server: $schema=platform.json",
		RunE: func(*cobra.Command, []string) error {
			out := schema.Platform
			if crd {
				out = schema.Resource
			}
			_, err := a.Stdout.Write(out)
			return err
		},
	}
	c.Flags().BoolVar(&crd, "crd", false, "print the CustomResourceDefinition of "+v1alpha1.Kind+" instead")
	return c
}

// noArgs refuses arguments in k8or's words.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		pr := usage("%s takes no argument, and %q was given", cmd.CommandPath(), args[0])
		pr.Fix = "`" + cmd.CommandPath() + " --help` lists the flags"
		if ext := filepath.Ext(args[0]); cmd.Flags().Lookup("file") != nil && (ext == ".yaml" || ext == ".yml" || ext == ".json") {
			pr.Fix = fmt.Sprintf("a document is named by a flag: `%s -f %s`", cmd.CommandPath(), args[0])
		}
		return pr
	}
	return nil
}
