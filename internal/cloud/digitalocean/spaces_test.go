// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/sandbox/fault"
)

// bucket is a bucket as a document asks for it, with the apps that use it.
type bucket struct {
	digitalocean.SpaceSpec
	users []string
	ttl   int // of the CDN; 0 is none
	// domain is a name of its own for the CDN, in the zone example.com, which is the platform's.
	domain string
}

func media() bucket {
	return bucket{SpaceSpec: digitalocean.SpaceSpec{Name: "shop-x7k2p9-media", Region: "nyc3"}, users: []string{"web"}}
}

// objects are a bucket's nodes in a graph, without a cluster. The Secret of each app holds the key that its node gives.
func (w *world) objects(all ...bucket) *graph.Graph {
	g, e := graph.New(), w.estate
	project := graph.Add(g, "project", &digitalocean.Project{On: e, Name: "shop"})
	var zone *graph.Value[digitalocean.DomainOut]
	for _, b := range all {
		entry := "storage/spaces/" + b.Name[strings.LastIndexByte(b.Name, '-')+1:]
		out := graph.Add(g, graph.ID(entry), &digitalocean.Space{On: e, Entry: entry, SpaceSpec: b.SpaceSpec, Project: graph.Map(project, func(o digitalocean.ProjectOut) string { return o.ID })})
		e.WantSpace(b.Name)
		for _, user := range b.users {
			graph.Add(g, graph.ID(entry+"/keys/"+user), &digitalocean.SpacesKey{On: e, Entry: entry, User: user, Bucket: b.Name, Own: true,
				HeldBy: digitalocean.SecretName{Namespace: "apps", Name: user}}, graph.After(graph.ID(entry)))
		}
		if b.ttl > 0 {
			cdn := graph.Add(g, graph.ID(entry+"/cdn"), &digitalocean.CDN{On: e, Bucket: out, Name: b.Name, Entry: entry, TTL: b.ttl, Named: b.domain != ""})
			if b.domain != "" {
				if zone == nil {
					zone = new(graph.Add(g, "zone", &digitalocean.Domain{On: e, Name: "example.com"}))
				}
				certificate := graph.Add(g, graph.ID(entry+"/cdn/certificate"), &digitalocean.Certificate{On: e, Hosts: []string{b.domain}, Zones: graph.Join(*zone)})
				record := graph.ID(entry + "/cdn/record")
				graph.Add(g, record, &digitalocean.Record{On: e, Domain: *zone, Zone: "example.com", RecordSpec: digitalocean.RecordSpec{Type: "CNAME",
					Name: strings.TrimSuffix(b.domain, ".example.com"), Value: digitalocean.CDNHost(b.Name, b.Region), TTL: 1800}}, graph.After(graph.ID(entry+"/cdn")))
				graph.Add(g, graph.ID(entry+"/cdn/name"), &digitalocean.CDNName{On: e, CDN: cdn, Bucket: b.Name, Domain: b.domain, Certificate: certificate}, graph.After(record))
			}
		}
	}
	g.Prune(e.Kinds()...)
	return g
}

// process is what another process has, a while later: an estate that remembers nothing.
func (w *world) process() {
	time.Sleep(10 * time.Second) // in which CDNs may be asked about five times
	w.estate = w.estateOn(w.client)
}

// bring plans in one process and carries out, as the command line does, and gives the steps that were not empty.
func (w *world) bring(lose []string, g func() *graph.Graph) (map[graph.ID]graph.Step, error) {
	w.Helper()
	w.process()
	defer w.ends()
	o := w.options()
	o.Data.Lose = lose
	whole := g()
	plan, err := whole.Plan(w.Context(), o)
	if err != nil {
		w.Fatal(err)
	}
	steps := map[graph.ID]graph.Step{}
	for _, s := range plan.Steps {
		if s.Action != graph.None {
			steps[s.Node] = s
		}
	}
	for _, e := range plan.Errors() {
		return steps, e
	}
	return steps, graph.NewRun(whole, plan.Approve(graph.Replaces, lose...), o).Loop(w.Context())
}

