// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// dnsRecord is one DNS record. Data of names is kept, and shown, without the dot that it is written with.
type dnsRecord struct {
	born
	ID       int     `json:"id"`
	Type     string  `json:"type"`
	Name     string  `json:"name"` // relative to the domain, @ for the domain itself
	Data     string  `json:"data"`
	Priority *int    `json:"priority"`
	Port     *int    `json:"port"`
	Weight   *int    `json:"weight"`
	Flags    *int    `json:"flags"`
	Tag      *string `json:"tag"`
	TTL      int     `json:"ttl"` // seconds
}

const minTTL = 30 // seconds; commonly met, not published

func (r *dnsRecord) priority() int {
	if r.Priority == nil {
		return 0
	}
	return *r.Priority
}

func (r *dnsRecord) view() object {
	return object{
		"id": r.ID, "type": r.Type, "name": r.Name, "data": r.Data, "priority": r.Priority, "port": r.Port, "ttl": r.TTL, "weight": r.Weight,
		"flags": r.Flags, "tag": r.Tag,
	}
}

func (c *Cloud) onRecord(f func(*request, *domain, *dnsRecord) (any, error)) func(*request) (any, error) {
	return c.onDomain(func(q *request, d *domain) (any, error) {
		i := slices.IndexFunc(d.Records, func(r *dnsRecord) bool { return strconv.Itoa(r.ID) == q.PathValue("record") })
		if i < 0 {
			return nil, notFound()
		}
		return f(q, d, d.Records[i])
	})
}

func (c *Cloud) listRecords(q *request, d *domain) (any, error) {
	kind, name := q.URL.Query().Get("type"), strings.TrimSuffix(q.URL.Query().Get("name"), ".")
	all := slices.DeleteFunc(slices.Clone(d.Records), func(r *dnsRecord) bool {
		return kind != "" && !strings.EqualFold(r.Type, kind) || name != "" && !strings.EqualFold(d.full(r.Name), name)
	})
	return page(q, "domain_records", all, func(r *dnsRecord) any { return r.view() })
}

type recordInput struct {
	Type     string  `json:"type"`
	Name     *string `json:"name"`
	Data     *string `json:"data"`
	Priority *int    `json:"priority"`
	Port     *int    `json:"port"`
	Weight   *int    `json:"weight"`
	Flags    *int    `json:"flags"`
	Tag      *string `json:"tag"`
	TTL      *int    `json:"ttl"`
	ID       int     `json:"id"` // read-only, ignored
}

var (
	recordName = regexp.MustCompile(`^(@|\*|(\*\.)?([a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)*)$`)
	hostName   = regexp.MustCompile(`^([a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?\.)+$`)
)

// apply fills a record from the body and holds the result against the rules of its type.
func (r *dnsRecord) apply(d *domain, in recordInput) error {
	if in.Name != nil {
		r.Name = *in.Name
		if name, absolute := strings.CutSuffix(r.Name, "."); absolute {
			r.Name = strings.TrimSuffix(strings.TrimSuffix(name, d.Name), ".")
			if r.Name == "" {
				r.Name = "@"
			}
		}
	}
	if in.Data != nil {
		r.Data = *in.Data
	}
	if in.TTL != nil && *in.TTL != 0 {
		r.TTL = *in.TTL
	}
	for _, f := range []struct{ to, from **int }{{&r.Priority, &in.Priority}, {&r.Port, &in.Port}, {&r.Weight, &in.Weight}, {&r.Flags, &in.Flags}} {
		if *f.from != nil {
			*f.to = *f.from
		}
	}
	if in.Tag != nil && *in.Tag != "" {
		r.Tag = in.Tag
	}
	return r.check(d, in.Data != nil)
}

