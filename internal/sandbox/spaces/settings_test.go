// SPDX-License-Identifier: Apache-2.0

package spaces

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestPublicReadLetsEverybodyRead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, shop := b.client("owner", "nyc3"), aws.String("shop")
	b.make(c, "shop")
	b.put(c, "shop", "private", "x")
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: shop, Key: aws.String("public"), ACL: "public-read", ContentType: aws.String("text/css"), Metadata: map[string]string{"By": "k8or"}, Body: strings.NewReader("y")})
	b.wants("", err)
	out := b.fetch("GET", b.url+"/shop/public", nil)
	if out.StatusCode != 200 || out.Header.Get("Content-Type") != "text/css" || out.Header.Get("X-Amz-Meta-By") != "k8or" {
		t.Errorf("a public object: %d, %v", out.StatusCode, out.Header)
	}
	for path, want := range map[string]int{"/shop/private": 403, "/shop": 403, "/shop/none": 403} {
		if got := b.fetch("GET", b.url+path, nil).StatusCode; got != want {
			t.Errorf("GET %s: got %d, want %d", path, got, want)
		}
	}
	_, err = c.PutBucketAcl(t.Context(), &s3.PutBucketAclInput{Bucket: shop, ACL: "public-read"})
	b.wants("", err)
	if got := b.fetch("GET", b.url+"/shop", nil).StatusCode; got != 200 {
		t.Errorf("listing a public bucket: got %d", got)
	}
	acl, err := c.GetBucketAcl(t.Context(), &s3.GetBucketAclInput{Bucket: shop})
	b.wants("", err)
	if len(acl.Grants) != 2 || *acl.Grants[0].Grantee.URI != allUsers || acl.Grants[0].Permission != "READ" {
		t.Errorf("the ACL is %+v", acl.Grants)
	}
	_, err = c.PutBucketAcl(t.Context(), &s3.PutBucketAclInput{Bucket: shop, ACL: "public-read-write"})
	b.wants("InvalidArgument", err)
}

func TestVersionsAreKept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, shop := b.client("owner", "nyc3"), aws.String("shop")
	b.make(c, "shop")
	b.put(c, "shop", "a", "zero")
	_, err := c.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: shop, VersioningConfiguration: &types.VersioningConfiguration{Status: "Enabled"}})
	b.wants("", err)
	one := b.put(c, "shop", "a", "one").VersionId
	b.put(c, "shop", "a", "two")
	marker, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: shop, Key: aws.String("a")})
	b.wants("", err)
	if !*marker.DeleteMarker {
		t.Error("no delete marker was made")
	}
	_, err = c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: shop, Key: aws.String("a")})
	b.wants("NoSuchKey", err)
	old, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: shop, Key: aws.String("a"), VersionId: one})
	b.wants("", err)
	if text, _ := io.ReadAll(old.Body); string(text) != "one" {
		t.Errorf("version %s is %q", *one, text)
	}
	list, err := c.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: shop})
	b.wants("", err)
	if len(list.Versions) != 3 || len(list.DeleteMarkers) != 1 || !*list.DeleteMarkers[0].IsLatest || *list.Versions[2].VersionId != "null" {
		t.Errorf("versions are %+v, markers %+v", list.Versions, list.DeleteMarkers)
	}
	_, err = c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: shop, Key: aws.String("a"), VersionId: marker.VersionId})
	b.wants("", err)
	if got := b.get(c, "shop", "a"); got != "two" {
		t.Errorf("after the marker went: %q", got)
	}
	b.open() // as after a restart
	if got := b.get(c, "shop", "a"); got != "two" {
		t.Errorf("after a restart: %q", got)
	}
	var all []types.ObjectIdentifier
	for _, v := range list.Versions {
		all = append(all, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	_, err = c.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: shop, Delete: &types.Delete{Objects: all}})
	b.wants("", err)
	_, err = c.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: shop})
	b.wants("", err)
}

func TestLifecycleExpiresInModelTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, shop := b.client("owner", "nyc3"), aws.String("shop")
	b.make(c, "shop")
	rules := []types.LifecycleRule{
		{ID: aws.String("logs"), Status: "Enabled", Filter: &types.LifecycleRuleFilter{Prefix: aws.String("logs/")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(7)}},
		{ID: aws.String("uploads"), Status: "Enabled", Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")}, AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)}},
	}
	_, err := c.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: shop, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules}})
	b.wants("", err)
	got, err := c.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: shop})
	b.wants("", err)
	if len(got.Rules) != 2 || *got.Rules[0].Filter.Prefix != "logs/" || *got.Rules[0].Expiration.Days != 7 {
		t.Errorf("rules came back as %+v", got.Rules)
	}
	b.put(c, "shop", "logs/1", "x")
	b.put(c, "shop", "kept", "x")
	u, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: shop, Key: aws.String("big")})
	b.wants("", err)
	b.clock.Advance(6 * 24 * time.Hour)
	b.put(c, "shop", "logs/2", "x")
	if got := b.keys(c, "shop"); got != "kept logs/1 logs/2" {
		t.Errorf("after 6 days there is %q", got)
	}
	_, err = c.ListParts(t.Context(), &s3.ListPartsInput{Bucket: shop, Key: aws.String("big"), UploadId: u.UploadId})
	b.wants("NoSuchUpload", err)
	b.clock.Advance(24 * time.Hour)
	if got := b.keys(c, "shop"); got != "kept logs/2" {
		t.Errorf("after 7 days there is %q", got)
	}
	tagged := []types.LifecycleRule{{Status: "Enabled", Filter: &types.LifecycleRuleFilter{Tag: &types.Tag{Key: aws.String("a"), Value: aws.String("b")}}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(1)}}}
	_, err = c.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: shop, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: tagged}})
	b.wants("NotImplemented", err)
	_, err = c.DeleteBucketLifecycle(t.Context(), &s3.DeleteBucketLifecycleInput{Bucket: shop})
	b.wants("", err)
	_, err = c.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: shop})
	b.wants("NoSuchLifecycleConfiguration", err)
}

func TestCORSAnswersBrowsers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, shop := b.client("owner", "nyc3"), aws.String("shop")
	b.make(c, "shop")
	_, err := c.GetBucketCors(t.Context(), &s3.GetBucketCorsInput{Bucket: shop})
	b.wants("NoSuchCORSConfiguration", err)
	_, err = c.PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: shop, CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{
		{AllowedOrigins: []string{"https://*.example.com"}, AllowedMethods: []string{"PUT"}, AllowedHeaders: []string{"*"}, MaxAgeSeconds: aws.Int32(60)},
	}}})
	b.wants("", err)
	for origin, want := range map[string]int{"https://shop.example.com": 200, "https://shop.example.org": 403} {
		out := b.fetch("OPTIONS", b.url+"/shop/a", http.Header{"Origin": {origin}, "Access-Control-Request-Method": {"PUT"}, "Access-Control-Request-Headers": {"content-type"}})
		if out.StatusCode != want || want == 200 && (out.Header.Get("Access-Control-Allow-Origin") != origin || out.Header.Get("Access-Control-Max-Age") != "60") {
			t.Errorf("preflight from %s: %d %v", origin, out.StatusCode, out.Header)
		}
	}
}

func TestListsGoByPagesAndFolders(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, shop := b.client("owner", "nyc3"), aws.String("shop")
	b.make(c, "shop")
	for _, k := range []string{"a", "b/1", "b/2", "c/1", "d", "e/1/x"} {
		b.put(c, "shop", k, k)
	}
	var seen []string
	pages := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: shop, Delimiter: aws.String("/"), MaxKeys: aws.Int32(2)})
	n := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		b.wants("", err)
		n++
		for _, o := range page.Contents {
			seen = append(seen, *o.Key)
		}
		for _, p := range page.CommonPrefixes {
			seen = append(seen, *p.Prefix)
		}
	}
	if got := fmt.Sprint(n, seen); got != "3 [a b/ d c/ e/]" {
		t.Errorf("pages: %s", got)
	}
	old, err := c.ListObjects(t.Context(), &s3.ListObjectsInput{Bucket: shop, Prefix: aws.String("b/"), MaxKeys: aws.Int32(1)})
	b.wants("", err)
	if len(old.Contents) != 1 || !*old.IsTruncated || *old.NextMarker != "b/1" {
		t.Errorf("the old list: %+v", old)
	}
	versions := s3.NewListObjectVersionsPaginator(c, &s3.ListObjectVersionsInput{Bucket: shop, MaxKeys: aws.Int32(4)})
	n = 0
	for versions.HasMorePages() {
		page, err := versions.NextPage(t.Context())
		b.wants("", err)
		n += len(page.Versions)
	}
	if n != 6 {
		t.Errorf("pages of versions hold %d, want 6", n)
	}
}

