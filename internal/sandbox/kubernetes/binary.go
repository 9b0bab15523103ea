// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// protocol is the number that the binary must print.
const protocol = 1

// binary is a k8or-controlplane that speaks our protocol.
type binary struct {
	path       string
	changed    time.Time
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Protocol   int      `json:"protocol"`
	Kubernetes string   `json:"kubernetes"`
	Minors     []string `json:"minors"`
}

const binaryName = "k8or-controlplane"

// find looks for the binary: the path given, $K8OR_CONTROLPLANE, beside this program, in PATH.
func find(given string) (*binary, error) {
	if given == "" {
		given = os.Getenv("K8OR_CONTROLPLANE")
	}
	if given != "" {
		return ask(given)
	}
	name := binaryName
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		if beside := filepath.Join(filepath.Dir(self), name); exists(beside) {
			return ask(beside)
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return ask(path)
	}
	return nil, fmt.Errorf("%s is not beside this program, not in PATH, and K8OR_CONTROLPLANE does not name it: clusters stay `provisioning` until it is there; `make build` makes it", binaryName)
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

var asked struct {
	sync.Mutex
	last *binary
}

// ask runs `version`, once for a binary as long as it does not change.
func ask(path string) (*binary, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("the control plane's binary: %w", err)
	}
	asked.Lock()
	defer asked.Unlock()
	if b := asked.last; b != nil && b.path == path && b.changed.Equal(info.ModTime()) {
		return b, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "version").Output()
	if err != nil {
		return nil, fmt.Errorf("ask %s for its version: %w", path, err)
	}
	b := &binary{path: path, changed: info.ModTime()}
	if err := json.Unmarshal(out, b); err != nil {
		return nil, fmt.Errorf("ask %s for its version: it answers something else: %w", path, err)
	}
	if b.Name != binaryName || b.Protocol != protocol {
		return nil, fmt.Errorf("%s is %s with protocol %d, and protocol %d is needed: build both from the same source", path, b.Name, b.Protocol, protocol)
	}
	asked.last = b
	return b, nil
}

// knows says whether the binary can be a release like 1.36.3.
func (b *binary) knows(version string) error {
	minor := version
	if parts := strings.SplitN(version, ".", 3); len(parts) == 3 {
		minor = parts[0] + "." + parts[1]
	}
	if slices.Contains(b.Minors, minor) {
		return nil
	}
	return fmt.Errorf("%s %s can be Kubernetes %s, not %s", binaryName, b.Version, strings.Join(b.Minors, ", "), minor)
}
