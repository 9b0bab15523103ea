// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/k8or/k8or/internal/graph"
)

// markedSpace is a bucket that a tag speaks of.
type markedSpace struct {
	Name, Region string
	Entry        string // "storage/spaces/media"
	Protected    bool
}

// spaceTag is a bucket's mark: "k8or:shop-x7k2p9:space:nyc3:shop-x7k2p9-media:media". Names of buckets have dots, which tags have
// not, and no underscores.
func (m Mark) spaceTag(s markedSpace) string {
	return m.Tag() + ":space:" + s.Region + ":" + inTag(s.Name) + ":" + strings.TrimPrefix(s.Entry, spacesEntries)
}

// spacesEntries is what the names of buckets' data begin with.
const spacesEntries = "storage/spaces/"

// protectedSpaceTag protects a bucket from deletion.
func (m Mark) protectedSpaceTag(name string) string { return m.Tag() + ":protected:" + inTag(name) }

// inTag is the name of a bucket in a tag.
func inTag(name string) string { return strings.ReplaceAll(name, ".", "_") }

// spaceOf reads a bucket's mark.
func (m Mark) spaceOf(tag string) (markedSpace, bool) {
	rest, ok := cutPrefixFold(tag, m.Tag()+":space:")
	parts := strings.Split(rest, ":")
	if !ok || len(parts) != 3 {
		return markedSpace{}, false
	}
	return markedSpace{Region: parts[0], Name: strings.ReplaceAll(parts[1], "_", "."), Entry: spacesEntries + parts[2]}, true
}

// ofSpaces reports whether a tag speaks of a bucket, or of what stands in front of it.
func (m Mark) ofSpaces(tag string) (name string, ok bool) {
	if s, ok := m.spaceOf(tag); ok {
		return s.Name, true
	}
	for _, about := range []string{":protected:", ":cdn:"} {
		if rest, ok := cutPrefixFold(tag, m.Tag()+about); ok {
			return strings.ReplaceAll(rest, "_", "."), true
		}
	}
	return "", false
}

// markedSpaces are the buckets that tags of this platform speak of, whether or not they are there.
func (e *Estate) markedSpaces(ctx context.Context, c *graph.Call) ([]markedSpace, error) {
	tags, err := e.allTags(ctx, c)
	if err != nil {
		return nil, err
	}
	var out []markedSpace
	for _, t := range tags {
		s, ok := e.mark.spaceOf(t.Name)
		if !ok || slices.ContainsFunc(out, func(o markedSpace) bool { return o.Name == s.Name }) {
			continue
		}
		for _, other := range tags {
			s.Protected = s.Protected || strings.EqualFold(other.Name, e.mark.protectedSpaceTag(s.Name))
		}
		out = append(out, s)
	}
	return out, nil
}

// bucketThere reports whether the account has a bucket in a region. The list is read once a pass.
func (e *Estate) bucketThere(ctx context.Context, c *graph.Call, region, name string) (bool, error) {
	names, err := graph.Once(ctx, c, "digitalocean/spaces/"+region, func(ctx context.Context) ([]string, error) {
		client, err := e.s3(ctx, region)
		if err != nil {
			return nil, err
		}
		all, err := client.ListBuckets(ctx, &s3.ListBucketsInput{})
		if err != nil {
			e.outlived(err)
			return nil, explainS3(err, "ListBuckets", "")
		}
		var names []string
		for _, b := range all.Buckets {
			names = append(names, deref(b.Name))
		}
		return names, nil
	})
	return slices.Contains(names, name), err
}

// ourSpaces are the platform's buckets that are there.
func (e *Estate) ourSpaces(ctx context.Context, c *graph.Call) ([]markedSpace, error) {
	marked, err := e.markedSpaces(ctx, c)
	if err != nil {
		return nil, err
	}
	var ours []markedSpace
	for _, s := range marked {
		there, err := e.bucketThere(ctx, c, s.Region, s.Name)
		if err != nil {
			return nil, err
		}
		if there {
			ours = append(ours, s)
		}
	}
	return ours, nil
}

// errProtectedSpace is why a bucket is not deleted.
var errProtectedSpace = fmt.Errorf("it %w: write deletionProtection: false, run `k8or up`, and try again", graph.ErrProtected)

