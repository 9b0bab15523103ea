// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// domainState is an account's domains, oldest first. No name server answers for them.
type domainState struct {
	All []*domain `json:"all"`
}

type domain struct {
	born
	Name    string       `json:"name"`
	Records []*dnsRecord `json:"records"` // oldest first
}

const defaultTTL = 1800 // seconds, in the published examples

func (d *domain) urn() string { return "do:domain:" + d.Name }

func (s *domainState) find(name string) *domain {
	for _, d := range s.All {
		if strings.EqualFold(d.Name, name) {
			return d
		}
	}
	return nil
}

// covers is the domain that a host name is in; nil when the account has none.
func (s *domainState) covers(host string) *domain {
	for _, d := range s.All {
		if strings.EqualFold(host, d.Name) || strings.HasSuffix(strings.ToLower(host), "."+d.Name) {
			return d
		}
	}
	return nil
}

func (d *domain) view() object {
	return object{"name": d.Name, "ttl": defaultTTL, "zone_file": d.zone()}
}

// zone writes the records as a zone file.
func (d *domain) zone() string {
	var b strings.Builder
	fmt.Fprintf(&b, "$ORIGIN %s.\n$TTL %d\n", d.Name, defaultTTL)
	for _, r := range d.Records {
		data := r.Data
		switch r.Type {
		case "SOA":
			data = fmt.Sprintf("ns1.digitalocean.com. hostmaster.%s. %d 10800 3600 604800 1800", d.Name, d.Created.Unix())
		case "TXT":
			data = fmt.Sprintf("%q", r.Data)
		case "MX":
			data = fmt.Sprintf("%d %s.", r.priority(), r.Data)
		case "SRV":
			data = fmt.Sprintf("%d %d %d %s.", r.priority(), *r.Weight, *r.Port, r.Data)
		case "CAA":
			data = fmt.Sprintf("%d %s %q", *r.Flags, *r.Tag, r.Data)
		case "CNAME", "NS":
			data += "."
		}
		fmt.Fprintf(&b, "%s. %d IN %s %s\n", d.full(r.Name), r.TTL, r.Type, data)
	}
	return b.String()
}

// full is a record's whole name, without the last dot.
func (d *domain) full(name string) string {
	if name == "@" {
		return d.Name
	}
	return name + "." + d.Name
}

func (c *Cloud) domainRoutes() []route {
	read, update := []string{"domain:read"}, []string{"domain:update"}
	return []route{
		{"GET /v2/domains", 200, read, c.listDomains},
		{"POST /v2/domains", 201, []string{"domain:create"}, c.createDomain},
		{"GET /v2/domains/{domain}", 200, read, c.onDomain(c.getDomain)},
		{"DELETE /v2/domains/{domain}", 204, []string{"domain:delete"}, c.onDomain(c.deleteDomain)},
		{"GET /v2/domains/{domain}/records", 200, read, c.onDomain(c.listRecords)},
		{"POST /v2/domains/{domain}/records", 201, []string{"domain:create", "domain:update"}, c.onDomain(c.createRecord)},
		{"GET /v2/domains/{domain}/records/{record}", 200, read, c.onRecord(c.getRecord)},
		{"PUT /v2/domains/{domain}/records/{record}", 200, update, c.onRecord(c.updateRecord)},
		{"PATCH /v2/domains/{domain}/records/{record}", 200, update, c.onRecord(c.updateRecord)},
		{"DELETE /v2/domains/{domain}/records/{record}", 204, []string{"domain:delete", "domain:update"}, c.onRecord(c.deleteRecord)},
	}
}

func (c *Cloud) onDomain(f func(*request, *domain) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		d := q.account.Domains.find(q.PathValue("domain"))
		if d == nil {
			return nil, notFound()
		}
		return f(q, d)
	}
}

func (c *Cloud) listDomains(q *request) (any, error) {
	return page(q, "domains", q.account.Domains.All, func(d *domain) any { return d.view() })
}

var domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$`)

// createDomain makes a domain with its SOA and NS records, and an A record where an address is given.
func (c *Cloud) createDomain(q *request) (any, error) {
	var in struct {
		Name      string `json:"name"`
		IPAddress string `json:"ip_address"`
		// read-only, ignored
		TTL      *int    `json:"ttl"`
		ZoneFile *string `json:"zone_file"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	in.Name = strings.ToLower(in.Name)
	if !domainName.MatchString(in.Name) || len(in.Name) > 253 {
		return nil, invalid("name %q is not a domain name, like example.com", in.Name)
	}
	if in.IPAddress != "" {
		if _, err := netip.ParseAddr(in.IPAddress); err != nil {
			return nil, invalid("ip_address %q is not an IP address", in.IPAddress)
		}
	}
	for _, a := range c.state.Accounts {
		if a.Domains.find(in.Name) != nil {
			return nil, invalid("domain %q already exists", in.Name)
		}
	}
	d := &domain{born: c.born(), Name: in.Name}
	add := func(kind, data string) {
		d.Records = append(d.Records, &dnsRecord{born: d.born, ID: c.newInt(), Type: kind, Name: "@", Data: data, TTL: defaultTTL})
	}
	add("SOA", "1800")
	for _, n := range []string{"ns1", "ns2", "ns3"} {
		add("NS", n+".digitalocean.com")
	}
	if in.IPAddress != "" {
		kind := "A"
		if netip.MustParseAddr(in.IPAddress).Is6() {
			kind = "AAAA"
		}
		add(kind, in.IPAddress)
	}
	q.account.Domains.All = append(q.account.Domains.All, d)
	c.assign(q.account, d.urn(), "") //nolint:errcheck // the default project is always there
	c.created("domain", d.Name, d.Name)
	c.ready("domain", d.Name)
	view := d.view()
	view["zone_file"] = nil // as in the published example: it comes with the next read
	return object{"domain": view}, nil
}

func (c *Cloud) getDomain(_ *request, d *domain) (any, error) { return object{"domain": d.view()}, nil }

// deleteDomain says no while a certificate by Let's Encrypt is for a name in it. Source: docs.digitalocean.com, "Delete Domains": "you must
// first delete the certificate"; the answer's status and words are not published.
func (c *Cloud) deleteDomain(q *request, d *domain) (any, error) {
	for _, k := range q.account.Certificates.All {
		if k.Type == "lets_encrypt" && slices.ContainsFunc(k.DNSNames, func(name string) bool { return q.account.Domains.covers(strings.TrimPrefix(name, "*.")) == d }) {
			return nil, invalid("the certificate %q is for a name in %s: delete the certificate first", k.Name, d.Name)
		}
	}
	q.account.Domains.All = slices.DeleteFunc(q.account.Domains.All, func(other *domain) bool { return other == d })
	q.account.unassign(d.urn())
	c.gone("domain", d.Name)
	return nil, nil
}
