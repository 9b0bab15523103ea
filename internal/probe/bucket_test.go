// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/spaces"
)

// keyring is a cloud of two keys: one that may do everything, and one with grants.
type keyring struct{ grants []spaces.Grant }

func (k keyring) SpacesKey(id string) (spaces.Key, bool) {
	switch id {
	case "all":
		return spaces.Key{Secret: "s", Grants: []spaces.Grant{{Permission: "fullaccess"}}}, true
	case "web":
		return spaces.Key{Secret: "s", Grants: k.grants}, true
	}
	return spaces.Key{}, false
}
func (keyring) LimitedKey(string) bool              { return false }
func (keyring) SpaceCreated(string, string, string) {}
func (keyring) SpaceDeleted(string, string)         {}

func newBucket(t *testing.T, grants ...spaces.Grant) map[string]string {
	t.Helper()
	time, err := clock.NewScaled(1)
	if err != nil {
		t.Fatal(err)
	}
	server, err := spaces.Open(spaces.Options{Dir: t.TempDir(), Clock: time, Cloud: keyring{grants}})
	if err != nil {
		t.Fatal(err)
	}
	at := httptest.NewServer(server)
	t.Cleanup(at.Close)
	all := s3.New(s3.Options{BaseEndpoint: &at.URL, UsePathStyle: true, Region: "nyc3", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "all", SecretAccessKey: "s"}, nil
	})})
	if _, err := all.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: new("media")}); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"s3/endpoint": at.URL, "s3/region": "nyc3", "s3/bucket": "media", "s3/access-key-id": "web", "s3/secret-access-key": "s"}
}

func TestBucketPutsGetsAndDeletes(t *testing.T) {
	t.Parallel()
	spec := probe.Spec{Bucket: &probe.Bucket{Binding: "/probe/s3"}}
	f, _ := run(t, spec, newBucket(t, spaces.Grant{Bucket: "media", Permission: "readwrite"}))
	wants(t, f, probe.Passed, "put into media", "got again", "deleted")

	f, _ = run(t, spec, newBucket(t, spaces.Grant{Bucket: "media", Permission: "read"}))
	wants(t, f, probe.Failed, "cannot be put into the bucket media", "grants")

	files := newBucket(t)
	files["s3/access-key-id"] = "gone"
	f, _ = run(t, spec, files)
	wants(t, f, probe.Failed, "does not know the key", "makes another one")
}
