// SPDX-License-Identifier: Apache-2.0

package spaces

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	stamp     = "20060102T150405Z"
)

// signature is what a request says of its own signing, in a header or in the query.
type signature struct {
	accessKey string
	date      string // YYYYMMDD
	region    string
	headers   []string
	value     string
	at        time.Time
	presigned bool
}

func (g signature) scope() string { return g.date + "/" + g.region + "/s3/aws4_request" }

// authenticate finds the caller by the signature, and sets the body to be checked against it as it is read. A request without
// one is anonymous.
func (q *call) authenticate() error {
	g, err := q.signature()
	if err != nil {
		return err
	}
	if g == nil {
		q.who.anonymous = true
		return nil
	}
	key, ok := q.server.options.Cloud.SpacesKey(g.accessKey)
	if !ok {
		return refused(http.StatusForbidden, "InvalidAccessKeyId", "The access key %q is not known; keys are made at /v2/spaces/keys", g.accessKey)
	}
	payload := q.Header.Get("X-Amz-Content-Sha256")
	if payload == "" {
		if !g.presigned {
			return refused(http.StatusBadRequest, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
		}
		payload = "UNSIGNED-PAYLOAD"
	}
	secret := signingKey(key.Secret, *g)
	want := sum(secret, algorithm+"\n"+g.at.Format(stamp)+"\n"+g.scope()+"\n"+hash256([]byte(q.canonical(*g, payload))))
	if !hmac.Equal([]byte(want), []byte(g.value)) {
		return refused(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.")
	}
	q.who.key = key
	q.Body = body(q.Body, payload, q.Header, *g, secret)
	return nil
}

// signature reads Authorization or the query of a presigned URL; nil when there is neither.
func (q *call) signature() (*signature, error) {
	g := &signature{}
	var credential, headers, at string
	switch auth := q.Header.Get("Authorization"); {
	case strings.HasPrefix(auth, algorithm+" "):
		for _, part := range strings.Split(auth[len(algorithm)+1:], ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			switch name {
			case "Credential":
				credential = value
			case "SignedHeaders":
				headers = value
			case "Signature":
				g.value = value
			}
		}
		at = q.Header.Get("X-Amz-Date")
	case auth != "":
		return nil, refused(http.StatusBadRequest, "InvalidRequest", "The authorization mechanism you have provided is not supported here. Please use %s.", algorithm)
	case q.query.Get("X-Amz-Algorithm") == algorithm:
		credential, headers, at = q.query.Get("X-Amz-Credential"), q.query.Get("X-Amz-SignedHeaders"), q.query.Get("X-Amz-Date")
		g.value, g.presigned = q.query.Get("X-Amz-Signature"), true
	default:
		return nil, nil
	}
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || parts[3] != "s3" || parts[4] != "aws4_request" || g.value == "" || headers == "" {
		return nil, refused(http.StatusBadRequest, "AuthorizationHeaderMalformed", "The authorization is malformed; it needs Credential=KEY/DATE/REGION/s3/aws4_request, SignedHeaders and Signature.")
	}
	g.accessKey, g.date, g.region, g.headers = parts[0], parts[1], parts[2], strings.Split(headers, ";")
	var err error
	if g.at, err = time.Parse(stamp, at); err != nil || !strings.HasPrefix(at, g.date) {
		return nil, denied("x-amz-date must be of the form %s, of the day in the credential", stamp)
	}
	if !slices.Contains(g.headers, "host") {
		return nil, denied("The host header must be signed")
	}
	return g, q.inTime(*g)
}

// inTime holds the signature's time against the machine's own clock, which is the caller's too, whatever model time it is.
func (q *call) inTime(g signature) error {
	age := time.Since(g.at)
	if !g.presigned {
		if age.Abs() > 15*time.Minute {
			return refused(http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
		}
		return nil
	}
	seconds, err := strconv.Atoi(q.query.Get("X-Amz-Expires"))
	if err != nil || seconds < 1 || seconds > 604800 {
		return refused(http.StatusBadRequest, "AuthorizationQueryParametersError", "X-Amz-Expires must be between 1 and 604800 seconds")
	}
	if age > time.Duration(seconds)*time.Second || age < -15*time.Minute {
		return denied("Request has expired")
	}
	return nil
}

// canonical is the request in the form that is signed.
func (q *call) canonical(g signature, payload string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n%s\n", q.Method, escape(q.URL.Path, false), canonicalQuery(q.query))
	for _, name := range g.headers {
		fmt.Fprintf(&b, "%s:%s\n", name, q.headerValue(name))
	}
	fmt.Fprintf(&b, "\n%s\n%s", strings.Join(g.headers, ";"), payload)
	return b.String()
}

func (q *call) headerValue(name string) string {
	values := q.Header.Values(name)
	switch {
	case name == "host":
		values = []string{q.Host}
	case name == "content-length" && len(values) == 0:
		values = []string{strconv.FormatInt(q.ContentLength, 10)}
	}
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(trimmed, ",")
}

func canonicalQuery(query url.Values) string {
	var parts []string
	for name, values := range query {
		if name == "X-Amz-Signature" {
			continue
		}
		for _, v := range values {
			parts = append(parts, escape(name, true)+"="+escape(v, true))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}

// escape writes everything but unreserved characters, and slashes unless told, as %XX.
func escape(text string, slashes bool) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 || c == '/' && !slashes {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func signingKey(secret string, g signature) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{g.date, g.region, "s3", "aws4_request"} {
		key = mac(key, part)
	}
	return key
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func sum(key []byte, text string) string { return hex.EncodeToString(mac(key, text)) }
