// SPDX-License-Identifier: Apache-2.0

package spaces

import (
	"encoding/base64"
	"encoding/xml"
	"net/url"
	"strconv"
	"strings"
)

// listing is what a list request asks for.
type listing struct {
	prefix, delimiter, after string
	most                     int
	encode                   func(string) string
}

type prefixXML struct{ Prefix string }

func (q *call) listing() (listing, error) {
	l := listing{prefix: q.query.Get("prefix"), delimiter: q.query.Get("delimiter"), most: 1000, encode: func(s string) string { return s }}
	if text := q.query.Get("max-keys"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return l, badArgument("max-keys must be a number from 0")
		}
		l.most = min(n, 1000)
	}
	switch q.query.Get("encoding-type") {
	case "":
	case "url":
		l.encode = func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%2F", "/") }
	default:
		return l, badArgument("encoding-type may be url")
	}
	return l, nil
}

// walk goes through the keys in order. visit gets a key, or a common prefix once, and says how many entries that made.
func (l listing) walk(b *bucket, has func(key string) bool, key func(string) int, common func(string)) (last string, truncated bool) {
	n, group := 0, ""
	for _, k := range b.keys {
		if !strings.HasPrefix(k, l.prefix) || k <= l.after || !has(k) {
			continue
		}
		if group != "" && strings.HasPrefix(k, group) {
			continue
		}
		shared := ""
		if l.delimiter != "" {
			if i := strings.Index(k[len(l.prefix):], l.delimiter); i >= 0 {
				shared = k[:len(l.prefix)+i+len(l.delimiter)]
			}
		}
		if shared != "" && strings.HasPrefix(l.after, shared) {
			continue
		}
		if n >= l.most {
			return last, true
		}
		if shared != "" {
			group, last = shared, shared
			common(shared)
			n++
			continue
		}
		last = k
		n += key(k)
	}
	return last, false
}

type objectXML struct {
	Key          string
	LastModified string
	ETag         string
	Size         int64
	StorageClass string
	Owner        *owner `xml:",omitempty"`
}

type listXML struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Name                  string
	Prefix                string
	Delimiter             string `xml:",omitempty"`
	MaxKeys               int
	EncodingType          string `xml:",omitempty"`
	IsTruncated           bool
	Marker                *string `xml:",omitempty"`
	NextMarker            string  `xml:",omitempty"`
	KeyCount              *int    `xml:",omitempty"`
	StartAfter            string  `xml:",omitempty"`
	ContinuationToken     string  `xml:",omitempty"`
	NextContinuationToken string  `xml:",omitempty"`
	Contents              []objectXML
	CommonPrefixes        []prefixXML
}

// listObjects answers both versions of the request.
func (q *call) listObjects() error {
	l, err := q.listing()
	if err != nil {
		return err
	}
	second := q.query.Get("list-type") == "2"
	out := listXML{Name: q.bucket, MaxKeys: l.most, EncodingType: q.query.Get("encoding-type")}
	if second {
		l.after, out.StartAfter, out.ContinuationToken = q.query.Get("start-after"), l.encode(q.query.Get("start-after")), q.query.Get("continuation-token")
		if out.ContinuationToken != "" {
			text, err := base64.RawURLEncoding.DecodeString(out.ContinuationToken)
			if err != nil {
				return badArgument("The continuation token provided is incorrect")
			}
			l.after = string(text)
		}
	} else {
		l.after = q.query.Get("marker")
		marker := l.encode(l.after)
		out.Marker = &marker
	}
	out.Prefix, out.Delimiter = l.encode(l.prefix), l.encode(l.delimiter)
	return q.inBucket(func(b *bucket) error {
		var who *owner
		if o := b.owner(); !second || q.query.Get("fetch-owner") == "true" {
			who = &o
		}
		last, truncated := l.walk(b, func(k string) bool { return b.object(k, "") != nil }, func(k string) int {
			v := b.object(k, "")
			out.Contents = append(out.Contents, objectXML{l.encode(k), v.Modified.Format(xmlTime), `"` + v.ETag + `"`, v.Size, "STANDARD", who})
			return 1
		}, func(p string) { out.CommonPrefixes = append(out.CommonPrefixes, prefixXML{l.encode(p)}) })
		out.IsTruncated = truncated && l.most > 0
		if second {
			n := len(out.Contents) + len(out.CommonPrefixes)
			out.KeyCount = &n
			if out.IsTruncated {
				out.NextContinuationToken = base64.RawURLEncoding.EncodeToString([]byte(last))
			}
		} else if out.IsTruncated {
			out.NextMarker = l.encode(last)
		}
		return q.reply(out)
	})
}

type versionXML struct {
	XMLName      xml.Name // Version or DeleteMarker
	Key          string
	VersionID    string `xml:"VersionId"`
	IsLatest     bool
	LastModified string
	ETag         string `xml:",omitempty"`
	Size         *int64 `xml:",omitempty"`
	StorageClass string `xml:",omitempty"`
	Owner        owner
}

// listVersions lists all versions and delete markers. A key's versions are never divided among two answers, so that
// version-id-marker is not needed; an answer may have more than max-keys entries for that.
func (q *call) listVersions() error {
	l, err := q.listing()
	if err != nil {
		return err
	}
	l.after = q.query.Get("key-marker")
	out := struct {
		XMLName        xml.Name `xml:"ListVersionsResult"`
		Name           string
		Prefix         string
		Delimiter      string `xml:",omitempty"`
		KeyMarker      string
		MaxKeys        int
		EncodingType   string `xml:",omitempty"`
		IsTruncated    bool
		NextKeyMarker  string `xml:",omitempty"`
		Versions       []versionXML
		CommonPrefixes []prefixXML
	}{Name: q.bucket, Prefix: l.encode(l.prefix), Delimiter: l.encode(l.delimiter), KeyMarker: l.encode(l.after), MaxKeys: l.most, EncodingType: q.query.Get("encoding-type")}
	return q.inBucket(func(b *bucket) error {
		last, truncated := l.walk(b, func(string) bool { return true }, func(k string) int {
			for i, v := range b.objects[k] {
				e := versionXML{XMLName: xml.Name{Local: "Version"}, Key: l.encode(k), VersionID: v.Version, IsLatest: i == 0, LastModified: v.Modified.Format(xmlTime), Owner: b.owner()}
				if v.Marker {
					e.XMLName.Local = "DeleteMarker"
				} else {
					e.ETag, e.Size, e.StorageClass = `"`+v.ETag+`"`, &v.Size, "STANDARD"
				}
				out.Versions = append(out.Versions, e)
			}
			return len(b.objects[k])
		}, func(p string) { out.CommonPrefixes = append(out.CommonPrefixes, prefixXML{l.encode(p)}) })
		if truncated && l.most > 0 {
			out.IsTruncated, out.NextKeyMarker = true, l.encode(last)
		}
		return q.reply(out)
	})
}
