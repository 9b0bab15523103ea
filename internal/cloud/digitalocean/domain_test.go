// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/sandbox/fault"
)

// named is a platform that has one zone with records and nothing else.
func (w *world) named(zone string, existing bool, records ...digitalocean.RecordSpec) *graph.Graph {
	g := graph.New()
	var out graph.Value[digitalocean.DomainOut]
	switch {
	case zone == "":
	case existing:
		out = graph.Add(g, "zone", &digitalocean.ExistingDomain{On: w.estate, Name: zone})
	default:
		out = graph.Add(g, "zone", &digitalocean.Domain{On: w.estate, Name: zone})
	}
	for _, r := range records {
		graph.Add(g, graph.ID(r.Type+"/"+r.Name+"/"+r.Value), &digitalocean.Record{On: w.estate, Domain: out, Zone: zone, RecordSpec: r})
	}
	g.Prune(w.estate.Kinds()...)
	return g
}

// records are a zone's, but for those that come with it: "A www 192.0.2.1".
func (w *world) records(zone string) []string {
	w.Helper()
	var out []string
	for _, r := range w.api("GET", "/v2/domains/"+zone+"/records?per_page=200", "")["domain_records"].([]any) {
		m := r.(map[string]any)
		if m["type"] != "SOA" && !(m["type"] == "NS" && m["name"] == "@") {
			out = append(out, m["type"].(string)+" "+m["name"].(string)+" "+m["data"].(string))
		}
	}
	slices.Sort(out)
	return out
}

func (w *world) mustCarry(g *graph.Graph) {
	w.Helper()
	if err := w.carry(g); err != nil {
		w.Fatalf("%v\n%s", err, w.events.text())
	}
}

// quiet fails unless a plan finds nothing to do.
func (w *world) quiet(g *graph.Graph) {
	w.Helper()
	plan, err := g.Plan(w.Context(), w.options())
	if err != nil {
		w.Fatal(err)
	}
	for _, s := range plan.Steps {
		if s.Action != graph.None {
			w.Errorf("the plan still says %s %s %s %v %v", s.Action, s.Node, s.Title, s.Changes, s.Err)
		}
	}
}

var (
	www   = digitalocean.RecordSpec{Type: "A", Name: "www", Value: "192.0.2.1", TTL: 300}
	mail  = digitalocean.RecordSpec{Type: "MX", Name: "@", Value: "mail.example.net", Priority: 10, TTL: 1800}
	docs  = digitalocean.RecordSpec{Type: "CNAME", Name: "docs", Value: "www.example.com", TTL: 1800}
	sip   = digitalocean.RecordSpec{Type: "SRV", Name: "_sip._tcp", Value: "sip.example.com", Priority: 1, Weight: 5, Port: 5060, TTL: 1800}
	whose = digitalocean.RecordSpec{Type: "CAA", Name: "@", Value: "letsencrypt.org", Tag: "issue", TTL: 1800}
	spf   = digitalocean.RecordSpec{Type: "TXT", Name: "@", Value: "v=spf1 -all", TTL: 1800}
)

func TestAZoneComesWithItsRecordsChangesInPlaceAndGoes(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		all := []digitalocean.RecordSpec{www, mail, docs, sip, whose, spf}
		w.mustCarry(w.named("example.com", false, all...))
		want := []string{"A www 192.0.2.1", "CAA @ letsencrypt.org", "CNAME docs www.example.com", "MX @ mail.example.net", "SRV _sip._tcp sip.example.com", "TXT @ v=spf1 -all"}
		if got := w.records("example.com"); !slices.Equal(got, want) {
			w.Errorf("the zone has %v, want %v", got, want)
		}
		w.quiet(w.named("example.com", false, all...))

		// A time and a CNAME change in place; another address is another record.
		all[0].TTL, all[2].Value = 60, "other.example.com"
		second := www
		second.Value = "192.0.2.2"
		all = append(all, second)
		all = append(all[:1:1], all[2:]...) // without mail
		w.mustCarry(w.named("example.com", false, all...))
		want = []string{"A www 192.0.2.1", "A www 192.0.2.2", "CAA @ letsencrypt.org", "CNAME docs other.example.com", "SRV _sip._tcp sip.example.com", "TXT @ v=spf1 -all"}
		if got := w.records("example.com"); !slices.Equal(got, want) {
			w.Errorf("the zone has %v, want %v", got, want)
		}
		w.quiet(w.named("example.com", false, all...))

		// A name with a CNAME has nothing else, so that what replaces one cannot wait for it to be pruned, nor the other way round.
		docs := slices.IndexFunc(all, func(r digitalocean.RecordSpec) bool { return r.Name == "docs" })
		for _, next := range []digitalocean.RecordSpec{{Type: "TXT", Name: "docs", Value: "moved", TTL: 1800}, {Type: "CNAME", Name: "docs", Value: "www.example.com", TTL: 1800}} {
			all[docs] = next
			w.mustCarry(w.named("example.com", false, all...))
			if got := w.records("example.com"); !slices.Contains(got, next.Type+" docs "+next.Value) || len(got) != len(all) {
				w.Errorf("the zone has %v, want %s docs %s among %d", got, next.Type, next.Value, len(all))
			}
			w.quiet(w.named("example.com", false, all...))
		}

		plan, err := w.named("example.com", true, all...).Plan(w.Context(), w.options())
		if err != nil {
			w.Fatal(err)
		}
		if s := step(plan, "zone"); s.Err == nil || !strings.Contains(s.Err.Error(), "was made by this platform") {
			w.Errorf("a zone that the platform made and the document then says exists gives %s %v, want an error: it would be pruned", s.Action, s.Err)
		}

		if err := w.down(graph.DataDecisions{}); err != nil {
			w.Fatalf("down: %v\n%s", err, w.events.text())
		}
		if left := w.names("/v2/domains", "domains", "name"); len(left) > 0 {
			w.Errorf("after down there are still %v", left)
		}
		for _, tag := range w.names("/v2/tags", "tags", "name") {
			if strings.Contains(tag, "shop") {
				w.Errorf("after down there is still the tag %s", tag)
			}
		}
	})
}

