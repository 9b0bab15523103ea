// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/sandbox/fault"
	"github.com/k8or/k8or/internal/secret"
)

// served is a bucket whose CDN has a name of its own.
func served(domain string) bucket {
	b := media()
	b.users, b.ttl, b.domain = nil, 600, domain
	return b
}

// endpoint is the one CDN endpoint of the account.
func (w *world) endpoint() map[string]any {
	w.Helper()
	all := w.api("GET", "/v2/cdn/endpoints", "")["endpoints"].([]any)
	if len(all) != 1 {
		w.Fatalf("there are %d CDN endpoints, want 1", len(all))
	}
	return all[0].(map[string]any)
}

func (w *world) certificates() []string {
	return w.names("/v2/certificates", "certificates", "name")
}

// certificateID is the id of the account's first certificate.
func (w *world) certificateID() string {
	w.Helper()
	return w.api("GET", "/v2/certificates", "")["certificates"].([]any)[0].(map[string]any)["id"].(string)
}

// nothingOf fails if anything of the platform's is left.
func (w *world) nothingOf() {
	w.Helper()
	for path, key := range map[string]string{"/v2/certificates": "certificates", "/v2/domains": "domains", "/v2/cdn/endpoints": "endpoints"} {
		if got := w.api("GET", path, "")[key].([]any); len(got) > 0 {
			w.Errorf("after down there still is %v", got)
		}
	}
	for _, tag := range w.names("/v2/tags", "tags", "name") {
		if strings.Contains(tag, "shop") {
			w.Errorf("after down there is the tag %s", tag)
		}
	}
}

func TestACDNGetsANameOfItsOwnAnotherAndNone(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		w.have(served(""))
		if steps := w.have(served("media.example.com")); steps["storage/spaces/media/cdn/name"].Action != graph.Update || steps["storage/spaces/media/cdn"].Action != "" {
			t.Errorf("the plan of a name says %v", steps)
		}
		e := w.endpoint()
		if e["custom_domain"] != "media.example.com" || e["certificate_id"] != w.certificateID() {
			t.Errorf("the endpoint is %v", e)
		}
		if got, want := w.records("example.com"), []string{"CNAME media shop-x7k2p9-media.nyc3.cdn.digitaloceanspaces.com"}; !slices.Equal(got, want) {
			t.Errorf("the zone has %v, want %v", got, want)
		}
		var paths []string
		for _, c := range w.have(served("pictures.example.com"))["storage/spaces/media/cdn/name"].Changes {
			paths = append(paths, c.Path)
		}
		if !slices.Equal(paths, []string{"domain", "certificate"}) {
			t.Errorf("the plan of another name changes %v", paths)
		}
		if e := w.endpoint(); e["custom_domain"] != "pictures.example.com" {
			t.Errorf("the endpoint is %v", e)
		}
		if got, want := w.certificates(), []string{"shop-x7k2p9-pictures.example.com"}; !slices.Equal(got, want) {
			t.Errorf("there are the certificates %v, want %v", got, want)
		}
		if got := w.records("example.com"); len(got) != 1 || !strings.HasPrefix(got[0], "CNAME pictures ") {
			t.Errorf("the zone has %v", got)
		}
		w.have(served(""))
		if e := w.endpoint(); e["custom_domain"] != nil {
			t.Errorf("without the name the endpoint is %v", e)
		}
		if got := w.certificates(); len(got) > 0 {
			t.Errorf("without the name there are the certificates %v", got)
		}
		w.have(served("media.example.com"))
		without := served("") // the CDN goes as a whole
		without.ttl = 0
		w.have(without)
		if got := append(w.certificates(), w.names("/v2/cdn/endpoints", "endpoints", "origin")...); len(got) > 0 {
			t.Errorf("without a CDN there still are %v", got)
		}
		w.have(served("media.example.com"))
		w.process()
		if err := w.down(graph.DataDecisions{Lose: []string{"storage/spaces/media"}}); err != nil {
			t.Fatalf("down: %v\n%s", err, w.events.text())
		}
		w.ends()
		w.nothingOf()
	})
}

func TestARenewedCertificateIsFoundAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		b := served("media.example.com")
		w.have(b)
		was := w.certificateID()
		time.Sleep(61 * 24 * time.Hour)
		now := w.certificateID()
		if now == was || w.endpoint()["certificate_id"] != now {
			t.Fatalf("after two months the certificate is %s, and was %s; the endpoint is %v", now, was, w.endpoint())
		}
		if steps := w.have(b); len(steps) > 0 {
			t.Errorf("a renewed certificate changes %v", steps)
		}
		// Where the CDN did not follow, it is led there.
		time.Sleep(10 * time.Second)
		w.api("POST", "/v2/certificates", `{"name":"old","type":"lets_encrypt","dns_names":["media.example.com"]}`)
		time.Sleep(time.Minute)
		all := w.api("GET", "/v2/certificates?name=old", "")["certificates"].([]any)
		w.api("PUT", "/v2/cdn/endpoints/"+w.endpoint()["id"].(string), `{"custom_domain":"media.example.com","certificate_id":"`+all[0].(map[string]any)["id"].(string)+`"}`)
		steps := w.have(b)
		if s := steps["storage/spaces/media/cdn/name"]; len(s.Changes) != 1 || s.Changes[0].Path != "certificate" || s.Risk != graph.InPlace {
			t.Errorf("the plan says %+v", s)
		}
		if got := w.endpoint()["certificate_id"]; got != now {
			t.Errorf("the endpoint shows %v, want %s", got, now)
		}
	})
}

func TestWhatPeopleGaveACDNStays(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		b := served("media.example.com")
		w.have(b)
		time.Sleep(10 * time.Second)
		path := "/v2/cdn/endpoints/" + w.endpoint()["id"].(string)
		w.api("PUT", path, `{"custom_domain":"media.example.com","certificate_id":"needs-cloudflare-cert"}`)
		if steps := w.have(b); len(steps) > 0 {
			t.Errorf("a certificate that the CDN makes itself is as good, and the plan says %v", steps)
		}
		w.have(served(""))
		time.Sleep(10 * time.Second)
		w.api("PUT", path, `{"custom_domain":"files.example.org","certificate_id":"needs-cloudflare-cert"}`)
		if steps := w.have(served("")); len(steps) > 0 || w.endpoint()["custom_domain"] != "files.example.org" {
			t.Errorf("a name that somebody gave the CDN by hand: %v, %v", steps, w.endpoint())
		}
	})
}

func TestACertificateOfSomebodyElsesIsLeftAlone(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		w.api("POST", "/v2/domains", `{"name":"example.net"}`)
		w.api("POST", "/v2/certificates", `{"name":"shop-x7k2p9-media.example.com","type":"lets_encrypt","dns_names":["www.example.net"]}`)
		if _, err := w.bring(nil, func() *graph.Graph { return w.objects(served("media.example.com")) }); !errors.Is(err, graph.ErrStranger) {
			t.Errorf("up ended with %v, want a stranger", err)
		}
		w.process()
		if err := w.down(graph.DataDecisions{Lose: []string{"storage/spaces/media"}}); err != nil {
			t.Fatal(err)
		}
		w.ends()
		if got := w.certificates(); len(got) != 1 {
			t.Errorf("after down there are the certificates %v", got)
		}
	})
}

func TestACertificateIsOrderedOnceThoughAnswersAreLostAndListsLag(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.fault(fault.Rule{Method: "POST", Path: "/v2/certificates", Times: 1, Drop: fault.DropAfter})
		w.fault(fault.Rule{Method: "GET", Path: "/v2/certificates", Stale: fault.Duration(4 * time.Second)})
		w.have(served("media.example.com"))
		if got := w.certificates(); len(got) != 1 {
			w.Errorf("there are the certificates %v, want one", got)
		}
	})
}

func TestACertificateThatLetsEncryptRefusedIsOrderedAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		b := served("media.example.com")
		w.fault(fault.Rule{Method: "POST", Path: "/v2/certificates", Times: 1, Ends: "error"})
		_, err := w.bring(nil, func() *graph.Graph { return w.objects(b) })
		if err == nil || !strings.Contains(err.Error(), "ns3.digitalocean.com") || !strings.Contains(err.Error(), "the next plan offers to replace it") {
			t.Errorf("up ended with %v, want what has to be done at the registrar", err)
		}
		steps := w.have(b)
		if s := steps["storage/spaces/media/cdn/certificate"]; s.Action != graph.Replace {
			t.Errorf("the next plan says %+v", s)
		}
	})
}

