// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/k8or/k8or/sandbox/controlplane/token"
)

// asCommand in the environment makes the test binary behave as the command: one process can serve one cluster, so every
// cluster of these tests is a child.
const asCommand = "K8OR_CONTROLPLANE_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// command is a child that runs this command with args. Its standard input stays open until stdin is closed.
type command struct {
	*exec.Cmd
	stdin  io.WriteCloser
	stdout io.Reader
	stderr *output
}

func start(t *testing.T, args ...string) *command {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &command{Cmd: exec.Command(self, args...), stderr: &output{}}
	c.Env = append(os.Environ(), asCommand+"=1")
	c.Stderr = c.stderr
	if c.stdin, err = c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if c.stdout, err = c.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	return c
}

// end waits for the child to end and returns its exit code.
func (c *command) end(t *testing.T, limit time.Duration) int {
	t.Helper()
	timer := time.AfterFunc(limit, func() { _ = c.Process.Kill() })
	_, _ = io.Copy(io.Discard, c.stdout)
	_ = c.Wait()
	if !timer.Stop() {
		t.Fatalf("the command did not end within %s; its log:\n%s", limit, c.stderr)
	}
	return c.ProcessState.ExitCode()
}

// output collects what a child writes, for tests that fail.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// cluster is a served cluster.
type cluster struct {
	*command
	dir   string
	key   []byte
	ready readyLine
}

type readyLine struct {
	Protocol             int    `json:"protocol"`
	State                string `json:"state"`
	Server               string `json:"server"`
	CertificateAuthority string `json:"certificateAuthority"`
	BootMillis           int64  `json:"bootMillis"`
}

// newKey makes a cluster's folder with a key in it, as the sandbox does.
func newKey(t *testing.T) (dir string, key []byte) {
	t.Helper()
	dir, key = t.TempDir(), make([]byte, token.KeySize)
	if _, err := rand.Read(key); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, token.KeyFile), []byte(hex.EncodeToString(key)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, key
}

// serveUntilReady serves dir and returns once the cluster says that it is ready.
func serveUntilReady(t *testing.T, dir string, key []byte, release string) *cluster {
	t.Helper()
	c := &cluster{dir: dir, key: key, command: start(t, "serve", "--dir", dir, "--kubernetes-version", release,
		"--service-subnet", "10.112.0.0/19", "--cluster-subnet", "10.100.0.0/16", "--listen", "127.0.0.1:0", "--speed", "60")}
	line, err := bufio.NewReader(c.stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("no ready line: %v; the command's log:\n%s", err, c.stderr)
	}
	if err := json.Unmarshal(line, &c.ready); err != nil {
		t.Fatalf("ready line %q: %v", line, err)
	}
	t.Logf("Kubernetes %s was ready after %d ms", release, c.ready.BootMillis)
	return c
}

// bearing is a client configuration with a token for claims.
func (c *cluster) bearing(t *testing.T, key []byte, claims token.Claims) *rest.Config {
	t.Helper()
	bearer, err := token.Sign(key, claims)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := base64.StdEncoding.DecodeString(c.ready.CertificateAuthority)
	if err != nil {
		t.Fatal(err)
	}
	return &rest.Config{
		Host: c.ready.Server, BearerToken: bearer, QPS: -1,
		TLSClientConfig: rest.TLSClientConfig{CAData: authority},
	}
}

// admin is a client configuration with every right.
func (c *cluster) admin(t *testing.T) *rest.Config {
	t.Helper()
	return c.bearing(t, c.key, token.Claims{
		User: "ada@example.com", Groups: []string{"system:masters"}, Cluster: "c0ffee", Expires: time.Now().Add(time.Hour).Unix(),
	})
}

// eventually tries probe until it returns nil.
func eventually(t *testing.T, what string, probe func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := probe(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not within a minute: %v", what, err)
		}
	}
}
