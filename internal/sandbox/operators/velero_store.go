// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// store is a bucket, or what lies in it below a prefix, as velero-plugin-for-aws opens it: at the address and with the key that a
// BackupStorageLocation names.
type store struct {
	client         *s3.Client
	bucket, prefix string
}

// storeWithin is how long one call may take. The simulated Spaces are in this process.
const storeWithin = 10 * time.Second

// storeOf opens the bucket of a location.
func storeOf(s *Scene, location Object) (*store, error) {
	name, key := textAt(location.Object, "spec", "credential", "name"), textAt(location.Object, "spec", "credential", "key")
	if name == "" {
		name, key = veleroSecret(s.Controller), "cloud"
	}
	access, secret := awsProfile(string(secretData(s.World, location.GetNamespace(), name)[key]), orText(textAt(location.Object, "spec", "config", "profile"), "default"))
	bucket, endpoint := textAt(location.Object, "spec", "objectStorage", "bucket"), textAt(location.Object, "spec", "config", "s3Url")
	switch {
	case bucket == "":
		return nil, errors.New("no bucket is named")
	case access == "" || secret == "":
		return nil, fmt.Errorf("unable to get credentials: Secret %s has no access key under %s", name, key)
	case endpoint == "" || s.spaces == nil:
		return nil, errors.New("the simulated cloud has no object storage but Spaces, which config.s3Url names")
	}
	return &store{bucket: bucket, prefix: textAt(location.Object, "spec", "objectStorage", "prefix"), client: s3.New(s3.Options{
		BaseEndpoint: &endpoint, UsePathStyle: true, Region: orText(textAt(location.Object, "spec", "config", "region"), "us-east-1"), RetryMaxAttempts: 1,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		HTTPClient: &http.Client{Transport: s.spaces, Timeout: storeWithin},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: access, SecretAccessKey: secret}, nil
		})})}, nil
}

// storeBehind is the store in which a backup is.
func storeBehind(s *Scene, backup Object) (*store, error) {
	where, why := location(s, textAt(backup.Object, "spec", "storageLocation"))
	if why != "" {
		return nil, errors.New(why)
	}
	return storeOf(s, where)
}

// awsProfile reads one profile of a credentials file as the AWS command line writes it.
func awsProfile(file, profile string) (access, secret string) {
	section := ""
	for line := range strings.Lines(file) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[] ")
		}
		name, value, _ := strings.Cut(line, "=")
		if section != profile {
			continue
		}
		switch strings.TrimSpace(name) {
		case "aws_access_key_id":
			access = strings.TrimSpace(value)
		case "aws_secret_access_key":
			secret = strings.TrimSpace(value)
		}
	}
	return access, secret
}

// key is where an object lies. Velero puts backups below backups/.
func (s *store) key(elements ...string) *string {
	return aws.String(path.Join(append([]string{s.prefix, "backups"}, elements...)...))
}

func (s *store) put(backup, file string, content []byte) error {
	_, err := s.client.PutObject(context.Background(), &s3.PutObjectInput{Bucket: &s.bucket, Key: s.key(backup, file), Body: bytes.NewReader(content)})
	return refusedBy(err)
}

func (s *store) get(backup, file string) ([]byte, error) {
	answer, err := s.client.GetObject(context.Background(), &s3.GetObjectInput{Bucket: &s.bucket, Key: s.key(backup, file)})
	if err != nil {
		return nil, refusedBy(err)
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

// backups are the names of all that have a folder.
func (s *store) backups() ([]string, error) {
	folder := *s.key() + "/"
	var names []string
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &folder, Delimiter: aws.String("/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			return nil, refusedBy(err)
		}
		for _, p := range page.CommonPrefixes {
			names = append(names, path.Base(*p.Prefix))
		}
	}
	return names, nil
}

// remove deletes a backup's folder.
func (s *store) remove(backup string) error {
	folder := *s.key(backup) + "/"
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &folder})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			return refusedBy(err)
		}
		for _, o := range page.Contents {
			if _, err := s.client.DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: &s.bucket, Key: o.Key}); err != nil {
				return refusedBy(err)
			}
		}
	}
	return nil
}

// refusedBy is an error of S3's without the number of its request, so that the same refusal is the same text.
func refusedBy(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return fmt.Errorf("%s: %s", api.ErrorCode(), api.ErrorMessage())
	}
	return err
}
