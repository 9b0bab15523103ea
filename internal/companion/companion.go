// SPDX-License-Identifier: Apache-2.0

// Package companion finds the binaries that go with k8or and speaks to the sandbox that one of them is. A companion is
// looked for beside this binary, then in PATH, then among the files of this binary's own release, checked against the
// release's checksums. One that speaks another protocol is refused.
package companion

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/problem"
)

// Protocol is the number that both sides of the sandbox's admin API print. It grows when either would misunderstand the
// other.
const Protocol = 1

// Finder looks for companions.
type Finder struct {
	// Executable is this binary's path, beside which companions are looked for first.
	Executable string
	// Version is this binary's release, such as "v0.3.0"; anything that is not one is not downloaded for.
	Version string
	// Cache is the folder that downloads are kept in.
	Cache string
	// Releases is where releases' files are; empty is where this project publishes them.
	Releases string
}

// Find gives the path of a companion that speaks this protocol. Its errors are problems.
func (f Finder) Find(ctx context.Context, name string) (string, error) {
	path, err := f.locate(ctx, name)
	if err != nil {
		return "", err
	}
	return path, checkProtocol(ctx, path, name)
}

func (f Finder) locate(ctx context.Context, name string) (string, error) {
	file := name
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	beside := filepath.Join(filepath.Dir(f.Executable), file)
	if info, err := os.Stat(beside); err == nil && !info.IsDir() {
		return beside, nil
	}
	if path, err := exec.LookPath(file); err == nil {
		return path, nil
	}
	path, err := f.download(ctx, name)
	if err == nil {
		return path, nil
	}
	return "", &problem.Problem{Code: problem.CompanionMissing,
		Title: fmt.Sprintf("%s is not beside k8or (in %s), not in PATH, and not to be had from the release", name, filepath.Dir(f.Executable)),
		Why:   err.Error(),
		Fix: fmt.Sprintf("in a clone, `make k8or %s` puts both into bin/: then call bin/k8or, since `go run` builds k8or in another folder; otherwise `go install github.com/k8or/k8or/%s@latest`",
			strings.TrimPrefix(name, "k8or-"), pathOf(name)),
		Cause: err}
}

// pathOf is the package of a companion.
func pathOf(name string) string {
	if name == "k8or-controlplane" {
		return "sandbox/controlplane/cmd/k8or-controlplane"
	}
	return "cmd/" + name
}

// checkProtocol asks a companion for its protocol number.
func checkProtocol(ctx context.Context, path, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "version")
	cmd.Env = environment()
	out, err := cmd.Output()
	var said struct {
		Name     string `json:"name"`
		Version  string `json:"version"`
		Protocol int    `json:"protocol"`
	}
	if err == nil {
		err = json.Unmarshal(out, &said)
	}
	if err == nil && said.Name != name {
		err = fmt.Errorf("it calls itself %q", said.Name)
	}
	if err != nil {
		return &problem.Problem{Code: problem.CompanionProtocol, Title: fmt.Sprintf("%s does not answer as %s should", path, name), Why: err.Error(),
			Fix: "build it anew with `make build`, or take it out of PATH", Cause: err}
	}
	if said.Protocol != Protocol {
		return &problem.Problem{Code: problem.CompanionProtocol,
			Title: fmt.Sprintf("%s (%s) speaks protocol %d, and this k8or speaks %d", path, said.Version, said.Protocol, Protocol),
			Fix:   "use the companions of the same release: `make build`, or reinstall both"}
	}
	return nil
}

// errNoRelease says that this binary belongs to no release.
var errNoRelease = errors.New("this k8or was built from source, so there is no release to take it from")
