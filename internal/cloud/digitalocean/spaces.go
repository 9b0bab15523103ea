// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/secret"
)

// Buckets of Spaces are made, read and changed by the S3 API alone, which takes an access key and no token. The key is made for
// the run and removed when it ends; its secret never leaves this process. See designs/003.

// DefaultSpacesURL is where Spaces are unless told otherwise.
const DefaultSpacesURL = "https://{{.Region}}.digitaloceanspaces.com"

// SpacesRegions are those that have Spaces. Source: docs.digitalocean.com, regional availability, 2025-11; no call tells.
var SpacesRegions = []string{"ams3", "atl1", "blr1", "fra1", "lon1", "nyc3", "ric1", "sfo2", "sfo3", "sgp1", "syd1", "tor1"}

// fullAccess is the grant of a key that may do everything with all buckets of the account. Nothing less may make a bucket, or read
// and change what is set of one.
const fullAccess = "fullaccess"

// spacesGrant is what a key may do: read or readwrite in one bucket, or fullaccess.
type spacesGrant struct {
	Bucket     string `json:"bucket"`
	Permission string `json:"permission"`
}

// accessKey is an access key as DigitalOcean shows it: with its secret in the answer to its making, and never again.
type accessKey struct {
	Name    string        `json:"name"`
	Access  string        `json:"access_key"`
	Secret  string        `json:"secret_key"`
	Grants  []spacesGrant `json:"grants"`
	Created time.Time     `json:"created_at"`
}

// runKey is the key of this process.
type runKey struct {
	mu     sync.Mutex
	access string
	secret secret.Text
	since  time.Time
}

// runKeyName is what the keys of runs are called.
func (m Mark) runKeyName() string { return m.Tag() + ":run" }

// SpacesURL is where the buckets of a region are.
func (c *Client) SpacesURL(region string) string {
	return strings.ReplaceAll(c.spacesURL, "{{.Region}}", region)
}

// SpacesURL is where the buckets of a region are.
func (e *Estate) SpacesURL(region string) string {
	if e.client == nil { // only what a document costs is asked for
		return strings.ReplaceAll(DefaultSpacesURL, "{{.Region}}", region)
	}
	return e.client.SpacesURL(region)
}

// s3 is a client of a region's Spaces, with the run's key, which it makes when there is none yet.
func (e *Estate) s3(ctx context.Context, region string) (*s3.Client, error) {
	k := &e.run
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.access == "" {
		made, err := e.makeKey(ctx, e.mark.runKeyName(), spacesGrant{Permission: fullAccess})
		if err != nil {
			return nil, fmt.Errorf("make the access key by which this run reads and changes buckets: %w", err)
		}
		k.access, k.secret, k.since = made.Access, secret.New(made.Secret), time.Now()
	}
	return e.client.s3(region, k.access, k.secret), nil
}

// makeKey makes an access key.
func (e *Estate) makeKey(ctx context.Context, name string, grant spacesGrant) (accessKey, error) {
	var answer struct {
		Key accessKey `json:"key"`
	}
	body := map[string]any{"name": name, "grants": []spacesGrant{grant}}
	if err := e.client.send(ctx, http.MethodPost, "/v2/spaces/keys", body, &answer); err != nil {
		return accessKey{}, err
	}
	return answer.Key, nil
}

// Close removes what this process needed of the account for itself alone: the access key by which it read buckets. Without one it
// makes no call. What a killed process leaves, the next run removes.
func (e *Estate) Close(ctx context.Context) error {
	k := &e.run
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.access == "" {
		return nil
	}
	if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/spaces/keys/"+k.access, nil, nil)); err != nil {
		return fmt.Errorf("remove this run's access key %s: %w", k.access, err)
	}
	k.access, k.secret = "", secret.Text{}
	return nil
}

// outlived forgets the run's key when Spaces does not know it any more: a run that waited long for a person's word may have lost it
// to another run. A key that was made a moment ago Spaces only does not know yet.
func (e *Estate) outlived(err error) {
	if codeS3(err) != "InvalidAccessKeyId" {
		return
	}
	e.run.mu.Lock()
	defer e.run.mu.Unlock()
	if time.Since(e.run.since) > e.client.scaled(time.Minute) {
		e.run.access, e.run.secret = "", secret.Text{}
	}
}

// ownKey is the run's key; empty where it has none.
func (e *Estate) ownKey() string {
	e.run.mu.Lock()
	defer e.run.mu.Unlock()
	return e.run.access
}

// s3 is a client of a region's Spaces. Buckets stand in the path, so that a name with dots needs no certificate of its own. The
// SDK's retries stay off, as everywhere.
func (c *Client) s3(region, access string, key secret.Text) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: new(c.SpacesURL(region)), UsePathStyle: true, Region: region, HTTPClient: &http.Client{Transport: c.objects}, Retryer: aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: access, SecretAccessKey: key.Reveal()}, nil
		}),
		// What Ceph, on which Spaces runs, does not know is left out, and what it asks of some calls is put in.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})
}

// withMD5 adds the Content-MD5 that Ceph asks for where several objects or a lifecycle are in the body.
func withMD5(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, smithyhttp.AddContentChecksumMiddleware)
}

// SpacesProvider is how problems name the S3 side of this cloud.
const SpacesProvider = "DigitalOcean Spaces"

// explainS3 turns what a call of S3's came to into an error of the right class, or nil. Call is S3's own name of it.
func explainS3(err error, call, bucket string) error {
	if err == nil {
		return nil
	}
	e := &Error{Provider: SpacesProvider, Call: strings.TrimSpace(call + " " + bucket), Message: err.Error(), Cause: err}
	method := http.MethodPut
	if slices.ContainsFunc([]string{"Get", "Head", "List"}, func(p string) bool { return strings.HasPrefix(call, p) }) {
		method = http.MethodGet
	}
	answer, answered := errors.AsType[*smithyhttp.ResponseError](err)
	if !answered || answer.Response == nil {
		return unanswered(e, method, nil, err)
	}
	e.Status, e.RequestID, e.Cause = answer.HTTPStatusCode(), answer.Response.Header.Get("X-Amz-Request-Id"), nil
	e.Message = strings.ToLower(http.StatusText(e.Status))
	code := ""
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		code = api.ErrorCode()
		e.Message = code
		if m := strings.TrimSpace(api.ErrorMessage()); m != "" && !strings.HasPrefix(m, "<") {
			e.Message = code + ": " + m
		}
	}
	switch {
	case code == "InvalidAccessKeyId", code == "SignatureDoesNotMatch": // a key that was made a moment ago
		return graph.Retry(e, 0)
	case code == "OperationAborted", code == "SlowDown":
		return graph.Retry(e, 0)
	case e.Status == http.StatusForbidden:
		return graph.Permanent(e)
	case e.Status == http.StatusConflict:
		return graph.Permanent(e)
	}
	return classify(e, method, "", answer.Response.Header, time.Now())
}

// codeS3 is S3's word for what went wrong, empty where it said none.
func codeS3(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}
