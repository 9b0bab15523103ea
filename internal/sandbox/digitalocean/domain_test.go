// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/sandbox/fault"
)

func TestDomainsHaveTheirFirstRecords(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if out := b.do(201, "POST", "/v2/domains", `{"name":"Example.com","ip_address":"192.0.2.1"}`); at(out, "domain", "name") != "example.com" || at(out, "domain", "ttl") != 1800.0 {
		t.Errorf("got %v", out)
	}
	kinds := ""
	for _, r := range b.do(200, "GET", "/v2/domains/example.com/records", "")["domain_records"].([]any) {
		kinds += at(r, "type").(string) + " "
	}
	if kinds != "SOA NS NS NS A " {
		t.Errorf("records are %s", kinds)
	}
	if zone := at(b.do(200, "GET", "/v2/domains/example.com", ""), "domain", "zone_file").(string); !strings.Contains(zone, "example.com. 1800 IN A 192.0.2.1\n") {
		t.Errorf("the zone file is %s", zone)
	}
	for _, body := range []string{`{"name":"example.com"}`, `{"name":"example"}`, `{"name":"a_b.com"}`, `{"name":"b.com","ip_address":"here"}`} {
		b.do(422, "POST", "/v2/domains", body)
	}
	b.do(204, "DELETE", "/v2/domains/example.com", "")
	b.do(404, "GET", "/v2/domains/example.com/records", "")
}

func TestRecordsLiveByTheRulesOfTheirTypes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(201, "POST", "/v2/domains", `{"name":"example.com"}`)
	path := "/v2/domains/example.com/records"
	for body, shown := range map[string]string{
		`{"type":"A","name":"www","data":"192.0.2.1","ttl":30}`:                                           `"data":"192.0.2.1"`,
		`{"type":"AAAA","name":"www","data":"2001:db8::1"}`:                                               `"ttl":1800`,
		`{"type":"CNAME","name":"blog","data":"www.example.com."}`:                                        `"data":"www.example.com"`,
		`{"type":"CNAME","name":"alias","data":"@"}`:                                                      `"data":"@"`,
		`{"type":"MX","name":"@","data":"mail.example.com.","priority":10}`:                               `"priority":10`,
		`{"type":"SRV","name":"_sip._tcp","data":"sip.example.com.","priority":1,"port":5060,"weight":2}`: `"port":5060`,
		`{"type":"CAA","name":"@","data":"letsencrypt.org.","flags":0,"tag":"issue"}`:                     `"tag":"issue"`,
		`{"type":"TXT","name":"_acme-challenge.example.com.","data":"token"}`:                             `"name":"_acme-challenge"`,
		`{"type":"A","name":"*","data":"192.0.2.9","priority":0,"port":0,"weight":0,"flags":0}`:           `"priority":null`,
		`{"type":"NS","name":"sub","data":"ns1.example.net."}`:                                            `"data":"ns1.example.net"`,
	} {
		out := b.do(201, "POST", path, body)
		if text, _ := json.Marshal(out["domain_record"]); !strings.Contains(string(text), shown) {
			t.Errorf("%s came to %s, want %s in it", body, text, shown)
		}
	}
	for body, why := range map[string]string{
		`{"type":"A","name":"x","data":"2001:db8::1"}`:                                         "an IPv6 address",
		`{"type":"A","name":"x","data":"192.0.2.1","ttl":29}`:                                  "a short TTL",
		`{"type":"CNAME","name":"x","data":"www.example.com"}`:                                 "no last dot",
		`{"type":"CNAME","name":"www","data":"a.example.com."}`:                                "a name that others have",
		`{"type":"A","name":"blog","data":"192.0.2.1"}`:                                        "a CNAME's name",
		`{"type":"MX","name":"@","data":"mail.example.com."}`:                                  "no priority",
		`{"type":"SRV","name":"sip","data":"s.example.com.","priority":1,"port":1,"weight":1}`: "no service",
		`{"type":"CAA","name":"@","data":"letsencrypt.org.","flags":0,"tag":"all"}`:            "no such tag",
		`{"type":"SOA","name":"@","data":"1800"}`:                                              "a second SOA",
		`{"type":"A","name":"a b","data":"192.0.2.1"}`:                                         "a blank in the name",
		`{"type":"TXT","name":"x"}`:                                                            "no data",
	} {
		if status, _, out := b.try("POST", path, body); status != 422 {
			t.Errorf("%s (%s): got %d %v, want 422", body, why, status, out)
		}
	}
	if got := len(b.do(200, "GET", path+"?type=A&name=www.example.com", "")["domain_records"].([]any)); got != 1 {
		t.Errorf("filtered: %d records, want 1", got)
	}
	id := at(b.do(200, "GET", path+"?name=blog.example.com", ""), "domain_records", 0, "id").(float64)
	one := fmt.Sprintf("%s/%.0f", path, id)
	if out := b.do(200, "PATCH", one, `{"type":"CNAME","ttl":600}`); at(out, "domain_record", "ttl") != 600.0 || at(out, "domain_record", "data") != "www.example.com" {
		t.Errorf("patched: %v", out)
	}
	b.do(422, "PUT", one, `{"type":"A","data":"192.0.2.1"}`)
	b.do(204, "DELETE", one, "")
	b.do(404, "GET", one, "")
}