func TestMultipartUploadsJoinTheirParts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, shop, key := b.client("owner", "nyc3"), aws.String("shop"), aws.String("big")
	b.make(c, "shop")
	u, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: shop, Key: key, ContentType: aws.String("text/plain")})
	b.wants("", err)
	var parts []types.CompletedPart
	for i, size := range []int{minPart, 10} {
		out, err := c.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: shop, Key: key, UploadId: u.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: bytes.NewReader(bytes.Repeat([]byte{'a'}, size))})
		b.wants("", err)
		parts = append(parts, types.CompletedPart{ETag: out.ETag, PartNumber: aws.Int32(int32(i + 1))})
	}
	finish := func(parts []types.CompletedPart) error {
		return second(c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{Bucket: shop, Key: key, UploadId: u.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}}))
	}
	b.wants("InvalidPartOrder", finish([]types.CompletedPart{parts[1], parts[0]}))
	b.wants("InvalidPart", finish([]types.CompletedPart{{ETag: parts[1].ETag, PartNumber: aws.Int32(1)}}))
	b.wants("", finish(parts))
	b.wants("NoSuchUpload", finish(parts))
	head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: shop, Key: key})
	b.wants("", err)
	if *head.ContentLength != minPart+10 || !strings.HasSuffix(*head.ETag, `-2"`) || *head.ContentType != "text/plain" {
		t.Errorf("the object is %+v", head)
	}
	small, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: shop, Key: key})
	b.wants("", err)
	u = small
	for i := range parts {
		out, err := c.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: shop, Key: key, UploadId: u.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: strings.NewReader("small")})
		b.wants("", err)
		parts[i].ETag = out.ETag
	}
	b.wants("EntityTooSmall", finish(parts))
	_, err = c.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: shop, Key: key, UploadId: u.UploadId})
	b.wants("", err)
	copied, err := c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: shop, Key: aws.String("copy"), CopySource: aws.String("shop/big")})
	b.wants("", err)
	if *copied.CopyObjectResult.ETag != *head.ETag {
		t.Errorf("the copy has ETag %s, want %s", *copied.CopyObjectResult.ETag, *head.ETag)
	}
	if got := b.server.Buckets("a")[0]; got.Bytes != 2*(minPart+10) || got.Objects != 2 {
		t.Errorf("the bucket counts %d bytes in %d objects", got.Bytes, got.Objects)
	}
}

// TestStreamedBodiesAreRead: a body that cannot be read twice is sent in chunks, with its checksum behind it.
func TestStreamedBodiesAreRead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client("owner", "nyc3")
	b.make(c, "shop")
	text := strings.Repeat("k8or", 1<<18)
	r, err := http.NewRequestWithContext(t.Context(), "PUT", b.url+"/shop/a", nil)
	b.wants("", err)
	b.putChunked(r, text, 100_000, false)
	if got := b.get(c, "shop", "a"); got != text {
		t.Errorf("%d bytes came back, want %d", len(got), len(text))
	}
	b.putChunked(r, text, 100_000, true)
}

// putChunked sends a body as aws-chunked with a signature for each chunk.
func (b *bench) putChunked(r *http.Request, text string, size int, tampered bool) {
	b.Helper()
	now := time.Now().UTC()
	g := signature{date: now.Format("20060102"), region: "nyc3", headers: []string{"host", "x-amz-content-sha256", "x-amz-date"}, at: now}
	r = r.Clone(b.Context())
	r.Header.Set("X-Amz-Date", now.Format(stamp))
	r.Header.Set("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
	key := signingKey("s", g)
	q := &call{Request: r, query: r.URL.Query()}
	q.Host = r.URL.Host
	last := sum(key, algorithm+"\n"+now.Format(stamp)+"\n"+g.scope()+"\n"+hash256([]byte(q.canonical(g, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"))))
	r.Header.Set("Authorization", algorithm+" Credential=owner/"+g.scope()+", SignedHeaders="+strings.Join(g.headers, ";")+", Signature="+last)
	var body bytes.Buffer
	for rest := []byte(text); ; {
		chunk := rest[:min(size, len(rest))]
		rest = rest[len(chunk):]
		last = sum(key, algorithm+"-PAYLOAD\n"+now.Format(stamp)+"\n"+g.scope()+"\n"+last+"\n"+emptyHash+"\n"+hash256(chunk))
		if tampered && len(chunk) > 0 {
			chunk = bytes.ToUpper(chunk)
		}
		fmt.Fprintf(&body, "%x;chunk-signature=%s\r\n%s\r\n", len(chunk), last, chunk)
		if len(chunk) == 0 {
			break
		}
	}
	r.Body, r.ContentLength = io.NopCloser(&body), int64(body.Len())
	out, err := http.DefaultClient.Do(r)
	b.wants("", err)
	defer out.Body.Close()
	if want := map[bool]int{false: 200, true: 403}[tampered]; out.StatusCode != want {
		said, _ := io.ReadAll(out.Body)
		b.Errorf("tampered %v: got %d %s, want %d", tampered, out.StatusCode, said, want)
	}
}

func TestWhatSpacesDoesNotDoIsNotImplemented(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, shop := b.client("owner", "nyc3"), aws.String("shop")
	b.make(c, "shop")
	_, err := c.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: shop})
	b.wants("NotImplemented", err)
	_, err = c.GetBucketWebsite(t.Context(), &s3.GetBucketWebsiteInput{Bucket: shop})
	b.wants("NotImplemented", err)
}
