// SPDX-License-Identifier: Apache-2.0

package spaces

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/fault"
)

// cloud is a cloud with the keys a test gives it.
type cloud struct {
	mu     sync.Mutex
	keys   map[string]Key
	spaces map[string]string // region by bucket
}

func (c *cloud) SpacesKey(id string) (Key, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.keys[id]
	return k, ok
}

func (c *cloud) LimitedKey(bucket string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.keys {
		for _, g := range k.Grants {
			if g.Bucket == bucket {
				return true
			}
		}
	}
	return false
}

func (c *cloud) SpaceCreated(_, region, bucket string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spaces[bucket] = region
}

func (c *cloud) SpaceDeleted(_, bucket string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.spaces, bucket)
}

// bench is a server on a socket, with the unchanged SDK as its client.
type bench struct {
	*testing.T
	server *Server
	clock  *clock.Manual
	cloud  *cloud
	faults *fault.Set
	url    string
	dir    string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		T: t, clock: clock.NewManual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)), faults: &fault.Set{}, dir: t.TempDir(),
		cloud: &cloud{keys: map[string]Key{"owner": {Secret: "s", Team: "a", Grants: []Grant{{"", "fullaccess"}}}}, spaces: map[string]string{}},
	}
	b.open()
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.server.ServeHTTP(w, r) }))
	t.Cleanup(at.Close)
	b.url = at.URL
	return b
}

func (b *bench) open() {
	b.Helper()
	var err error
	if b.server, err = Open(Options{Dir: b.dir, Clock: b.clock, Cloud: b.cloud, Faults: b.faults}); err != nil {
		b.Fatal(err)
	}
}

// key is one more key of the owner's team.
func (b *bench) key(id string, grants ...Grant) *s3.Client {
	b.cloud.mu.Lock()
	b.cloud.keys[id] = Key{Secret: "s", Team: "a", Grants: grants}
	b.cloud.mu.Unlock()
	return b.client(id, "nyc3")
}

// client has buckets in the path, and the region in its signature.
func (b *bench) client(key, region string) *s3.Client {
	return s3.New(s3.Options{BaseEndpoint: aws.String(b.url), UsePathStyle: true, Region: region, Credentials: credentials(key, "s"), RetryMaxAttempts: 1})
}

// hosted has bucket and region in the host's name, and finds the server by its proxy.
func (b *bench) hosted(region string) *s3.Client {
	proxy, err := url.Parse(b.url)
	if err != nil {
		b.Fatal(err)
	}
	return s3.New(s3.Options{
		BaseEndpoint: aws.String("http://" + region + ".digitaloceanspaces.com"), Region: "us-east-1", Credentials: credentials("owner", "s"), RetryMaxAttempts: 1,
		HTTPClient: &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}},
	})
}

func credentials(key, secret string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}, nil
	})
}

// wants holds an error against a code of S3; "" is none.
func (b *bench) wants(code string, err error) {
	b.Helper()
	var e smithy.APIError
	switch {
	case code == "" && err != nil:
		b.Fatal(err)
	case code != "" && (!errors.As(err, &e) || e.ErrorCode() != code):
		b.Fatalf("got %v, want %s", err, code)
	}
}

func (b *bench) make(c *s3.Client, bucket string) {
	b.Helper()
	_, err := c.CreateBucket(b.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	b.wants("", err)
}

func (b *bench) put(c *s3.Client, bucket, key, text string) *s3.PutObjectOutput {
	b.Helper()
	out, err := c.PutObject(b.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(text)})
	b.wants("", err)
	return out
}

func (b *bench) get(c *s3.Client, bucket, key string) string {
	b.Helper()
	out, err := c.GetObject(b.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	b.wants("", err)
	defer out.Body.Close()
	text, err := io.ReadAll(out.Body)
	b.wants("", err)
	return string(text)
}

func (b *bench) keys(c *s3.Client, bucket string) string {
	b.Helper()
	out, err := c.ListObjectsV2(b.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	b.wants("", err)
	var keys []string
	for _, o := range out.Contents {
		keys = append(keys, *o.Key)
	}
	return strings.Join(keys, " ")
}

func TestUnchangedSDKUsesBucketsInPathAndInHost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, c := range map[string]*s3.Client{"path": b.client("owner", "ams3"), "host": b.hosted("ams3")} {
		bucket, ctx := "shop-"+name, t.Context()
		b.make(c, bucket)
		if at := b.cloud.spaces[bucket]; at != "ams3" {
			t.Errorf("%s: the bucket is in %q, want ams3", name, at)
		}
		out := b.put(c, bucket, "a folder/ünïcode +&=.txt", "hello")
		if *out.ETag != `"5d41402abc4b2a76b9719d911017c592"` {
			t.Errorf("%s: ETag %s is not the MD5", name, *out.ETag)
		}
		if got := b.get(c, bucket, "a folder/ünïcode +&=.txt"); got != "hello" {
			t.Errorf("%s: got %q", name, got)
		}
		ranged, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("a folder/ünïcode +&=.txt"), Range: aws.String("bytes=1-2")})
		b.wants("", err)
		if text, _ := io.ReadAll(ranged.Body); string(text) != "el" || *ranged.ContentRange != "bytes 1-2/5" {
			t.Errorf("%s: a range gave %q, %s", name, text, *ranged.ContentRange)
		}
		_, err = c.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
		b.wants("BucketNotEmpty", err)
		_, err = c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("a folder/ünïcode +&=.txt")})
		b.wants("", err)
		_, err = c.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("a folder/ünïcode +&=.txt")})
		b.wants("NoSuchKey", err)
		_, err = c.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
		b.wants("", err)
	}
	if len(b.cloud.spaces) != 0 {
		t.Errorf("the cloud was not told of deletions: %v", b.cloud.spaces)
	}
}

