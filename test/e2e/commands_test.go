// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// commands are what scripts can say beside testscript's own.
var commands = map[string]func(*testscript.TestScript, bool, []string){
	// exits CODE COMMAND...: the command ends with that code.
	"exits": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 2 {
			ts.Fatalf("usage: exits code command [arg...]")
		}
		want, err := strconv.Atoi(args[0])
		ts.Check(err)
		err = ts.Exec(args[1], args[2:]...)
		got := 0
		if exit, ok := err.(*exec.ExitError); ok {
			got = exit.ExitCode()
		} else if err != nil {
			ts.Fatalf("run %s: %v", args[1], err)
		}
		if got != want {
			ts.Fatalf("%s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
		}
	},
	// calls at-most N: so many calls were made to DigitalOcean since the last `k8or sandbox requests --reset`.
	"calls": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 2 || args[0] != "at-most" {
			ts.Fatalf("usage: calls at-most n")
		}
		most, err := strconv.Atoi(args[1])
		ts.Check(err)
		ts.Check(ts.Exec("k8or", "sandbox", "requests", "-o", "json"))
		var said struct {
			DigitalOcean struct {
				Calls int `json:"calls"`
				List  []struct{ Method, Path string }
			} `json:"digitalocean"`
		}
		ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &said))
		if said.DigitalOcean.Calls > most {
			ts.Fatalf("%d calls were made, want at most %d: %v", said.DigitalOcean.Calls, most, said.DigitalOcean.List)
		}
	},
	// replace FILE OLD NEW: a person edits a file.
	"replace": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 3 {
			ts.Fatalf("usage: replace file old new")
		}
		path := ts.MkAbs(args[0])
		raw, err := os.ReadFile(path)
		ts.Check(err)
		if !strings.Contains(string(raw), args[1]) {
			ts.Fatalf("%s does not say %q:\n%s", args[0], args[1], raw)
		}
		ts.Check(os.WriteFile(path, []byte(strings.ReplaceAll(string(raw), args[1], args[2])), 0o644))
	},
	// example NAME: copies an example's files here.
	"example": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: example name")
		}
		from, err := filepath.Abs(filepath.Join("../../examples", args[0]))
		ts.Check(err)
		ts.Check(os.CopyFS(ts.MkAbs("."), os.DirFS(from)))
	},
}
