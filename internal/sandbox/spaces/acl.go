// SPDX-License-Identifier: Apache-2.0

package spaces

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// The two ACLs that Spaces has.
const (
	private    = "private"
	publicRead = "public-read"
)

// cannedACL reads x-amz-acl.
func cannedACL(name string) (string, error) {
	switch name {
	case "", private:
		return private, nil
	case publicRead:
		return publicRead, nil
	}
	return "", badArgument("x-amz-acl %q is not one of private, public-read", name)
}

const allUsers = "http://acs.amazonaws.com/groups/global/AllUsers"

type aclXML struct {
	XMLName xml.Name   `xml:"AccessControlPolicy"`
	Owner   owner      `xml:"Owner"`
	Grants  []aclGrant `xml:"AccessControlList>Grant"`
}

type aclGrant struct {
	Grantee    grantee
	Permission string
}

// grantee is a user by ID, or a group by URI.
type grantee struct {
	Space       string `xml:"xmlns:xsi,attr,omitempty"`
	Type        string `xml:"xsi:type,attr,omitempty"`
	ID          string `xml:",omitempty"`
	DisplayName string `xml:",omitempty"`
	URI         string `xml:",omitempty"`
}

func aclOf(b *bucket, acl string) aclXML {
	const space = "http://www.w3.org/2001/XMLSchema-instance"
	out := aclXML{Owner: b.owner()}
	if acl == publicRead {
		out.Grants = append(out.Grants, aclGrant{grantee{Space: space, Type: "Group", URI: allUsers}, "READ"})
	}
	out.Grants = append(out.Grants, aclGrant{grantee{Space: space, Type: "CanonicalUser", ID: out.Owner.ID, DisplayName: out.Owner.DisplayName}, "FULL_CONTROL"})
	return out
}

func (q *call) getACL() error {
	return q.inBucket(func(b *bucket) error {
		if q.key == "" {
			return q.reply(aclOf(b, b.ACL))
		}
		v, err := q.find(b)
		if err != nil {
			return err
		}
		return q.reply(aclOf(b, v.ACL))
	})
}

// wantedACL is the canned one of the header, or what the body comes to: public-read when everybody may read.
func (q *call) wantedACL() (string, error) {
	text, err := io.ReadAll(io.LimitReader(q.Body, 1<<20))
	if err != nil {
		return "", err
	}
	if name := q.Header.Get("X-Amz-Acl"); name != "" || len(text) == 0 {
		return cannedACL(name)
	}
	var in aclXML
	if err := xml.Unmarshal(text, &in); err != nil {
		return "", malformed(err)
	}
	acl := private
	for _, g := range in.Grants {
		switch {
		case g.Grantee.URI == allUsers && g.Permission == "READ":
			acl = publicRead
		case g.Permission != "FULL_CONTROL" || g.Grantee.ID == "":
			return "", badArgument("a grant may be FULL_CONTROL for the owner or READ for %s", allUsers)
		}
	}
	return acl, nil
}

func (q *call) putACL() error {
	acl, err := q.wantedACL()
	if err != nil {
		return err
	}
	return q.changeBucket(http.StatusOK, func(b *bucket) error {
		if q.key == "" {
			b.ACL = acl
			return nil
		}
		v, err := q.find(b)
		if err != nil {
			return err
		}
		v.ACL = acl
		return q.server.describe(b, v)
	})
}

// describe writes what is said of a version.
func (s *Server) describe(b *bucket, v *version) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return replace(filepath.Join(s.bucketDir(b.Name), v.ID+".json"), data)
}

// open opens the bytes of a version.
func (s *Server) open(b *bucket, v *version) (*os.File, error) {
	return os.Open(filepath.Join(s.bucketDir(b.Name), v.ID))
}

func isJSONObject(text []byte) bool {
	return json.Valid(text) && strings.HasPrefix(strings.TrimSpace(string(text)), "{")
}
