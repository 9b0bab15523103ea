// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/sandbox/spaces"
)

// spacesBench is a bench whose cloud has an S3 server.
type spacesBench struct {
	*bench
	server *spaces.Server
	url    string
}

func newSpacesBench(t *testing.T) *spacesBench {
	t.Helper()
	b := &spacesBench{}
	b.bench = newBench(t, func(o *Options) {
		var err error
		if b.server, err = spaces.Open(spaces.Options{Dir: t.TempDir(), Clock: o.Clock}); err != nil {
			t.Fatal(err)
		}
		o.Spaces, o.SpacesAccess = b.server, SpacesAccess{AccessKey: "own", Secret: "s"}
	})
	b.server.Join(b.cloud)
	at := httptest.NewServer(b.server)
	t.Cleanup(at.Close)
	b.url = at.URL
	return b
}

func (b *spacesBench) s3(key, secret string) *s3.Client {
	return s3.New(s3.Options{BaseEndpoint: aws.String(b.url), UsePathStyle: true, Region: "nyc3", RetryMaxAttempts: 1, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}, nil
	})})
}

func TestSpacesKeysOpenWhatTheyAreGranted(t *testing.T) {
	t.Parallel()
	b := newSpacesBench(t)
	if _, err := b.s3("own", "s").CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("shop")}); err != nil {
		t.Fatal(err)
	}
	key, _, err := b.godo().SpacesKeys.Create(t.Context(), &godo.SpacesKeyCreateRequest{Name: "web", Grants: []*godo.Grant{{Bucket: "shop", Permission: godo.SpacesKeyReadWrite}}})
	if err != nil {
		t.Fatal(err)
	}
	put := func() error {
		_, err := b.s3(key.AccessKey, key.SecretKey).PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("shop"), Key: aws.String("a"), Body: strings.NewReader("x")})
		return err
	}
	if err := put(); err != nil {
		t.Errorf("readwrite could not write: %v", err)
	}
	path := "/v2/spaces/keys/" + key.AccessKey
	if out := b.do(200, "GET", path, ""); at(out, "key", "secret_key") != nil || at(out, "key", "grants", 0, "permission") != "readwrite" {
		t.Errorf("the key reads %v", out)
	}
	b.do(200, "PATCH", path, `{"grants":[{"bucket":"shop","permission":"read"}]}`)
	if err := put(); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("read could write: %v", err)
	}
	b.do(204, "DELETE", path, "")
	if err := put(); err == nil || !strings.Contains(err.Error(), "InvalidAccessKeyId") {
		t.Errorf("a deleted key still opens: %v", err)
	}
	b.do(404, "GET", path, "")
}

func TestSpacesKeysLiveByTheirRules(t *testing.T) {
	t.Parallel()
	b := newSpacesBench(t)
	for _, name := range []string{"shop", "governed"} {
		if _, err := b.s3("own", "s").CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(name)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.s3("own", "s").PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String("governed"), Policy: aws.String("{}")}); err != nil {
		t.Fatal(err)
	}
	for body, why := range map[string]string{
		`{"grants":[]}`: "no name",
		`{"name":"a","grants":[{"bucket":"","permission":"fullaccess"},{"bucket":"shop","permission":"read"}]}`: "full and limited",
		`{"name":"a","grants":[{"bucket":"shop","permission":"fullaccess"}]}`:                                   "full in one bucket",
		`{"name":"a","grants":[{"bucket":"","permission":"read"}]}`:                                             "limited in no bucket",
		`{"name":"a","grants":[{"bucket":"shop","permission":"write"}]}`:                                        "no such permission",
		`{"name":"a","grants":[{"bucket":"none","permission":"read"}]}`:                                         "no such bucket",
		`{"name":"a","grants":[{"bucket":"governed","permission":"read"}]}`:                                     "a bucket with a policy",
	} {
		if status, _, out := b.try("POST", "/v2/spaces/keys", body); status != 400 || out["id"] != "bad_request" {
			t.Errorf("%s (%s): got %d %v, want 400", body, why, status, out)
		}
	}
	full := at(b.do(201, "POST", "/v2/spaces/keys", `{"name":"a","grants":[{"bucket":"","permission":"fullaccess"}]}`), "key", "access_key").(string)
	b.do(400, "PUT", "/v2/spaces/keys/"+full, `{"name":"a","grants":[{"bucket":"shop","permission":"read"}]}`)
	b.do(200, "PUT", "/v2/spaces/keys/"+full, `{"name":"b"}`)
	b.do(201, "POST", "/v2/spaces/keys", `{"name":"c","grants":[{"bucket":"shop","permission":"read"}]}`)
	for query, want := range map[string]int{"": 2, "?name=b": 1, "?bucket=shop": 1, "?permission=fullaccess": 1, "?bucket=shop&permission=readwrite": 0} {
		if got := len(b.do(200, "GET", "/v2/spaces/keys"+query, "")["keys"].([]any)); got != want {
			t.Errorf("%s lists %d keys, want %d", query, got, want)
		}
	}
	if out := b.do(200, "GET", "/v2/spaces/keys?sort=name&sort_direction=desc", ""); at(out, "keys", 0, "name") != "c" {
		t.Errorf("sorted: %v", out)
	}
	b.do(400, "GET", "/v2/spaces/keys?sort=name", "")
}

func TestBucketsBelongToProjects(t *testing.T) {
	t.Parallel()
	b := newSpacesBench(t)
	if _, err := b.s3("own", "s").CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("shop")}); err != nil {
		t.Fatal(err)
	}
	id := at(b.do(201, "POST", "/v2/projects", `{"name":"shop","purpose":"Web"}`), "project", "id").(string)
	if out := b.do(200, "POST", "/v2/projects/"+id+"/resources", `{"resources":["do:space:shop"]}`); at(out, "resources", 0, "status") != "assigned" {
		t.Errorf("got %v", out)
	}
	if things := b.cloud.Inventory(); len(things) != 2 || things[1].Kind != "space" && things[0].Kind != "space" {
		t.Errorf("the inventory is %v", things)
	}
	if _, err := b.s3("own", "s").DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String("shop")}); err != nil {
		t.Fatal(err)
	}
	b.do(204, "DELETE", "/v2/projects/"+id, "")
}

// TestAccountsMeetTheFolderOfBuckets: the S3 server's folder may know of buckets that a killed process had no time to note.
func TestAccountsMeetTheFolderOfBuckets(t *testing.T) {
	t.Parallel()
	b := newSpacesBench(t)
	saved, err := b.cloud.Save()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.s3("own", "s").CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("shop")}); err != nil {
		t.Fatal(err)
	}
	if err := b.cloud.Load(saved); err != nil {
		t.Fatal(err)
	}
	if things := b.cloud.Inventory(); len(things) != 1 || things[0].ID != "shop" {
		t.Errorf("the inventory is %v, want the bucket", things)
	}
}
