// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

const (
	sparePrefix = "spare-"
	homeFile    = "home" // in a cluster's folder: the name of the folder that it lives in, when that is another
)

// idle is how long, in the machine's time, nothing must have happened in any cluster before another spare is booted: a boot
// takes a few seconds of a whole core, which whoever just took the last one needs more.
const idle = 20 * time.Second

// spareLimit is how long a cluster waits for a spare that is still booting before it boots its own.
const spareLimit = 30 * time.Second

// spare keeps one control plane booted ahead, so that a cluster takes the model's time to come up and not the boot's. What a
// control plane is told at its start and cannot change is its version and the addresses of Services: the spare has those that
// the next cluster will most likely want, and a cluster that wants others boots its own. Its folder, with authority, keys and
// data, was nobody's before and becomes the cluster's; tokens are made for the cluster that takes it.
type spare struct {
	runtime *Runtime
	cancel  context.CancelFunc
	done    sync.WaitGroup

	mu   sync.Mutex
	next *ahead    // nil while there is none
	busy time.Time // when something last happened
	kept string    // the version to keep
}

// ahead is a control plane that is nobody's yet.
type ahead struct {
	plane  *plane
	booted chan struct{} // closed once its boot has ended
	err    error         // of the boot; to be read then
}

// keepSpare begins to keep a spare of a version at first, and of the last one asked for then.
func (r *Runtime) keepSpare(version string) *spare {
	ctx, cancel := context.WithCancel(context.Background())
	s := &spare{runtime: r, cancel: cancel, kept: version}
	s.clear()
	s.done.Go(func() { s.work(ctx) })
	return s
}

// clear removes the spares that a killed sandbox left behind.
func (s *spare) clear() {
	dir := s.runtime.options.Dir
	taken := map[string]bool{}
	homes, _ := filepath.Glob(filepath.Join(dir, "*", homeFile)) // the pattern is right
	for _, path := range homes {
		if name, err := os.ReadFile(path); err == nil {
			taken[string(name)] = true
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, sparePrefix+"*"))
	for _, path := range left {
		if !taken[filepath.Base(path)] {
			os.RemoveAll(path) //nolint:errcheck // it is in nobody's way
		}
	}
}

// work boots a spare when there is none, and another in place of one that the next cluster will hardly want, whenever nothing
// has happened for a while. Nothing happened yet is such a while.
func (s *spare) work(ctx context.Context) {
	tick := time.NewTicker(250 * time.Millisecond) // the first tick leaves room for clusters that come back
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		services := s.runtime.nextServices()
		s.mu.Lock()
		var old *ahead
		if time.Since(s.busy) > idle {
			if n := s.next; n != nil && (n.plane.spec.Version != s.kept || n.plane.services != services) {
				old, s.next = n, nil
			}
			if s.next == nil {
				s.begin(ctx, services)
			}
		}
		s.mu.Unlock()
		if old != nil {
			s.drop(old)
		}
	}
}

// begin boots a spare; the lock is held.
func (s *spare) begin(ctx context.Context, services string) {
	b, err := find(s.runtime.options.Binary)
	if err != nil || b.knows(s.kept) != nil {
		s.busy = time.Now() // it is looked for again later; a cluster that wants one says what is missing
		return
	}
	name := make([]byte, 4)
	crand.Read(name)
	n := &ahead{booted: make(chan struct{}), plane: &plane{
		runtime: s.runtime, dir: filepath.Join(s.runtime.options.Dir, sparePrefix+hex.EncodeToString(name)), services: services,
		// Pods get addresses of their nodes, which are the cluster's, so that the range given here is of no account.
		spec: digitalocean.ClusterSpec{Name: "(spare)", Version: s.kept, ServiceSubnet: services, ClusterSubnet: "10.128.0.0/16"},
	}}
	s.next = n
	s.done.Go(func() {
		defer close(n.booted)
		n.plane.mu.Lock()
		n.err = n.plane.run(ctx, b)
		n.plane.mu.Unlock()
		if n.err == nil {
			return
		}
		if ctx.Err() == nil {
			s.runtime.options.Log("a spare control plane did not come up: %v; clusters boot their own", n.err)
		}
		s.mu.Lock()
		if s.next == n {
			s.next, s.busy = nil, time.Now()
		}
		s.mu.Unlock()
		os.RemoveAll(n.plane.dir) //nolint:errcheck // it is in nobody's way
	})
}

