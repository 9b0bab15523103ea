// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

const (
	stateFile    = "state.json"
	announceFile = "sandbox.json"
	lockFile     = "lock"
)

// folder is where a sandbox keeps its state. The lock on it goes with the process, however that ends.
type folder struct {
	dir  string
	lock *flock.Flock
}

func openFolder(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the sandbox's folder: %w", err)
	}
	f := &folder{dir, flock.New(filepath.Join(dir, lockFile))}
	mine, err := f.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the sandbox's folder %s: %w", dir, err)
	}
	if mine {
		return f, nil
	}
	var other Announcement
	if f.read(announceFile, &other) == nil {
		return nil, fmt.Errorf("a sandbox already serves from %s (process %d, %s); stop it, or choose another folder with --dir", dir, other.PID, other.DigitalOcean)
	}
	return nil, fmt.Errorf("a sandbox already serves from %s; stop it, or choose another folder with --dir", dir)
}

func (f *folder) close() {
	f.lock.Unlock() //nolint:errcheck // the process is ending
}

func (f *folder) read(name string, into any) error {
	data, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// write replaces a file as a whole, readable by its owner alone.
func (f *folder) write(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return fmt.Errorf("write the sandbox's %s: %w", name, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write the sandbox's %s: %w", name, err)
	}
	return nil
}

func (f *folder) remove(name string) {
	os.Remove(filepath.Join(f.dir, name))
}
