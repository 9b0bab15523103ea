// SPDX-License-Identifier: Apache-2.0

package spaces

import (
	"encoding/xml"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

type lifecycleRule struct {
	ID         string           `xml:",omitempty"`
	Status     string           // Enabled or Disabled
	Prefix     *string          `xml:",omitempty"` // the older form
	Filter     *lifecycleFilter `xml:",omitempty"`
	Expiration *expiration      `xml:",omitempty"`
	Noncurrent *struct {
		Days int `xml:"NoncurrentDays"`
	} `xml:"NoncurrentVersionExpiration,omitempty"`
	Abort *struct {
		Days int `xml:"DaysAfterInitiation"`
	} `xml:"AbortIncompleteMultipartUpload,omitempty"`
	Transition *struct{} `xml:",omitempty"`
}

type lifecycleFilter struct {
	Prefix *string   `xml:",omitempty"`
	Tag    *struct{} `xml:",omitempty"`
	And    *struct{} `xml:",omitempty"`
}

type expiration struct {
	Days                      int    `xml:",omitempty"`
	Date                      string `xml:",omitempty"`
	ExpiredObjectDeleteMarker bool   `xml:",omitempty"`
}

type lifecycleXML struct {
	XMLName xml.Name        `xml:"LifecycleConfiguration"`
	Rules   []lifecycleRule `xml:"Rule"`
}

func (r lifecycleRule) prefix() string {
	if r.Filter != nil && r.Filter.Prefix != nil {
		return *r.Filter.Prefix
	}
	if r.Prefix != nil {
		return *r.Prefix
	}
	return ""
}

func (q *call) getLifecycle() error {
	return q.inBucket(func(b *bucket) error {
		if len(b.Lifecycle) == 0 {
			return refused(http.StatusNotFound, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
		}
		return q.reply(lifecycleXML{Rules: b.Lifecycle})
	})
}

func (q *call) putLifecycle() error {
	var in lifecycleXML
	if err := q.decode(&in); err != nil {
		return err
	}
	if len(in.Rules) == 0 || len(in.Rules) > 1000 {
		return malformed(badArgument("1 to 1000 rules are allowed"))
	}
	seen := map[string]bool{}
	for i := range in.Rules {
		r := &in.Rules[i]
		if r.ID == "" {
			r.ID = token(24)
		}
		if err := r.check(); err != nil {
			return err
		}
		if seen[r.ID] {
			return badArgument("Rule ID must be unique. Found same ID %q for more than one rule", r.ID)
		}
		seen[r.ID] = true
	}
	return q.changeBucket(http.StatusOK, func(b *bucket) error {
		b.Lifecycle = in.Rules
		return nil
	})
}

// check holds a rule against what Spaces supports: time-based expiration and the end of incomplete uploads, no tags, no tiers.
func (r lifecycleRule) check() error {
	switch {
	case r.Status != "Enabled" && r.Status != "Disabled":
		return malformed(badArgument("Status must be Enabled or Disabled"))
	case r.Filter != nil && (r.Filter.Tag != nil || r.Filter.And != nil), r.Transition != nil:
		return refused(http.StatusNotImplemented, "NotImplemented", "Spaces has no lifecycle rules by tag and no transitions")
	case r.Expiration == nil && r.Noncurrent == nil && r.Abort == nil:
		return refused(http.StatusBadRequest, "InvalidRequest", "At least one action needs to be specified in a rule.")
	case r.Noncurrent != nil && r.Noncurrent.Days < 1, r.Abort != nil && r.Abort.Days < 1:
		return badArgument("days must be a positive number")
	}
	if e := r.Expiration; e != nil {
		_, err := time.Parse(time.RFC3339, e.Date)
		if (e.Days > 0) == (e.Date != "") && !e.ExpiredObjectDeleteMarker || e.Days < 0 || e.Date != "" && err != nil {
			return badArgument("an expiration has Days (a positive number), a Date or ExpiredObjectDeleteMarker")
		}
	}
	return nil
}

func (q *call) deleteLifecycle() error {
	return q.changeBucket(http.StatusNoContent, func(b *bucket) error {
		b.Lifecycle = nil
		return nil
	})
}

const day = 24 * time.Hour

// expire does what the bucket's rules have come to in model time. It is called with the lock held, before a bucket is looked at.
func (s *Server) expire(b *bucket) {
	for id, u := range s.uploads {
		if u.bucket == b.Name && s.lived()-u.born >= uploadLife {
			s.dropUpload(id)
		}
	}
	for _, r := range b.Lifecycle {
		if r.Status != "Enabled" {
			continue
		}
		for _, key := range slices.Clone(b.keys) {
			if strings.HasPrefix(key, r.prefix()) {
				s.expireObject(b, key, r)
			}
		}
		for id, u := range s.uploads {
			if r.Abort != nil && u.bucket == b.Name && strings.HasPrefix(u.key, r.prefix()) && s.lived()-u.born >= time.Duration(r.Abort.Days)*day {
				s.dropUpload(id)
			}
		}
	}
}

func (s *Server) expireObject(b *bucket, key string, r lifecycleRule) {
	versions := slices.Clone(b.objects[key])
	for i, v := range versions {
		age := s.lived() - v.Born
		if i > 0 && r.Noncurrent != nil && s.lived()-versions[i-1].Born >= time.Duration(r.Noncurrent.Days)*day {
			s.drop(b, v) //nolint:errcheck // its files are of no further use
			continue
		}
		e := r.Expiration
		if i > 0 || e == nil {
			continue
		}
		date, err := time.Parse(time.RFC3339, e.Date)
		due := e.Days > 0 && age >= time.Duration(e.Days)*day || err == nil && !s.options.Clock.Now().Before(date)
		switch {
		case v.Marker && len(versions) == 1 && (e.ExpiredObjectDeleteMarker || due), due && !v.Marker && b.Versioning == "":
			s.drop(b, v) //nolint:errcheck // its files are of no further use
		case due && !v.Marker:
			s.put(b, &version{ID: token(16), Key: key, Marker: true}) //nolint:errcheck // tried again with the next request
		}
	}
}

// dropUpload forgets a multipart upload and its parts.
func (s *Server) dropUpload(id string) {
	u := s.uploads[id]
	delete(s.uploads, id)
	for _, p := range u.parts {
		os.Remove(filepath.Join(s.bucketDir(u.bucket), p.id)) //nolint:errcheck // of no further use
	}
}
