// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"

	"github.com/k8or/k8or/sandbox/controlplane/internal/release"
)

// folder is where a cluster lives: token-key (the parent's), release.json, pki/, etcd/, and lock, which one process holds
// at a time.
type folder struct {
	path string
	lock *fileutil.LockedFile
}

// record is what release.json holds: the release that last served this folder's data.
type record struct {
	Kubernetes string `json:"kubernetes"`
}

// open makes the folder when it is not there and locks it.
func open(path string) (*folder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the cluster's folder: %w (choose another with --dir)", err)
	}
	lock, err := fileutil.TryLockFile(filepath.Join(path, "lock"), os.O_WRONLY|os.O_CREATE, 0o600)
	if errors.Is(err, fileutil.ErrLocked) {
		return nil, fmt.Errorf("folder %s is served by another process: end that one first, or choose another folder with --dir", path)
	}
	if err != nil {
		return nil, fmt.Errorf("write to the cluster's folder: %w (choose another with --dir)", err)
	}
	return &folder{path: path, lock: lock}, nil
}

// Close lets another process have the folder.
func (f *folder) Close() error { return f.lock.Close() }

func (f *folder) pki() string  { return filepath.Join(f.path, "pki") }
func (f *folder) etcd() string { return filepath.Join(f.path, "etcd") }

// admits says whether wanted may serve what is in the folder. As in DOKS, a cluster goes one minor up at a time, and
// never down: an older API server need not know what a newer one has stored.
func (f *folder) admits(wanted release.Release) error {
	path := filepath.Join(f.path, "release.json")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read which release served %s: %w", f.path, err)
	}
	var last record
	if err := json.Unmarshal(text, &last); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	served, err := release.Parse(last.Kubernetes)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	switch step := int(wanted.MinorNumber()) - int(served.MinorNumber()); {
	case step < 0:
		return fmt.Errorf("folder %s was served by Kubernetes %s, and a cluster cannot go back to %s", f.path, served, wanted)
	case step > 1:
		return fmt.Errorf("folder %s was served by Kubernetes %s: serve 1.%d before %s, one minor at a time",
			f.path, served, served.MinorNumber()+1, wanted)
	}
	return nil
}

// remember writes down which release serves the folder.
func (f *folder) remember(served release.Release) error {
	text, err := json.Marshal(record{Kubernetes: served.String()})
	if err != nil {
		return fmt.Errorf("note the release: %w", err)
	}
	if err := os.WriteFile(filepath.Join(f.path, "release.json"), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("note the release: %w", err)
	}
	return nil
}
