// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Manifest is what the API tells of a manifest.
type Manifest struct {
	Digest   string
	Tags     []string // in order
	Blobs    []Blob
	Bytes    int64 // as stored
	Unpacked int64 // layers uncompressed
	Updated  time.Time
}

// Tag is what the API tells of a tag.
type Tag struct {
	Name     string
	Manifest Manifest
	Updated  time.Time
}

// Repository is what the API tells of a repository: its manifests, newest first.
type Repository struct {
	Name      string
	Manifests []Manifest
	Tags      []Tag // newest first
}

// Repositories lists a registry's repositories in order of their names.
func (s *Server) Repositories(name string) []Repository {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.all[name]
	if r == nil {
		return nil
	}
	var all []Repository
	for name, repo := range r.Repositories {
		all = append(all, repo.tell(name))
	}
	slices.SortFunc(all, func(x, y Repository) int { return strings.Compare(x.Name, y.Name) })
	return all
}

func (r *repository) tell(name string) Repository {
	out := Repository{Name: name}
	for _, m := range r.Manifests {
		t := Manifest{Digest: m.Digest, Blobs: m.Blobs, Bytes: int64(len(m.Content)), Unpacked: m.Unpacked, Updated: m.Updated}
		for _, b := range m.Blobs {
			t.Bytes += b.Bytes
		}
		for name, tagged := range r.Tags {
			if tagged.Digest == m.Digest {
				t.Tags = append(t.Tags, name)
			}
		}
		slices.Sort(t.Tags)
		out.Manifests = append(out.Manifests, t)
		for _, name := range t.Tags {
			out.Tags = append(out.Tags, Tag{name, t, r.Tags[name].Updated})
		}
	}
	slices.SortFunc(out.Manifests, func(x, y Manifest) int {
		if c := y.Updated.Compare(x.Updated); c != 0 {
			return c
		}
		return strings.Compare(x.Digest, y.Digest)
	})
	slices.SortFunc(out.Tags, func(x, y Tag) int {
		if c := y.Updated.Compare(x.Updated); c != 0 {
			return c
		}
		return strings.Compare(x.Name, y.Name)
	})
	return out
}

// DeleteTag takes a tag from its manifest, which stays; false when there is none.
func (s *Server) DeleteTag(name, repository, tag string) (bool, error) {
	return s.change(name, repository, func(r *repositoryOf) bool {
		_, ok := r.Tags[tag]
		delete(r.Tags, tag)
		return ok
	})
}

// DeleteManifest deletes a manifest and its tags; its blobs stay until they are collected. False when there is none.
func (s *Server) DeleteManifest(name, repository, digest string) (bool, error) {
	return s.change(name, repository, func(r *repositoryOf) bool {
		_, ok := r.Manifests[digest]
		r.drop(digest)
		return ok
	})
}

func (r *repository) drop(digest string) {
	delete(r.Manifests, digest)
	for name, t := range r.Tags {
		if t.Digest == digest {
			delete(r.Tags, name)
		}
	}
}

// DeleteRepository deletes a repository with all its manifests; false when there is none.
func (s *Server) DeleteRepository(name, repository string) (bool, error) {
	return s.change(name, repository, func(r *repositoryOf) bool {
		delete(r.registry.Repositories, repository)
		return true
	})
}

type repositoryOf struct {
	*repository
	registry *registry
}

func (s *Server) change(name, repository string, f func(*repositoryOf) bool) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.all[name]
	if r == nil || r.Repositories[repository] == nil || !f(&repositoryOf{r.Repositories[repository], r}) {
		return false, nil
	}
	return true, s.save(name)
}

// Bytes is what a registry stores: every blob once, referred to or not, and its manifests.
func (s *Server) Bytes(name string) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.all[name]
	if r == nil {
		return 0, nil
	}
	stored, err := s.stored(name)
	total := int64(0)
	for _, size := range stored {
		total += size
	}
	for _, repo := range r.Repositories {
		for _, m := range repo.Manifests {
			total += int64(len(m.Content))
		}
	}
	return total, err
}

// stored is every blob's size by its digest. It is called with the lock held.
func (s *Server) stored(name string) (map[string]int64, error) {
	found, err := os.ReadDir(filepath.Join(s.blobDir(name), "sha256"))
	if err != nil {
		return nil, err
	}
	all := map[string]int64{}
	for _, f := range found {
		info, err := f.Info()
		if err != nil {
			return nil, err
		}
		all["sha256:"+f.Name()] = info.Size()
	}
	return all, nil
}

// Collect deletes manifests without tags, if so asked, and then blobs that nothing refers to, if so asked.
func (s *Server) Collect(name string, untagged, unreferenced bool) (blobs int, freed int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.all[name]
	if r == nil {
		return 0, 0, nil
	}
	used := map[string]bool{}
	for _, repo := range r.Repositories {
		if untagged {
			freed += repo.dropUntagged()
		}
		for _, m := range repo.Manifests {
			for _, b := range m.Blobs {
				used[b.Digest] = true
			}
		}
	}
	if unreferenced {
		stored, err := s.stored(name)
		if err != nil {
			return 0, 0, err
		}
		for digest, size := range stored {
			if used[digest] {
				continue
			}
			path, err := s.blobPath(name, digest)
			if err == nil {
				err = os.Remove(path)
			}
			if err != nil {
				return blobs, freed, err
			}
			blobs++
			freed += size
		}
	}
	return blobs, freed, s.save(name)
}

// dropUntagged deletes what no tag leads to, directly or through an index.
func (r *repository) dropUntagged() (freed int64) {
	kept := map[string]bool{}
	for _, t := range r.Tags {
		kept[t.Digest] = true
		if m := r.Manifests[t.Digest]; m != nil {
			for _, child := range m.Children {
				kept[child] = true
			}
		}
	}
	for digest, m := range r.Manifests {
		if !kept[digest] {
			freed += int64(len(m.Content))
			delete(r.Manifests, digest)
		}
	}
	return freed
}