func (r *dnsRecord) check(d *domain, fresh bool) error {
	if !recordName.MatchString(r.Name) {
		return invalid("Name %q is not a host name relative to %s", r.Name, d.Name)
	}
	if r.TTL < minTTL {
		return invalid("TTL must be at least %d seconds", minTTL)
	}
	if r.Data == "" {
		return invalid("Data can't be blank")
	}
	switch r.Type {
	case "A", "AAAA":
		ip, err := netip.ParseAddr(r.Data)
		if err != nil || ip.Is4() != (r.Type == "A") {
			return invalid("Data %q is not an address for an %s record", r.Data, r.Type)
		}
	case "CNAME", "MX", "NS", "SRV":
		if err := r.target(fresh); err != nil {
			return err
		}
	case "CAA":
		if r.Tag == nil || !slices.Contains([]string{"issue", "issuewild", "iodef"}, *r.Tag) {
			return invalid("Tag must be one of issue, issuewild, iodef")
		}
		if r.Flags == nil || *r.Flags < 0 || *r.Flags > 255 {
			return invalid("Flags must be a number from 0 to 255")
		}
		if *r.Tag != "iodef" {
			if err := r.target(fresh); err != nil {
				return err
			}
		}
	}
	if err := r.numbers(); err != nil {
		return err
	}
	for _, other := range d.Records {
		if other.ID != r.ID && strings.EqualFold(other.Name, r.Name) && (other.Type == "CNAME" || r.Type == "CNAME") && other.Type != "SOA" {
			return invalid("CNAME records cannot share a name with other records")
		}
	}
	return nil
}

// target takes the dot from a name that is new; without one it is refused, as in life.
func (r *dnsRecord) target(fresh bool) error {
	if !fresh || r.Data == "@" {
		return nil
	}
	if !strings.HasSuffix(r.Data, ".") {
		return invalid("Data needs to end with a dot (.)")
	}
	if !hostName.MatchString(r.Data) {
		return invalid("Data %q is not a host name", r.Data)
	}
	r.Data = strings.TrimSuffix(r.Data, ".")
	return nil
}

// numbers wants those that a type needs, and drops those that it has no use for, which godo sends as zeros.
func (r *dnsRecord) numbers() error {
	want := func(name string, n *int, most int) error {
		if n == nil || *n < 0 || *n > most {
			return invalid("%s must be a number from 0 to %d for %s records", name, most, r.Type)
		}
		return nil
	}
	switch r.Type {
	case "MX":
		r.Port, r.Weight, r.Flags, r.Tag = nil, nil, nil, nil
		return want("Priority", r.Priority, 65535)
	case "SRV":
		r.Flags, r.Tag = nil, nil
		if !strings.HasPrefix(r.Name, "_") {
			return invalid("Name of an SRV record must be like _service._protocol")
		}
		for name, n := range map[string]*int{"Priority": r.Priority, "Port": r.Port, "Weight": r.Weight} {
			if err := want(name, n, 65535); err != nil {
				return err
			}
		}
		return nil
	case "CAA":
		r.Priority, r.Port, r.Weight = nil, nil, nil
	default:
		r.Priority, r.Port, r.Weight, r.Flags, r.Tag = nil, nil, nil, nil, nil
	}
	return nil
}

func (c *Cloud) createRecord(q *request, d *domain) (any, error) {
	var in recordInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	r := &dnsRecord{born: c.born(), Type: strings.ToUpper(in.Type), Name: "@", TTL: defaultTTL}
	if !slices.Contains([]string{"A", "AAAA", "CAA", "CNAME", "MX", "NS", "SRV", "TXT"}, r.Type) {
		return nil, invalid("Type %q is not one of A, AAAA, CAA, CNAME, MX, NS, SRV, TXT", in.Type)
	}
	if err := r.apply(d, in); err != nil {
		return nil, err
	}
	r.ID = c.newInt()
	d.Records = append(d.Records, r)
	return object{"domain_record": r.view()}, nil
}

func (c *Cloud) getRecord(_ *request, _ *domain, r *dnsRecord) (any, error) {
	return object{"domain_record": r.view()}, nil
}

// updateRecord changes what the body names. A record's type stays.
func (c *Cloud) updateRecord(q *request, d *domain, r *dnsRecord) (any, error) {
	var in recordInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if r.Type == "SOA" {
		return nil, invalid("the SOA record cannot be changed")
	}
	if in.Type != "" && !strings.EqualFold(in.Type, r.Type) {
		return nil, invalid("the type of a record cannot change from %s to %s", r.Type, in.Type)
	}
	changed := *r
	if err := changed.apply(d, in); err != nil {
		return nil, err
	}
	*r = changed
	return object{"domain_record": r.view()}, nil
}

func (c *Cloud) deleteRecord(_ *request, d *domain, r *dnsRecord) (any, error) {
	if r.Type == "SOA" {
		return nil, invalid("the SOA record cannot be deleted")
	}
	d.Records = slices.DeleteFunc(d.Records, func(other *dnsRecord) bool { return other == r })
	return nil, nil
}
