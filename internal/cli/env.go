// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line: one file a verb, each a thin shell around platform. It turns flags into calls, events
// and results into output, and errors into exit codes.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/ui/text"
)

// Env is everything a command takes from its surroundings. main fills it once; tests fill it with their own.
type Env struct {
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) (string, bool)
	Version        string
	Executable     string
	// Interactive is true when a person can be asked: input and error output are terminals, and CI is not set.
	Interactive bool
	// StdoutTerminal and StderrTerminal say where colours and a live tree can be shown.
	StdoutTerminal, StderrTerminal bool
	// Interrupted is closed by the first Ctrl-C, or another signal to end: a run finishes what is in flight and starts nothing
	// more, everything else ends. The second ends the context.
	Interrupted <-chan struct{}
}

func (e Env) get(name string) string {
	v, _ := e.Getenv(name)
	return v
}

// style is how much the output may be dressed up.
func (e Env) style(terminal bool) text.Style {
	_, plain := e.Getenv("NO_COLOR")
	s := text.Style{Colour: terminal && !plain}
	if terminal {
		s.Width = e.width()
	}
	return s
}

// width is how wide the terminal is.
func (e Env) width() int {
	for _, w := range []io.Writer{e.Stderr, e.Stdout} {
		if f, ok := w.(*os.File); ok {
			if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
				return columns
			}
		}
	}
	return 80
}

// Main runs one command and gives its exit code. Problems go to error output; with -o json they are one object. A verb's own
// context ends with the first Ctrl-C; a run that it starts has until the second.
func Main(ctx context.Context, e Env) (code int) {
	out := &output{w: e.Stdout}
	e.Stdout = out
	app := &app{Env: e}
	defer func() {
		if p := recover(); p != nil {
			list := problem.List{{Code: problem.Unexpected, Title: fmt.Sprintf("k8or made a mistake: %v", p), Why: "this is not your doing",
				Fix: "please report it with the command and the document; running the same command again is safe"}}
			io.WriteString(e.Stderr, list.Text(e.style(e.StderrTerminal).Colour)) //nolint:errcheck // nobody listens
			if app.debug {
				fmt.Fprintf(e.Stderr, "%s\n", debug.Stack())
			}
			code = 1
		}
	}()
	looking, cancel := app.stoppable(ctx)
	defer cancel()
	root := app.root(ctx)
	root.SetArgs(e.Args)
	root.SetIn(e.Stdin)
	root.SetOut(e.Stdout)
	root.SetErr(e.Stderr)
	err := root.ExecuteContext(looking)
	app.close(ctx)
	if _, silent := errors.AsType[exitCode](err); out.err != nil && (err == nil || silent || errors.Is(err, out.err)) {
		err = &problem.Problem{Code: problem.CannotWrite, Title: "what was to be printed could not be written", Why: out.err.Error(),
			Fix: "see where standard output goes; what was done stays done", Cause: out.err}
	}
	if err == nil {
		return 0
	}
	if code, ok := errors.AsType[exitCode](err); ok {
		return int(code)
	}
	if looking.Err() != nil && problem.ExitCode(err) != problem.Interrupted.ExitCode() && (errors.Is(err, context.Canceled) || !hasProblem(err)) {
		err = stopped(err)
	}
	list := explain(err)
	if app.output == "json" {
		json.NewEncoder(e.Stderr).Encode(map[string]any{"version": 1, "problems": list}) //nolint:errcheck // nobody listens
	} else {
		io.WriteString(e.Stderr, list.Text(e.style(e.StderrTerminal).Colour)) //nolint:errcheck // nobody listens
	}
	return problem.ExitCode(list)
}

// output remembers that something could not be printed: a full disk must not look like success.
type output struct {
	w   io.Writer
	err error
}