func (e *Estate) listSpaces(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	ours, err := e.ourSpaces(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, s := range ours {
		item := graph.Item{Key: s.Name, ID: s.Name, Data: s.Entry, Owner: graph.ID(s.Entry), Ref: e.spaceOut(s), Title: fmt.Sprintf("bucket %s (%s)", s.Name, s.Region)}
		if s.Protected {
			item.Protected = errProtectedSpace
		}
		items = append(items, item)
	}
	return items, nil
}

// emptyPages is how many pages of a thousand objects one step deletes.
const emptyPages = 10

// deleteSpace empties a bucket, page by page, and deletes it with its marks. Its name is nobody's for a week or so.
func (e *Estate) deleteSpace(ctx context.Context, c *graph.Call, item graph.Item) (string, error) {
	out, _ := item.Ref.(SpaceOut)
	client, err := e.s3(ctx, out.Region)
	if err != nil {
		return "", err
	}
	deleted := 0
	for range emptyPages {
		n, err := emptyPage(ctx, client, item.ID)
		if err != nil {
			return "", err
		}
		if deleted += n; n == 0 {
			break
		}
	}
	if deleted >= emptyPages*1000 {
		return fmt.Sprintf("deletes objects: %d gone in this step, more are there", deleted), nil
	}
	if err := abortUploads(ctx, client, item.ID); err != nil {
		return "", err
	}
	if _, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &item.ID}); err != nil && codeS3(err) != "NoSuchBucket" {
		if codeS3(err) == "BucketNotEmpty" {
			return "waits until it is empty: objects came while it was emptied", nil
		}
		return "", fmt.Errorf("delete bucket %s: %w", item.ID, explainS3(err, "DeleteBucket", item.ID))
	}
	graph.Forget(c, "digitalocean/spaces/"+out.Region)
	return "", e.dropTag(ctx, c, e.mark.spaceTag(markedSpace{Name: out.Name, Region: out.Region, Entry: out.entry}))
}

// emptyPage deletes up to a thousand versions and says how many.
func emptyPage(ctx context.Context, client *s3.Client, bucket string) (int, error) {
	page, err := client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket})
	if err != nil {
		if codeS3(err) == "NoSuchBucket" {
			return 0, nil
		}
		return 0, explainS3(err, "ListObjectVersions", bucket)
	}
	var all []types.ObjectIdentifier
	for _, v := range page.Versions {
		all = append(all, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	for _, v := range page.DeleteMarkers {
		all = append(all, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	if len(all) == 0 {
		return 0, nil
	}
	said, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: all, Quiet: new(true)}}, withMD5)
	if err != nil {
		return 0, explainS3(err, "DeleteObjects", bucket)
	}
	if len(said.Errors) > 0 {
		first := said.Errors[0]
		return 0, graph.Retry(fmt.Errorf("delete %d objects of bucket %s: %s: %s", len(said.Errors), bucket, deref(first.Key), deref(first.Message)), 0)
	}
	return len(all), nil
}

// abortUploads ends what was begun to be put into a bucket in parts.
func abortUploads(ctx context.Context, client *s3.Client, bucket string) error {
	open, err := client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &bucket})
	if err != nil {
		if codeS3(err) == "NoSuchBucket" {
			return nil
		}
		return explainS3(err, "ListMultipartUploads", bucket)
	}
	for _, u := range open.Uploads {
		if _, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: u.Key, UploadId: u.UploadId}); err != nil && codeS3(err) != "NoSuchUpload" {
			return explainS3(err, "AbortMultipartUpload", bucket)
		}
	}
	return nil
}

// makeTag makes a tag that nothing carries. One that is there already stays as it is.
func (e *Estate) makeTag(ctx context.Context, c *graph.Call, name string) error {
	if err := e.client.send(ctx, http.MethodPost, "/v2/tags", map[string]string{"name": name}, nil); err != nil {
		return fmt.Errorf("make tag %s: %w", name, err)
	}
	graph.Forget(c, "digitalocean/tags")
	return nil
}

// dropTag deletes a tag.
func (e *Estate) dropTag(ctx context.Context, c *graph.Call, name string) error {
	if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/tags/"+name, nil, nil)); err != nil {
		return fmt.Errorf("delete tag %s: %w", name, err)
	}
	graph.Forget(c, "digitalocean/tags")
	return nil
}
