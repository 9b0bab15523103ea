// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// manifest is one manifest or index, and what it refers to.
type manifest struct {
	Digest    string    `json:"digest"`
	MediaType string    `json:"mediaType"`
	Content   []byte    `json:"content"`
	Blobs     []Blob    `json:"blobs"`
	Children  []string  `json:"children"` // digests of an index's manifests
	Unpacked  int64     `json:"unpacked"` // bytes, layers uncompressed
	Updated   time.Time `json:"updated"`  // the machine's time
}

// Blob is a layer or a configuration.
type Blob struct {
	Digest string `json:"digest"`
	Bytes  int64  `json:"bytes"` // as stored
}

// maxManifest is the limit of the distribution specification's reference implementation.
const maxManifest = 4 << 20

var (
	digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	tagForm    = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
)

// find returns a manifest by tag or digest. It is called with the lock held.
func (q *call) find() (*manifest, error) {
	r := q.server.all[q.registry]
	if r == nil || r.Repositories[q.repository] == nil {
		return nil, unknown(q.registry + "/" + q.repository)
	}
	repo, digest := r.Repositories[q.repository], q.reference
	if t, ok := repo.Tags[q.reference]; ok {
		digest = t.Digest
	}
	m := repo.Manifests[digest]
	if m == nil {
		return nil, &problem{http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown: " + q.reference}
	}
	return m, nil
}

func (q *call) getManifest() error {
	q.server.mu.Lock()
	m, err := q.find()
	q.server.mu.Unlock()
	if err != nil {
		return err
	}
	h := q.w.Header()
	h.Set("Content-Type", m.MediaType)
	h.Set("Content-Length", strconv.Itoa(len(m.Content)))
	h.Set("Docker-Content-Digest", m.Digest)
	q.w.WriteHeader(http.StatusOK)
	if q.Method == http.MethodGet {
		q.w.Write(m.Content) //nolint:errcheck // the caller went away
	}
	return nil
}

// descriptor is the part of a manifest that points elsewhere.
type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
}

func (q *call) putManifest() error {
	content, err := io.ReadAll(io.LimitReader(q.Body, maxManifest+1))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	m := &manifest{Digest: "sha256:" + hex.EncodeToString(sum[:]), MediaType: q.Header.Get("Content-Type"), Content: content, Updated: q.server.options.Clock.Wall().UTC().Truncate(time.Second)}
	if strings.HasPrefix(q.reference, "sha256:") && q.reference != m.Digest {
		return &problem{http.StatusBadRequest, "DIGEST_INVALID", "provided digest did not match uploaded content"}
	}
	if !digestForm.MatchString(q.reference) && !tagForm.MatchString(q.reference) {
		return &problem{http.StatusBadRequest, "TAG_INVALID", "manifest tag did not match its form: " + q.reference}
	}
	var refers struct {
		Config    *descriptor  `json:"config"`
		Layers    []descriptor `json:"layers"`
		Manifests []descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(content, &refers); err != nil || len(content) > maxManifest {
		return &problem{http.StatusBadRequest, "MANIFEST_INVALID", "manifest invalid"}
	}
	all := slices.Clone(refers.Layers)
	if refers.Config != nil {
		all = append([]descriptor{*refers.Config}, all...)
	}
	for _, d := range all {
		if err := q.refer(m, d); err != nil {
			return err
		}
	}
	s := q.server
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.all[q.registry]
	if r == nil {
		return unknown(q.registry)
	}
	repo := r.Repositories[q.repository]
	if repo == nil {
		repo = &repository{map[string]*manifest{}, map[string]tag{}}
	}
	for _, d := range refers.Manifests {
		if repo.Manifests[d.Digest] == nil {
			return &problem{http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown: " + d.Digest}
		}
		m.Children = append(m.Children, d.Digest)
	}
	r.Repositories[q.repository] = repo
	repo.Manifests[m.Digest] = m
	if !strings.HasPrefix(q.reference, "sha256:") {
		repo.Tags[q.reference] = tag{m.Digest, m.Updated}
	}
	q.w.Header().Set("Docker-Content-Digest", m.Digest)
	q.w.Header().Set("Location", "/v2/"+q.registry+"/"+q.repository+"/manifests/"+m.Digest)
	if err := s.save(q.registry); err != nil {
		return err
	}
	q.w.WriteHeader(http.StatusCreated)
	return nil
}

// refer notes a blob, which must be there.
func (q *call) refer(m *manifest, d descriptor) error {
	path, err := q.server.blobPath(q.registry, d.Digest)
	if err == nil {
		var info os.FileInfo
		if info, err = os.Stat(path); err == nil {
			m.Blobs = append(m.Blobs, Blob{d.Digest, info.Size()})
			unpacked, err := unpackedSize(path, d.MediaType)
			if err != nil {
				return &problem{http.StatusBadRequest, "MANIFEST_INVALID", fmt.Sprintf("blob %s is no %s: %v", d.Digest, d.MediaType, err)}
			}
			m.Unpacked += unpacked
			return nil
		}
	}
	return &problem{http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry: " + d.Digest}
}

func (s *Server) blobPath(registry, digest string) (string, error) {
	if !digestForm.MatchString(digest) {
		return "", fmt.Errorf("%q is no digest", digest)
	}
	return filepath.Join(s.blobDir(registry), "sha256", strings.TrimPrefix(digest, "sha256:")), nil
}

// unpackedSize is a blob's size, and of a layer packed with gzip what it unpacks to.
func unpackedSize(path, mediaType string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if !strings.HasSuffix(mediaType, "gzip") {
		info, err := f.Stat()
		if err != nil {
			return 0, err
		}
		return info.Size(), nil
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return 0, err
	}
	return io.Copy(io.Discard, z)
}

// deleteManifest deletes a tag, or a manifest with all its tags.
func (q *call) deleteManifest() error {
	q.server.mu.Lock()
	_, err := q.find()
	q.server.mu.Unlock()
	if err != nil {
		return err
	}
	if digestForm.MatchString(q.reference) {
		_, err = q.server.DeleteManifest(q.registry, q.repository, q.reference)
	} else {
		_, err = q.server.DeleteTag(q.registry, q.repository, q.reference)
	}
	if err == nil {
		q.w.WriteHeader(http.StatusAccepted)
	}
	return err
}

// listTags lists in order, by n and last where they are given.
func (q *call) listTags() error {
	s := q.server
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.all[q.registry]
	if r == nil || r.Repositories[q.repository] == nil {
		return unknown(q.registry + "/" + q.repository)
	}
	tags := []string{}
	for name := range r.Repositories[q.repository].Tags {
		if name > q.URL.Query().Get("last") {
			tags = append(tags, name)
		}
	}
	slices.Sort(tags)
	if n, err := strconv.Atoi(q.URL.Query().Get("n")); err == nil && n > 0 && n < len(tags) {
		tags = tags[:n]
		q.w.Header().Set("Link", fmt.Sprintf("</v2/%s/%s/tags/list?n=%d&last=%s>; rel=\"next\"", q.registry, q.repository, n, tags[n-1]))
	}
	q.w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(q.w).Encode(map[string]any{"name": q.registry + "/" + q.repository, "tags": tags})
}
