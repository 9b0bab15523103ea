// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// State is what came of a probe.
type State string

// The states.
const (
	Passed State = "passed"
	Failed State = "failed"
	// Simulated is a probe that could not really probe, because no containers run: never as good as Passed.
	Simulated State = "simulated"
)

// Finding is what came of a probe. It holds no secret: neither credentials nor bodies of answers.
type Finding struct {
	State State `json:"state"`
	// Message says in a sentence what was proven, or what failed.
	Message string `json:"message"`
	// Look says where to look when it failed; empty when it passed.
	Look string `json:"look,omitempty"`
	// Elapsed is how long it took, in seconds.
	Elapsed float64 `json:"elapsedSeconds"`
	// Checked and Unchecked say of a simulated probe what was looked at all the same, and what was not.
	Checked   []string `json:"checked,omitempty"`
	Unchecked []string `json:"unchecked,omitempty"`
}

// Standard is how long a probe may take whose Spec does not say.
const Standard = time.Minute

// Run carries a probe out and leaves nothing behind that it can take away again. Files are what the Spec names as files,
// without a leading slash or "probe/"; out receives the line that a probe of logs writes. It always ends within the Spec's
// time, and what goes wrong is a Finding that failed.
func Run(ctx context.Context, s Spec, files fs.FS, out io.Writer) Finding {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.Timeout, Standard))
	defer cancel()
	p, err := s.prover()
	var proven string
	if err == nil {
		proven, err = p.prove(ctx, given{files, out})
	}
	f := Finding{State: Passed, Message: proven, Elapsed: time.Since(began).Seconds()}
	if err != nil {
		f.State, f.Message = Failed, err.Error()
		if at, ok := errors.AsType[*trouble](err); ok {
			f.Look = at.look
		}
	}
	return f
}

// Kind is the word for what is probed: "http", "kafka" and so on; empty for a Spec that says nothing or several things.
func (s Spec) Kind() string {
	p, err := s.prover()
	if err != nil {
		return ""
	}
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", p), "*probe."))
}

// prover carries out one kind of probe. It returns a sentence of what was proven.
type prover interface {
	prove(context.Context, given) (string, error)
}

func (s Spec) prover() (prover, error) {
	var all []prover
	add := func(there bool, p prover) {
		if there {
			all = append(all, p)
		}
	}
	add(s.HTTP != nil, s.HTTP)
	add(s.Database != nil, s.Database)
	add(s.Kafka != nil, s.Kafka)
	add(s.Prometheus != nil, s.Prometheus)
	add(s.Alert != nil, s.Alert)
	add(s.Logs != nil, s.Logs)
	add(s.Forward != nil, s.Forward)
	add(s.Registry != nil, s.Registry)
	add(s.Bucket != nil, s.Bucket)
	add(s.Certificate != nil, s.Certificate)
	add(s.Mesh != nil, s.Mesh)
	add(s.Mirror != nil, s.Mirror)
	add(s.DNS != nil, s.DNS)
	add(s.Egress != nil, s.Egress)
	add(s.Outside != nil, s.Outside)
	add(s.Scheduled != nil, s.Scheduled)
	add(s.Restored != nil, s.Restored)
	if len(all) != 1 {
		return nil, fmt.Errorf("a probe proves one thing, and this one says %d", len(all))
	}
	return all[0], nil
}

// given is what a probe has besides its Spec.
type given struct {
	files fs.FS
	out   io.Writer
}

// file reads a file that the Spec names; empty for one that it does not name. Ends of lines do not count.
func (g given) file(name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	name = strings.TrimPrefix(strings.TrimPrefix(name, "/"), "probe/")
	raw, err := fs.ReadFile(g.files, name)
	if err != nil {
		return nil, &trouble{what: fmt.Sprintf("the credential %s is not there", name), look: "the Secret that the probe mounts", cause: err}
	}
	return []byte(strings.TrimRight(string(raw), "\r\n")), nil
}

// trouble is a failure that says where to look.
type trouble struct {
	what, look string
	cause      error
}

// Error says what failed, with the cause in its own words.
func (t *trouble) Error() string {
	if t.cause == nil {
		return t.what
	}
	return t.what + ": " + t.cause.Error()
}

// Unwrap gives the cause.
func (t *trouble) Unwrap() error { return t.cause }

// unique is a word that nobody has used before: letters and digits alone, so that any index takes it for one word.
func unique() string { return "k8orprobe" + strings.ToLower(rand.Text()) }

// until asks again and again, at first quickly, until it is so, an error ends it, or the time is over: then it is false.
func until(ctx context.Context, so func() (bool, error)) (bool, error) {
	wait := 50 * time.Millisecond
	for {
		if yes, err := so(); yes || err != nil {
			return yes, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false, nil
		case <-timer.C:
		}
		wait = min(2*wait, 2*time.Second)
	}
}

// How a Job hands a probe over: the Spec as JSON in an environment variable, files below a folder.
const (
	SpecVariable = "K8OR_PROBE"
	Folder       = "/probe"
)

// Reaches are the servers that the probe calls, as host:port; those of a broker or a bucket are in its Binding and not among them.
func (s Spec) Reaches() []string {
	var out []string
	add := func(address string) {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			return
		}
		port := cmp.Or(u.Port(), map[string]string{"https": "443"}[u.Scheme], "80")
		host := net.JoinHostPort(u.Hostname(), port)
		if !slices.Contains(out, host) {
			out = append(out, host)
		}
	}
	switch {
	case s.HTTP != nil && s.HTTP.Address != "":
		add("tcp://" + s.HTTP.Address)
	case s.HTTP != nil:
		add(s.HTTP.URL)
	case s.Prometheus != nil:
		add(s.Prometheus.URL)
	case s.Alert != nil:
		add(s.Alert.URL)
		add(s.Alert.Prometheus)
	case s.Logs != nil:
		add(s.Logs.URL)
	case s.Forward != nil:
		add("tcp://" + s.Forward.Address)
	case s.Registry != nil && s.Registry.Plain:
		add("http://" + s.Registry.Host)
	case s.Registry != nil:
		add("https://" + s.Registry.Host)
	case s.Certificate != nil:
		add("https://" + s.Certificate.Address)
	case s.Mesh != nil:
		add(s.Mesh.URL)
		add(s.Mesh.Metrics)
	case s.Egress != nil:
		add(s.Egress.URL)
	case s.Outside != nil:
		add(s.Outside.URL)
	case s.Scheduled != nil:
		add(s.Scheduled.API)
	}
	return out
}
