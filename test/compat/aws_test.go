// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// amazon goes through what people do with buckets: at the simulated Spaces' own address, with buckets in the path, and at
// Spaces' real names, with buckets in the host, which the sandbox answers as a proxy.
func amazon(s *session) {
	for style, endpoint := range map[string][]string{"path": nil, "host": {"--region", "fra1", "--endpoint-url", "http://fra1.digitaloceanspaces.com"}} {
		s.buckets(style, endpoint)
	}
	s.do("version", func() error {
		text, err := s.exec(os.Getenv("K8OR_AWS"), "--version")
		if err != nil {
			return err
		}
		program, _, _ := strings.Cut(strings.TrimSpace(text), " ")
		s.versions = []string{strings.ReplaceAll(program, "/", " ")}
		return nil
	})
}

func (s *session) buckets(style string, endpoint []string) {
	bucket := "s3://compat-" + style
	run := func(args ...string) (string, error) {
		return s.exec(os.Getenv("K8OR_AWS"), append(endpoint, args...)...)
	}
	runs := func(args ...string) {
		s.do(style+": "+strings.Join(args, " "), func() error {
			_, err := run(args...)
			return err
		})
	}
	big := bytes.Repeat([]byte("k8or"), 5<<20) // 20 MiB, in three parts
	s.write("big", string(big))
	runs("s3", "mb", bucket)
	runs("s3", "cp", "--no-progress", "big", bucket+"/a folder/big")
	s.do(style+": s3 cp back, of a file in parts", func() error {
		if _, err := run("s3", "cp", "--no-progress", bucket+"/a folder/big", "back"); err != nil {
			return err
		}
		back, err := os.ReadFile(filepath.Join(s.dir, "back"))
		if err == nil && !bytes.Equal(back, big) {
			err = fmt.Errorf("%d bytes came back, and not those %d that were sent", len(back), len(big))
		}
		return err
	})
	s.do(style+": s3 ls --recursive", func() error {
		text, err := run("s3", "ls", "--recursive", bucket)
		if err == nil && !strings.Contains(text, "20971520 a folder/big") {
			err = fmt.Errorf("the list is %q", text)
		}
		return err
	})
	runs("s3api", "put-bucket-versioning", "--bucket", "compat-"+style, "--versioning-configuration", "Status=Enabled")
	runs("s3api", "put-bucket-lifecycle-configuration", "--bucket", "compat-"+style, "--lifecycle-configuration",
		`{"Rules":[{"ID":"logs","Status":"Enabled","Filter":{"Prefix":"logs/"},"Expiration":{"Days":7}}]}`)
	runs("s3api", "get-bucket-lifecycle-configuration", "--bucket", "compat-"+style)
	runs("s3api", "put-bucket-cors", "--bucket", "compat-"+style, "--cors-configuration", `{"CORSRules":[{"AllowedOrigins":["*"],"AllowedMethods":["GET"]}]}`)
	runs("s3api", "put-bucket-acl", "--bucket", "compat-"+style, "--acl", "public-read")
	runs("s3api", "get-bucket-acl", "--bucket", "compat-"+style)
	runs("s3", "mv", "--no-progress", bucket+"/a folder/big", bucket+"/moved")
	s.do(style+": s3 rb is refused while there are versions", func() error {
		if _, err := run("s3", "rb", bucket); err == nil || !strings.Contains(err.Error(), "BucketNotEmpty") {
			return fmt.Errorf("it ended with %v", err)
		}
		return nil
	})
}
