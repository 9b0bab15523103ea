// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rogpeppe/go-internal/testscript"
)

// bound runs one call of S3's by what an app's Secret says, and nothing else: `bound NAMESPACE/SECRET put KEY TEXT`, `… get KEY`,
// `… refused BUCKET` where its key opens no other bucket. `… says KEY TEXT` makes no call: the Secret's key is that text.
func bound(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: bound namespace/secret put|get|refused|says what [text]")
	}
	data := secretOf(ts, args[0])
	for _, key := range []string{"type", "provider", "endpoint", "host", "region", "bucket", "access-key-id", "secret-access-key"} {
		if len(data[key]) == 0 {
			ts.Fatalf("the Secret %s has no %s", args[0], key)
		}
	}
	client := s3.New(s3.Options{BaseEndpoint: new(string(data["endpoint"])), UsePathStyle: true, Region: string(data["region"]), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: string(data["access-key-id"]), SecretAccessKey: string(data["secret-access-key"])}, nil
		})})
	bucket := string(data["bucket"])
	switch what := args[2]; args[1] {
	case "put":
		_, err := client.PutObject(context.Background(), &s3.PutObjectInput{Bucket: &bucket, Key: &what, Body: strings.NewReader(args[3])})
		ts.Check(err)
	case "get":
		got, err := client.GetObject(context.Background(), &s3.GetObjectInput{Bucket: &bucket, Key: &what})
		ts.Check(err)
		text, err := io.ReadAll(got.Body)
		ts.Check(err)
		fmt.Fprintf(ts.Stdout(), "%s\n", text)
	case "refused":
		_, err := client.PutObject(context.Background(), &s3.PutObjectInput{Bucket: &what, Key: new("a"), Body: strings.NewReader("x")})
		if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			ts.Fatalf("the key of bucket %s is not refused at %s: %v", bucket, what, err)
		}
	case "says":
		if got := string(data[what]); got != args[3] {
			ts.Fatalf("the Secret %s says %s: %q, want %q", args[0], what, got, args[3])
		}
	default:
		ts.Fatalf("bound does not know %s", args[1])
	}
}

// secretOf are the data of a Secret of the only cluster.
func secretOf(ts *testscript.TestScript, name string) map[string][]byte {
	namespace, secret, _ := strings.Cut(name, "/")
	var found struct{ Data map[string][]byte }
	fromCluster(ts, fmt.Sprintf("/api/v1/namespaces/%s/secrets/%s", namespace, secret), &found)
	return found.Data
}

// fromCluster reads from the only cluster, by credentials that are asked for beside k8or.
func fromCluster(ts *testscript.TestScript, path string, into any) {
	box := filepath.Join(ts.Getenv("K8OR_SANDBOX_DIR"), "sandbox.json")
	ask := func(path string, into any) {
		said, err := admin(box, []string{"GET", path})
		ts.Check(err)
		ts.Check(json.Unmarshal([]byte(said), into))
	}
	var list struct {
		Clusters []struct{ ID string } `json:"kubernetes_clusters"`
	}
	ask("/v2/kubernetes/clusters", &list)
	if len(list.Clusters) != 1 {
		ts.Fatalf("there are %d clusters", len(list.Clusters))
	}
	var access struct {
		Server, Token string
		CA            []byte `json:"certificate_authority_data"`
	}
	ask("/v2/kubernetes/clusters/"+list.Clusters[0].ID+"/credentials", &access)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(access.CA) {
		ts.Check(errors.New("the cluster's authority is no certificate"))
	}
	request, err := http.NewRequest(http.MethodGet, access.Server+path, nil)
	ts.Check(err)
	request.Header.Set("Authorization", "Bearer "+access.Token)
	answer, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}).Do(request)
	ts.Check(err)
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	ts.Check(err)
	if answer.StatusCode != http.StatusOK {
		ts.Fatalf("read %s: %s: %s", path, answer.Status, said)
	}
	ts.Check(json.Unmarshal(said, into))
}
