// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/sandbox/controlplane/token"
)

func TestVersionPrintsTheProtocol(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	if code := run([]string{"version"}, strings.NewReader(""), &stdout, io.Discard); code != exitDone {
		t.Fatalf("version ended %d", code)
	}
	var got map[string]any
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatalf("version printed %q: %v", stdout.String(), err)
	}
	if got["name"] != "k8or-controlplane" || got["protocol"] != 1.0 || got["kubernetes"] == "" || len(got["minors"].([]any)) != 4 {
		t.Errorf("version printed %v", got)
	}
}

func TestServeSaysInOneLineWhyItCannotStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	good := func(t *testing.T) string { dir, _ := newKey(t); return dir }
	for _, row := range []struct {
		why  string
		dir  func(*testing.T) string
		args []string
		code int
		want string
	}{
		{"the minor is too old", good, []string{"--kubernetes-version", "1.33.1"}, exitFailed, "1.37, 1.36, 1.35, 1.34"},
		{"the version is no release", good, []string{"--kubernetes-version", "latest"}, exitFailed, "such as 1.36.3"},
		{"the port is taken", good, []string{"--kubernetes-version", "1.36.3", "--listen", taken.Addr().String()}, exitFailed, "address already in use"},
		{"there is no key", func(t *testing.T) string { return t.TempDir() }, []string{"--kubernetes-version", "1.36.3"}, exitFailed, token.KeyFile},
		{"the folder cannot be written", underFile, []string{"--kubernetes-version", "1.36.3"}, exitFailed, "choose another with --dir"},
		{"the folder was served by a newer minor", servedBy("1.37.2"), []string{"--kubernetes-version", "1.36.3"}, exitFailed, "cannot go back"},
		{"the upgrade passes over a minor", servedBy("1.34.1"), []string{"--kubernetes-version", "1.36.3"}, exitFailed, "one minor at a time"},
		{"a flag is missing", good, nil, exitUsage, "--kubernetes-version is missing"},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			c := start(t, append([]string{"serve", "--dir", row.dir(t)}, row.args...)...)
			code := c.end(t, 30*time.Second)
			log := c.stderr.String()
			if code != row.code || !strings.Contains(log, row.want) {
				t.Errorf("it ended %d, want %d with %q; it said:\n%s", code, row.code, row.want, log)
			}
			if row.code == exitFailed && strings.Count(log, "\n") != 1 {
				t.Errorf("it said more than one line:\n%s", log)
			}
		})
	}
}

// underFile is a folder that cannot be made, because its parent is a file.
func underFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(file, "cluster")
}

func servedBy(release string) func(*testing.T) string {
	return func(t *testing.T) string {
		dir, _ := newKey(t)
		if err := os.WriteFile(filepath.Join(dir, "release.json"), []byte(`{"kubernetes":"`+release+`"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
}
