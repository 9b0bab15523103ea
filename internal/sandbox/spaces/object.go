// SPDX-License-Identifier: Apache-2.0

package spaces

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// kept are the headers that come back with an object as they were sent.
var kept = []string{"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Expires"}

// find returns the version that is asked for. It is called with the lock held.
func (q *call) find(b *bucket) (*version, error) {
	id := q.query.Get("versionId")
	if v := b.object(q.key, id); v != nil {
		return v, nil
	}
	for i, v := range b.objects[q.key] {
		if v.Marker && (i == 0 && id == "" || v.Version == id) {
			q.w.Header().Set("X-Amz-Delete-Marker", "true")
			if id != "" {
				return nil, refused(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against a delete marker.")
			}
		}
	}
	if id != "" {
		return nil, refused(http.StatusNotFound, "NoSuchVersion", "The specified version does not exist.")
	}
	return nil, refused(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
}

// described begins a version from the request's headers.
func (q *call) described() (*version, error) {
	if len(q.key) > 1024 {
		return nil, refused(http.StatusBadRequest, "KeyTooLongError", "Your key is too long: at most 1024 bytes")
	}
	acl, err := cannedACL(q.Header.Get("X-Amz-Acl"))
	if err != nil {
		return nil, err
	}
	if q.Header.Get("X-Amz-Tagging") != "" {
		return nil, refused(http.StatusNotImplemented, "NotImplemented", "Spaces has no object tags here")
	}
	v := &version{Key: q.key, ACL: acl, Header: map[string]string{}, Meta: map[string]string{}}
	for _, name := range kept {
		if value := q.Header.Get(name); value != "" {
			v.Header[name] = value
		}
	}
	// aws-chunked says how the body came, not what it is.
	if coding := strings.Trim(strings.ReplaceAll(v.Header["Content-Encoding"], "aws-chunked", ""), ", "); coding != "" {
		v.Header["Content-Encoding"] = coding
	} else {
		delete(v.Header, "Content-Encoding")
	}
	for name, values := range q.Header {
		if meta, ok := strings.CutPrefix(strings.ToLower(name), "x-amz-meta-"); ok {
			v.Meta[meta] = strings.Join(values, ",")
		}
	}
	return v, nil
}

func (q *call) putObject() error {
	v, err := q.described()
	if err != nil {
		return err
	}
	if q.ContentLength > maxPut {
		return refused(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size of 5 GiB; use a multipart upload.")
	}
	sum := md5.New()
	if v.ID, v.Size, err = q.server.receive(q.bucket, q.Body, maxPut, sum); err != nil {
		return err
	}
	v.ETag = hex.EncodeToString(sum.Sum(nil))
	if err := q.checkMD5(sum.Sum(nil)); err != nil {
		return errors.Join(err, q.server.discard(q.bucket, v.ID))
	}
	if err := q.store(v); err != nil {
		return errors.Join(err, q.server.discard(q.bucket, v.ID))
	}
	q.w.Header().Set("ETag", `"`+v.ETag+`"`)
	q.w.WriteHeader(http.StatusOK)
	return nil
}

func (q *call) checkMD5(sum []byte) error {
	if sent := q.Header.Get("Content-Md5"); sent != "" && sent != base64.StdEncoding.EncodeToString(sum) {
		return refused(http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what we received.")
	}
	return nil
}

func (s *Server) discard(bucket, id string) error {
	return os.Remove(filepath.Join(s.bucketDir(bucket), id))
}

// store makes a version, whose bytes are there, the newest of its key.
func (q *call) store(v *version) error {
	return q.inBucket(func(b *bucket) error {
		if now := b.object(q.key, ""); now != nil && q.Header.Get("If-None-Match") == "*" {
			return refused(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
		}
		if err := q.server.put(b, v); err != nil {
			return err
		}
		q.showVersion(b, v)
		return nil
	})
}

func (q *call) showVersion(b *bucket, v *version) {
	if b.Versioning != "" {
		q.w.Header().Set("X-Amz-Version-Id", v.Version)
	}
}

// getObject answers GET and HEAD; ranges and conditions are net/http's.
func (q *call) getObject() error {
	var v *version
	var file *os.File
	err := q.inBucket(func(b *bucket) (err error) {
		if v, err = q.find(b); err != nil {
			return err
		}
		q.showVersion(b, v)
		file, err = q.server.open(b, v)
		return err
	})
	if err != nil {
		return err
	}
	defer file.Close()
	h := q.w.Header()
	h.Set("Content-Type", "binary/octet-stream")
	for name, value := range v.Header {
		h.Set(name, value)
	}
	for name, value := range v.Meta {
		h.Set("X-Amz-Meta-"+name, value)
	}
	for _, name := range kept {
		if value := q.query.Get("response-" + strings.ToLower(name)); value != "" && !q.who.anonymous {
			h.Set(name, value)
		}
	}
	h.Set("ETag", `"`+v.ETag+`"`)
	http.ServeContent(q.w, q.Request, "", v.Modified, file)
	return nil
}

// copyObject copies within a region; from another one, it does not see the source.
func (q *call) copyObject() error {
	v, err := q.described()
	if err != nil {
		return err
	}
	from, file, err := q.source()
	if err != nil {
		return err
	}
	defer file.Close()
	if q.Header.Get("X-Amz-Metadata-Directive") != "REPLACE" {
		v.Header, v.Meta = from.Header, from.Meta
	}
	if v.ID, v.Size, err = q.server.receive(q.bucket, file, maxPut); err != nil {
		return err
	}
	v.ETag = from.ETag
	if err := q.store(v); err != nil {
		return errors.Join(err, q.server.discard(q.bucket, v.ID))
	}
	return q.reply(struct {
		XMLName      xml.Name `xml:"CopyObjectResult"`
		LastModified string
		ETag         string
	}{LastModified: v.Modified.Format(xmlTime), ETag: `"` + v.ETag + `"`})
}

// source opens what a copy copies, when the caller may read it.
func (q *call) source() (*version, *os.File, error) {
	text, rawQuery, _ := strings.Cut(strings.TrimPrefix(q.Header.Get("X-Amz-Copy-Source"), "/"), "?")
	text, err := url.PathUnescape(text)
	query, queryErr := url.ParseQuery(rawQuery)
	name, key, ok := strings.Cut(text, "/")
	if err != nil || queryErr != nil || !ok || key == "" {
		return nil, nil, badArgument("x-amz-copy-source must be bucket/key")
	}
	id := query.Get("versionId")
	if err := q.mayIn(fetch, name, key, id); err != nil {
		var p *problem
		if !q.who.has(read, name) || errors.As(err, &p) && p.code != "AccessDenied" {
			return nil, nil, err
		}
	}
	s := q.server
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.find(name, q.region)
	if err != nil {
		return nil, nil, err
	}
	target, err := s.find(q.bucket, q.region)
	if err != nil {
		return nil, nil, err
	}
	v := b.object(key, id)
	if v == nil || target.Region != b.Region {
		return nil, nil, refused(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	}
	file, err := s.open(b, v)
	return v, file, err
}

// remove deletes a key, or one version of it, as the bucket's versioning wants it. It is called with the lock held.
func (s *Server) remove(b *bucket, key, id string) (marker *version, deleted string, err error) {
	if id != "" {
		for _, v := range b.objects[key] {
			if v.Version == id {
				if v.Marker {
					marker = v
				}
				return marker, id, s.drop(b, v)
			}
		}
		return nil, id, nil
	}
	if b.Versioning == "" {
		if v := b.object(key, ""); v != nil {
			return nil, "", s.drop(b, v)
		}
		return nil, "", nil
	}
	marker = &version{ID: token(16), Key: key, Marker: true}
	return marker, "", s.put(b, marker)
}

func (q *call) deleteObject() error {
	return q.inBucket(func(b *bucket) error {
		marker, deleted, err := q.server.remove(b, q.key, q.query.Get("versionId"))
		if err != nil {
			return err
		}
		if marker != nil {
			q.w.Header().Set("X-Amz-Delete-Marker", "true")
			q.w.Header().Set("X-Amz-Version-Id", marker.Version)
		} else if deleted != "" {
			q.w.Header().Set("X-Amz-Version-Id", deleted)
		}
		q.w.WriteHeader(http.StatusNoContent)
		return nil
	})
}

// deleteObjects deletes up to a thousand at once.
func (q *call) deleteObjects() error {
	var in struct {
		Quiet  bool
		Object []struct {
			Key       string
			VersionID string `xml:"VersionId"`
		}
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	if len(in.Object) == 0 || len(in.Object) > 1000 {
		return malformed(badArgument("1 to 1000 objects are allowed"))
	}
	type entry struct {
		Key                   string
		VersionID             string `xml:"VersionId,omitempty"`
		DeleteMarker          bool   `xml:",omitempty"`
		DeleteMarkerVersionID string `xml:"DeleteMarkerVersionId,omitempty"`
	}
	out := struct {
		XMLName xml.Name `xml:"DeleteResult"`
		Deleted []entry
	}{}
	return q.inBucket(func(b *bucket) error {
		for _, o := range in.Object {
			marker, _, err := q.server.remove(b, o.Key, o.VersionID)
			if err != nil {
				return err
			}
			e := entry{Key: o.Key, VersionID: o.VersionID}
			if marker != nil {
				e.DeleteMarker, e.DeleteMarkerVersionID = true, marker.Version
			}
			if !in.Quiet {
				out.Deleted = append(out.Deleted, e)
			}
		}
		return q.reply(out)
	})
}
