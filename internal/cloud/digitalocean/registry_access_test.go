// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	simulated "github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

// pulling is a runtime whose clusters get the Secrets that pods pull with: the world holds one of them.
type pulling struct {
	planes
	w *world
}

func (p *pulling) SyncPullSecrets(_ context.Context, _ string, secrets map[string][]byte) error {
	p.w.heldMu.Lock()
	defer p.w.heldMu.Unlock()
	delete(p.w.held, pullSecret)
	for registry, config := range secrets {
		p.w.held["k8or-system/"+registry+"/.dockerconfigjson"] = string(config)
	}
	return nil
}

var pullSecret = "k8or-system/" + mark.String() + "/.dockerconfigjson"

// pulls is the password in the Secret, and whether it opens the registry.
func (w *world) pulls() (password string, ok bool) {
	w.Helper()
	config, _ := w.holds(pullSecret)
	var d struct {
		Auths map[string]struct{ Auth string }
	}
	if err := json.Unmarshal([]byte(config), &d); err != nil {
		return "", false
	}
	raw, err := base64.StdEncoding.DecodeString(d.Auths[digitalocean.RegistryHost].Auth)
	if err != nil {
		w.Fatal(err)
	}
	_, password, _ = strings.Cut(string(raw), ":")
	ok, _ = w.cloud.RegistryAccess(mark.String(), password)
	return password, ok
}

func TestARegistrysRotationKilledAtEveryRequestLeavesASecretThatPulls(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after=%v", after), func(t *testing.T) {
			t.Parallel()
			runtime := &pulling{}
			inWorld(t, func(w *world) {
				runtime.w = w
				w.wire = wire.Transport(w.cloud)
				w.client = w.clientWith(leastToken)
				if err := rotated(w.Context(), w.registryOn(w.estateOn(w.client), "basic", false)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				for n := 1; ; n++ {
					time.Sleep(5 * time.Minute) // all these runs would not keep to the API's rate limit
					before, ok := w.pulls()
					if !ok {
						t.Fatalf("before a kill at request %d the Secret does not open the registry", n)
					}
					reached := w.killed(n, after, func(ctx context.Context, e *digitalocean.Estate) { _ = rotated(ctx, w.registryOn(e, "basic", true)) })
					again := n%2 == 0 // whoever comes next, a rotation or an up
					for range 2 {
						if err := rotated(w.Context(), w.registryOn(w.estateOn(w.client), "basic", again)); err == nil {
							break
						}
					}
					time.Sleep(time.Minute)
					now, ok := w.pulls()
					old, _ := w.cloud.RegistryAccess(mark.String(), before)
					if !ok || now != before && old {
						t.Fatalf("after a kill at request %d and another run the Secret opens the registry: %t; what it held before does too: %t", n, ok, old)
					}
					if (again || !reached) && now == before {
						t.Errorf("after a kill at request %d and a rotation, pods still pull with what they had", n)
					}
					if !reached {
						t.Logf("%d requests, killed at each", n-1)
						return
					}
				}
			}, func(o *simulated.Options) { o.Runtime = runtime })
		})
	}
}
