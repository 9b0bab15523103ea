// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// speed is how many times faster than life the sandbox runs.
const speed = 60

// session is one client at work: its sandbox, a recording proxy in front of it, and a home of its own.
type session struct {
	*testing.T
	part     part
	api      string // the proxy
	token    string
	proxy    *recorder
	dir      string
	env      []string
	versions []string // what ran: "doctl 1.166.0"
	actions  []action
}

// action is one thing a client was asked for, and what came of it.
type action struct {
	name string
	err  error
}

func findControlPlane(t *testing.T) string {
	t.Helper()
	for _, path := range []string{os.Getenv("K8OR_CONTROLPLANE"), executable(filepath.Join("..", "..", "bin", "k8or-controlplane"))} {
		if info, err := os.Stat(path); path != "" && err == nil && info.Mode().IsRegular() {
			absolute, err := filepath.Abs(path)
			if err != nil {
				t.Fatal(err)
			}
			return absolute
		}
	}
	t.Skip("the control plane's binary is not there: `make build` makes bin/k8or-controlplane, or K8OR_CONTROLPLANE names it")
	return ""
}

func buildSandbox(t *testing.T) string {
	t.Helper()
	path := executable(filepath.Join(t.TempDir(), "k8or-sandbox"))
	if out, err := exec.Command("go", "build", "-o", path, "github.com/k8or/k8or/cmd/k8or-sandbox").CombinedOutput(); err != nil {
		t.Fatalf("build the sandbox: %v\n%s", err, out)
	}
	return path
}

func executable(path string) string {
	if runtime.GOOS == "windows" {
		return path + ".exe"
	}
	return path
}

// open starts a sandbox and the proxy before it. Both end with the test.
func open(t *testing.T, p part, sandbox, controlPlane string) *session {
	t.Helper()
	s := &session{T: t, part: p, dir: t.TempDir(), proxy: &recorder{}}
	folder := filepath.Join(s.dir, "sandbox")
	log := &bytes.Buffer{}
	serve := exec.Command(sandbox, "serve", "--dir", folder, "--speed", fmt.Sprint(speed), "--controlplane", controlPlane, "--godo-states")
	serve.Stderr = log
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve.Wait() }()
	var info struct{ DigitalOcean, Token, Admin, AdminToken, Spaces, SpacesKey, SpacesSecret string }
	t.Cleanup(func() {
		stop, _ := http.NewRequest("POST", info.Admin+"/stop", nil)
		stop.Header.Set("Authorization", "Bearer "+info.AdminToken)
		if answer, err := http.DefaultClient.Do(stop); err == nil {
			answer.Body.Close()
		} else {
			serve.Process.Kill() //nolint:errcheck // it may have ended
		}
		<-ended
	})
	if err := s.until(30*time.Second, "the sandbox listens", func() error {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the sandbox ended: %v\n%s", err, log)
		default:
		}
		text, err := os.ReadFile(filepath.Join(folder, "sandbox.json"))
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &info)
	}); err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(info.DigitalOcean)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(s.proxy.handler(target))
	t.Cleanup(proxy.Close)
	s.api, s.token = proxy.URL, info.Token
	s.env = []string{
		"HOME=" + s.dir, "XDG_CONFIG_HOME=" + filepath.Join(s.dir, "config"), "KUBECONFIG=" + filepath.Join(s.dir, "kubeconfig"),
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + s.dir, "NO_COLOR=1",
		"DIGITALOCEAN_API_URL=" + s.api, "DIGITALOCEAN_ACCESS_TOKEN=" + s.token, "DIGITALOCEAN_TOKEN=" + s.token,
		"SPACES_ENDPOINT_URL=http://{{.Region}}.digitaloceanspaces.com", "SPACES_ACCESS_KEY_ID=" + info.SpacesKey, "SPACES_SECRET_ACCESS_KEY=" + info.SpacesSecret,
		"AWS_ENDPOINT_URL_S3=" + info.Spaces, "AWS_ACCESS_KEY_ID=" + info.SpacesKey, "AWS_SECRET_ACCESS_KEY=" + info.SpacesSecret, "AWS_DEFAULT_REGION=ams3",
		// Clients ask the internet for news of themselves. Port 9 answers nobody, so that nothing leaves this machine; by plain HTTP
		// they find the simulated Spaces, which leads nowhere else.
		"HTTPS_PROXY=http://127.0.0.1:9", "HTTP_PROXY=" + info.Spaces, "NO_PROXY=127.0.0.1,localhost", "CHECKPOINT_DISABLE=1",
	}
	return s
}

// do runs one action and writes down what came of it. Later actions run even when it fails.
func (s *session) do(name string, f func() error) {
	s.Helper()
	s.proxy.begin(name)
	began := time.Now()
	err := f()
	s.actions = append(s.actions, action{name, err})
	if err != nil {
		s.Errorf("%s: %v", name, err)
		return
	}
	s.Logf("%s: works, %s", name, time.Since(began).Round(10*time.Millisecond))
}

// exec runs a client and returns what it printed. An error holds what it complained of.
func (s *session) exec(binary string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), 5*time.Minute, errors.New("it took over 5 minutes"))
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env, cmd.Dir = s.env, s.dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return stdout.String(), &failed{args, err, strings.TrimSpace(strings.ReplaceAll(stdout.String()+stderr.String(), s.token, "[hidden]"))}
	}
	return stdout.String(), nil
}

// variable is what a client finds in its environment.
func (s *session) variable(name string) string {
	s.Helper()
	for _, v := range s.env {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	s.Fatalf("there is no variable %s", name)
	return ""
}

// failed is a client's failure.
type failed struct {
	args []string
	err  error
	said string
}

// Error says what was run, how it ended and what it said.
func (f *failed) Error() string {
	return strings.Join(f.args, " ") + ": " + f.err.Error() + "\n" + f.said
}

// Unwrap is how it ended.
func (f *failed) Unwrap() error { return f.err }

// until tries again until f has no more to complain of, or the limit is over.
func (s *session) until(limit time.Duration, what string, f func() error) error {
	for end := time.Now().Add(limit); ; {
		err := f()
		if err == nil || time.Now().After(end) {
			if err != nil {
				err = fmt.Errorf("%s: not within %s: %w", what, limit, err)
			}
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// call asks the sandbox beside the client, without being recorded.
func (s *session) call(method, path, body string) ([]byte, error) {
	r, err := http.NewRequest(method, s.api+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set(unrecorded, "yes")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s %s", method, path, answer.Status, text)
	}
	return text, err
}
