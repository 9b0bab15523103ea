// SPDX-License-Identifier: Apache-2.0

// Package sandbox serves simulated clouds from a folder: it keeps their state there, one instance at a time, and tells by
// sandbox.json in that folder how to reach them.
//
// # sandbox.json
//
// Written, readable by its owner alone, once the sandbox listens, and removed when it ends:
//
//	{"protocol": 1, "pid": 4711, "speed": 60, "startedAt": "…", "digitalocean": "http://127.0.0.1:…",
//	 "admin": "http://127.0.0.1:…", "adminToken": "…", "token": "the sandbox's DigitalOcean token",
//	 "spaces": "http://127.0.0.1:…", "spacesKey": "…", "spacesSecret": "…", "registry": "127.0.0.1:…"}
//
// Spaces is the S3 server of all regions. Buckets in the path work at that address. Clients that put bucket and region into
// the host's name (SPACES_ENDPOINT_URL=http://{{.Region}}.digitaloceanspaces.com) find it as their HTTP_PROXY, without DNS.
//
// Registry is the host that stands for registry.digitalocean.com: images are pushed to and pulled from HOST/REGISTRY/REPOSITORY, by
// plain HTTP, with what docker-credentials gives out.
//
// # The admin API
//
// Every request carries `Authorization: Bearer <adminToken>`; answers are JSON. An error is {"message": "…"}.
//
//	GET    /status       {"protocol", "version", "pid", "speed", "startedAt", "digitalocean", "controlplane": {"path", "version", "problem"},
//	                      "clusters": [{"id", "name", "state", "version", "endpoint", "nodes", "problem"}]}
//	POST   /reset        forgets everything but the tokens                          → 204
//	GET    /requests     {"digitalocean": {"calls": 12, "list": [{"method", "path", "status", "at", "tookNanoseconds", "requestID"}]}, "spaces": {…}, "registry": {…}}
//	DELETE /requests     forgets the calls                                          → 204
//	GET    /faults       {"faults": [rule…]}, see internal/sandbox/fault.Rule
//	POST   /faults       one rule                                                   → 201, the rule with its id
//	DELETE /faults?id=…  takes a rule away; all of them without an id               → {"removed": 1}
//	GET    /ready-times  {"readyTimes": [{"kind", "id", "name", "createdAt", "readyAt", "goneAt"}]}, in the machine's time
//	GET    /resources    {"resources": [{"team", "kind", "id", "name"}]}: all that was made and not deleted
//	POST   /tokens       {"value", "team", "scopes"}: one more token                → 204
//	PUT    /limits       {"team", "droplets": 3}: of an account, the sandbox's own without a team → 204
//	PUT    /speed        {"speed": 10}                                              → 204
//	GET    /databases/ports        {"ports": [port…]}: where database clusters answer on this machine, see internal/sandbox/database
//	POST   /databases/{id}/ports   {"source": "k8s:<cluster id>", "pool": false}: where the cluster answers to that source; a source may
//	                               also be droplet:<id>, app:<id> or ip:<address> → 200, {"cluster", "source", "pool", "address", "serves"}
//	POST   /databases/{name}/backups   takes a backup of a database cluster now, where life would let a day pass → 204
//	POST   /certificates/{name}/renew   renews a certificate by Let's Encrypt now, which gives it another id → 204
//	POST   /stop         ends the sandbox; its state stays                          → 202
package sandbox

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/database"
	"github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/fault"
	"github.com/k8or/k8or/internal/sandbox/kubernetes"
	"github.com/k8or/k8or/internal/sandbox/record"
	"github.com/k8or/k8or/internal/sandbox/registry"
	"github.com/k8or/k8or/internal/sandbox/spaces"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

// Protocol is the number by which k8or knows that it speaks this sandbox's language.
const Protocol = 1

// Options says how to serve.
type Options struct {
	Dir          string  // where everything is kept
	Speed        float64 // 1 to 100
	Listen       string  // of the DigitalOcean API; ":0" ports are chosen once and kept
	ControlPlane string  // path of k8or-controlplane; empty: looked for
	Spare        bool    // whether a control plane is booted ahead of the next cluster
	GodoStates   bool
	Version      string
	Log          func(format string, args ...any) // one line each, for people
}

