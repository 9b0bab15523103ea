// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestHunt ends the built k8or by SIGKILL at a random time of `up`, of an edit and of `down`, and each time lets the next
// run finish: the second `up` after it has nothing to do, and after `down` the sandbox itself has nothing left.
// K8OR_HUNT says how many rounds, K8OR_HUNT_SEED repeats the times.
func TestHunt(t *testing.T) {
	if !haveControlPlane() {
		t.Skip("clusters cannot come up: there is no bin/k8or-controlplane; `make build` makes it")
	}
	t.Parallel()
	rounds, seed := setting(t, "K8OR_HUNT", 3), setting(t, "K8OR_HUNT_SEED", int(time.Now().Unix()%1_000_000))
	h := newHunt(t, seed)
	// What each verb takes unharmed, so that the kills fall anywhere within.
	took := map[string]time.Duration{}
	h.write(starterDocument)
	took["up"] = h.finish(up)
	h.write(editedDocument)
	took["edit"] = h.finish(up)
	took["down"] = h.finish(down)
	h.nothingLeft()
	t.Logf("K8OR_HUNT_SEED=%d; unharmed, up takes %s, the edit %s, down %s", seed, took["up"], took["edit"], took["down"])
	kills := 0
	for round := range rounds {
		began := time.Now()
		var at []string
		for _, phase := range []struct {
			name, document string
			verb           []string
		}{{"up", starterDocument, up}, {"edit", editedDocument, up}, {"down", editedDocument, down}} {
			h.write(phase.document)
			after := time.Duration(h.dice.Int64N(int64(took[phase.name])))
			if h.killed(after, phase.verb) {
				kills++
				at = append(at, phase.name+" after "+after.Round(time.Millisecond).String())
			} else {
				at = append(at, phase.name+" not, it was faster")
			}
			h.finish(phase.verb)
			if phase.name != "down" {
				h.level()
			}
		}
		h.nothingLeft()
		if t.Failed() {
			t.Fatalf("round %d: killed %s", round+1, strings.Join(at, ", "))
		}
		t.Logf("round %d: killed %s; %s", round+1, strings.Join(at, ", "), time.Since(began).Round(time.Second))
	}
	t.Logf("%d kills in %d rounds", kills, rounds)
}

var (
	up   = []string{"up", "--sandbox", "--yes"}
	down = []string{"down", "--sandbox", "--confirm=starter"}
)

const starterDocument = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: starter, uid: h7n4t2}
spec:
  region: nyc3
  cluster:
    version: "1.36"
    nodePools: {general: {size: s-2vcpu-4gb, count: 2}}
  gateways:
    public: {product: nginx}
  apps:
    hello:
      image: docker.io/hashicorp/http-echo:1.0.0
      args: ["-listen=:8080", "-text=Hello from k8or"]
      port: 8080
      routes: [{path: /}]
`

// editedDocument has another size of the pool, and one app in the place of the other.
var editedDocument = strings.NewReplacer("s-2vcpu-4gb", "s-4vcpu-8gb", "hello:", "fresh:", ":8080", ":9090", "port: 8080", "port: 9090").Replace(starterDocument)

// hunt is a person with a sandbox, and a short temper.
type hunt struct {
	*testing.T
	dir  string
	env  []string
	dice *rand.Rand
}

func newHunt(t *testing.T, seed int) *hunt {
	t.Helper()
	dir := t.TempDir()
	h := &hunt{T: t, dir: dir, dice: rand.New(rand.NewPCG(uint64(seed), 0))}
	h.env = append(os.Environ(), "HOME="+filepath.Join(dir, "home"), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "NO_COLOR=1",
		"K8OR_SANDBOX_DIR="+filepath.Join(dir, ".sandbox"), "DIGITALOCEAN_ACCESS_TOKEN=", "DIGITALOCEAN_TOKEN=")
	if err := os.MkdirAll(filepath.Join(dir, "home"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if out, err := h.run("sandbox", "stop"); err != nil {
			t.Errorf("stop the sandbox: %v\n%s", err, out)
		}
	})
	if out, err := h.run("sandbox", "start", "--speed", "60"); err != nil {
		t.Fatalf("start the sandbox: %v\n%s", err, out)
	}
	return h
}

func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s is %q, and should be a number", name, text)
	}
	return n
}

func (h *hunt) write(document string) {
	h.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, "k8or.yaml"), []byte(document), 0o644); err != nil {
		h.Fatal(err)
	}
}

// longest is how long one command may take on a busy machine.
const longest = 5 * time.Minute

func (h *hunt) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, executable(filepath.Join(bin, "k8or")), args...)
	c.Dir, c.Env = h.dir, h.env
	c.WaitDelay = 10 * time.Second
	return c
}

// run runs k8or to its end.
func (h *hunt) run(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	out, err := h.command(ctx, args...).CombinedOutput()
	return string(out), err
}

// killed runs k8or and kills it after a while. It is false when k8or ended before that.
func (h *hunt) killed(after time.Duration, args []string) bool {
	h.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), after) // whose end is SIGKILL
	defer cancel()
	c := h.command(ctx, args...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	if ctx.Err() == nil && err != nil {
		h.Errorf("%s, to be killed after %s, ended by itself: %v\n%s", strings.Join(args, " "), after, err, &out)
	}
	return ctx.Err() != nil
}

// finish runs a verb until it ends well, and says how long its last run took. One run has to be enough; a second is for
// what the first found that nobody had approved.
func (h *hunt) finish(args []string) time.Duration {
	h.Helper()
	for n := 1; ; n++ {
		began := time.Now()
		out, err := h.run(args...)
		if err == nil {
			return time.Since(began).Round(time.Millisecond)
		}
		h.Logf("run %d of %s: %v\n%s", n, strings.Join(args, " "), err, out)
		if n == 2 {
			h.Fatal("it does not come to an end")
		}
	}
}

// level fails unless another `up` has nothing to do.
func (h *hunt) level() {
	h.Helper()
	out, err := h.run(up...)
	if err != nil || !strings.Contains(out, "Nothing to do") {
		h.Fatalf("another up still has something to do: %v\n%s", err, out)
	}
}

// nothingLeft asks the sandbox itself.
func (h *hunt) nothingLeft() {
	h.Helper()
	text, err := admin(filepath.Join(h.dir, ".sandbox", "sandbox.json"), []string{"GET", "/resources"})
	if err != nil {
		h.Fatal(err)
	}
	var said struct {
		Resources []struct{ Kind, ID, Name string }
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		h.Fatal(err)
	}
	for _, r := range said.Resources {
		h.Errorf("after down there still is %s %s (%s)", r.Kind, r.Name, r.ID)
	}
}
