// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
)

// Space is a bucket of Spaces. It bears no tags, so its mark is a tag that nothing carries and that names it. It is changed in
// place and never replaced, since it holds data.
type Space struct {
	On *Estate
	// Entry is what its data is called: "storage/spaces/media".
	Entry string
	SpaceSpec
	// Project is the id of the project it is put into when it is made; empty leaves it where DigitalOcean puts it.
	Project graph.Value[string]
}

// SpaceSpec is what a document says of a bucket.
type SpaceSpec struct {
	Name   string // unique among all buckets of all accounts
	Region string
	// Public lets anybody list what is in it.
	Public     bool
	Versioning bool
	CORS       []CORSRule
	Lifecycle  []Expiry
	// Protected refuses to delete it, whatever is asked. It is a tag, so that it holds without a document.
	Protected bool
}

// CORSRule lets web pages of other origins use a bucket.
type CORSRule struct{ Origins, Methods, Headers []string }

// String is the rule in a line.
func (r CORSRule) String() string {
	text := strings.Join(r.Methods, " ") + " from " + strings.Join(r.Origins, " ")
	if len(r.Headers) > 0 {
		text += " with " + strings.Join(r.Headers, " ")
	}
	return text
}

// Expiry deletes objects of an age in days.
type Expiry struct {
	Prefix string // of their names; empty is all
	Days   int
}

// String is the rule in a line.
func (x Expiry) String() string { return fmt.Sprintf("%s* after %d days", x.Prefix, x.Days) }

// SpaceOut is a bucket that is there.
type SpaceOut struct {
	Name, Region, URN string
	// Endpoint is the address of its region's Spaces, to which the bucket's name is added.
	Endpoint string

	entry string
	have  SpaceSpec
	other []string // what is set of it that k8or does not write
}

// Billed is what it costs: the account's subscription, however many buckets there are.
func (o SpaceOut) Billed(name, _ string) []price.Item {
	return []price.Item{{For: name, What: "object storage", Kind: price.Spaces, Min: 1, Max: 1}}
}

var _ graph.Resource[SpaceOut] = (*Space)(nil)

// Kind is the kind of buckets.
func (s *Space) Kind() *graph.Kind { return s.On.spaces }

// Key is the name.
func (s *Space) Key() string { return s.Name }

// Observe finds the bucket by its name among those that tags speak of. Of one that no tag speaks of it makes no call: whether the
// name is taken, its making tells.
func (s *Space) Observe(ctx context.Context, c *graph.Call) (graph.Observed[SpaceOut], error) {
	marked, err := s.On.markedSpaces(ctx, c)
	if err != nil {
		return graph.Observed[SpaceOut]{}, err
	}
	i := slices.IndexFunc(marked, func(m markedSpace) bool { return m.Name == s.Name })
	if i < 0 {
		return graph.Observed[SpaceOut]{}, nil
	}
	there, err := s.On.bucketThere(ctx, c, marked[i].Region, s.Name)
	if err != nil || !there {
		return graph.Observed[SpaceOut]{}, err
	}
	out := s.On.spaceOut(marked[i])
	out.have, out.other, err = s.On.readSpace(ctx, marked[i])
	return graph.Observed[SpaceOut]{State: graph.Ready, ID: s.Name, Out: out}, err
}

func (e *Estate) spaceOut(m markedSpace) SpaceOut {
	return SpaceOut{Name: m.Name, Region: m.Region, URN: "do:space:" + m.Name, Endpoint: e.client.SpacesURL(m.Region), entry: m.Entry}
}

// readSpace reads what is set of a bucket.
func (e *Estate) readSpace(ctx context.Context, m markedSpace) (have SpaceSpec, other []string, err error) {
	client, err := e.s3(ctx, m.Region)
	if err != nil {
		return have, nil, err
	}
	have = SpaceSpec{Name: m.Name, Region: m.Region, Protected: m.Protected}
	acl, err := client.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: &m.Name})
	if err != nil {
		return have, nil, explainS3(err, "GetBucketAcl", m.Name)
	}
	have.Public = slices.ContainsFunc(acl.Grants, func(g types.Grant) bool {
		return g.Grantee != nil && g.Grantee.URI != nil && strings.HasSuffix(*g.Grantee.URI, "/AllUsers")
	})
	versions, err := client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &m.Name})
	if err != nil {
		return have, nil, explainS3(err, "GetBucketVersioning", m.Name)
	}
	have.Versioning = versions.Status == types.BucketVersioningStatusEnabled
	cors, err := client.GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: &m.Name})
	if err != nil && codeS3(err) != "NoSuchCORSConfiguration" {
		return have, nil, explainS3(err, "GetBucketCors", m.Name)
	}
	if err == nil {
		for _, r := range cors.CORSRules {
			have.CORS = append(have.CORS, CORSRule{Origins: r.AllowedOrigins, Methods: r.AllowedMethods, Headers: r.AllowedHeaders})
		}
	}
	cycle, err := client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &m.Name})
	if err != nil && codeS3(err) != "NoSuchLifecycleConfiguration" {
		return have, nil, explainS3(err, "GetBucketLifecycleConfiguration", m.Name)
	}
	if err == nil {
		for _, r := range cycle.Rules {
			x, ok := expiryOf(r)
			if !ok {
				other = append(other, "lifecycle rule "+deref(r.ID))
				continue
			}
			have.Lifecycle = append(have.Lifecycle, x)
		}
	}
	return have, other, nil
}