// Announcement is sandbox.json.
type Announcement struct {
	Protocol     int       `json:"protocol"`
	PID          int       `json:"pid"`
	Speed        float64   `json:"speed"`
	StartedAt    time.Time `json:"startedAt"`
	DigitalOcean string    `json:"digitalocean"`
	Admin        string    `json:"admin"`
	AdminToken   string    `json:"adminToken"`
	Token        string    `json:"token"`
	Spaces       string    `json:"spaces"`
	SpacesKey    string    `json:"spacesKey"`    // an access key with full access; no list shows it
	SpacesSecret string    `json:"spacesSecret"` // its secret
	Registry     string    `json:"registry"`     // host and port
}

// saved is state.json: what one run leaves to the next.
type saved struct {
	Addresses    addresses                 `json:"addresses"`
	Token        string                    `json:"token"`
	Seed         uint64                    `json:"seed"`
	SpacesAccess digitalocean.SpacesAccess `json:"spacesAccess"`
	DigitalOcean json.RawMessage           `json:"digitalocean,omitempty"`
}

type addresses struct {
	DigitalOcean string `json:"digitalocean"`
	Admin        string `json:"admin"`
	Spaces       string `json:"spaces"`
	Registry     string `json:"registry"`
}

// Run serves until ctx is done or somebody asks it to stop, then saves and returns. It fails when another instance has the folder.
func Run(ctx context.Context, o Options) (err error) {
	folder, err := openFolder(o.Dir)
	if err != nil {
		return err
	}
	defer folder.close()
	s, err := newServer(o, folder)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s.stop = stop
	return s.serve(ctx)
}

// server is one running sandbox.
type server struct {
	options   Options
	folder    *folder
	clock     *clock.Scaled
	faults    *fault.Set
	record    *record.Log
	cloud     *digitalocean.Cloud
	spaces    *spaces.Server
	objects   *record.Log // of calls to Spaces
	registry  *registry.Server
	images    *record.Log // of calls to the registry
	runtime   *kubernetes.Runtime
	databases *database.Runtime
	announced Announcement
	saved     saved
	dirty     chan struct{} // holds one
	stop      func()
}

func newServer(o Options, f *folder) (*server, error) {
	s := &server{options: o, folder: f, faults: &fault.Set{}, record: &record.Log{}, objects: &record.Log{}, images: &record.Log{}, dirty: make(chan struct{}, 1)}
	var err error
	if s.clock, err = clock.NewScaled(o.Speed); err != nil {
		return nil, err
	}
	if err := f.read(stateFile, &s.saved); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the sandbox's state in %s: %w; `k8or sandbox reset` begins anew", o.Dir, err)
	}
	if s.saved.Token == "" {
		s.saved.Token = "dop_v1_" + randomHex(32)
	}
	if s.saved.SpacesAccess.AccessKey == "" {
		s.saved.SpacesAccess = digitalocean.SpacesAccess{AccessKey: "DO00" + strings.ToUpper(randomHex(8)), Secret: randomHex(21)}
	}
	s.spaces, err = spaces.Open(spaces.Options{Dir: filepath.Join(o.Dir, "spaces"), Clock: s.clock, Faults: s.faults, Record: s.objects})
	if err != nil {
		return nil, err
	}
	s.registry, err = registry.Open(registry.Options{Dir: filepath.Join(o.Dir, "registry"), Clock: s.clock, Faults: s.faults, Record: s.images})
	if err != nil {
		return nil, err
	}
	spare := ""
	if o.Spare {
		spare = digitalocean.NewestKubernetes()
	}
	s.runtime = kubernetes.New(kubernetes.Options{
		Spare: spare,
		Dir:   filepath.Join(o.Dir, "clusters"), Binary: o.ControlPlane, Clock: s.clock, Speed: o.Speed, Log: o.Log,
		Cloud: func(team string) http.RoundTripper { return s.cloud.Hands(team) }, Spaces: wire.Transport(s.spaces),
	})
	s.cloud = digitalocean.New(digitalocean.Options{
		Clock: s.clock, Tokens: []digitalocean.Token{{Value: s.saved.Token}}, GodoStates: o.GodoStates,
		Runtime: s.runtime, Faults: s.faults, Record: s.record, Changed: s.changed,
		Images: s.registry, Spaces: s.spaces, SpacesAccess: s.saved.SpacesAccess,
	})
	s.spaces.Join(s.cloud)
	s.registry.Join(s.cloud)
	s.databases = database.New(database.Options{Cloud: s.cloud, Dir: filepath.Join(o.Dir, "databases"), Log: o.Log})
	if len(s.saved.DigitalOcean) > 0 {
		if err := s.cloud.Load(s.saved.DigitalOcean); err != nil {
			s.databases.Close()
			return nil, err
		}
	}
	return s, nil
}