// Write prints, and keeps the first error.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// exitCode ends a command with a code and without another word.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// stoppable is a context that the first Ctrl-C ends too, for what cannot or need not be finished then.
func (a *app) stoppable(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-a.Interrupted:
			cancel(stopped(context.Canceled))
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// stopped is that a person said stop, where nothing better can be said of it.
func stopped(cause error) *problem.Problem {
	return &problem.Problem{Code: problem.Stopped, Kind: problem.Interrupted, Title: "stopped", Fix: "run the same command again to go on: what was begun is found again", Cause: cause}
}

func hasProblem(err error) bool {
	_, ok := errors.AsType[*problem.Problem](err)
	if !ok {
		_, ok = errors.AsType[problem.List](err)
	}
	return ok
}

// app is one invocation: the surroundings and the flags all verbs share.
type app struct {
	Env
	files      []string
	output     string
	sandbox    bool
	yes        bool
	chartsDir  string
	debug      bool
	sandboxDir string
	selection  graph.Selection
	lose       []string // data that may be destroyed
	opened     []*opened
	rotate     []graph.ID
}

// close gives back what this command needed of accounts for itself alone, whether it went well or not.
func (a *app) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	for _, o := range a.opened {
		if err := o.Close(ctx); err != nil {
			fmt.Fprintf(a.Stderr, "note: %v; the next run removes it\n", err)
		}
	}
}

// root is all verbs. What they only look at ends with their own context; what they carry out ends with working.
func (a *app) root(working context.Context) *cobra.Command {
	root := &cobra.Command{
		Use:   "k8or",
		Short: "A whole platform on DigitalOcean Kubernetes from one document",
		Long: `k8or turns one short document, k8or.yaml, into a running platform on DigitalOcean
Kubernetes: it plans with cost and fit, provisions, wires, and takes down again
with nothing left on the bill.

Start without an account:   k8or init && k8or up --sandbox`,
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return a.knowsOutput(cmd)
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		pr := usage("%v", err)
		pr.Fix = "`" + cmd.CommandPath() + " --help` lists the flags"
		if unknown, ok := strings.CutPrefix(err.Error(), "unknown flag: --"); ok {
			var names []string
			for _, m := range flagNames.FindAllStringSubmatch(cmd.Flags().FlagUsages(), -1) {
				names = append(names, m[1])
			}
			if cmd.Name() == "down" && unknown == "yes" {
				pr.Title, pr.Fix = "a teardown is approved by the platform's name", "`k8or down --confirm NAME`"
			} else if verb, _, err := root.Find([]string{unknown}); err == nil && verb != root {
				pr.Title, pr.Fix = fmt.Sprintf("%s has no flag --%s", cmd.CommandPath(), unknown), fmt.Sprintf("it is a verb: `%s`", verb.CommandPath())
			} else if near := problem.Nearest(unknown, names); near != "" {
				pr.Title, pr.Fix = fmt.Sprintf("%s has no flag --%s", cmd.CommandPath(), unknown), fmt.Sprintf("did you mean --%s?", near)
			}
		}
		return pr
	})
	flags := root.PersistentFlags()
	flags.StringArrayVarP(&a.files, "file", "f", nil, "the document; again to lay an overlay over it (default k8or.yaml)")
	flags.StringVarP(&a.output, "output", "o", "text", "text, json or yaml")
	flags.BoolVar(&a.sandbox, "sandbox", false, "use the simulated clouds on this machine; starts them when they are not running")
	flags.StringVar(&a.chartsDir, "charts", "", "a folder of Helm charts to take instead of downloading ($K8OR_CHARTS)")
	flags.BoolVar(&a.debug, "debug", false, "say more about what is going on")
	for _, group := range []*cobra.Group{{ID: "start", Title: "Start:"}, {ID: "run", Title: "Run:"}, {ID: "look", Title: "Look:"}} {
		root.AddGroup(group)
	}
	root.AddCommand(a.initCommand(), a.validateCommand(), a.schemaCommand(), a.planCommand(), a.upCommand(working), a.rotateCommand(working), a.statusCommand(), a.downCommand(working),
		a.backupCommand(), a.restoreCommand(working),
		a.kubeconfigCommand(), a.kubeTokenCommand(), a.catalogCommand(), a.scopesCommand(), a.sandboxCommand(), a.versionCommand(), a.selftestCommand(working),
		a.costCommand(), a.verifyCommand(), a.whyCommand(), a.openCommand(), a.logsCommand(), a.probeCommand())
	root.Args = verbs
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return root
}

