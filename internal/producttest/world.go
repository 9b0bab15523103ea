// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/sandbox/clock"
	simulated "github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/memory"
	"github.com/k8or/k8or/internal/sandbox/spaces"
	"github.com/k8or/k8or/internal/sandbox/wire"
	"github.com/k8or/k8or/internal/secret"
	"github.com/k8or/k8or/internal/ui/ndjson"
)

// world is one simulated cloud and what is needed to work on a platform in it.
type world struct {
	cloud   *simulated.Cloud
	objects *spaces.Server
	runtime *memory.Runtime
	seen    bytes.Buffer // everything that was printed
}

func newWorld(t *testing.T) *world {
	w := &world{runtime: memory.New(nil)}
	time, err := clock.NewScaled(1)
	if err != nil {
		t.Fatal(err)
	}
	if w.objects, err = spaces.Open(spaces.Options{Dir: t.TempDir(), Clock: time}); err != nil {
		t.Fatal(err)
	}
	w.cloud = simulated.New(simulated.Options{Seed: 1, Clock: time, Runtime: w.runtime, Spaces: w.objects})
	w.runtime.Join(w.cloud, wire.Transport(w.objects))
	w.objects.Join(w.cloud)
	return w
}

// spacesHost is where the world's Spaces are.
const spacesHost = "127.0.0.1:1"

// ServeHTTP is the world's whole network but for Kubernetes.
func (w *world) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	if r.Host == spacesHost {
		w.objects.ServeHTTP(answer, r)
		return
	}
	w.cloud.ServeHTTP(answer, r)
}

// offline is a network without charts.
type offline struct{}

func (offline) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, errors.New("no network in this test")
}

// open connects the document with the world, as a new process would.
func (w *world) open(name string, raw []byte) (*platform.Platform, error) {
	doc, err := document.Parse(platform.Available(), document.Input{Name: name, Data: raw})
	if err != nil {
		return nil, err
	}
	return w.connect(doc, nil)
}

// connect connects a document with the world, to rotate some entries or none; charts are nil where the platform's own will do.
func (w *world) connect(doc *document.Document, charts product.Charts, rotate ...graph.ID) (*platform.Platform, error) {
	log := &event.Log{}
	log.Read(ndjson.New(&w.seen).Event)
	return platform.New(platform.Options{
		Document: doc, UID: "t3stx1", Rotate: rotate, Sandbox: true, Speed: 1, Holder: "test", Log: log,
		Token:     digitalocean.Token{Value: secret.New(simulated.DefaultToken), Source: "the test", APIURL: "https://api.digitalocean.test", SpacesURL: "http://" + spacesHost},
		Transport: wire.Transport(w), KubeTransport: w.runtime.Transport(), ChartsTransport: offline{}, Charts: charts,
		Env: secretOf,
	})
}

// plan opens a document and plans it.
func (w *world) plan(t *testing.T, text string) (*platform.Platform, *platform.Plan) {
	t.Helper()
	p, err := w.open("k8or.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p, plan
}

// level fails for each step of a plan that was to have nothing to do.
func level(t *testing.T, again *platform.Plan) {
	t.Helper()
	if !again.Changes() {
		return
	}
	for _, s := range again.Steps {
		if s.Action != graph.None && s.Action != graph.Keep {
			t.Errorf("a second run would %s %s: %v", s.Action, s.Node, s.Changes)
		}
	}
}

// serves finds what the platform offers and nothing in its cluster serves, and what operators made there that nothing counts.
func (w *world) serves(t *testing.T, name string, raw []byte) []string {
	p, err := w.open(name, raw)
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.Compose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var wrong []string
	for _, cluster := range w.cloud.Clusters() {
		held, err := w.runtime.Server(cluster.ID).Export()
		if err != nil {
			t.Fatal(err)
		}
		wrong = append(wrong, standsIn(t, held).serves(c)...)
		wrong = append(wrong, operatedIn(t, held, c).counted(c)...)
	}
	return wrong
}

// closed ends a process's work, as the command line does.
func closed(t *testing.T, p *platform.Platform) {
	if err := p.Close(context.Background()); err != nil {
		t.Errorf("close: %v", err)
	}
}

// whole is an error with everything it holds.
func whole(err error) string {
	list, ok := errors.AsType[problem.List](err)
	if !ok {
		return err.Error()
	}
	var b strings.Builder
	for _, p := range list {
		fmt.Fprintf(&b, "\n%s: %s (%s)", p.Code, p.Title, p.Why)
	}
	return b.String()
}

// down takes everything down, data included.
func (w *world) down(ctx context.Context, t *testing.T, name string, raw []byte) {
	p, err := w.open(name, raw)
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, p)
	teardown, err := p.PlanDown(ctx, graph.DataDecisions{})
	if err != nil {
		t.Fatal(err)
	}
	var data graph.DataDecisions
	for _, s := range teardown.Data {
		data.Lose = append(data.Lose, s.Data)
	}
	if teardown, err = p.PlanDown(ctx, data); err != nil {
		t.Fatal(err)
	}
	w.see(t, teardown)
	result, err := p.Down(ctx, teardown, nil)
	if err != nil {
		t.Fatalf("down: %v", err)
	}
	w.see(t, result)
}

// see keeps a result as JSON, as a person or program would see it.
func (w *world) see(t *testing.T, result any) {
	raw, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	w.seen.Write(raw)
}

// inventory is what the sandbox's own records say is there, without the account's default things.
func (w *world) inventory() []string {
	var out []string
	for _, r := range w.cloud.Inventory() {
		out = append(out, fmt.Sprintf("%s %s", r.Kind, r.Name))
	}
	slices.Sort(out)
	return out
}

// pair is a certificate that signs itself and its key, as PEM.
var pair = sync.OnceValues(func() (certificate, key string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"shop.example.net"}, NotAfter: time.Now().AddDate(1, 0, 0)}
	leaf, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		panic(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
})

// secretOf is the environment that documents may refer to: CANARY, CANARY_CREDENTIALS in the form of user:password, and CANARY_CERTIFICATE
// with its CANARY_KEY.
func secretOf(name string) (string, bool) {
	switch name {
	case "CANARY":
		return canary, true
	case "DNS_TOKEN": // of the example everything
		return "dop_v1_" + canary, true
	case "SLACK_WEBHOOK": // of the example production
		return "https://hooks.slack.com/services/" + canary, true
	case "CANARY_CREDENTIALS":
		return "someone:" + canary, true
	case "CANARY_OTHER":
		return canary + "-other", true
	case "CANARY_CREDENTIALS_OTHER":
		return "another:" + canary, true
	case "CANARY_CERTIFICATE":
		certificate, _ := pair()
		return certificate, true
	case "CANARY_KEY":
		_, key := pair()
		return key, true
	}
	return "", false
}