func (w *world) ends() {
	if err := w.estate.Close(context.Background()); err != nil {
		w.Errorf("close: %v", err)
	}
}

// have brings buckets up and fails unless the next process finds nothing to do.
func (w *world) have(all ...bucket) map[graph.ID]graph.Step {
	w.Helper()
	steps, err := w.bring(nil, func() *graph.Graph { return w.objects(all...) })
	if err != nil {
		w.Fatalf("up: %v\n%s", err, w.events.text())
	}
	w.write()
	again, err := w.bring(nil, func() *graph.Graph { return w.objects(all...) })
	if err != nil || len(again) > 0 {
		w.Errorf("a second run would do %v: %v", again, err)
	}
	return steps
}

// write lets each app's Secret hold the newest key of its name, as the nodes of Secrets would.
func (w *world) write() {
	for _, k := range w.api("GET", "/v2/spaces/keys", "")["keys"].([]any) {
		key := k.(map[string]any)
		name := key["name"].(string)
		w.held["apps/"+name[strings.LastIndexByte(name, ':')+1:]+"/"+digitalocean.AccessKeyField] = key["access_key"].(string)
	}
}

func (w *world) keys() []string { return w.names("/v2/spaces/keys", "keys", "name") }

// owner is an S3 client of a person's, with a key of their own.
func (w *world) owner() *s3.Client {
	w.Helper()
	key := w.api("POST", "/v2/spaces/keys", `{"name": "a person's", "grants": [{"bucket": "", "permission": "fullaccess"}]}`)["key"].(map[string]any)
	return w.s3(key["access_key"].(string), key["secret_key"].(string))
}

func (w *world) s3(access, secret string) *s3.Client {
	return s3.New(s3.Options{BaseEndpoint: new("http://" + spacesHost), UsePathStyle: true, Region: "nyc3", HTTPClient: &http.Client{Transport: w.wire}, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: access, SecretAccessKey: secret}, nil
		})})
}

func put(w *world, c *s3.Client, bucket, key string) {
	w.Helper()
	if _, err := c.PutObject(w.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("x")}); err != nil {
		w.Fatal(err)
	}
}

func TestABucketIsMadeAndChangedInPlaceInEveryField(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		b := media()
		w.have(b)
		b.Public, b.Versioning, b.Protected, b.ttl = true, true, true, 600
		b.CORS = []digitalocean.CORSRule{{Origins: []string{"https://shop.example.com"}, Methods: []string{"GET", "PUT"}, Headers: []string{"*"}}}
		b.Lifecycle = []digitalocean.Expiry{{Prefix: "tmp/", Days: 7}, {Days: 365}}
		b.users = []string{"web", "resize"}
		var paths []string
		for _, c := range w.have(b)["storage/spaces/media"].Changes {
			paths = append(paths, c.Path)
		}
		if want := []string{"access", "versioning", "cors", "lifecycle", "deletionProtection"}; !slices.Equal(paths, want) {
			t.Errorf("the plan changed %v, want %v", paths, want)
		}
		o := w.owner()
		cors, err := o.GetBucketCors(t.Context(), &s3.GetBucketCorsInput{Bucket: &b.Name})
		if err != nil || len(cors.CORSRules) != 1 || cors.CORSRules[0].AllowedMethods[1] != "PUT" {
			t.Errorf("CORS is %v, %v", cors, err)
		}
		versioning, err := o.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: &b.Name})
		if err != nil || versioning.Status != types.BucketVersioningStatusEnabled {
			t.Errorf("versioning is %v, %v", versioning, err)
		}
		b.ttl = 3600
		w.have(b)
		w.have(media())
		if _, err := o.GetBucketCors(t.Context(), &s3.GetBucketCorsInput{Bucket: &b.Name}); err == nil {
			t.Error("rules that the document does not name any more are still there")
		}
		if got := w.api("GET", "/v2/cdn/endpoints", "")["endpoints"].([]any); len(got) != 0 {
			t.Errorf("the CDN is still there: %v", got)
		}
		other := media()
		other.Region = "ams3"
		if _, err := w.bring(nil, func() *graph.Graph { return w.objects(other) }); err == nil || !strings.Contains(err.Error(), "a bucket stays in its region") {
			t.Errorf("another region: %v", err)
		}
	})
}

