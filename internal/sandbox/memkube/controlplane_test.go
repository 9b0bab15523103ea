// SPDX-License-Identifier: Apache-2.0

package memkube_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/k8or/k8or/internal/sandbox/memkube/suite"
)

// bootLimit is how long the control plane may take until it says where it is.
const bootLimit = 2 * time.Minute

func TestSuiteHoldsOnTheRealControlPlane(t *testing.T) {
	t.Parallel()
	binary := controlPlane()
	if binary == "" {
		t.Skip("no control plane to hold the suite to: build bin/k8or-controlplane, or name one by K8OR_CONTROLPLANE")
	}
	config := boot(t, binary)
	suite.Run(t, func() *rest.Config { return rest.CopyConfig(config) })
}

// controlPlane finds the binary, or nothing.
func controlPlane() string {
	if path := os.Getenv("K8OR_CONTROLPLANE"); path != "" {
		return path
	}
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
			continue
		}
		path := filepath.Join(dir, "bin", "k8or-controlplane")
		if _, err := os.Stat(path); err != nil {
			return ""
		}
		return path
	}
	return ""
}

// boot starts a cluster that lives as long as the test, whose end it sees by its closed standard input.
func boot(t *testing.T, binary string) *rest.Config {
	t.Helper()
	dir := t.TempDir()
	key := make([]byte, 32)
	rand.Read(key) // never fails
	if err := os.WriteFile(filepath.Join(dir, "token-key"), []byte(hex.EncodeToString(key)), 0o600); err != nil {
		t.Fatal(err)
	}
	serve := exec.Command(binary, "serve", "--dir", dir, "--kubernetes-version", "1.36.3", "--service-subnet", "10.112.0.0/19",
		"--cluster-subnet", "10.100.0.0/16", "--listen", "127.0.0.1:0", "--speed", "60")
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	serve.Stderr = stderr
	stdin, err := serve.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatalf("start the control plane: %v", err)
	}
	lines := make(chan []byte, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(lines)
		said := bufio.NewReader(stdout)
		if line, err := said.ReadBytes('\n'); err == nil {
			lines <- line
		}
		_, _ = io.Copy(io.Discard, said) // what it says later is of no use here, but must not block it
	}()
	t.Cleanup(func() {
		stdin.Close()
		<-read
		_ = serve.Wait() // how it ends does not matter any more
		stderr.Close()
		if t.Failed() {
			said, _ := os.ReadFile(stderr.Name())
			t.Logf("the control plane said:\n%s", said[max(0, len(said)-8000):])
		}
	})
	var at struct {
		Server    string `json:"server"`
		Authority string `json:"certificateAuthority"`
	}
	select {
	case line, ok := <-lines:
		if !ok {
			t.Fatal("the control plane ended before it was ready")
		}
		if err := json.Unmarshal(line, &at); err != nil {
			t.Fatalf("read where the control plane is from %q: %v", line, err)
		}
	case <-time.After(bootLimit):
		_ = serve.Process.Kill() // it did not come up: nothing to lose
		t.Fatalf("the control plane was not ready after %v", bootLimit)
	}
	authority, err := base64.StdEncoding.DecodeString(at.Authority)
	if err != nil {
		t.Fatalf("read the control plane's certificate authority: %v", err)
	}
	return &rest.Config{
		Host: at.Server, BearerToken: bearer(t, key), QPS: -1, Timeout: 0,
		TLSClientConfig: rest.TLSClientConfig{CAData: authority},
	}
}

// bearer is a token as the simulated DOKS gives out.
func bearer(t *testing.T, key []byte) string {
	t.Helper()
	payload, err := json.Marshal(map[string]any{
		"user": "suite", "groups": []string{"system:masters"}, "exp": time.Now().Add(time.Hour).Unix(), "cluster": "suite",
	})
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(payload)
	encode := base64.RawURLEncoding.EncodeToString
	return "doks_v1_" + encode(payload) + "." + encode(mac.Sum(nil))
}
