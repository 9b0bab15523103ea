// SPDX-License-Identifier: Apache-2.0

package database

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

// superuser is our own in every server; no client may be it.
const superuser = "k8or_sandbox"

// server is the real one behind one cluster.
type server struct {
	runtime *Runtime
	program program
	id      string
	dir     string // data, socket and log

	mu      sync.Mutex // guards what follows; held while the server is started or made as the API says
	process *process
	admin   admin       // nil: it does not run
	backups []time.Time // that were taken
	gone    bool

	poolsMu sync.Mutex
	pools   map[string]chan struct{} // places, by pool
}

// process is one run of the server. Its shell ends it when our end of the pipe closes, so that it does not outlive us.
type process struct {
	command *exec.Cmd
	stdin   io.Closer
	exited  chan struct{}
}

// keeper runs the server, and ends it by the signal that it is given first when the pipe on its standard input closes.
const keeper = `s=$1; shift; exec 3<&0; "$@" </dev/null 3<&- & p=$!; { read -r x <&3; kill -$s $p; } 2>/dev/null & exec 3<&-; wait $p`

func (s *server) data() string { return filepath.Join(s.dir, "data") }
func (s *server) log() string  { return filepath.Join(s.dir, "log") }

// ready starts the server if it does not run, makes it as the API says, and returns its socket.
func (s *server) ready(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return "", errors.New("the cluster is gone")
	}
	spec, err := s.runtime.options.Cloud.DatabaseServer(s.id)
	if err != nil {
		return "", err
	}
	if err := s.run(ctx, spec); err != nil {
		return "", err
	}
	if err := s.admin.level(spec); err != nil {
		return "", err
	}
	return s.program.socket(s.dir), s.backUp(spec)
}

// follow makes a server that runs as the API says, and takes the backups that are due; one that does not run has time.
func (s *server) follow() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil || s.gone {
		return nil
	}
	spec, err := s.runtime.options.Cloud.DatabaseServer(s.id)
	if err != nil {
		return err
	}
	if err := s.admin.level(spec); err != nil {
		return err
	}
	return s.backUp(spec)
}

// run starts the server, from nothing, from what it left, or from a backup of the cluster that this one is a copy of.
func (s *server) run(ctx context.Context, spec digitalocean.DatabaseServer) error {
	if s.process != nil {
		select {
		case <-s.process.exited:
			s.halt()
		default:
			return nil
		}
	}
	if err := s.prepare(spec); err != nil {
		return err
	}
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	connections := spec.Connections
	if connections == 0 {
		connections = 100
	}
	c := command(s.runtime.place.owner, "/bin/sh", append([]string{"-c", keeper, "sh"}, s.program.run(s.dir, connections)...)...)
	c.Stdout, c.Stderr = log, log
	stdin, err := c.StdinPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.program.what(), err)
	}
	p := &process{c, stdin, make(chan struct{})}
	go func() {
		c.Wait() //nolint:errcheck // its end is all that matters
		close(p.exited)
	}()
	s.process = p
	if err := s.connect(ctx); err != nil {
		s.halt()
		return fmt.Errorf("start %s: %w; its log: %s", s.program.what(), err, s.lastWords())
	}
	return nil
}

// startWithin is how long a server may take to answer, in the machine's time.
const startWithin = 30 * time.Second

// connect opens our own session as soon as the server answers.
func (s *server) connect(ctx context.Context) error {
	ctx, stop := context.WithTimeoutCause(ctx, startWithin, errors.New("no answer within 30 s"))
	defer stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var err error
		if s.admin, err = s.program.open(s.dir); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.process.exited:
			return errors.New("it ended")
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

func (s *server) lastWords() string {
	text, err := os.ReadFile(s.log())
	if err != nil {
		return "(none)"
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], " | ")
}

// prepare sees to it that there are data.
func (s *server) prepare(spec digitalocean.DatabaseServer) error {
	owner := s.runtime.place.owner
	if s.hasData() {
		return s.endStranger()
	}
	if err := s.restore(spec); err != nil || s.hasData() {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	if err := giveAway(s.dir, owner); err != nil {
		return err
	}
	fresh, err := s.runtime.template(s.program)
	if err != nil {
		return err
	}
	if err := (tree{from: fresh, to: s.data()}).copy(); err != nil {
		return err
	}
	return giveAway(s.dir, owner)
}

func (s *server) hasData() bool {
	_, err := os.Stat(filepath.Join(s.data(), s.program.sign()))
	return err == nil
}

// endStranger removes the lock of a server that was killed; one that still runs, since the sandbox was, is ended first.
func (s *server) endStranger() error {
	lock := s.program.lock(s.dir)
	text, err := os.ReadFile(lock)
	if err != nil {
		return nil //nolint:nilerr // none is there
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		return os.Remove(lock)
	}
	// Its shell ends it as soon as we are gone; this waits for that.
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(startWithin); alive(pid) && time.Now().Before(until); <-tick.C {
		if _, err := os.Stat(lock); err != nil {
			return nil //nolint:nilerr // it has ended
		}
	}
	if alive(pid) {
		return fmt.Errorf("process %d still has the data in %s", pid, s.data())
	}
	return nil
}

// halt ends the server and waits for its end.
func (s *server) halt() {
	if s.admin != nil {
		s.admin.close()
		s.admin = nil
	}
	if s.process == nil {
		return
	}
	s.process.stdin.Close()
	<-s.process.exited
	s.process = nil
}

// end halts the server for good; with what it holds, or not.
func (s *server) end(forget bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	s.halt()
	if forget {
		if err := os.RemoveAll(s.dir); err != nil {
			s.runtime.options.Log("delete the data of database cluster %s: %v", s.id, err)
		}
	}
}

// take waits for a place in a pool.
func (s *server) take(ctx context.Context, p digitalocean.DatabasePool) (release func(), err error) {
	s.poolsMu.Lock()
	if s.pools == nil {
		s.pools = map[string]chan struct{}{}
	}
	places := s.pools[p.Name]
	if places == nil || cap(places) != p.Size {
		places = make(chan struct{}, p.Size)
		s.pools[p.Name] = places
	}
	s.poolsMu.Unlock()
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