// take hands the spare to a cluster that wants what it is, once it is up; nil when there is none such. The cluster's own
// folder then names the spare's as its home.
func (s *spare) take(ctx context.Context, k digitalocean.ClusterSpec) *plane {
	s.mu.Lock()
	s.kept = k.Version
	n := s.next
	if n == nil || n.plane.spec.Version != k.Version || n.plane.services != k.ServiceSubnet {
		s.mu.Unlock()
		return nil
	}
	s.next = nil
	s.mu.Unlock()
	patience := time.NewTimer(spareLimit)
	defer patience.Stop()
	select {
	case <-n.booted:
	case <-patience.C:
		s.drop(n)
		return nil
	case <-ctx.Done():
		s.drop(n)
		return nil
	}
	if n.err != nil {
		return nil // said by whoever booted it
	}
	own := filepath.Join(s.runtime.options.Dir, k.ID)
	err := os.MkdirAll(own, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(own, homeFile), []byte(filepath.Base(n.plane.dir)), 0o600)
	}
	if err != nil {
		s.runtime.options.Log("the spare control plane cannot be used: %v; cluster %s boots its own", err, k.Name)
		discard(n.plane)
		return nil
	}
	return n.plane
}

// drop discards a spare once its boot has ended, however it has.
func (s *spare) drop(n *ahead) {
	s.done.Go(func() {
		<-n.booted
		discard(n.plane)
	})
}

// discard ends a spare and removes its folder.
func discard(p *plane) {
	p.end()
	os.RemoveAll(p.dir) //nolint:errcheck // it is in nobody's way
}

// happened keeps the next spare from being booted for a while.
func (s *spare) happened() {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.busy = time.Now()
	s.mu.Unlock()
}

// close ends the spare that nobody took.
func (s *spare) close() {
	s.cancel()
	s.done.Wait()
	if s.next != nil {
		discard(s.next.plane)
	}
}

// nextServices is the first /19 that no cluster has, from where k8or looks for one first. Doctl's and the API's own default,
// 10.245.0.0/16, is every such cluster's and not kept.
func (r *Runtime) nextServices() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := netip.MustParsePrefix("10.112.0.0/19")
	for range 64 {
		taken := false
		for _, p := range r.planes {
			if other, err := netip.ParsePrefix(p.services); err == nil && other.Overlaps(at) {
				taken = true
			}
		}
		if !taken {
			return at.String()
		}
		a := at.Addr().As4()
		n := (uint(a[1])<<8 | uint(a[2])) + 32
		at = netip.PrefixFrom(netip.AddrFrom4([4]byte{a[0], byte(n >> 8), byte(n), 0}), 19)
	}
	return at.String()
}

// home is the folder that a cluster lives in: its own, or that of the spare which it took.
func (r *Runtime) home(id string) string {
	own := filepath.Join(r.options.Dir, id)
	name, err := os.ReadFile(filepath.Join(own, homeFile))
	if err != nil || !strings.HasPrefix(string(name), sparePrefix) || strings.ContainsAny(string(name), `/\`) {
		return own
	}
	return filepath.Join(r.options.Dir, string(name))
}

// forget removes a cluster's folders.
func (r *Runtime) forget(id string) error {
	for _, dir := range []string{r.home(id), filepath.Join(r.options.Dir, id)} {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove the folder of cluster %s: %w", id, err)
		}
	}
	return nil
}
