// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/problem"
)

// probeCommand is what the Jobs of `k8or verify` run: one probe, whose Spec is in K8OR_PROBE or in a file, and whose finding
// goes to standard output and to where Kubernetes takes a container's last words from.
func (a *app) probeCommand() *cobra.Command {
	var spec, files, last string
	c := &cobra.Command{
		Use: "probe", Hidden: true, Short: "Carry out one probe, within the cluster", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw := []byte(a.get(probe.SpecVariable))
			if spec != "" {
				var err error
				if raw, err = os.ReadFile(spec); err != nil {
					return &problem.Problem{Code: problem.FileUnreadable, Kind: problem.Usage, Title: "the probe's file cannot be read", Why: err.Error(), Cause: err}
				}
			}
			var s probe.Spec
			if err := json.Unmarshal(raw, &s); err != nil {
				pr := usage("there is no probe in $%s or --spec: %v", probe.SpecVariable, err)
				pr.Fix = "`k8or verify` runs probes; this verb is for its Jobs"
				return pr
			}
			found := probe.Run(cmd.Context(), s, os.DirFS(files), a.Stdout)
			text, err := words(found)
			if err != nil {
				return err
			}
			if err := lastWords(last, text); err != nil {
				return &problem.Problem{Code: problem.CannotWrite, Title: "the probe's finding could not be handed over", Why: err.Error(), Cause: err}
			}
			if _, err := fmt.Fprintf(a.Stdout, "%s\n", text); err != nil {
				return err
			}
			if found.State == probe.Failed {
				return exitCode(problem.Broken.ExitCode())
			}
			return nil
		},
	}
	c.Flags().StringVar(&spec, "spec", "", "a file with the probe as JSON, in place of $"+probe.SpecVariable)
	c.Flags().StringVar(&files, "files", probe.Folder, "the folder that the probe's files are in")
	c.Flags().StringVar(&last, "termination-log", "/dev/termination-log", "where the finding goes too, when that is there")
	return c
}

// words is a finding as JSON, within the 4096 bytes that Kubernetes keeps of a container's last words.
func words(f probe.Finding) ([]byte, error) {
	f.Message, f.Look = within(f.Message, 1200), within(f.Look, 400)
	return json.Marshal(f)
}

// within cuts a text to so many bytes at the end of a letter.
func within(text string, most int) string {
	if len(text) <= most {
		return text
	}
	cut := most - len("…")
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// lastWords writes to the container's termination log. Outside of a container there is none, and none is made.
func lastWords(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