func TestUnchangedGodoManagesRecords(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.godo()
	if _, _, err := c.Domains.Create(t.Context(), &godo.DomainCreateRequest{Name: "example.com"}); err != nil {
		t.Fatal(err)
	}
	r, _, err := c.Domains.CreateRecord(t.Context(), "example.com", &godo.DomainRecordEditRequest{Type: "CNAME", Name: "www", Data: "@", TTL: 300})
	if err != nil {
		t.Fatal(err)
	}
	if r, _, err = c.Domains.EditRecord(t.Context(), "example.com", r.ID, &godo.DomainRecordEditRequest{Type: "CNAME", Name: "www", Data: "example.com.", TTL: 600}); err != nil || r.TTL != 600 {
		t.Errorf("%v, %v", r, err)
	}
	if all, _, err := c.Domains.RecordsByTypeAndName(t.Context(), "example.com", "CNAME", "www.example.com", nil); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}

// selfSigned is a certificate for names, and its key, as PEM.
func selfSigned(t *testing.T, names ...string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func (b *bench) upload(name string, names ...string) string {
	b.Helper()
	leaf, key := selfSigned(b.T, names...)
	k, _, err := b.godo().Certificates.Create(b.Context(), &godo.CertificateRequest{Name: name, Type: "custom", LeafCertificate: leaf, PrivateKey: key})
	if err != nil {
		b.Fatal(err)
	}
	return k.ID
}

func TestCertificatesAreVerifiedAndKeptWhileInUse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	order := `{"name":"web","type":"lets_encrypt","dns_names":["www.example.com"]}`
	if out := b.do(422, "POST", "/v2/certificates", order); !strings.Contains(out["message"].(string), "domain") {
		t.Errorf("without the domain: %v", out)
	}
	b.do(201, "POST", "/v2/domains", `{"name":"example.com"}`)
	out := b.do(201, "POST", "/v2/certificates", order)
	if at(out, "certificate", "state") != "pending" || at(out, "certificate", "not_after") != nil {
		t.Errorf("at first: %v", out)
	}
	id := at(out, "certificate", "id").(string)
	balancer := `{"name":"web","region":"nyc3","droplet_ids":[],"forwarding_rules":[{"entry_protocol":"https","entry_port":443,"target_protocol":"http","target_port":80,"certificate_id":"` + id + `"}]}`
	b.do(422, "POST", "/v2/load_balancers", balancer)
	b.clock.Advance(time.Minute)
	if out := b.do(200, "GET", "/v2/certificates/"+id, ""); at(out, "certificate", "state") != "verified" || len(at(out, "certificate", "sha1_fingerprint").(string)) != 40 {
		t.Errorf("after a minute: %v", out)
	}
	lb := at(b.do(202, "POST", "/v2/load_balancers", balancer), "load_balancer", "id").(string)
	if out := b.do(403, "DELETE", "/v2/certificates/"+id, ""); !strings.Contains(out["message"].(string), "not in use") {
		t.Errorf("in use: %v", out)
	}
	b.do(204, "DELETE", "/v2/load_balancers/"+lb, "")
	b.do(204, "DELETE", "/v2/certificates/"+id, "")
	b.do(404, "GET", "/v2/certificates/"+id, "")
	if _, err := b.faults.Add(fault.Rule{Method: "POST", Path: "/v2/certificates", Ends: "error"}); err != nil {
		t.Fatal(err)
	}
	id = at(b.do(201, "POST", "/v2/certificates", order), "certificate", "id").(string)
	b.clock.Advance(time.Minute)
	if got := at(b.do(200, "GET", "/v2/certificates/"+id, ""), "certificate", "state"); got != "error" {
		t.Errorf("a faulty order is %v", got)
	}
}