func TestAKeyOpensOneBucketAndNothingElse(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		other := media()
		other.Name, other.users = "shop-x7k2p9-logs", nil
		w.have(media(), other)
		w.process()
		k := &digitalocean.SpacesKey{On: w.estate, Entry: "storage/spaces/media", User: "resize", Bucket: media().Name}
		made, err := k.Create(t.Context(), graph.NewCall())
		if err != nil {
			t.Fatal(err)
		}
		c := w.s3(made.Out.Access, made.Out.Secret.Reveal())
		put(w, c, media().Name, "a")
		if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &other.Name, Key: new("a"), Body: strings.NewReader("x")}); err == nil {
			t.Error("the key writes into another bucket")
		}
		if _, err := c.DeleteBucketCors(t.Context(), &s3.DeleteBucketCorsInput{Bucket: new(media().Name)}); err == nil {
			t.Error("the key changes what is set of its bucket")
		}
		if strings.Contains(fmt.Sprintf("%+v", made), made.Out.Secret.Reveal()) {
			t.Error("a key that is printed shows its secret")
		}
	})
}

func TestTheRunsKeyLivesAsLongAsTheRun(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		w.have()
		w.process()
		plan, err := w.objects(media()).Plan(t.Context(), w.options())
		if err != nil || len(plan.Errors()) > 0 {
			t.Fatal(err, plan.Errors())
		}
		if got := w.keys(); len(got) > 0 {
			t.Errorf("the plan of a first bucket made the keys %v", got)
		}
		w.have(media())
		if got, want := w.keys(), []string{"k8or:shop-x7k2p9:storage:spaces:media:web"}; !slices.Equal(got, want) {
			t.Errorf("after runs that ended there are the keys %v, want %v", got, want)
		}
		w.process() // a plan that is killed
		if _, err := w.objects(media()).Plan(t.Context(), w.options()); err != nil {
			t.Fatal(err)
		}
		w.process()
		again, err := w.bring(nil, func() *graph.Graph { return w.objects(media()) })
		if err != nil || len(again) > 0 || len(w.keys()) != 2 {
			t.Errorf("a key that another run may be using was not left alone: %v, %v, keys %v", again, err, w.keys())
		}
		time.Sleep(16 * time.Minute)
		if again, err = w.bring(nil, func() *graph.Graph { return w.objects(media()) }); err != nil || len(again) != 1 || len(w.keys()) != 1 {
			t.Errorf("what a killed run left is still there: %v, %v, keys %v", again, err, w.keys())
		}
	})
}

func TestAKeyThatNobodyHoldsIsMadeAnew(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		w.have(media())
		was := w.held["apps/web/"+digitalocean.AccessKeyField]
		clear(w.held) // somebody deletes the Secret
		steps := w.have(media())
		s := steps["storage/spaces/media/keys/web"]
		if s.Action != graph.Update || s.Changes[0].Path != "secret" {
			t.Errorf("the plan says %+v", s)
		}
		if now := w.held["apps/web/"+digitalocean.AccessKeyField]; now == was || len(w.keys()) != 1 {
			t.Errorf("the key is %s, and was %s; there are %v", now, was, w.keys())
		}
	})
}

func TestAKeyIsMadeOnceThoughTheAnswerWasLost(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		b := media()
		b.users = nil
		w.have(b)
		// The run's own key is the first that is asked for, the app's the second.
		w.fault(fault.Rule{Method: "POST", Path: "/v2/spaces/keys", Nth: 2, Times: 1, Drop: fault.DropAfter})
		w.have(media())
		if got := w.keys(); len(got) != 1 {
			t.Errorf("there are the keys %v, want one", got)
		}
	})
}

