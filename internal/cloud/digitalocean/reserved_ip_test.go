// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/sandbox/fault"
)

// addressed is a platform that has a project and addresses, and nothing else.
func addressed(e *digitalocean.Estate, names ...string) *graph.Graph {
	g := graph.New()
	project := graph.Add(g, "project", &digitalocean.Project{On: e, Name: mark.String()})
	var held []graph.Value[string]
	for _, name := range names {
		out := graph.Add(g, graph.ID("network/reservedIPs/"+name), &digitalocean.ReservedIP{On: e, Name: name, Region: "nyc3", Project: project})
		held = append(held, graph.Map(out, digitalocean.ReservedIPOut.URN))
	}
	graph.Add(g, "members", &digitalocean.Members{On: e, Project: project, URNs: graph.Join(held...)})
	g.Prune(e.Kinds()...)
	return g
}

// reserved are the account's addresses by the names that the platform's tags give them, and those that no tag names by themselves.
func (w *world) reserved() map[string]string {
	w.Helper()
	out := map[string]string{}
	for _, ip := range w.names("/v2/reserved_ips", "reserved_ips", "ip") {
		out[ip] = ip
	}
	for _, tag := range w.names("/v2/tags", "tags", "name") {
		name, ip, named := strings.Cut(strings.TrimPrefix(tag, mark.Tag()+":ip:"), ":")
		if ip = strings.ReplaceAll(ip, "_", "."); named && out[ip] != "" {
			delete(out, ip)
			out[name] = ip
		}
	}
	return out
}

// lose decides that addresses are released.
func lose(names ...string) graph.DataDecisions {
	var d graph.DataDecisions
	for _, name := range names {
		d.Lose = append(d.Lose, "network/reservedIPs/"+name)
	}
	return d
}

func TestAnAddressStaysTheSameUntilItIsGivenUpByName(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustCarry(addressed(w.estate, "mail", "web"))
		had := w.reserved()
		if had["mail"] == "" || had["web"] == "" || len(had) != 2 {
			w.Fatalf("the addresses are %v, want one named mail and one named web", had)
		}
		w.quiet(addressed(w.estate, "mail", "web"))

		// A Droplet takes one: the plan has nothing to say, and the address is where the Droplet is.
		id := w.droplet("mail-1", "theirs")
		w.api("POST", "/v2/reserved_ips/"+had["mail"]+"/actions", fmt.Sprintf(`{"type":"assign","droplet_id":%d}`, id))
		time.Sleep(time.Minute)
		w.quiet(addressed(w.estate, "mail", "web"))

		// One that leaves the document is kept until it is given up.
		w.mustCarry(addressed(w.estate, "web"))
		plan, err := addressed(w.estate, "web").Plan(w.Context(), w.options())
		if err != nil {
			w.Fatal(err)
		}
		kept := slices.ContainsFunc(plan.Steps, func(s graph.Step) bool {
			return s.Data == "network/reservedIPs/mail" && s.Action == graph.Keep && strings.Contains(s.Title, had["mail"]+", of Droplet "+fmt.Sprint(id))
		})
		if !kept {
			w.Errorf("an address that left the document is not told to be kept, with its Droplet: %+v", plan.Steps)
		}

		// Kept by down, it is found again by the next run, in the new project.
		if err := w.down(graph.DataDecisions{}); err == nil {
			w.Error("down went through with nobody having said what becomes of the addresses")
		}
		if err := w.down(graph.DataDecisions{Keep: []string{"network/reservedIPs/web"}, Lose: lose("mail").Lose}); err != nil {
			w.Fatalf("down: %v", err)
		}
		if left := w.reserved(); len(left) != 1 || left["web"] != had["web"] {
			w.Errorf("after down there are %v, want web at %s alone", left, had["web"])
		}
		w.mustCarry(addressed(w.estate, "web"))
		if now := w.reserved(); now["web"] != had["web"] || len(now) != 1 {
			w.Errorf("the next run has %v, want web at %s again", now, had["web"])
		}
		w.quiet(addressed(w.estate, "web"))
		if err := w.down(lose("web")); err != nil {
			w.Fatalf("down: %v", err)
		}
		for _, tag := range w.names("/v2/tags", "tags", "name") {
			if strings.Contains(tag, "shop") {
				w.Errorf("after down there is still the tag %s", tag)
			}
		}
		if left := w.reserved(); len(left) > 0 {
			w.Errorf("after down there are still %v", left)
		}
	})
}

func TestAnAddressThatSomebodyReleasedIsReservedAnew(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustCarry(addressed(w.estate, "mail"))
		had := w.reserved()["mail"]
		w.api("DELETE", "/v2/reserved_ips/"+had, "")
		w.mustCarry(addressed(w.estate, "mail"))
		if now := w.reserved(); now["mail"] == "" || now["mail"] == had || len(now) != 1 {
			w.Errorf("the address is %v, want another one than %s", now, had)
		}
		w.quiet(addressed(w.estate, "mail"))
	})
}

func TestAnAddressStaysWhereItIs(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustCarry(addressed(w.estate, "mail"))
		g := graph.New()
		project := graph.Add(g, "project", &digitalocean.Project{On: w.estate, Name: mark.String()})
		graph.Add(g, "mail", &digitalocean.ReservedIP{On: w.estate, Name: "mail", Region: "sfo3", Project: project})
		plan, err := g.Plan(w.Context(), w.options())
		if err != nil {
			w.Fatal(err)
		}
		if _, refused := errors.AsType[*graph.ErrRefused](step(plan, "mail").Err); !refused {
			w.Errorf("another region gives %+v, want a refusal", step(plan, "mail"))
		}
	})
}