func TestARenewedCertificateHasAnotherIDWhichItsUsersFollow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(201, "POST", "/v2/domains", `{"name":"example.com"}`)
	id := at(b.do(201, "POST", "/v2/certificates", `{"name":"web","type":"lets_encrypt","dns_names":["*.example.com"]}`), "certificate", "id").(string)
	b.clock.Advance(time.Minute)
	lb := at(b.do(202, "POST", "/v2/load_balancers", `{"name":"web","region":"nyc3","droplet_ids":[],"forwarding_rules":[{"entry_protocol":"https","entry_port":443,"target_protocol":"http","target_port":80,"certificate_id":"`+id+`"}]}`), "load_balancer", "id").(string)
	cdn := at(b.do(201, "POST", "/v2/cdn/endpoints", `{"origin":"media.nyc3.digitaloceanspaces.com","custom_domain":"static.example.com","certificate_id":"`+id+`"}`), "endpoint", "id").(string)
	follow := func(when string) {
		t.Helper()
		b.do(404, "GET", "/v2/certificates/"+id, "")
		out := at(b.do(200, "GET", "/v2/certificates?name=web", ""), "certificates", 0)
		if now := at(out, "id"); now == id || at(out, "state") != "verified" {
			t.Errorf("%s: %v", when, out)
		} else {
			id = now.(string)
		}
		if got := at(b.do(200, "GET", "/v2/load_balancers/"+lb, ""), "load_balancer", "forwarding_rules", 0, "certificate_id"); got != id {
			t.Errorf("%s the load balancer shows %v, want %s", when, got, id)
		}
		if got := at(b.do(200, "GET", "/v2/cdn/endpoints/"+cdn, ""), "endpoint", "certificate_id"); got != id {
			t.Errorf("%s the CDN shows %v, want %s", when, got, id)
		}
	}
	b.clock.Advance(61 * 24 * time.Hour)
	follow("after two months")
	b.clock.Advance(61 * 24 * time.Hour)
	follow("after four months")
	if err := b.cloud.RenewCertificate("", "web"); err != nil {
		t.Fatal(err)
	}
	follow("when it is told to")
	if err := b.cloud.RenewCertificate("", "other"); err == nil {
		t.Error("a certificate that is not there was renewed")
	}
	if out := b.do(422, "DELETE", "/v2/domains/example.com", ""); !strings.Contains(out["message"].(string), `"web"`) {
		t.Errorf("a zone with a certificate: %v", out)
	}
}

func TestUploadedCertificatesMustFitTheirKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.upload("own", "static.example.com")
	out := b.do(200, "GET", "/v2/certificates?name=own", "")
	if at(out, "certificates", 0, "id") != id || at(out, "certificates", 0, "dns_names", 0) != "static.example.com" || at(out, "certificates", 0, "not_after") != "2027-01-01T00:00:00Z" {
		t.Errorf("got %v", out)
	}
	leaf, _ := selfSigned(t, "a.example.com")
	_, key := selfSigned(t, "a.example.com")
	body, err := json.Marshal(map[string]string{"name": "other", "type": "custom", "leaf_certificate": leaf, "private_key": key})
	if err != nil {
		t.Fatal(err)
	}
	b.do(422, "POST", "/v2/certificates", string(body))
	saved, err := b.cloud.Save()
	if err != nil || strings.Contains(string(saved), "PRIVATE KEY") {
		t.Errorf("the state holds a private key, or cannot be saved: %v", err)
	}
}