func TestABucketOfSomebodyElsesIsLeftAlone(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		b := media()
		if _, err := w.owner().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &b.Name}); err != nil {
			t.Fatal(err)
		}
		b.Versioning = true
		_, err := w.bring(nil, func() *graph.Graph { return w.objects(b) })
		if !errors.Is(err, graph.ErrStranger) {
			t.Errorf("up ended with %v, want a stranger", err)
		}
		if v, err := w.owner().GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: &b.Name}); err != nil || v.Status != "" {
			t.Errorf("it was changed: %v, %v", v, err)
		}
		if err := w.down(graph.DataDecisions{}); err != nil {
			t.Fatal(err)
		}
		w.ends()
		if _, err := w.owner().HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &b.Name}); err != nil {
			t.Errorf("after down it is gone: %v", err)
		}
	})
}

func TestABucketIsKeptUntilItIsNamedAndThenGoesWithAllVersions(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		b := media()
		b.Versioning, b.Protected, b.ttl = true, true, 600
		w.have(b)
		o := w.owner()
		put(w, o, b.Name, "a")
		put(w, o, b.Name, "a")
		if _, err := o.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &b.Name, Key: new("a")}); err != nil {
			t.Fatal(err)
		}
		upload, err := o.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b.Name, Key: new("big")})
		if err != nil || upload.UploadId == nil {
			t.Fatal(err)
		}
		steps, err := w.bring(nil, func() *graph.Graph { return w.objects() })
		if err != nil {
			t.Fatal(err)
		}
		kept := 0
		for _, s := range steps {
			if s.Action == graph.Keep && s.Data == "storage/spaces/media" {
				kept++
			}
		}
		if kept != 2 { // the bucket and the CDN in front of it
			t.Errorf("the plan keeps %d things of the bucket, want 2: %v", kept, steps)
		}
		lose := []string{"storage/spaces/media"}
		if _, err := w.bring(lose, func() *graph.Graph { return w.objects() }); !errors.Is(err, graph.ErrProtected) {
			t.Errorf("a protected bucket: %v", err)
		}
		b.Protected = false
		w.have(b)
		if _, err := w.bring(lose, func() *graph.Graph { return w.objects() }); err != nil {
			t.Fatalf("%v\n%s", err, w.events.text())
		}
		if _, err := o.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &b.Name}); err == nil {
			t.Error("the bucket is still there")
		}
		if got := w.api("GET", "/v2/cdn/endpoints", "")["endpoints"].([]any); len(got) != 0 {
			t.Errorf("the CDN is still there: %v", got)
		}
		if err := w.down(graph.DataDecisions{}); err != nil {
			t.Fatal(err)
		}
		w.ends()
		for _, tag := range w.names("/v2/tags", "tags", "name") {
			if strings.Contains(tag, "shop") {
				t.Errorf("after down there is the tag %s", tag)
			}
		}
		if got := w.keys(); !slices.Equal(got, []string{"a person's"}) {
			t.Errorf("after down there are the keys %v", got)
		}
	})
}

func TestABucketThatIsKeptIsFoundAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		w.have(media())
		put(w, w.owner(), media().Name, "a")
		w.process()
		w.estate.Keep([]string{"storage/spaces/media"})
		if err := w.down(graph.DataDecisions{Keep: []string{"storage/spaces/media"}}); err != nil {
			t.Fatal(err)
		}
		w.ends()
		if got := w.keys(); !slices.Equal(got, []string{"a person's"}) {
			t.Errorf("an app's key is kept with the bucket: %v", got)
		}
		clear(w.held)
		steps := w.have(media())
		if s, ok := steps["storage/spaces/media"]; ok {
			t.Errorf("the next up would %s the bucket", s.Action)
		}
	})
}
