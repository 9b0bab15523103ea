// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

const (
	domainPattern = `^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$`
	recordPattern = `^(@|\*|(\*\.)?[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*)$`
	hostPattern   = `^([a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?\.)+([a-zA-Z0-9-]{2,63})\.?$`
)

// domains checks zones and their fixed records.
func (c *checker) domains() {
	if c.given.Spec.Network == nil {
		return
	}
	for _, name := range sorted(c.given.Spec.Network.Domains) {
		at := Join("spec.network.domains", name)
		if !matches(domainPattern, name) || len(name) > 253 {
			c.add(FieldError{Path: at, Code: CodeDomainName, What: fmt.Sprintf("%q is not the name of a domain", name), Fix: "write it such as example.com, in lower case"})
		}
		kinds, seen := map[string][]string{}, map[string]bool{}
		for i, r := range c.given.Spec.Network.Domains[name].Records {
			at := Join(Join(at, "records"), i)
			c.record(r, at)
			if key := r.Type + " " + r.Name + " " + strings.TrimSuffix(r.Value, "."); seen[key] {
				c.add(FieldError{Path: at, Code: CodeRecordTwice, What: fmt.Sprintf("the record %s %s is given twice", r.Type, r.Name), Fix: "keep one of them"})
			} else {
				seen[key] = true
			}
			if others := kinds[r.Name]; len(others) > 0 && (r.Type == "CNAME" || slices.Contains(others, "CNAME")) {
				c.add(FieldError{Path: at, Code: CodeRecordTwice, What: fmt.Sprintf("%s has a CNAME and another record", r.Name),
					Why: "a name that stands for another has no records of its own", Fix: "keep the CNAME alone, or write addresses"})
			}
			kinds[r.Name] = append(kinds[r.Name], r.Type)
		}
	}
}

// record checks one record by its type.
func (c *checker) record(r Record, path string) {
	wrong := func(field, what, fix string) {
		c.add(FieldError{Path: Join(path, field), Code: CodeRecord, What: what, Fix: fix})
	}
	if r.Name != "" && !matches(recordPattern, r.Name) {
		wrong("name", fmt.Sprintf("%q cannot be a name in a zone", r.Name), "write it without the domain, in lower case, such as www or _dmarc; @ is the domain itself")
	}
	if r.Value == "" {
		return // said already
	}
	if r.Priority == nil && (r.Type == "MX" || r.Type == "SRV") {
		wrong("priority", fmt.Sprintf("a record of type %s needs a priority", r.Type), "add `priority: 10`")
	}
	host := func(text string) bool { return text == "@" || matches(hostPattern, text) }
	number := func(text string, most int) bool {
		n, err := strconv.Atoi(text)
		return err == nil && n >= 0 && n <= most
	}
	parts := strings.SplitN(r.Value, " ", 3)
	switch r.Type {
	case "A", "AAAA":
		if ip, err := netip.ParseAddr(r.Value); err != nil || ip.Is4() != (r.Type == "A") {
			wrong("value", fmt.Sprintf("%q is not an address of a record of type %s", r.Value, r.Type), "write an IPv4 address with A, an IPv6 address with AAAA")
		}
	case "CNAME", "MX", "NS":
		if r.Type == "CNAME" && r.Name == "@" {
			wrong("name", "the domain itself cannot be a CNAME", "write an A record, or a CNAME of a name in it")
		}
		if !host(r.Value) {
			wrong("value", fmt.Sprintf("%q is not the name of a host", r.Value), "write it in full, such as mail.example.com; @ is the domain itself")
		}
	case "SRV":
		if len(parts) != 3 || !number(parts[0], 65535) || !number(parts[1], 65535) || !host(parts[2]) || !strings.HasPrefix(r.Name, "_") {
			wrong("value", "a record of type SRV has a name such as _sip._tcp and says weight, port and host", "write it such as `5 5060 sip.example.com`")
		}
	case "CAA":
		if len(parts) != 3 || !number(parts[0], 255) || !slices.Contains([]string{"issue", "issuewild", "iodef"}, parts[1]) || parts[2] == "" {
			wrong("value", "a record of type CAA says flags, tag and value", "write it such as `0 issue letsencrypt.org`")
		}
	}
}