func TestCDNEndpointsStandBeforeSpaces(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	create := `{"origin":"media.nyc3.digitaloceanspaces.com"}`
	out := b.do(201, "POST", "/v2/cdn/endpoints", create)
	if at(out, "endpoint", "endpoint") != "media.nyc3.cdn.digitaloceanspaces.com" || at(out, "endpoint", "ttl") != 3600.0 {
		t.Errorf("got %v", out)
	}
	path := "/v2/cdn/endpoints/" + at(out, "endpoint", "id").(string)
	b.do(409, "POST", "/v2/cdn/endpoints", create)
	b.do(422, "POST", "/v2/cdn/endpoints", `{"origin":"www.example.com"}`)
	b.do(422, "PUT", path, `{"ttl":5}`)
	b.do(422, "PUT", path, `{"custom_domain":"static.example.com"}`)
	if status, h, _ := b.try("GET", path, ""); status != 429 || h.Get("Retry-After") == "" {
		t.Errorf("the sixth call in ten seconds: %d, %v", status, h)
	}
	b.clock.Advance(11 * time.Second)
	id := b.upload("static", "static.example.com")
	b.do(422, "PUT", path, `{"custom_domain":"other.example.com","certificate_id":"`+id+`"}`)
	if out := b.do(200, "PUT", path, `{"ttl":60,"custom_domain":"static.example.com","certificate_id":"`+id+`"}`); at(out, "endpoint", "custom_domain") != "static.example.com" {
		t.Errorf("got %v", out)
	}
	b.do(403, "DELETE", "/v2/certificates/"+id, "")
	b.clock.Advance(11 * time.Second)
	b.do(422, "POST", "/v2/cdn/endpoints", `{"origin":"acme.media.nyc3.digitaloceanspaces.com"}`)
	b.do(201, "POST", "/v2/domains", `{"name":"example.com"}`)
	b.do(201, "POST", "/v2/domains/example.com/records", `{"type":"A","name":"taken","data":"192.0.2.1"}`)
	for _, name := range []string{"edge", "taken"} { // a CNAME comes by itself, where nothing stands at the name
		if out := b.do(200, "PUT", path, `{"custom_domain":"`+name+`.example.com","certificate_id":"needs-cloudflare-cert"}`); at(out, "endpoint", "certificate_id") != "needs-cloudflare-cert" {
			t.Errorf("got %v", out)
		}
	}
	var said []string
	for _, r := range b.do(200, "GET", "/v2/domains/example.com/records", "")["domain_records"].([]any)[4:] {
		said = append(said, fmt.Sprintf("%v %v %v", at(r, "type"), at(r, "name"), at(r, "data")))
	}
	if want := []string{"A taken 192.0.2.1", "CNAME edge media.nyc3.cdn.digitaloceanspaces.com"}; !slices.Equal(said, want) {
		t.Errorf("the zone has %q, want %q", said, want)
	}
	if out := b.do(200, "PUT", path, `{"custom_domain":"","certificate_id":""}`); at(out, "endpoint", "custom_domain") != nil {
		t.Errorf("got %v", out)
	}
	b.clock.Advance(11 * time.Second)
	files := `{"files":[` + strings.TrimSuffix(strings.Repeat(`"a.css",`, 50), ",") + `]}`
	b.do(204, "DELETE", path+"/cache", files)
	b.do(429, "DELETE", path+"/cache", `{"files":["*"]}`)
	b.clock.Advance(21 * time.Second)
	b.do(204, "DELETE", path+"/cache", `{"files":["*"]}`)
	b.do(204, "DELETE", path, "")
	b.do(404, "GET", path, "")
}
