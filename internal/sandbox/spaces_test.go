// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestSpacesAreAnnouncedKeptAndReset(t *testing.T) {
	t.Parallel()
	o := Options{Dir: t.TempDir()}
	b := open(t, o)
	client := func() *s3.Client {
		return s3.New(s3.Options{BaseEndpoint: aws.String(b.info.Spaces), UsePathStyle: true, Region: "ams3", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: b.info.SpacesKey, SecretAccessKey: b.info.SpacesSecret}, nil
		})})
	}
	if _, err := client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("shop")}); err != nil {
		t.Fatal(err)
	}
	b.stop()
	was := b.info
	b = open(t, o)
	if b.info.Spaces != was.Spaces || b.info.SpacesKey != was.SpacesKey || b.info.SpacesSecret != was.SpacesSecret {
		t.Error("after a restart, Spaces are elsewhere, or have another key")
	}
	if _, err := client().HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("shop")}); err != nil {
		t.Errorf("after a restart the bucket is gone: %v", err)
	}
	if b.kinds()["space"] != 1 {
		t.Errorf("there is %v, want the bucket among it", b.kinds())
	}
	b.admin(204, "POST", "/reset", "")
	var gone *types.NotFound
	if _, err := client().HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("shop")}); !errors.As(err, &gone) {
		t.Errorf("after a reset: %v, want not found", err)
	}
}
