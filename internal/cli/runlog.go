// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/ui/ndjson"
)

// keptLogs is how many run logs are kept.
const keptLogs = 20

// keepLog writes the run's events to a file for post-mortems, until what it gives is called. Nothing ever reads it back. That it
// cannot be written, or not whole, is said and stops nothing.
func (a *app) keepLog(o *opened) func() {
	dir := filepath.Join(a.stateDir(), "runs", o.Name())
	name := filepath.Join(dir, time.Now().UTC().Format("20060102T150405.000")+".ndjson")
	err := os.MkdirAll(dir, 0o700)
	var f *os.File
	if err == nil {
		f, err = os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	}
	if err != nil {
		warning := problem.List{{Code: problem.CannotWrite, Warning: true, Title: "the run log could not be written, and the run goes on without one", Why: err.Error()}}
		fmt.Fprint(a.Stderr, warning.Text(a.style(a.StderrTerminal).Colour))
		return func() {}
	}
	w := ndjson.New(f)
	o.log.Read(w.Event)
	prune(dir)
	return func() {
		if err := w.Err(); err != nil {
			fmt.Fprintf(a.Stderr, "the run log is not whole: %v\n", err)
		}
		f.Close()
	}
}

// prune leaves the newest logs.
func prune(dir string) {
	names, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	if err != nil || len(names) <= keptLogs {
		return
	}
	for _, name := range names[:len(names)-keptLogs] { // names sort by time
		os.Remove(name) //nolint:errcheck // an old log too many harms nobody
	}
}
