// SPDX-License-Identifier: Apache-2.0

package spaces

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

type corsRule struct {
	ID            string   `xml:",omitempty"`
	AllowedOrigin []string `xml:"AllowedOrigin"`
	AllowedMethod []string `xml:"AllowedMethod"`
	AllowedHeader []string `xml:"AllowedHeader"`
	ExposeHeader  []string `xml:"ExposeHeader"`
	MaxAgeSeconds int      `xml:",omitempty"`
}

type corsXML struct {
	XMLName xml.Name   `xml:"CORSConfiguration"`
	Rules   []corsRule `xml:"CORSRule"`
}

func (q *call) getCORS() error {
	return q.inBucket(func(b *bucket) error {
		if len(b.CORS) == 0 {
			return refused(http.StatusNotFound, "NoSuchCORSConfiguration", "The CORS configuration does not exist")
		}
		return q.reply(corsXML{Rules: b.CORS})
	})
}

func (q *call) putCORS() error {
	var in corsXML
	if err := q.decode(&in); err != nil {
		return err
	}
	if len(in.Rules) == 0 || len(in.Rules) > 100 {
		return malformed(badArgument("1 to 100 rules are allowed"))
	}
	for _, r := range in.Rules {
		if len(r.AllowedOrigin) == 0 || len(r.AllowedMethod) == 0 {
			return malformed(badArgument("a rule needs AllowedOrigin and AllowedMethod"))
		}
		for _, m := range r.AllowedMethod {
			if !slices.Contains([]string{"GET", "PUT", "HEAD", "POST", "DELETE"}, m) {
				return refused(http.StatusBadRequest, "InvalidRequest", "Found unsupported HTTP method in CORS config. Unsupported method is %s", m)
			}
		}
	}
	return q.changeBucket(http.StatusOK, func(b *bucket) error {
		b.CORS = in.Rules
		return nil
	})
}

func (q *call) deleteCORS() error {
	return q.changeBucket(http.StatusNoContent, func(b *bucket) error {
		b.CORS = nil
		return nil
	})
}

// matches says whether a pattern with at most one * fits a text.
func matches(pattern, text string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	return len(text) >= len(before)+len(after) && strings.HasPrefix(text, before) && strings.HasSuffix(text, after)
}

// corsFor is the first rule of the bucket that lets an origin use a method with these headers; nil when there is none.
func (q *call) corsFor(origin, method string, headers []string) *corsRule {
	q.server.mu.Lock()
	defer q.server.mu.Unlock()
	b := q.server.index.Buckets[q.bucket]
	if b == nil || origin == "" {
		return nil
	}
	allowed := func(patterns []string, text string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return matches(strings.ToLower(p), strings.ToLower(text)) })
	}
	for i, r := range b.CORS {
		fits := allowed(r.AllowedOrigin, origin) && slices.Contains(r.AllowedMethod, method)
		for _, h := range headers {
			fits = fits && allowed(r.AllowedHeader, strings.TrimSpace(h))
		}
		if fits {
			return &b.CORS[i]
		}
	}
	return nil
}

// allowOrigin adds CORS headers where a rule says so.
func (q *call) allowOrigin() {
	if r := q.corsFor(q.Header.Get("Origin"), q.Method, nil); r != nil {
		r.write(q.w.Header(), q.Header.Get("Origin"))
	}
}

func (r *corsRule) write(h http.Header, origin string) {
	h.Set("Access-Control-Allow-Origin", origin)
	if slices.Contains(r.AllowedOrigin, "*") {
		h.Set("Access-Control-Allow-Origin", "*")
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(r.AllowedMethod, ", "))
	if len(r.ExposeHeader) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(r.ExposeHeader, ", "))
	}
	h.Add("Vary", "Origin")
}

// preflight answers a browser's OPTIONS, which needs no key.
func (q *call) preflight() error {
	var headers []string
	if asked := q.Header.Get("Access-Control-Request-Headers"); asked != "" {
		headers = strings.Split(asked, ",")
	}
	r := q.corsFor(q.Header.Get("Origin"), q.Header.Get("Access-Control-Request-Method"), headers)
	if r == nil {
		return denied("CORSResponse: This CORS request is not allowed.")
	}
	h := q.w.Header()
	r.write(h, q.Header.Get("Origin"))
	if len(headers) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(headers, ", "))
	}
	if r.MaxAgeSeconds > 0 {
		h.Set("Access-Control-Max-Age", strconv.Itoa(r.MaxAgeSeconds))
	}
	q.w.WriteHeader(http.StatusOK)
	return nil
}