// expiryOf reads a rule that only lets objects expire by their age; false for one that does anything else, or nothing.
func expiryOf(r types.LifecycleRule) (Expiry, bool) {
	//lint:ignore SA1019 the older form, which Spaces gives back where it was written so
	x := Expiry{Prefix: deref(r.Prefix)}
	if r.Filter != nil {
		if r.Filter.Tag != nil || r.Filter.And != nil {
			return x, false
		}
		x.Prefix = deref(r.Filter.Prefix)
	}
	if r.Expiration == nil || r.Expiration.Days == nil || r.Status != types.ExpirationStatusEnabled || r.NoncurrentVersionExpiration != nil || r.AbortIncompleteMultipartUpload != nil {
		return x, false
	}
	x.Days = int(*r.Expiration.Days)
	return x, true
}

func deref[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

const newBucket = "make another entry beside it, and copy the objects over"

// Diff compares every field.
func (s *Space) Diff(c *graph.Call, have graph.Observed[SpaceOut]) []graph.Change {
	d, is := graph.Fields(c), have.Out.have
	d.Wanted("region", is.Region, s.Region, graph.Refused, "a bucket stays in its region: "+newBucket)
	d.Wanted("entry", have.Out.entry, s.Entry, graph.InPlace)
	d.Wanted("access", access(is.Public), access(s.Public), graph.InPlace, "anybody may list what is in it where it is public-read; each object says for itself whether anybody may read it")
	d.Wanted("versioning", is.Versioning, s.Versioning, graph.InPlace, "versions that are kept already stay")
	d.Wanted("cors", lines(is.CORS), lines(s.CORS), graph.InPlace)
	d.Wanted("lifecycle", append(lines(is.Lifecycle), have.Out.other...), lines(s.Lifecycle), graph.InPlace, "objects that are old enough go within a day")
	d.Wanted("deletionProtection", is.Protected, s.Protected, graph.InPlace)
	return d.Changes()
}

func access(public bool) string {
	if public {
		return "public-read"
	}
	return "private"
}

// lines are rules in words, in order: which comes first makes no difference.
func lines[T fmt.Stringer](rules []T) []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.String())
	}
	slices.Sort(out)
	return out
}

// Create makes the bucket, its mark first: from then on it is the platform's, whatever happens to the answer.
func (s *Space) Create(ctx context.Context, c *graph.Call) (graph.Observed[SpaceOut], error) {
	var none graph.Observed[SpaceOut]
	if err := s.On.use(ctx, c, usesSpaces); err != nil {
		return none, err
	}
	client, err := s.On.s3(ctx, s.Region)
	if err != nil {
		return none, err
	}
	m := markedSpace{Name: s.Name, Region: s.Region, Entry: s.Entry}
	marked, err := s.On.markedSpaces(ctx, c)
	if err != nil {
		return none, err
	}
	if !slices.ContainsFunc(marked, func(o markedSpace) bool { return o.Name == s.Name }) {
		if err := s.free(ctx, client); err != nil {
			return none, err
		}
		if err := s.On.makeTag(ctx, c, s.On.mark.spaceTag(m)); err != nil {
			return none, fmt.Errorf("mark the bucket %s by a tag: %w", s.Name, err)
		}
	}
	input := &s3.CreateBucketInput{Bucket: &s.Name, ACL: types.BucketCannedACL(access(s.Public))}
	if _, err := client.CreateBucket(ctx, input); err != nil && codeS3(err) != "BucketAlreadyOwnedByYou" {
		return none, fmt.Errorf("create bucket %s in %s: %w", s.Name, s.Region, taken(explainS3(err, "CreateBucket", s.Name), codeS3(err)))
	}
	s.On.done("space " + s.Name)
	graph.Forget(c, "digitalocean/spaces/"+s.Region)
	out := s.On.spaceOut(m)
	if err := s.assign(ctx, c, out.URN); err != nil {
		return none, err
	}
	if err := s.set(ctx, c, client, SpaceSpec{}, nil); err != nil {
		return none, err
	}
	out.have = s.SpaceSpec
	return graph.Observed[SpaceOut]{State: graph.Ready, ID: s.Name, Out: out}, nil
}

// free looks whether nobody has the name. One of this account's without the mark is somebody else's thing.
func (s *Space) free(ctx context.Context, client *s3.Client) error {
	_, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.Name})
	if err == nil {
		return graph.Permanent(fmt.Errorf("the bucket %s %w: give this one another name, or say `existing: true` to use it as it is", s.Name, graph.ErrStranger))
	}
	err = explainS3(err, "HeadBucket", s.Name)
	switch statusOf(err) {
	case http.StatusNotFound:
		return nil
	case http.StatusForbidden:
		return fmt.Errorf("the bucket %s is somebody else's, in another account: give this one another name: %w", s.Name, err)
	}
	return err
}

