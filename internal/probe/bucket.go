// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// prove puts an object of one line under a name nobody else uses, gets it back, and deletes it. A bucket that keeps versions keeps
// this one too, until its lifecycle says otherwise.
func (b *Bucket) prove(ctx context.Context, g given) (string, error) {
	read := map[string]string{}
	for _, key := range []string{"endpoint", "region", "bucket", "access-key-id", "secret-access-key"} {
		raw, err := g.file(path.Join(b.Binding, key))
		if err != nil {
			return "", err
		}
		read[key] = string(raw)
	}
	client := s3.New(s3.Options{BaseEndpoint: new(read["endpoint"]), UsePathStyle: true, Region: read["region"], RetryMaxAttempts: 2,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: read["access-key-id"], SecretAccessKey: read["secret-access-key"]}, nil
		})})
	bucket, word := read["bucket"], unique()
	if b.Ask {
		if _, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, MaxKeys: new(int32(1))}); err != nil {
			return "", told(bucket, "the bucket "+bucket+" cannot be listed", err)
		}
		return fmt.Sprintf("%s was listed", bucket), nil
	}
	key := "k8or-probe/" + word
	if _, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(word)}); err != nil {
		return "", told(bucket, "an object cannot be put into the bucket "+bucket, err)
	}
	got := func() error {
		answer, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
		if err != nil {
			return told(bucket, "the object cannot be got again from the bucket "+bucket, err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
		if err != nil {
			return told(bucket, "the object cannot be read from the bucket "+bucket, err)
		}
		if string(text) != word {
			return &trouble{what: "the object comes back as something else than was put", look: "what stands between this cluster and " + read["endpoint"]}
		}
		return nil
	}()
	_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	switch {
	case got != nil:
		return "", got
	case err != nil:
		return "", told(bucket, "an object was put and got, and cannot be deleted again", err)
	}
	return fmt.Sprintf("an object was put into %s, got again, and deleted", bucket), nil
}

// told says what an error of S3's means.
func told(bucket, what string, err error) error {
	t := &trouble{what: what, look: "whether " + bucket + " is there, and the cluster's way out to the internet", cause: err}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return t
	}
	t.cause = errors.New(api.ErrorCode())
	switch api.ErrorCode() {
	case "InvalidAccessKeyId", "SignatureDoesNotMatch":
		t.what, t.look = "Spaces does not know the key of the Binding", "whether somebody deleted the access key; `k8or up` makes another one"
	case "AccessDenied":
		t.look = "the access key's grants, and whether the bucket has a policy, which excludes keys for one bucket"
	case "NoSuchBucket":
		t.look = "whether somebody deleted the bucket"
	}
	return t
}