func TestRegionsAreWorldsOfTheirOwnAndNamesAreGlobal(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	nyc, ams := b.hosted("nyc3"), b.hosted("ams3")
	b.make(nyc, "shop")
	_, err := ams.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: aws.String("shop")})
	b.wants("NoSuchBucket", err)
	_, err = ams.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("shop")})
	b.wants("BucketAlreadyExists", err)
	b.cloud.keys["stranger"] = Key{Secret: "s", Team: "b", Grants: []Grant{{"", "fullaccess"}}}
	stranger := b.client("stranger", "nyc3")
	_, err = stranger.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("shop")})
	b.wants("BucketAlreadyExists", err)
	_, err = stranger.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("shop")})
	b.wants("AccessDenied", err)
	for c, want := range map[*s3.Client]int{nyc: 1, ams: 0, b.client("owner", "ams3"): 1, stranger: 0} {
		out, err := c.ListBuckets(t.Context(), &s3.ListBucketsInput{})
		b.wants("", err)
		if len(out.Buckets) != want {
			t.Errorf("%d buckets are listed, want %d", len(out.Buckets), want)
		}
	}
}

func TestDeletedNamesAreLockedForAWeekOfModelTimeOverRestarts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client("owner", "nyc3")
	b.make(c, "shop")
	_, err := c.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String("shop")})
	b.wants("", err)
	b.clock.Advance(6 * 24 * time.Hour)
	_, err = c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("shop")})
	b.wants("BucketAlreadyExists", err)
	if err := b.server.Close(); err != nil {
		t.Fatal(err)
	}
	b.open()
	_, err = c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("shop")})
	b.wants("BucketAlreadyExists", err)
	b.clock.Advance(25 * time.Hour)
	b.make(c, "shop")
}

func TestAHundredBucketsAreAllowed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client("owner", "nyc3")
	for i := range MaxBuckets {
		b.make(c, fmt.Sprintf("shop-%d", i))
	}
	_, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("shop-100")})
	b.wants("TooManyBuckets", err)
	_, err = c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("Shop_A")})
	b.wants("InvalidBucketName", err)
}

func TestSignaturesAreChecked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	owner := b.client("owner", "nyc3")
	b.make(owner, "shop")
	b.put(owner, "shop", "a", "secret")
	wrong := s3.New(s3.Options{BaseEndpoint: &b.url, UsePathStyle: true, Region: "nyc3", Credentials: credentials("owner", "wrong"), RetryMaxAttempts: 1})
	_, err := wrong.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("shop"), Key: aws.String("a")})
	b.wants("SignatureDoesNotMatch", err)
	_, err = b.client("nobody", "nyc3").GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("shop"), Key: aws.String("a")})
	b.wants("InvalidAccessKeyId", err)

	signed, err := s3.NewPresignClient(owner).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("shop"), Key: aws.String("a")})
	b.wants("", err)
	for address, want := range map[string]int{
		signed.URL: 200, strings.Replace(signed.URL, "/shop/a?", "/shop/b?", 1): 403, b.url + "/shop/a": 403, b.url + "/shop": 403, b.url + "/": 403,
		strings.Replace(signed.URL, "X-Amz-Expires=900", "X-Amz-Expires=604800", 1): 403,
	} {
		if got := b.fetch("GET", address, nil); got.StatusCode != want {
			t.Errorf("GET %s: got %d, want %d", address, got.StatusCode, want)
		}
	}
}

// fetch sends a request without a key.
func (b *bench) fetch(method, address string, header http.Header) *http.Response {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, address, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header = header
	out, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { out.Body.Close() })
	return out
}

func TestABodyThatIsNotWhatWasSignedIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client("owner", "nyc3")
	b.make(c, "shop")
	tampered := s3.New(s3.Options{
		BaseEndpoint: &b.url, UsePathStyle: true, Region: "nyc3", Credentials: credentials("owner", "s"), RetryMaxAttempts: 1,
		HTTPClient: &http.Client{Transport: tamper{}},
	})
	_, err := tampered.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("shop"), Key: aws.String("a"), Body: strings.NewReader("hello")})
	b.wants("XAmzContentSHA256Mismatch", err)
	if got := b.keys(c, "shop"); got != "" {
		t.Errorf("the bucket holds %q", got)
	}
}

// tamper changes a letter on the way.
type tamper struct{}

func (tamper) RoundTrip(r *http.Request) (*http.Response, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(bytes.Replace(text, []byte("hello"), []byte("jello"), 1)))
	return http.DefaultTransport.RoundTrip(r)
}

func TestGrantsBoundAKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	owner := b.client("owner", "nyc3")
	b.make(owner, "shop")
	b.make(owner, "other")
	b.put(owner, "shop", "a", "hello")
	reader, writer := b.key("reader", Grant{"shop", "read"}), b.key("writer", Grant{"shop", "readwrite"})
	revoked := b.key("revoked")
	shop, other := aws.String("shop"), aws.String("other")
	for _, row := range []struct {
		what                    string
		do                      func(*s3.Client) error
		reader, writer, revoked string
	}{
		{"get", func(c *s3.Client) error {
			return second(c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: shop, Key: aws.String("a")}))
		}, "", "", "AccessDenied"},
		{"list", func(c *s3.Client) error {
			return second(c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: shop}))
		}, "", "", "AccessDenied"},
		{"put", func(c *s3.Client) error {
			return second(c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: shop, Key: aws.String("b"), Body: strings.NewReader("x")}))
		}, "AccessDenied", "", "AccessDenied"},
		{"delete", func(c *s3.Client) error {
			return second(c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: shop, Key: aws.String("b")}))
		}, "AccessDenied", "", "AccessDenied"},
		{"another bucket", func(c *s3.Client) error {
			return second(c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: other}))
		}, "AccessDenied", "AccessDenied", "AccessDenied"},
		{"make a bucket", func(c *s3.Client) error {
			return second(c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("third")}))
		}, "AccessDenied", "AccessDenied", "AccessDenied"},
		{"delete the bucket", func(c *s3.Client) error {
			return second(c.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: shop}))
		}, "AccessDenied", "AccessDenied", "AccessDenied"},
		{"its settings", func(c *s3.Client) error {
			return second(c.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: shop, VersioningConfiguration: &types.VersioningConfiguration{Status: "Enabled"}}))
		}, "AccessDenied", "AccessDenied", "AccessDenied"},
		{"all buckets", func(c *s3.Client) error { return second(c.ListBuckets(t.Context(), &s3.ListBucketsInput{})) }, "AccessDenied", "AccessDenied", "AccessDenied"},
	} {
		for name, c := range map[string]*s3.Client{"reader": reader, "writer": writer, "revoked": revoked} {
			want := map[string]string{"reader": row.reader, "writer": row.writer, "revoked": row.revoked}[name]
			var e smithy.APIError
			if err := row.do(c); (err == nil) != (want == "") || err != nil && (!errors.As(err, &e) || e.ErrorCode() != want) {
				t.Errorf("%s by %s: got %v, want %q", row.what, name, err, want)
			}
		}
	}
	_, err := owner.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: shop, Policy: aws.String(`{"Version":"2012-10-17"}`)})
	b.wants("InvalidBucketState", err)
	_, err = owner.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: other, Policy: aws.String(`{"Version":"2012-10-17"}`)})
	b.wants("", err)
	if !b.server.HasPolicy("other") || b.server.HasPolicy("shop") {
		t.Error("HasPolicy does not say which bucket has one")
	}
}

func second[T any](_ T, err error) error { return err }

func TestFaultsMeetRequestsForSpaces(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client("owner", "nyc3")
	b.make(c, "shop")
	if _, err := b.faults.Add(fault.Rule{Method: "PUT", Path: "/spaces/shop/**", Status: 503, Times: 1}); err != nil {
		t.Fatal(err)
	}
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("shop"), Key: aws.String("a/b"), Body: strings.NewReader("x")})
	b.wants("SlowDown", err)
	if _, err := b.faults.Add(fault.Rule{Method: "PUT", Path: "/spaces/shop/**", Drop: fault.DropAfter, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("shop"), Key: aws.String("a/b"), Body: strings.NewReader("x")}); err == nil {
		t.Error("the answer came in spite of the fault")
	}
	if got := b.keys(c, "shop"); got != "a/b" {
		t.Errorf("the bucket holds %q, want a/b: the change was to be made, the answer lost", got)
	}
}
