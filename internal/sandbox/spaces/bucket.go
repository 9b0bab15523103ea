// SPDX-License-Identifier: Apache-2.0

package spaces

import (
	"encoding/xml"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

const xmlTime = "2006-01-02T15:04:05.000Z"

type owner struct {
	ID          string
	DisplayName string
}

func (b *bucket) owner() owner { return ownerOf(b.Team) }

func ownerOf(team string) owner {
	if team == "" {
		team = "sandbox"
	}
	return owner{team, team}
}

// listBuckets lists the caller's buckets in the endpoint's region, in all of them where the endpoint's name says none.
func (q *call) listBuckets() error {
	type entry struct {
		Name         string
		CreationDate string
	}
	var out struct {
		XMLName xml.Name `xml:"ListAllMyBucketsResult"`
		Owner   owner
		Buckets []entry `xml:"Buckets>Bucket"`
	}
	out.Owner = ownerOf(q.who.key.Team)
	for _, b := range q.server.Buckets(q.who.key.Team) {
		if q.region == "" || q.region == b.Region {
			out.Buckets = append(out.Buckets, entry{b.Name, b.Created.Format(xmlTime)})
		}
	}
	return q.reply(out)
}

// createBucket makes a bucket in the endpoint's region. Where the endpoint's name says none, LocationConstraint does, then the
// signature's region. Making one's own bucket again changes nothing, as in Ceph, on which Spaces runs.
func (q *call) createBucket() error {
	var in struct {
		LocationConstraint string
	}
	text, err := io.ReadAll(io.LimitReader(q.Body, 1<<16))
	if err != nil {
		return err
	}
	if len(text) > 0 {
		if err := xml.Unmarshal(text, &in); err != nil {
			return malformed(err)
		}
	}
	acl, err := cannedACL(q.Header.Get("X-Amz-Acl"))
	if err != nil {
		return err
	}
	region, err := q.regionOf(in.LocationConstraint)
	if err != nil {
		return err
	}
	if !bucketName.MatchString(q.bucket) {
		return refused(http.StatusBadRequest, "InvalidBucketName", "The specified bucket is not valid: a name has 3 to 63 lowercase letters, digits, dashes and periods.")
	}
	made, err := q.server.create(q.bucket, q.who.key.Team, region, acl)
	if err != nil {
		return err
	}
	if made {
		q.server.options.Cloud.SpaceCreated(q.who.key.Team, region, q.bucket)
	}
	q.w.Header().Set("Location", "/"+q.bucket)
	q.w.WriteHeader(http.StatusOK)
	return nil
}

func (q *call) regionOf(constraint string) (string, error) {
	constraint = strings.ToLower(constraint)
	if q.region != "" {
		if slices.Contains(Regions, constraint) && constraint != q.region {
			return "", refused(http.StatusBadRequest, "IllegalLocationConstraintException", "This endpoint makes buckets in %s, not in %s.", q.region, constraint)
		}
		return q.region, nil
	}
	if constraint != "" && !slices.Contains(Regions, constraint) {
		return "", refused(http.StatusBadRequest, "InvalidLocationConstraint", "There are no Spaces in %q.", constraint)
	}
	if g, err := q.signature(); err == nil && constraint == "" && slices.Contains(Regions, g.region) {
		constraint = g.region
	}
	if constraint == "" {
		constraint = Regions[0]
	}
	return constraint, nil
}

func (s *Server) create(name, team, region, acl string) (made bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.index.Buckets[name]; b != nil {
		if b.Team == team && b.Region == region {
			return false, nil
		}
		return false, refused(http.StatusConflict, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by all users of the system.")
	}
	if until, ok := s.index.Locked[name]; ok && s.lived() < until {
		return false, refused(http.StatusConflict, "BucketAlreadyExists", "The requested bucket name is not available: a bucket of this name was deleted less than a week ago.")
	}
	mine := 0
	for _, b := range s.index.Buckets {
		if b.Team == team {
			mine++
		}
	}
	if mine >= MaxBuckets {
		return false, refused(http.StatusBadRequest, "TooManyBuckets", "You have attempted to create more buckets than the %d allowed.", MaxBuckets)
	}
	if err := os.MkdirAll(s.bucketDir(name), 0o700); err != nil {
		return false, err
	}
	delete(s.index.Locked, name)
	s.index.Buckets[name] = &bucket{Name: name, Team: team, Region: region, ACL: acl, Created: s.options.Clock.Wall().UTC().Truncate(time.Second), objects: map[string][]*version{}}
	return true, s.save()
}

func (q *call) headBucket() error {
	return q.inBucket(func(b *bucket) error {
		q.w.Header().Set("X-Amz-Bucket-Region", b.Region)
		q.w.WriteHeader(http.StatusOK)
		return nil
	})
}

// inBucket runs f with the lock held.
func (q *call) inBucket(f func(*bucket) error) error {
	q.server.mu.Lock()
	defer q.server.mu.Unlock()
	b, err := q.server.find(q.bucket, q.region)
	if err != nil {
		return err
	}
	return f(b)
}

// changeBucket runs f with the lock held, saves and answers.
func (q *call) changeBucket(status int, f func(*bucket) error) error {
	return q.inBucket(func(b *bucket) error {
		if err := f(b); err != nil {
			return err
		}
		if err := q.server.save(); err != nil {
			return err
		}
		q.w.WriteHeader(status)
		return nil
	})
}

// deleteBucket deletes an empty bucket. Its name stays locked for a week.
func (q *call) deleteBucket() error {
	s := q.server
	err := q.inBucket(func(b *bucket) error {
		if len(b.objects) > 0 {
			return refused(http.StatusConflict, "BucketNotEmpty", "The bucket you tried to delete is not empty. You must delete all versions in the bucket.")
		}
		for id, u := range s.uploads {
			if u.bucket == b.Name {
				delete(s.uploads, id)
			}
		}
		if err := os.RemoveAll(s.bucketDir(b.Name)); err != nil {
			return err
		}
		delete(s.index.Buckets, b.Name)
		s.index.Locked[b.Name] = s.lived() + nameLocked
		return s.save()
	})
	if err != nil {
		return err
	}
	s.options.Cloud.SpaceDeleted(q.who.key.Team, q.bucket)
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (q *call) location() error {
	return q.inBucket(func(b *bucket) error {
		return q.reply(struct {
			XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
			Region  string   `xml:",chardata"`
		}{Region: b.Region})
	})
}

type versioningXML struct {
	XMLName xml.Name `xml:"VersioningConfiguration"`
	Status  string   `xml:",omitempty"`
}

func (q *call) getVersioning() error {
	return q.inBucket(func(b *bucket) error { return q.reply(versioningXML{Status: b.Versioning}) })
}

func (q *call) putVersioning() error {
	var in versioningXML
	if err := q.decode(&in); err != nil {
		return err
	}
	if in.Status != "Enabled" && in.Status != "Suspended" {
		return badArgument("Status must be Enabled or Suspended: versioning can't be turned off again")
	}
	return q.changeBucket(http.StatusOK, func(b *bucket) error {
		b.Versioning = in.Status
		return nil
	})
}

func (q *call) getPolicy() error {
	return q.inBucket(func(b *bucket) error {
		if b.Policy == "" {
			return refused(http.StatusNotFound, "NoSuchBucketPolicy", "The bucket policy does not exist")
		}
		q.w.Header().Set("Content-Type", "application/json")
		_, err := io.WriteString(q.w, b.Policy)
		return err
	})
}

// putPolicy keeps a policy. It has no effect here.
func (q *call) putPolicy() error {
	text, err := io.ReadAll(io.LimitReader(q.Body, 20<<10+1))
	if err != nil {
		return err
	}
	if !isJSONObject(text) || len(text) > 20<<10 {
		return refused(http.StatusBadRequest, "MalformedPolicy", "Policies must be valid JSON of at most 20 KiB")
	}
	if q.server.options.Cloud.LimitedKey(q.bucket) {
		return refused(http.StatusConflict, "InvalidBucketState", "A bucket that a limited-access key has a grant on cannot have a policy")
	}
	return q.changeBucket(http.StatusNoContent, func(b *bucket) error {
		b.Policy = string(text)
		return nil
	})
}

func (q *call) deletePolicy() error {
	return q.changeBucket(http.StatusNoContent, func(b *bucket) error {
		b.Policy = ""
		return nil
	})
}

// HasPolicy says whether a bucket has a policy: then no key may have a grant on it alone.
func (s *Server) HasPolicy(bucket string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.index.Buckets[bucket]
	return b != nil && b.Policy != ""
}