func TestAddressesOfOthersAreNeverTakenForThePlatforms(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustCarry(addressed(w.estate))
		var project string
		for _, p := range w.api("GET", "/v2/projects", "")["projects"].([]any) {
			if p := p.(map[string]any); p["name"] == mark.String() {
				project = p["id"].(string)
			}
		}
		theirs := w.api("POST", "/v2/reserved_ips", `{"region":"nyc3","project_id":"`+project+`"}`)["reserved_ip"].(map[string]any)["ip"].(string)
		w.quiet(addressed(w.estate))
		if err := w.carry(addressed(w.estate, "mail")); err == nil || !strings.Contains(err.Error(), theirs) {
			w.Errorf("beside an address that nobody named, one is reserved: %v", err)
		}
		w.api("POST", "/v2/projects/default/resources", `{"resources":["do:floatingip:`+theirs+`"]}`)
		w.mustCarry(addressed(w.estate, "mail"))
		if err := w.down(lose("mail")); err != nil {
			w.Fatalf("down: %v", err)
		}
		if left := w.reserved(); len(left) != 1 || left[theirs] != theirs {
			w.Errorf("after down there are %v, want the one of somebody else's alone: %s", left, theirs)
		}
	})
}

func TestAddressesAreReservedOnceThoughAnswersAreLostAndListsLag(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.fault(fault.Rule{Method: "POST", Path: "/v2/reserved_ips", Drop: fault.DropAfter, Nth: 1})
		w.fault(fault.Rule{Method: "POST", Path: "/v2/tags", Status: 500, Nth: 5})
		w.fault(fault.Rule{Method: "GET", Path: "/v2/reserved_ips", Stale: fault.Duration(4 * time.Second)})
		w.mustCarry(addressed(w.estate, "a", "b", "c"))
		if now := w.reserved(); len(now) != 3 || now["a"] == "" || now["b"] == "" || now["c"] == "" {
			w.Errorf("the addresses are %v, want one each for a, b and c", now)
		}
		time.Sleep(time.Minute)
		w.quiet(addressed(w.estate, "a", "b", "c"))
	})
}

// Whatever a run was doing when it was killed, the next one ends with one address for each name, and none that nothing speaks of.
func TestAnAddressWhoseMakingIsCutShortIsFoundAgain(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			reached := false
			inWorld(t, func(w *world) {
				reached = w.killed(n, after, func(ctx context.Context, e *digitalocean.Estate) {
					g := addressed(e, "mail", "web")
					plan, err := g.Plan(ctx, graph.Options{})
					if err != nil {
						return
					}
					_ = graph.NewRun(g, plan.Approve(graph.Replaces), graph.Options{}).Loop(ctx)
				})
				time.Sleep(10 * time.Second)
				w.mustCarry(addressed(w.estate, "mail", "web"))
				now := w.reserved()
				if now["mail"] == "" || now["web"] == "" || len(now) != 2 {
					w.Errorf("cut at request %d (carried out: %v), the addresses are %v, want mail and web", n, after, now)
				}
				w.quiet(addressed(w.estate, "mail", "web"))
			})
			if !reached || t.Failed() {
				break
			}
		}
	}
}

func TestAddressesBeyondTheAccountsLimitAreToldBefore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.api("POST", "/v2/reserved_ips", `{"region":"sfo3"}`)
		names := []string{"a", "b", "c"}
		err := w.estate.Preflight(w.Context(), graph.NewCall(), digitalocean.Need{ReservedIPs: names})
		limit, ok := errors.AsType[*digitalocean.ErrReservedIPLimit](err)
		if !ok || *limit != (digitalocean.ErrReservedIPLimit{Limit: 3, InUse: 1, More: 3}) || !errors.Is(err, digitalocean.ErrQuota) {
			w.Errorf("three beside one of somebody else's gives %v, want a limit of 3 that is passed", err)
		}
		w.mustCarry(addressed(w.estate, names[:2]...))
		if err := w.estate.Preflight(w.Context(), graph.NewCall(), digitalocean.Need{ReservedIPs: names[:2]}); err != nil {
			w.Errorf("those that are there are counted twice: %v", err)
		}
		// Where it is not told before, the refusal leaves nothing behind.
		if err := w.carry(addressed(w.estate, names...)); !errors.Is(err, digitalocean.ErrQuota) {
			w.Errorf("the fourth address gives %v, want a limit", err)
		}
		if tags := w.names("/v2/tags", "tags", "name"); slices.Contains(tags, mark.Tag()+":ip:c") {
			w.Errorf("the tag of an address that was refused is still there: %v", tags)
		}
	})
}

func TestAPlatformWithoutFirewallsAndAddressesAsksForNone(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustUp(starter())
		w.record.Reset()
		w.settled(starter())
		_, calls := w.record.Calls()
		for _, r := range calls {
			if strings.Contains(r.Path, "firewalls") || strings.Contains(r.Path, "reserved_ips") {
				w.Errorf("a plan asks %s %s", r.Method, r.Path)
			}
		}
	})
}