// selects adds the flags that bound what a verb is about.
func (a *app) selects(c *cobra.Command) {
	c.Flags().StringSliceVar(&a.selection.Only, "only", nil, "only these: entries or nodes, or the beginning of several, such as gateways/public,apps")
	c.Flags().StringSliceVar(&a.selection.Except, "except", nil, "all but these: they are neither changed nor pruned")
}

// loses adds the flag by which data that the document does not want any more is given up.
func (a *app) loses(c *cobra.Command) {
	c.Flags().StringSliceVar(&a.lose, "allow-data-loss", nil, "destroy this data store, which the document does not want any more, such as databases/orders; more after commas, or by the flag again")
}

// flagNames finds the names of flags where they are explained.
var flagNames = regexp.MustCompile(`(?m)^\s+(?:-\w, )?--([a-z-]+)`)

// verbs refuses a word that is no verb of this command, with the nearest that is.
func verbs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			known = append(known, c.Name())
		}
	}
	pr := usage("%q is not a verb of %s", args[0], cmd.CommandPath())
	pr.Fix = "`" + cmd.CommandPath() + " --help` lists the verbs"
	if near := problem.Nearest(args[0], known); near != "" {
		pr.Fix = fmt.Sprintf("did you mean `%s %s`?", cmd.CommandPath(), near)
	}
	return pr
}

// knowsOutput refuses a form of output that there is not; only plans have one for reviews, and bills one for spreadsheets.
func (a *app) knowsOutput(cmd *cobra.Command) error {
	known := []string{"text", "json", "yaml"}
	switch cmd.Name() {
	case "plan":
		known = append(known, "markdown")
	case "cost":
		known = append(known, "csv")
	case "selftest": // what it prints is a receipt
		known = known[:1]
	}
	if slices.Contains(known, a.output) {
		return nil
	}
	return usage("-o of %s is %s, not %q", cmd.CommandPath(), problem.OneOf(known), a.output)
}

// usage is a wrong command line.
func usage(format string, args ...any) *problem.Problem {
	return &problem.Problem{Code: problem.BadUsage, Kind: problem.Usage, Title: fmt.Sprintf(format, args...)}
}

// print shows a result: as JSON or YAML for programs, or with the given function for people.
func (a *app) print(result any, people func(io.Writer)) error {
	switch a.output {
	case "json":
		enc := json.NewEncoder(a.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(versioned(result))
	case "yaml":
		out, err := yaml.Marshal(versioned(result))
		if err != nil {
			return err
		}
		_, err = a.Stdout.Write(out)
		return err
	default:
		people(a.Stdout)
		return nil
	}
}

// versioned wraps a result with the version of the output's format.
func versioned(result any) any {
	raw, err := json.Marshal(result)
	if err != nil {
		return result
	}
	m := map[string]any{}
	if json.Unmarshal(raw, &m) != nil {
		return map[string]any{"version": outputVersion, "items": json.RawMessage(raw)}
	}
	m["version"] = outputVersion
	return m
}

// outputVersion is the version of what `-o json` prints; see docs/output.md.
const outputVersion = 1

// documents are the files of the document.
func (a *app) documents() []string {
	if len(a.files) > 0 {
		return a.files
	}
	return []string{"k8or.yaml"}
}

// cacheDir is where charts and companions are kept.
func (a *app) cacheDir() string {
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "k8or")
	}
	return filepath.Join(os.TempDir(), "k8or-cache")
}

// stateDir is where run logs and the sandbox are kept.
func (a *app) stateDir() string {
	if dir := a.get("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "k8or")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "state", "k8or")
	}
	return filepath.Join(os.TempDir(), "k8or-state")
}
