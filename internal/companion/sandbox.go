// SPDX-License-Identifier: Apache-2.0

package companion

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofrs/flock"

	"github.com/k8or/k8or/internal/problem"
)

// Sandbox is a running sandbox, as it announced itself in its folder.
type Sandbox struct {
	Protocol     int       `json:"protocol"`
	PID          int       `json:"pid"`
	Speed        float64   `json:"speed"`
	StartedAt    time.Time `json:"startedAt"`
	DigitalOcean string    `json:"digitalocean"` // the simulated API's address
	Admin        string    `json:"admin"`
	AdminToken   string    `json:"adminToken"`
	Token        string    `json:"token"`  // a DigitalOcean token that is good in the sandbox alone
	Spaces       string    `json:"spaces"` // the simulated Spaces' address, for buckets in the path
	SpacesKey    string    `json:"spacesKey"`
	SpacesSecret string    `json:"spacesSecret"`
	Registry     string    `json:"registry"` // host and port that stand for registry.digitalocean.com, plain HTTP
}

// startTimeout is how long a sandbox may take to answer: it is ready within a second on an idle machine.
const startTimeout = 15 * time.Second

// Running is the sandbox that keeps its state in dir; false when none listens there. One that listens and does not answer is an
// error.
func Running(ctx context.Context, dir string) (*Sandbox, bool, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "sandbox.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the sandbox's announcement: %w", err)
	}
	s := &Sandbox{}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, false, fmt.Errorf("read the sandbox's announcement in %s: %w", dir, err)
	}
	if s.Protocol != Protocol {
		return nil, false, &problem.Problem{Code: problem.CompanionProtocol, Title: fmt.Sprintf("the sandbox in %s speaks protocol %d, and this k8or speaks %d", dir, s.Protocol, Protocol),
			Fix: "stop it with the k8or that started it, or end its process (" + strconv.Itoa(s.PID) + ")"}
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	switch err := s.Call(ctx, http.MethodGet, "/status", nil, nil); {
	case errors.Is(err, context.DeadlineExceeded): // somebody listens, and a second sandbox in this folder would not start
		return nil, false, &problem.Problem{Code: problem.SandboxFailed, Title: fmt.Sprintf("the sandbox in %s does not answer", dir), Why: err.Error(),
			Fix: "try again when the machine is less busy, or end its process (" + strconv.Itoa(s.PID) + ")", Cause: err}
	case ctx.Err() != nil:
		return nil, false, context.Cause(ctx)
	case err != nil:
		return nil, false, nil // announced by a process that is gone
	}
	return s, true, nil
}

// StartOptions say how a sandbox is started.
type StartOptions struct {
	Dir          string  // its folder
	Speed        float64 // times faster than life
	ControlPlane string  // the control plane's binary; empty lets the sandbox look for it
	GodoStates   bool    // `deleted` where DigitalOcean says `deleting`
}

// Start starts a sandbox from the binary at path and waits until it answers. The process goes on when this one ends.
func Start(ctx context.Context, path string, o StartOptions) (*Sandbox, error) {
	if s, ok, err := Running(ctx, o.Dir); err != nil || ok {
		return s, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the sandbox's folder: %w", err)
	}
	logPath := filepath.Join(o.Dir, "sandbox.log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the sandbox's log: %w", err)
	}
	defer log.Close()
	args := []string{"serve", "--dir", o.Dir, "--speed", strconv.FormatFloat(o.Speed, 'f', -1, 64)}
	if o.ControlPlane != "" {
		args = append(args, "--controlplane", o.ControlPlane)
	}
	if o.GodoStates {
		args = append(args, "--godo-states")
	}
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment(), log, log
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	limit := time.NewTimer(startTimeout)
	defer limit.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			s, ok, err := Running(ctx, o.Dir)
			if err != nil {
				return nil, err
			}
			if ok {
				return s, nil
			}
		case err := <-ended:
			if err == nil {
				err = errors.New("it said nothing of an error")
			}
			return nil, failed(logPath, fmt.Errorf("it ended at once: %w", err))
		case <-limit.C:
			return nil, failed(logPath, fmt.Errorf("it did not answer within %s", startTimeout))
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func failed(log string, err error) error {
	why := err.Error()
	if raw, readErr := os.ReadFile(log); readErr == nil && len(raw) > 0 {
		why += ": " + string(bytes.TrimSpace(raw[max(0, len(raw)-600):]))
	}
	return &problem.Problem{Code: problem.SandboxFailed, Title: "the sandbox could not be started", Why: why, Fix: "its log is " + log, Cause: err}
}

// Call asks the sandbox's admin API. In and out may be nil.
func (s *Sandbox) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	answer, err := ask(ctx, method, s.Admin, path, s.AdminToken, body)
	if err != nil || out == nil || len(answer) == 0 {
		return err
	}
	return json.Unmarshal(answer, out)
}

// Get reads from the simulated DigitalOcean: a path below /v2.
func (s *Sandbox) Get(ctx context.Context, path string) ([]byte, error) {
	return ask(ctx, http.MethodGet, s.DigitalOcean, path, s.Token, nil)
}

// ask makes one call and gives the answer's body.
func ask(ctx context.Context, method, base, path, token string, body io.Reader) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the sandbox: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("ask the sandbox: %w", err)
	}
	if resp.StatusCode >= 300 {
		var said struct {
			Message string `json:"message"`
		}
		if json.Unmarshal(answer, &said) != nil || said.Message == "" {
			said.Message = resp.Status
		}
		return nil, fmt.Errorf("the sandbox refuses %s %s: %s", method, path, said.Message)
	}
	return answer, nil
}

// Stop ends a sandbox and waits until its folder is free for another: it holds a lock on it until it has put everything away.
func (s *Sandbox) Stop(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := s.Call(ctx, http.MethodPost, "/stop", nil, nil); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	switch free, err := lock.TryLockContext(ctx, 20*time.Millisecond); {
	case free:
		return lock.Unlock()
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the sandbox (process %d) still runs after being asked to stop", s.PID)
	default:
		return fmt.Errorf("wait for the sandbox's end: %w", err)
	}
}
