// SPDX-License-Identifier: Apache-2.0

// Package kubetest gives tests a real Kubernetes API server: k8or's own simulated control plane, one for each test
// binary. Without its program, tests that ask for it are skipped, and say so.
package kubetest

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/kube"
)

// Version is the Kubernetes release that the control plane emulates.
const Version = "1.36.3"

// readyWithin is how long a control plane may take to serve. It takes seconds on an idle machine.
const readyWithin = 3 * time.Minute

// ControlPlane is a running API server.
type ControlPlane struct {
	server string
	ca     []byte
	key    []byte
	dir    string
	end    func()
}

var (
	once    sync.Once
	shared  *ControlPlane
	errNone error
)

// Main runs a package's tests and ends the control plane, if one was started, afterwards:
//
//	func TestMain(m *testing.M) { os.Exit(kubetest.Main(m)) }
func Main(m *testing.M) int {
	defer func() {
		if shared != nil {
			shared.end()
		}
	}()
	return m.Run()
}

// Start returns the control plane of this test binary, started at the first call. The test is skipped where there is no
// control plane program.
func Start(t testing.TB) *ControlPlane {
	t.Helper()
	if testing.Short() {
		t.Skip("a control plane is not started with -short")
	}
	once.Do(func() { shared, errNone = start() })
	if errors.Is(errNone, errNoProgram) {
		t.Skip(errNone)
	}
	if errNone != nil {
		t.Fatalf("start a control plane: %v", errNone)
	}
	return shared
}

// Credentials are good for an hour.
func (p *ControlPlane) Credentials(context.Context) (kube.Credentials, error) {
	expires := time.Now().Add(time.Hour)
	return kube.Credentials{Server: p.server, CAData: p.ca, Token: p.Token(expires), Expires: expires}, nil
}

// Token signs a token for an administrator.
func (p *ControlPlane) Token(expires time.Time) string {
	payload, err := json.Marshal(map[string]any{
		"user": "test@example.com", "groups": []string{"system:masters"}, "exp": expires.Unix(), "cluster": "test"})
	if err != nil {
		panic(err) // a map of strings and numbers is always JSON
	}
	mac := hmac.New(sha256.New, p.key)
	mac.Write(payload)
	encode := base64.RawURLEncoding.EncodeToString
	return "doks_v1_" + encode(payload) + "." + encode(mac.Sum(nil))
}

// Cluster connects to the control plane for a platform.
func (p *ControlPlane) Cluster(platform string) *kube.Cluster {
	return kube.New(kube.Options{Platform: platform, Credentials: p.Credentials})
}

// Client is a client for what a test does beside k8or.
func (p *ControlPlane) Client(t testing.TB) client.Client {
	t.Helper()
	c, err := p.Cluster("test").Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Namespace makes a namespace for one test and takes it away after it.
func (p *ControlPlane) Namespace(t testing.TB) string {
	t.Helper()
	c := p.Client(t)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := c.Create(t.Context(), namespace); err != nil {
		t.Fatalf("create a namespace: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_ = c.Delete(ctx, namespace)
	})
	return namespace.Name
}

// Node makes a simulated node with the given labels, on which pods come to run without running anything.
func (p *ControlPlane) Node(t testing.TB, name string, labels map[string]string) {
	t.Helper()
	c := p.Client(t)
	room := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("4"), corev1.ResourceMemory: resource.MustParse("8Gi"), corev1.ResourcePods: resource.MustParse("110")}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels, Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"}},
		Status:     corev1.NodeStatus{Capacity: room, Allocatable: room},
	}
	if err := c.Create(t.Context(), node); err != nil {
		t.Fatalf("create node %s: %v", name, err)
	}
	node.Status = corev1.NodeStatus{Capacity: room, Allocatable: room}
	if err := c.Status().Update(t.Context(), node); err != nil {
		t.Logf("give node %s its room: %v", name, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_ = c.Delete(ctx, node)
	})
}

var errNoProgram = errors.New("no control plane program: build it with `make build`, or name it with K8OR_CONTROLPLANE")

// program finds k8or-controlplane: named by the environment, or in the repository's bin folder.
func program() (string, error) {
	if named := os.Getenv("K8OR_CONTROLPLANE"); named != "" {
		if _, err := os.Stat(named); err != nil {
			return "", fmt.Errorf("K8OR_CONTROLPLANE: %w", err)
		}
		return named, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	name := "k8or-controlplane"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			if found := filepath.Join(dir, "bin", name); isFile(found) {
				return found, nil
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errNoProgram
		}
		dir = parent
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func start() (_ *ControlPlane, err error) {
	path, err := program()
	if err != nil {
		return nil, err
	}
	p := &ControlPlane{key: make([]byte, sha256.Size)}
	if _, err := rand.Read(p.key); err != nil {
		return nil, err
	}
	if p.dir, err = os.MkdirTemp("", "k8or-controlplane-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(p.dir))
		}
	}()
	if err := os.WriteFile(filepath.Join(p.dir, "token-key"), []byte(hex.EncodeToString(p.key)), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(path, "serve", "--dir", p.dir, "--kubernetes-version", Version,
		"--service-subnet", "10.112.0.0/19", "--cluster-subnet", "10.100.0.0/16", "--listen", "127.0.0.1:0", "--speed", "60")
	log, err := os.Create(filepath.Join(p.dir, "log"))
	if err != nil {
		return nil, err
	}
	cmd.Stderr = log
	stdin, err := cmd.StdinPipe() // it ends when its standard input does
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p.end = func() {
		stdin.Close()
		killer := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		killer.Stop()
		log.Close()
		_ = os.RemoveAll(p.dir)
	}
	if err := p.awaitReady(stdout); err != nil {
		said, _ := os.ReadFile(filepath.Join(p.dir, "log"))
		p.end()
		return nil, fmt.Errorf("%w\n%s", err, tail(said))
	}
	return p, nil
}

// awaitReady reads the one line that the control plane prints when it serves.
func (p *ControlPlane) awaitReady(stdout io.Reader) error {
	lines := make(chan error, 1)
	go func() {
		line, err := bufio.NewReader(stdout).ReadBytes('\n')
		if err != nil {
			lines <- fmt.Errorf("it ended before it was ready: %w", err)
			return
		}
		var ready struct {
			Server               string `json:"server"`
			CertificateAuthority []byte `json:"certificateAuthority"`
		}
		err = json.Unmarshal(line, &ready)
		p.server, p.ca = ready.Server, ready.CertificateAuthority
		lines <- err
		_, _ = io.Copy(io.Discard, stdout)
	}()
	select {
	case err := <-lines:
		return err
	case <-time.After(readyWithin):
		return fmt.Errorf("it was not ready within %s", readyWithin)
	}
}

func tail(log []byte) string {
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