// taken explains why a name cannot be had.
func taken(err error, code string) error {
	if code == "BucketAlreadyExists" {
		return graph.Permanent(fmt.Errorf("the name is somebody else's, or a bucket of it was deleted less than a week or so ago, for which DigitalOcean keeps it: give it another `name`: %w", err))
	}
	return err
}

// assign puts the bucket into the platform's project.
func (s *Space) assign(ctx context.Context, c *graph.Call, urn string) error {
	project, known := s.Project.Get(c)
	if !known || project == "" {
		return nil
	}
	if err := s.On.client.send(ctx, http.MethodPost, "/v2/projects/"+project+"/resources", map[string][]string{"resources": {urn}}, nil); err != nil {
		return fmt.Errorf("assign the bucket %s to the project: %w", s.Name, err)
	}
	return nil
}

// Update changes what differs.
func (s *Space) Update(ctx context.Context, c *graph.Call, have graph.Observed[SpaceOut], changes []graph.Change) (graph.Observed[SpaceOut], error) {
	client, err := s.On.s3(ctx, s.Region)
	if err != nil {
		return have, err
	}
	for _, change := range changes {
		if change.Path == "entry" {
			old := markedSpace{Name: s.Name, Region: s.Region, Entry: have.Out.entry}
			if err := s.On.makeTag(ctx, c, s.On.mark.spaceTag(markedSpace{Name: s.Name, Region: s.Region, Entry: s.Entry})); err != nil {
				return have, err
			}
			if err := s.On.dropTag(ctx, c, s.On.mark.spaceTag(old)); err != nil {
				return have, err
			}
		}
	}
	if err := s.set(ctx, c, client, have.Out.have, have.Out.other); err != nil {
		return have, err
	}
	have.Out.have, have.Out.other, have.Out.entry = s.SpaceSpec, nil, s.Entry
	return have, nil
}

// set brings a bucket's settings from what is to what is wanted. A new one has none.
func (s *Space) set(ctx context.Context, c *graph.Call, client *s3.Client, is SpaceSpec, other []string) error {
	var errs []error
	note := func(call string, err error) {
		if err != nil {
			errs = append(errs, explainS3(err, call, s.Name))
		}
	}
	if tag := s.On.mark.protectedSpaceTag(s.Name); is.Protected != s.Protected {
		change := s.On.dropTag
		if s.Protected {
			change = s.On.makeTag
		}
		errs = append(errs, change(ctx, c, tag))
	}
	if is.Name != "" && is.Public != s.Public {
		_, err := client.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: &s.Name, ACL: types.BucketCannedACL(access(s.Public))})
		note("PutBucketAcl", err)
	}
	if is.Versioning != s.Versioning {
		status := types.BucketVersioningStatusSuspended
		if s.Versioning {
			status = types.BucketVersioningStatusEnabled
		}
		_, err := client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &s.Name, VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
		note("PutBucketVersioning", err)
	}
	if have, want := lines(is.CORS), lines(s.CORS); !slices.Equal(have, want) {
		note(s.setCORS(ctx, client))
	}
	if have, want := append(lines(is.Lifecycle), other...), lines(s.Lifecycle); !slices.Equal(have, want) {
		note(s.setLifecycle(ctx, client))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("set up bucket %s: %w", s.Name, err)
	}
	return nil
}

func (s *Space) setCORS(ctx context.Context, client *s3.Client) (string, error) {
	if len(s.CORS) == 0 {
		_, err := client.DeleteBucketCors(ctx, &s3.DeleteBucketCorsInput{Bucket: &s.Name})
		return "DeleteBucketCors", err
	}
	var rules []types.CORSRule
	for _, r := range s.CORS {
		rules = append(rules, types.CORSRule{AllowedOrigins: r.Origins, AllowedMethods: r.Methods, AllowedHeaders: r.Headers})
	}
	_, err := client.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: &s.Name, CORSConfiguration: &types.CORSConfiguration{CORSRules: rules}}, withMD5)
	return "PutBucketCors", err
}

func (s *Space) setLifecycle(ctx context.Context, client *s3.Client) (string, error) {
	if len(s.Lifecycle) == 0 {
		_, err := client.DeleteBucketLifecycle(ctx, &s3.DeleteBucketLifecycleInput{Bucket: &s.Name})
		return "DeleteBucketLifecycle", err
	}
	var rules []types.LifecycleRule
	for i, x := range s.Lifecycle {
		rules = append(rules, types.LifecycleRule{ID: new(fmt.Sprintf("k8or-%d", i)), Status: types.ExpirationStatusEnabled,
			Filter: &types.LifecycleRuleFilter{Prefix: &x.Prefix}, Expiration: &types.LifecycleExpiration{Days: new(int32(x.Days))}})
	}
	_, err := client.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: &s.Name,
		LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules}}, withMD5)
	return "PutBucketLifecycleConfiguration", err
}
