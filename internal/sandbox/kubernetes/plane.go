// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

const (
	planeDir = "controlplane" // the control plane's own folder within a cluster's
	portFile = "port"         // the port it had, so that it comes back there
	logFile  = "controlplane.log"
)

// plane is one cluster's control plane and the hands that play DigitalOcean around it.
type plane struct {
	runtime  *Runtime
	dir      string
	services string // the range of the cluster's Services, for good

	mu       sync.Mutex
	spec     digitalocean.ClusterSpec
	process  *process
	endpoint digitalocean.Endpoint
	client   kubernetes.Interface
	hands    *hands
	ended    bool
}

// process is one run of the binary.
type process struct {
	command *exec.Cmd
	stdin   io.Closer
	exited  chan struct{}
	wanted  bool // its end is wanted
}

// start brings the control plane up at a version; one that runs another version is ended first, and its state goes on.
func (p *plane) start(ctx context.Context, b *binary, k digitalocean.ClusterSpec) (digitalocean.Endpoint, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	runs := p.process != nil && p.spec.Version == k.Version
	if runs && p.hands != nil {
		return p.endpoint, nil
	}
	p.spec = k
	if !runs {
		p.halt()
		if err := p.run(ctx, b); err != nil {
			return digitalocean.Endpoint{}, err
		}
	}
	if p.hands == nil {
		if err := p.prepare(ctx); err != nil {
			p.halt()
			return digitalocean.Endpoint{}, err
		}
	}
	return p.endpoint, nil
}

// run starts the binary and waits for its word that it is ready.
func (p *plane) run(ctx context.Context, b *binary) error {
	own := filepath.Join(p.dir, planeDir)
	if err := os.MkdirAll(own, 0o700); err != nil {
		return fmt.Errorf("start cluster %s: %w", p.spec.Name, err)
	}
	if err := makeKey(own); err != nil {
		return fmt.Errorf("start cluster %s: its token key: %w", p.spec.Name, err)
	}
	log, err := os.Create(filepath.Join(p.dir, logFile))
	if err != nil {
		return fmt.Errorf("start cluster %s: %w", p.spec.Name, err)
	}
	defer log.Close()
	command := exec.Command(b.path, "serve", "--dir", own, "--kubernetes-version", p.spec.Version,
		"--service-subnet", p.spec.ServiceSubnet, "--cluster-subnet", p.spec.ClusterSubnet,
		"--listen", "127.0.0.1:"+p.port(), "--speed", strconv.FormatFloat(p.runtime.options.Speed, 'g', -1, 64))
	command.Stderr = log
	stdin, err := command.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start cluster %s: %w", p.spec.Name, err)
	}
	one := &process{command: command, stdin: stdin, exited: make(chan struct{})}
	words := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		words <- line
		io.Copy(io.Discard, stdout) //nolint:errcheck // it says nothing more
		command.Wait()              //nolint:errcheck // its end is all that matters
		close(one.exited)
	}()
	p.process = one
	select {
	case line := <-words:
		if err := p.answered(line); err != nil {
			p.halt()
			return fmt.Errorf("start cluster %s: %w; %s has its log", p.spec.Name, err, filepath.Join(p.dir, logFile))
		}
	case <-ctx.Done():
		p.halt()
		return ctx.Err()
	case <-time.After(2 * time.Minute):
		p.halt()
		return fmt.Errorf("start cluster %s: no answer within 2 minutes; %s has its log", p.spec.Name, filepath.Join(p.dir, logFile))
	}
	go p.watch(one)
	return nil
}

// port is the last run's, or 0 for any.
func (p *plane) port() string {
	text, err := os.ReadFile(filepath.Join(p.dir, portFile))
	if err != nil {
		return "0"
	}
	return strings.TrimSpace(string(text))
}

// answered reads the line by which the binary says that it is ready.
func (p *plane) answered(line string) error {
	var ready struct {
		Protocol             int    `json:"protocol"`
		State                string `json:"state"`
		Server               string `json:"server"`
		CertificateAuthority string `json:"certificateAuthority"`
	}
	if line == "" {
		os.Remove(filepath.Join(p.dir, portFile)) // it may be the port that is taken
		return errors.New("the control plane ended before it was ready")
	}
	if err := json.Unmarshal([]byte(line), &ready); err != nil {
		return fmt.Errorf("the control plane's answer %q: %w", strings.TrimSpace(line), err)
	}
	if ready.Protocol != protocol || ready.State != "ready" {
		return fmt.Errorf("the control plane says %q with protocol %d", ready.State, ready.Protocol)
	}
	authority, err := base64.StdEncoding.DecodeString(ready.CertificateAuthority)
	if err != nil {
		return fmt.Errorf("the control plane's authority: %w", err)
	}
	server, err := url.Parse(ready.Server)
	if err != nil {
		return fmt.Errorf("the control plane's address: %w", err)
	}
	p.endpoint = digitalocean.Endpoint{Server: ready.Server, CertificateAuthority: authority}
	return os.WriteFile(filepath.Join(p.dir, portFile), []byte(server.Port()), 0o600)
}

// watch brings a control plane that ended by itself up again.
func (p *plane) watch(one *process) {
	<-one.exited
	for {
		p.mu.Lock()
		if one.wanted || p.ended || p.process != one {
			p.mu.Unlock()
			return
		}
		p.runtime.options.Log("the control plane of cluster %s ended by itself; it is started again", p.spec.Name)
		b, err := find(p.runtime.options.Binary)
		if err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			err = p.run(ctx, b)
			cancel()
		}
		if err == nil {
			p.mu.Unlock()
			return
		}
		p.process = one
		p.mu.Unlock()
		p.runtime.options.Log("%v", err)
		time.Sleep(5 * time.Second)
	}
}

// halt ends the process that runs, gently, then not.
func (p *plane) halt() {
	one := p.process
	if one == nil {
		return
	}
	p.process, one.wanted = nil, true
	one.stdin.Close()
	select {
	case <-one.exited:
	case <-time.After(10 * time.Second):
		one.command.Process.Kill() //nolint:errcheck // it may be gone
		<-one.exited
	}
}

// end stops the hands and the process for good.
func (p *plane) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	if p.hands != nil {
		p.hands.stop()
	}
	p.halt()
}

// prepare makes a client, puts there what DOKS puts into a new cluster, and starts the hands.
func (p *plane) prepare(ctx context.Context) error {
	bearer, err := token(filepath.Join(p.dir, planeDir), p.spec.ID, "digitalocean", time.Now().AddDate(10, 0, 0))
	if err != nil {
		return err
	}
	config := &rest.Config{
		Host: p.endpoint.Server, BearerToken: bearer, TLSClientConfig: rest.TLSClientConfig{CAData: p.endpoint.CertificateAuthority},
		UserAgent: "digitalocean", QPS: 200, Burst: 400,
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("reach cluster %s: %w", p.spec.Name, err)
	}
	custom, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("reach cluster %s: %w", p.spec.Name, err)
	}
	if err := furnish(ctx, client, p.spec); err != nil {
		return fmt.Errorf("furnish cluster %s: %w", p.spec.Name, err)
	}
	if err := Definitions(ctx, custom, p.spec); err != nil {
		return fmt.Errorf("furnish cluster %s: %w", p.spec.Name, err)
	}
	p.client = client
	p.hands = newHands(p.runtime, p.spec, client, custom)
	return nil
}
