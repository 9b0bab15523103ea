// SPDX-License-Identifier: Apache-2.0

package spaces

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// index is what is kept in index.json; objects' own files lie beside it, two for each version: ID.json says what it is, ID
// holds its bytes.
type index struct {
	Lived   time.Duration            `json:"lived"` // model time that has passed in this folder, over all runs
	Buckets map[string]*bucket       `json:"buckets"`
	Locked  map[string]time.Duration `json:"locked"` // deleted names, and when (as of Lived) they are free
}

type bucket struct {
	Name       string          `json:"name"`
	Team       string          `json:"team"`
	Region     string          `json:"region"`
	Created    time.Time       `json:"created"` // the machine's time
	ACL        string          `json:"acl"`
	Versioning string          `json:"versioning"` // "", Enabled or Suspended
	CORS       []corsRule      `json:"cors"`
	Lifecycle  []lifecycleRule `json:"lifecycle"`
	Policy     string          `json:"policy"`

	keys    []string              // in order
	objects map[string][]*version // of a key, newest first
}

// version is one version of an object, or a delete marker.
type version struct {
	ID       string            `json:"id"` // of its files
	Key      string            `json:"key"`
	Version  string            `json:"version"` // "null" unless versioning was enabled
	Sequence int64             `json:"sequence"`
	Marker   bool              `json:"marker"` // a delete marker
	Size     int64             `json:"size"`
	ETag     string            `json:"etag"` // without quotes
	ACL      string            `json:"acl"`
	Header   map[string]string `json:"header"`   // Content-Type and its like
	Meta     map[string]string `json:"meta"`     // x-amz-meta-…
	Modified time.Time         `json:"modified"` // the machine's time
	Born     time.Duration     `json:"born"`     // as of Lived
}

// lived is how much model time has passed in this folder.
func (s *Server) lived() time.Duration {
	return s.index.Lived + s.options.Clock.Now().Sub(s.began)
}

func (s *Server) load() error {
	s.index = index{Buckets: map[string]*bucket{}, Locked: map[string]time.Duration{}}
	data, err := os.ReadFile(filepath.Join(s.options.Dir, "index.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(data, &s.index)
	}
	if err != nil {
		return fmt.Errorf("read the simulated Spaces: %w", err)
	}
	for _, b := range s.index.Buckets {
		if err := s.loadBucket(b); err != nil {
			return fmt.Errorf("read bucket %s: %w", b.Name, err)
		}
	}
	return nil
}

func (s *Server) loadBucket(b *bucket) error {
	b.objects = map[string][]*version{}
	files, err := filepath.Glob(filepath.Join(s.bucketDir(b.Name), "*.json"))
	if err != nil {
		return err
	}
	for _, f := range files {
		v := &version{}
		data, err := os.ReadFile(f)
		if err == nil {
			err = json.Unmarshal(data, v)
		}
		if err != nil {
			return err
		}
		b.add(v)
	}
	return nil
}

// save writes the index as a whole. It is called with the lock held.
func (s *Server) save() error {
	out := s.index
	out.Lived = s.lived()
	data, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return replace(filepath.Join(s.options.Dir, "index.json"), data)
}

func replace(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Close writes down how much time has passed.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.save()
}

// Reset forgets every bucket and every locked name.
func (s *Server) Reset() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.index.Buckets {
		if err := os.RemoveAll(s.bucketDir(name)); err != nil {
			return err
		}
	}
	s.index.Buckets, s.index.Locked, s.uploads = map[string]*bucket{}, map[string]time.Duration{}, map[string]*upload{}
	return s.save()
}

// Bucket is what the cloud wants to know of one.
type Bucket struct {
	Name    string
	Team    string
	Region  string
	Created time.Time // the machine's time
	Bytes   int64     // of all versions
	Objects int       // versions, delete markers not counted
}

// Buckets lists a team's buckets in order of their names.
func (s *Server) Buckets(team string) []Bucket {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Bucket
	for _, b := range s.index.Buckets {
		if b.Team != team {
			continue
		}
		s.expire(b)
		out := Bucket{Name: b.Name, Team: b.Team, Region: b.Region, Created: b.Created}
		for _, versions := range b.objects {
			for _, v := range versions {
				if !v.Marker {
					out.Bytes += v.Size
					out.Objects++
				}
			}
		}
		all = append(all, out)
	}
	slices.SortFunc(all, func(x, y Bucket) int { return strings.Compare(x.Name, y.Name) })
	return all
}

// find returns a bucket that the endpoint of a region knows; each region is a world of its own. It is called with the lock held.
func (s *Server) find(name, region string) (*bucket, error) {
	b := s.index.Buckets[name]
	if b == nil || region != "" && b.Region != region {
		return nil, refused(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist.")
	}
	s.expire(b)
	return b, nil
}

// object returns a version of an object, its newest without one; nil when there is none, or when it is a delete marker.
func (b *bucket) object(key, id string) *version {
	for _, v := range b.objects[key] {
		if id == "" || v.Version == id {
			if v.Marker {
				return nil
			}
			return v
		}
	}
	return nil
}

// add puts a version in its place.
func (b *bucket) add(v *version) {
	if i, found := slices.BinarySearch(b.keys, v.Key); !found {
		b.keys = slices.Insert(b.keys, i, v.Key)
	}
	b.objects[v.Key] = append(b.objects[v.Key], v)
	slices.SortFunc(b.objects[v.Key], func(x, y *version) int { return int(y.Sequence - x.Sequence) })
}

// drop forgets a version and deletes its files.
func (s *Server) drop(b *bucket, v *version) error {
	b.objects[v.Key] = slices.DeleteFunc(b.objects[v.Key], func(other *version) bool { return other == v })
	if len(b.objects[v.Key]) == 0 {
		delete(b.objects, v.Key)
		if i, found := slices.BinarySearch(b.keys, v.Key); found {
			b.keys = slices.Delete(b.keys, i, i+1)
		}
	}
	err := os.Remove(filepath.Join(s.bucketDir(b.Name), v.ID+".json"))
	if !v.Marker {
		err = errors.Join(err, os.Remove(filepath.Join(s.bucketDir(b.Name), v.ID)))
	}
	return err
}

// put makes a version the newest of its key. Without versioning, and while it is suspended, that takes the place of the one
// without an id. Its bytes lie in its file already.
func (s *Server) put(b *bucket, v *version) error {
	v.Version, v.Modified, v.Born = "null", s.options.Clock.Wall().UTC().Truncate(time.Second), s.lived()
	if b.Versioning == "Enabled" {
		v.Version = token(16)
	}
	for _, old := range slices.Clone(b.objects[v.Key]) {
		v.Sequence = max(v.Sequence, old.Sequence+1)
		if old.Version == v.Version {
			if err := s.drop(b, old); err != nil {
				return err
			}
		}
	}
	if err := s.describe(b, v); err != nil {
		return err
	}
	b.add(v)
	return nil
}

// receive writes a body of at most so many bytes into a new file of a bucket, without the lock, and returns the file's id.
func (s *Server) receive(bucket string, body io.Reader, most int64, sinks ...io.Writer) (id string, size int64, err error) {
	id = token(16)
	path := filepath.Join(s.bucketDir(bucket), id)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", 0, err
	}
	size, err = io.Copy(io.MultiWriter(append(sinks, f)...), io.LimitReader(body, most+1))
	err = errors.Join(err, f.Close())
	if err == nil && size > most {
		err = refused(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size of %d GiB", most>>30)
	}
	if err != nil {
		return "", 0, errors.Join(err, os.Remove(path))
	}
	return id, size, nil
}