func TestANameStaysWithTheBucketThatIsKept(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		b, other := served("media.example.com"), served("logs.example.com")
		other.Name = "shop-x7k2p9-logs"
		w.have(b, other)
		put(w, w.owner(), b.Name, "a")
		keep := []string{"storage/spaces/media"}
		kept := func(when string) {
			t.Helper()
			if e := w.endpoint(); e["custom_domain"] != "media.example.com" || e["certificate_id"] != w.certificateID() {
				t.Errorf("%s the endpoint is %v", when, e)
			}
			if got := w.certificates(); len(got) != 1 {
				t.Errorf("%s there are the certificates %v", when, got)
			}
			if got := w.records("example.com"); !strings.HasPrefix(got[len(got)-1], "CNAME media ") {
				t.Errorf("%s the zone has %v", when, got)
			}
		}
		if _, err := w.bring([]string{"storage/spaces/logs"}, func() *graph.Graph { return w.objects() }); err != nil { // the document forgot both
			t.Fatal(err)
		}
		kept("forgotten,")
		const zone = "network/domains/example.com"
		w.api("POST", "/v2/domains/example.com/records", `{"type":"A","name":"by-hand","data":"192.0.2.8"}`)
		w.process()
		w.estate.Keep(keep)
		if err := w.down(graph.DataDecisions{Keep: keep, Lose: []string{zone}}); err != nil { // the zone cannot go while the bucket's name is in it
			t.Fatalf("down: %v\n%s", err, w.events.text())
		}
		w.ends()
		kept("after down")
		for node := range w.have(b) {
			if node != "project" {
				t.Errorf("the next up changes %s", node)
			}
		}
		w.process()
		if err := w.down(graph.DataDecisions{Lose: append(keep, zone)}); err != nil {
			t.Fatalf("down: %v\n%s", err, w.events.text())
		}
		w.ends()
		w.nothingOf()
	})
}

// certified is a platform that has a zone with a certificate of the entry "web" and nothing else; without either, nothing at all.
func (w *world) certified(k *digitalocean.Certificate) *graph.Graph {
	g := graph.New()
	if k != nil {
		zone := graph.Add(g, "zone", &digitalocean.Domain{On: w.estate, Name: "example.com"})
		k.On, k.Entry, k.Zones = w.estate, "web", graph.Join(zone)
		graph.Add(g, "network/certificates/web", k)
	}
	g.Prune(w.estate.Kinds()...)
	return g
}

// ownCertificate is one that signs itself, with its key.
func ownCertificate(t *testing.T, until time.Time, host string) digitalocean.OwnCertificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotAfter: until}
	leaf, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) secret.Text {
		return secret.New(string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
	}
	return digitalocean.OwnCertificate{Leaf: text("CERTIFICATE", leaf), Key: text("PRIVATE KEY", pkcs8)}
}

// show makes a load balancer that shows the account's first certificate, with tags, and returns its id.
func (w *world) show(name, tags string) string {
	w.Helper()
	out := w.api("POST", "/v2/load_balancers", fmt.Sprintf(`{"name":%q,"region":"nyc3","tags":[%s],"droplet_ids":[],
		"forwarding_rules":[{"entry_protocol":"https","entry_port":443,"target_protocol":"http","target_port":80,"certificate_id":%q}]}`, name, tags, w.certificateID()))
	return out["load_balancer"].(map[string]any)["id"].(string)
}

func TestACertificateForOtherNamesComesBeforeTheOldOneGoes(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		first, second := []string{"example.com", "*.example.com"}, []string{"www.example.com"}
		w.mustCarry(w.certified(&digitalocean.Certificate{Hosts: first}))
		w.quiet(w.certified(&digitalocean.Certificate{Hosts: []string{first[1], first[0]}})) // in another order
		was, id := w.certificates()[0], w.certificateID()
		plan, err := w.certified(&digitalocean.Certificate{Hosts: second}).Plan(w.Context(), w.options())
		if err != nil {
			w.Fatal(err)
		}
		if s := step(plan, "network/certificates/web"); s.Action != graph.Create || s.Key == was {
			w.Errorf("the plan of other names says %s %s", s.Action, s.Key)
		}
		if s := step(plan, graph.ID("digitalocean/certificate:"+was)); s.Action != graph.Delete || !strings.Contains(s.Title, "example.com, *.example.com") {
			w.Errorf("of the one before it says %s %s", s.Action, s.Title)
		}
		w.mustCarry(w.certified(&digitalocean.Certificate{Hosts: second}))
		if got := w.certificates(); len(got) != 1 || got[0] == was || w.certificateID() == id {
			w.Errorf("then there are %v, and there was %s", got, was)
		}
		w.quiet(w.certified(&digitalocean.Certificate{Hosts: second}))
		time.Sleep(61 * 24 * time.Hour) // renewed under another id
		w.quiet(w.certified(&digitalocean.Certificate{Hosts: second}))
		if err := w.down(graph.DataDecisions{}); err != nil {
			w.Fatalf("down: %v\n%s", err, w.events.text())
		}
		w.nothingOf()
	})
}