// changed asks for a save soon, and lets the databases' servers follow.
func (s *server) changed() {
	if s.databases != nil {
		s.databases.Nudge()
	}
	select {
	case s.dirty <- struct{}{}:
	default:
	}
}

func randomHex(n int) string {
	b := make([]byte, n)
	crand.Read(b)
	return hex.EncodeToString(b)
}

// serve listens, announces itself and keeps saving until the context ends.
func (s *server) serve(ctx context.Context) error {
	defer s.runtime.Close()
	defer s.cloud.Close()
	defer s.databases.Close()
	api, err := listen(s.options.Listen, s.saved.Addresses.DigitalOcean)
	if err != nil {
		return err
	}
	admin, err := listen("127.0.0.1:0", s.saved.Addresses.Admin)
	if err != nil {
		return err
	}
	objects, err := listen("127.0.0.1:0", s.saved.Addresses.Spaces)
	if err != nil {
		return err
	}
	images, err := listen("127.0.0.1:0", s.saved.Addresses.Registry)
	if err != nil {
		return err
	}
	s.saved.Addresses = addresses{api.Addr().String(), admin.Addr().String(), objects.Addr().String(), images.Addr().String()}
	s.announced = Announcement{
		Protocol: Protocol, PID: os.Getpid(), Speed: s.options.Speed, StartedAt: time.Now().UTC(),
		DigitalOcean: "http://" + api.Addr().String(), Admin: "http://" + admin.Addr().String(),
		AdminToken: randomHex(24), Token: s.saved.Token,
		Spaces: "http://" + objects.Addr().String(), SpacesKey: s.saved.SpacesAccess.AccessKey, SpacesSecret: s.saved.SpacesAccess.Secret,
		Registry: images.Addr().String(),
	}
	failed := make(chan error, 4)
	servers := []*http.Server{
		{Handler: s.cloud, ReadHeaderTimeout: 10 * time.Second},
		{Handler: s.admin(), ReadHeaderTimeout: 10 * time.Second},
		{Handler: s.spaces, ReadHeaderTimeout: 10 * time.Second},
		{Handler: s.registry, ReadHeaderTimeout: 10 * time.Second},
	}
	for i, l := range []net.Listener{api, admin, objects, images} {
		go func() { failed <- servers[i].Serve(l) }()
	}
	if err := s.save(); err != nil {
		return err
	}
	if err := s.folder.write(announceFile, s.announced); err != nil {
		return err
	}
	s.options.Log("the sandbox listens: DigitalOcean API at %s, %gx speed, folder %s", s.announced.DigitalOcean, s.options.Speed, s.options.Dir)
	err = s.keepSaving(ctx, failed)
	s.folder.remove(announceFile)
	for _, h := range servers {
		end, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		if h.Shutdown(end) != nil {
			h.Close()
		}
		cancel()
	}
	s.databases.Close()
	s.cloud.Close()
	return errors.Join(err, s.spaces.Close(), s.save())
}

// listen takes the address of the last run where it is free, otherwise the one asked for.
func listen(asked, last string) (net.Listener, error) {
	if _, port, _ := net.SplitHostPort(asked); port == "0" && last != "" {
		if l, err := net.Listen("tcp", last); err == nil {
			return l, nil
		}
	}
	l, err := net.Listen("tcp", asked)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w; choose another address with --listen", asked, err)
	}
	return l, nil
}

// saveAfter is how long changes are gathered before they are written.
const saveAfter = 50 * time.Millisecond

func (s *server) keepSaving(ctx context.Context, failed <-chan error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-s.dirty:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(saveAfter):
		}
		if err := s.save(); err != nil {
			s.options.Log("the sandbox's state could not be saved: %v; it goes on, and will try again with the next change", err)
		}
	}
}

func (s *server) save() error {
	state, err := s.cloud.Save()
	if err != nil {
		return err
	}
	out := s.saved
	out.DigitalOcean = state
	return s.folder.write(stateFile, out)
}
