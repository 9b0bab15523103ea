// SPDX-License-Identifier: Apache-2.0

package database

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

// A backup is a copy of the data while the server runs, by its own way of doing that.

func (s *server) backupDir(at time.Time) string {
	return filepath.Join(s.dir, "backups", strconv.FormatInt(at.Unix(), 10))
}

// backUp takes the latest backup that the API names, if it was not taken yet, and deletes those that it no longer names.
// Backups that fell while the server did not run are all as it is now: nothing happened to it meanwhile.
func (s *server) backUp(spec digitalocean.DatabaseServer) error {
	for _, at := range slices.Clone(s.backups) {
		if slices.ContainsFunc(spec.Backups, at.Equal) {
			continue
		}
		if err := os.RemoveAll(s.backupDir(at)); err != nil {
			return err
		}
		s.backups = slices.DeleteFunc(s.backups, at.Equal)
	}
	if len(spec.Backups) == 0 {
		return nil
	}
	latest := spec.Backups[len(spec.Backups)-1]
	if slices.ContainsFunc(s.backups, latest.Equal) {
		return nil
	}
	if err := s.copyTo(s.backupDir(latest)); err != nil {
		return fmt.Errorf("take the backup of %s: %w", latest.Format(time.RFC3339), err)
	}
	s.backups = append(s.backups, latest)
	return nil
}

// copyTo copies the data of the running server into a folder.
func (s *server) copyTo(to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	last := ""
	if len(s.backups) > 0 {
		last = s.backupDir(slices.MaxFunc(s.backups, time.Time.Compare))
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := giveAway(filepath.Dir(to), s.runtime.place.owner); err != nil {
		return err
	}
	return s.admin.copyTo(to, last)
}

// tree is a folder to copy.
type tree struct {
	from, to string
	last     string // an earlier copy, whose files are shared where nothing changed; empty: none
	except   []string
}

// copy copies the tree with the times of its files, by which the next copy knows what changed. Files that vanish meanwhile are
// no loss, since the server's log brings them back.
func (t tree) copy() error {
	return filepath.WalkDir(t.from, func(path string, e os.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(strings.TrimPrefix(path, t.from), string(filepath.Separator))
		switch {
		case slices.Contains(t.except, name) && e.IsDir():
			return filepath.SkipDir
		case slices.Contains(t.except, name):
			return nil
		case e.IsDir():
			return os.MkdirAll(filepath.Join(t.to, name), 0o700)
		case !e.Type().IsRegular():
			return nil
		}
		if err := t.file(path, name); !os.IsNotExist(err) {
			return err
		}
		return nil
	})
}

func (t tree) file(path, name string) error {
	now, err := os.Stat(path)
	if err != nil {
		return err
	}
	to := filepath.Join(t.to, name)
	if t.last != "" {
		before, err := os.Stat(filepath.Join(t.last, name))
		if err == nil && before.Size() == now.Size() && before.ModTime().Equal(now.ModTime()) {
			return os.Link(filepath.Join(t.last, name), to)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		return err
	}
	return os.Chtimes(to, now.ModTime(), now.ModTime())
}

// taken lists the backups that an earlier run took.
func (s *server) taken() []time.Time {
	entries, err := os.ReadDir(filepath.Join(s.dir, "backups"))
	if err != nil {
		return nil
	}
	var all []time.Time
	for _, e := range entries {
		if seconds, err := strconv.ParseInt(e.Name(), 10, 64); err == nil {
			all = append(all, time.Unix(seconds, 0).UTC())
		}
	}
	return all
}

// inherit gives a copy of another cluster its data before that can change or go.
func (s *server) inherit(spec digitalocean.DatabaseServer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone || s.hasData() {
		return nil
	}
	return s.restore(spec)
}

// restore begins with the data of another cluster, where the API says so and there are any: of its latest backup at that time, or,
// when none was taken by then, as they are now. A cluster whose server never ran has no data.
func (s *server) restore(spec digitalocean.DatabaseServer) error {
	if spec.RestoredFrom == "" || spec.RestoredFrom == s.id {
		return nil
	}
	from, err := s.runtime.server(digitalocean.DatabaseServer{ID: spec.RestoredFrom, Engine: spec.Engine})
	if err != nil {
		return err
	}
	from.mu.Lock()
	defer from.mu.Unlock()
	var taken time.Time
	for _, at := range from.backups {
		if !at.After(spec.RestoredAt) && at.After(taken) {
			taken = at
		}
	}
	switch {
	case !taken.IsZero():
		err = tree{from: from.backupDir(taken), to: s.data()}.copy()
	case from.process != nil:
		err = from.copyTo(s.data())
	default:
		return nil
	}
	if err != nil {
		return fmt.Errorf("restore from cluster %s: %w", spec.RestoredFrom, err)
	}
	return giveAway(s.dir, s.runtime.place.owner)
}
