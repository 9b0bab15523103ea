// SPDX-License-Identifier: Apache-2.0

package spaces

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
)

// problem is an answer that says no, with the code by which clients know it.
type problem struct {
	status  int
	code    string
	message string
}

// Error is the message that the caller reads.
func (p *problem) Error() string { return p.code + ": " + p.message }

func refused(status int, code, format string, args ...any) *problem {
	return &problem{status, code, fmt.Sprintf(format, args...)}
}

func denied(format string, args ...any) *problem {
	return refused(http.StatusForbidden, "AccessDenied", format, args...)
}

func malformed(err error) *problem {
	return refused(http.StatusBadRequest, "MalformedXML", "The body could not be read as XML: %v", err)
}

func badArgument(format string, args ...any) *problem {
	return refused(http.StatusBadRequest, "InvalidArgument", format, args...)
}

// refuse writes an error as S3 does: XML, and no body after HEAD.
func (q *call) refuse(err error) {
	var p *problem
	if !errors.As(err, &p) {
		p = refused(http.StatusInternalServerError, "InternalError", "%v", err)
	}
	q.w.Header().Set("Content-Type", "application/xml")
	q.w.WriteHeader(p.status)
	if q.Method == http.MethodHead {
		return
	}
	q.writeXML(struct {
		XMLName    xml.Name `xml:"Error"`
		Code       string
		Message    string
		BucketName string `xml:",omitempty"`
		Key        string `xml:",omitempty"`
		RequestID  string `xml:"RequestId"`
		HostID     string `xml:"HostId"`
	}{Code: p.code, Message: p.message, BucketName: q.bucket, Key: q.key, RequestID: q.id, HostID: "sandbox"})
}

// reply answers 200 with XML.
func (q *call) reply(v any) error {
	q.w.Header().Set("Content-Type", "application/xml")
	q.w.WriteHeader(http.StatusOK)
	q.writeXML(v)
	return nil
}

func (q *call) writeXML(v any) {
	q.w.Write([]byte(xml.Header)) //nolint:errcheck // the caller went away
	xml.NewEncoder(q.w).Encode(v) //nolint:errcheck // the caller went away
}

// decode reads an XML body of at most 1 MiB.
func (q *call) decode(into any) error {
	if err := xml.NewDecoder(http.MaxBytesReader(nil, q.Body, 1<<20)).Decode(into); err != nil {
		var p *problem
		if errors.As(err, &p) {
			return p
		}
		return malformed(err)
	}
	_, err := discardRest(q.Body)
	return err
}