func TestAnExistingZoneKeepsWhatIsNotThePlatforms(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.api("POST", "/v2/domains", `{"name":"example.com"}`)
		w.api("POST", "/v2/domains/example.com/records", `{"type":"A","name":"old","data":"192.0.2.9"}`)
		w.api("POST", "/v2/domains/example.com/records", `{"type":"TXT","name":"@","data":"v=spf1 -all","ttl":77}`)
		w.api("POST", "/v2/domains/example.com/records", `{"type":"CNAME","name":"docs","data":"theirs.example.net."}`)
		plan, err := w.named("example.com", false).Plan(w.Context(), w.options())
		if err != nil {
			w.Fatal(err)
		}
		if s := step(plan, "zone"); s.Action != graph.Refuse || !errors.Is(s.Err, graph.ErrStranger) {
			w.Errorf("a zone that was there gives %s %v, want a refusal", s.Action, s.Err)
		}
		if plan, err = w.named("example.com", true, docs).Plan(w.Context(), w.options()); err != nil {
			w.Fatal(err)
		}
		if s := step(plan, "CNAME/docs/www.example.com"); s.Action != graph.Refuse || !errors.Is(s.Err, graph.ErrStranger) {
			w.Errorf("a CNAME of somebody else's gives %s %v, want a refusal", s.Action, s.Err)
		}
		w.mustCarry(w.named("example.com", true, www, spf)) // the text is there already: it stays theirs, with their time
		w.quiet(w.named("example.com", true, www, spf))
		w.mustCarry(w.named("example.com", true))
		theirs := []string{"A old 192.0.2.9", "CNAME docs theirs.example.net", "TXT @ v=spf1 -all"}
		if got := w.records("example.com"); !slices.Equal(got, theirs) {
			w.Errorf("without the records the zone has %v, want %v", got, theirs)
		}
		w.mustCarry(w.named("example.com", true, www))
		if err := w.down(graph.DataDecisions{}); err != nil {
			w.Fatalf("down: %v", err)
		}
		if got := w.records("example.com"); !slices.Equal(got, theirs) {
			w.Errorf("after down the zone has %v, want %v", got, theirs)
		}
	})
}

func TestAZoneWithOthersRecordsHoldsData(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustCarry(w.named("example.com", false, www))
		w.api("POST", "/v2/domains/example.com/records", `{"type":"A","name":"shop","data":"192.0.2.7"}`)
		w.api("POST", "/v2/domains/example.com/records", `{"type":"TXT","name":"k8or-a.shop","data":"heritage=external-dns,external-dns/owner=`+mark.String()+`,external-dns/resource=service/x/y"}`)
		w.quiet(w.named("example.com", false, www))
		w.api("POST", "/v2/domains/example.com/records", `{"type":"A","name":"by-hand","data":"192.0.2.8"}`)
		const data = "network/domains/example.com"
		w.mustCarry(w.named("", false)) // forgotten, it is kept
		if got := w.records("example.com"); !slices.Contains(got, "A by-hand 192.0.2.8") {
			w.Errorf("a forgotten zone has %v", got)
		}
		w.estate.Keep([]string{data})
		if err := w.down(graph.DataDecisions{Keep: []string{data}}); err != nil {
			w.Fatalf("down: %v", err)
		}
		w.records("example.com")
		w.estate.Keep(nil)
		if err := w.down(graph.DataDecisions{Lose: []string{data}}); err != nil {
			w.Fatalf("down: %v", err)
		}
		if left := w.names("/v2/domains", "domains", "name"); len(left) > 0 {
			w.Errorf("given up by name, there is still %v", left)
		}
	})
}