func TestACertificateOfSomebodysOwnIsUploadedAndItsKeyIsNeverSeen(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		until := time.Now().AddDate(1, 0, 0)
		own, next := ownCertificate(t, until, "shop.example.net"), ownCertificate(t, until, "shop.example.net")
		w.mustCarry(w.certified(&digitalocean.Certificate{Own: own}))
		w.quiet(w.certified(&digitalocean.Certificate{Own: own}))
		was := w.certificates()[0]
		chained := own
		chained.Chain = next.Leaf
		for _, k := range []digitalocean.OwnCertificate{chained, next} { // with another chain, and another one
			w.mustCarry(w.certified(&digitalocean.Certificate{Own: k}))
			if got := w.certificates(); len(got) != 1 || got[0] == was {
				w.Errorf("there are %v, and there was %s", got, was)
			}
			was = w.certificates()[0]
		}
		plan, err := w.certified(&digitalocean.Certificate{Own: next}).Plan(w.Context(), w.options())
		if err != nil {
			w.Fatal(err)
		}
		out, _ := step(plan, "network/certificates/web").Out.(digitalocean.CertificateOut)
		if want := was + ", good until " + until.Format(time.DateOnly) + ", and nobody renews it but you"; out.Told() != want {
			w.Errorf("it is told as %q, want %q", out.Told(), want)
		}
		for why, wrong := range map[string]digitalocean.OwnCertificate{
			"do not fit": {Leaf: own.Leaf, Key: next.Key}, "ended on": ownCertificate(t, time.Now().Add(-time.Hour), "shop.example.net"),
		} {
			plan, err := w.certified(&digitalocean.Certificate{Own: wrong}).Plan(w.Context(), w.options())
			if err != nil {
				w.Fatal(err)
			}
			if s := step(plan, "network/certificates/web"); s.Err == nil || !strings.Contains(s.Err.Error(), why) {
				w.Errorf("the plan says %s %v, want that they %s", s.Action, s.Err, why)
			}
		}
		told := w.events.text() + fmt.Sprintf("%+v %#v", plan, plan)
		for _, k := range []digitalocean.OwnCertificate{own, next} {
			if body := strings.Split(k.Key.Reveal(), "\n")[1]; strings.Contains(told, body) {
				w.Error("a private key is in what is told")
			}
		}
	})
}

func TestACertificateThatSomebodyElseShowsIsKept(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		hosts := []string{"www.example.com"}
		w.mustCarry(w.certified(&digitalocean.Certificate{Hosts: hosts}))
		balancer := w.show("theirs", "")
		const data = "network/certificates/web"
		none := w.certified(nil)
		plan, err := none.Plan(w.Context(), w.options())
		if err != nil {
			w.Fatal(err)
		}
		if s := step(plan, graph.ID("digitalocean/certificate:"+w.certificates()[0])); s.Action != graph.Keep || s.Reason != "the load balancer theirs shows it" {
			w.Errorf("forgotten by the document, the plan says %s: %s", s.Action, s.Reason)
		}
		for _, lose := range [][]string{nil, {data}} {
			if err := w.down(graph.DataDecisions{Lose: lose}); !errors.Is(err, graph.ErrProtected) && !errors.Is(err, graph.ErrIncomplete) {
				w.Errorf("down, giving up %v: %v, want that it is protected", lose, err)
			}
			if len(w.certificates()) != 1 {
				w.Error("it is gone")
			}
		}
		if err := w.down(graph.DataDecisions{Keep: []string{data}}); err != nil {
			w.Fatalf("down, keeping it: %v", err)
		}
		w.api("DELETE", "/v2/load_balancers/"+balancer, "")
		if err := w.down(graph.DataDecisions{}); err != nil {
			w.Fatalf("down: %v", err)
		}
		w.nothingOf()
	})
}

func TestACertificateThatTheClusterShowsGoesOnceItShowsAnother(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		with := func(host string) *graph.Graph {
			g := w.graph(w.estate, starter())
			zone := graph.Add(g, "zone", &digitalocean.Domain{On: w.estate, Name: "example.com"})
			graph.Add(g, "network/certificates/web", &digitalocean.Certificate{On: w.estate, Entry: "web", Hosts: []string{host}, Zones: graph.Join(zone)})
			return g
		}
		w.mustCarry(with("www.example.com"))
		balancer := w.show("web", `"k8s:`+w.cluster()["id"].(string)+`"`)
		if err := w.carry(with("shop.example.com")); err == nil || !strings.Contains(err.Error(), "waits until DigitalOcean sees that no load balancer") {
			w.Errorf("while the cluster's load balancer shows the one before: %v", err)
		}
		if got := w.certificates(); len(got) != 2 {
			w.Errorf("there are %v, want both", got)
		}
		w.api("DELETE", "/v2/load_balancers/"+balancer, "")
		w.mustCarry(with("shop.example.com"))
		w.show("web", `"k8s:`+w.cluster()["id"].(string)+`"`)
		if err := w.down(graph.DataDecisions{}); err != nil {
			w.Fatalf("down: %v\n%s", err, w.events.text())
		}
		w.nothingOf()
	})
}
