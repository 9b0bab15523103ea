// SPDX-License-Identifier: Apache-2.0

// Package e2e runs the built binaries as a person would, against the sandbox. Each script under testdata/script is one
// behaviour; it has a sandbox of its own.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// bin is where the binaries are.
var bin string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "k8or-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	for _, name := range []string{"k8or", "k8or-sandbox"} {
		build := exec.Command("go", "build", "-o", executable(filepath.Join(dir, name)), "github.com/k8or/k8or/cmd/"+name)
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n", name, err)
			return 1
		}
	}
	// The control plane is a module of its own; `make build` leaves its binary in bin/.
	if built, err := filepath.Abs("../../bin/k8or-controlplane"); err == nil {
		if _, err := os.Stat(executable(built)); err == nil {
			if err := os.Symlink(executable(built), executable(filepath.Join(dir, "k8or-controlplane"))); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
	}
	return m.Run()
}

func executable(path string) string {
	if runtime.GOOS == "windows" {
		return path + ".exe"
	}
	return path
}

// haveControlPlane reports whether simulated clusters can come up.
func haveControlPlane() bool {
	_, err := os.Stat(executable(filepath.Join(bin, "k8or-controlplane")))
	return err == nil
}

// haveMySQL reports whether the sandbox finds a MySQL, which MariaDB is not.
func haveMySQL() bool {
	version, err := exec.Command("mysqld", "--no-defaults", "--version").Output()
	return err == nil && !strings.Contains(string(version), "MariaDB")
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("K8OR_UPDATE") != "",
		RequireExplicitExec: true,
		Setup:               setup,
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "controlplane":
				return haveControlPlane(), nil
			case "root":
				return os.Getuid() == 0, nil
			case "mysql":
				return haveMySQL(), nil
			case "proc":
				return haveProc(), nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: commands,
	})
}

// ambient is the configuration of kubectl that every script finds in its surroundings. Nobody answers there: whoever takes it for
// the platform's fails.
const ambient = `apiVersion: v1
kind: Config
clusters: [{name: ambient, cluster: {server: "https://127.0.0.1:9"}}]
contexts: [{name: ambient, context: {cluster: ambient, user: ambient}}]
users: [{name: ambient, user: {token: not-a-token}}]
current-context: ambient
`

// setup gives each script a home, a sandbox folder and our binaries, and ends its sandbox afterwards.
func setup(e *testscript.Env) error {
	e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
	e.Setenv("PATH", bin+string(os.PathListSeparator)+e.Getenv("PATH"))
	e.Setenv("K8OR_SANDBOX_DIR", filepath.Join(e.WorkDir, ".sandbox"))
	e.Setenv("K8OR_SANDBOX_SPARE", "0") // most scripts make no second cluster, and a boot takes seconds of a whole core
	e.Setenv("NO_COLOR", "1")
	e.Setenv("GOGC", os.Getenv("GOGC")) // whoever runs the tests says how much memory control planes may have for less work
	e.Setenv("GOMEMLIMIT", os.Getenv("GOMEMLIMIT"))
	e.Setenv("DIGITALOCEAN_ACCESS_TOKEN", "")
	e.Setenv("DIGITALOCEAN_TOKEN", "")
	e.Setenv("KUBECONFIG", filepath.Join(e.WorkDir, ".ambient"))
	if err := os.WriteFile(e.Getenv("KUBECONFIG"), []byte(ambient), 0o600); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(e.WorkDir, "home"), 0o755); err != nil {
		return err
	}
	vars := e.Vars
	e.Defer(func() {
		stop := exec.Command(executable(filepath.Join(bin, "k8or")), "sandbox", "stop")
		stop.Env = vars
		if out, err := stop.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "stop the script's sandbox: %v\n%s", err, out)
		}
	})
	return nil
}