func TestAZoneOfAnotherAccountIsNeverMistakenForOurs(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.fault(fault.Rule{Method: "POST", Path: "/v2/domains", Status: 422, Times: 1})
		if err := w.carry(w.named("example.com", false)); err == nil || !strings.Contains(err.Error(), "has a zone of that name") {
			w.Errorf("a name that is refused: %v", err)
		}
		for _, tag := range w.names("/v2/tags", "tags", "name") {
			if strings.Contains(tag, ":zone:") {
				w.Errorf("the tag %s would make a stranger's zone ours", tag)
			}
		}
	})
}

func TestRecordsAreMadeOnceThoughAnswersAreLost(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.fault(fault.Rule{Method: "POST", Path: "/v2/domains", Drop: fault.DropAfter, Times: 1})
		w.fault(fault.Rule{Method: "POST", Path: "/v2/domains/*/records", Drop: fault.DropAfter, Times: 2})
		w.mustCarry(w.named("example.com", false, www, mail))
		if got := w.records("example.com"); len(got) != 2 {
			w.Errorf("the zone has %v, want each record once", got)
		}
	})
}

func TestWhatExternalDNSWroteForThePlatformGoesWithItsNameAndNothingElseDoes(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		remembers := func(names ...string) *graph.Graph {
			g := graph.New()
			for _, name := range names {
				graph.Add(g, graph.ID("dns/"+name), &digitalocean.DNSName{On: w.estate, Name: name})
			}
			g.Prune(w.estate.Kinds()...)
			return g
		}
		add := func(zone, kind, name, data string) {
			w.api("POST", "/v2/domains/"+zone+"/records", fmt.Sprintf(`{"type":%q,"name":%q,"data":%q}`, kind, name, data))
		}
		// write is what external-dns does.
		write := func(zone, kind, name, data, txt, owner string) {
			add(zone, kind, name, data)
			add(zone, "TXT", txt, `"heritage=external-dns,external-dns/owner=`+owner+`,external-dns/resource=service/gateways-public/public"`)
		}
		w.api("POST", "/v2/domains", `{"name":"example.com"}`)
		w.api("POST", "/v2/domains", `{"name":"example.org"}`)
		w.mustCarry(remembers("example.com", "shop.example.com", "*.example.com"))
		write("example.com", "A", "@", "192.0.2.7", "k8or-a", mark.String())
		write("example.com", "A", "shop", "192.0.2.7", "k8or-a.shop", mark.String())
		write("example.com", "A", "*", "192.0.2.7", "k8or-a._any", mark.String())
		theirs := func(zone string) {
			write(zone, "A", "other", "192.0.2.8", "k8or-a.other", mark.String()+"0")
			write(zone, "A", "else", "192.0.2.8", "k8or-a.else", "my"+mark.String())
			add(zone, "A", "by-hand", "192.0.2.9")
		}
		theirs("example.com")
		add("example.com", "AAAA", "shop", "2001:db8::1")
		foreign := []string{"AAAA shop 2001:db8::1", "A by-hand 192.0.2.9", "A else 192.0.2.8", "A other 192.0.2.8", "TXT k8or-a.else", "TXT k8or-a.other"}
		has := func(why string, want ...string) {
			w.Helper()
			var got []string
			for _, r := range w.records("example.com") {
				r, _, _ = strings.Cut(r, ` "heritage`)
				r, _, _ = strings.Cut(r, " heritage")
				got = append(got, r)
			}
			want = append(want, foreign...)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				w.Errorf("%s: the zone has %q, want %q", why, got, want)
			}
		}
		w.quiet(remembers("example.com", "shop.example.com", "*.example.com"))

		plan, err := remembers("example.com").Plan(w.Context(), w.options())
		if err != nil {
			w.Fatal(err)
		}
		var told []string
		for _, s := range plan.Steps {
			if s.Action == graph.Delete {
				told = append(told, s.Title)
			}
		}
		slices.Sort(told)
		if want := []string{"records of *.example.com (A, TXT) that external-dns wrote", "records of shop.example.com (A, TXT) that external-dns wrote"}; !slices.Equal(told, want) {
			w.Errorf("the plan deletes %q, want %q", told, want)
		}
		w.mustCarry(remembers("example.com"))
		has("two names left the document", "A @ 192.0.2.7", "TXT k8or-a")

		write("example.com", "A", "shop", "192.0.2.7", "k8or-a.shop", mark.String()) // late
		w.fault(fault.Rule{Method: "DELETE", Path: "/v2/domains/*/records/*", Status: 503, Times: 2})
		if err := w.down(graph.DataDecisions{}); err != nil {
			w.Fatalf("down: %v\n%s", err, w.events.text())
		}
		has("the platform went")
		for _, tag := range w.names("/v2/tags", "tags", "name") {
			if strings.Contains(tag, mark.String()) {
				w.Errorf("after down there is still the tag %s", tag)
			}
		}
	})
}
