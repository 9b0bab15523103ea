// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"strconv"
	"strings"
)

// What DigitalOcean takes of one firewall, less what k8or itself writes into it: three rules that let out everything, with two
// addresses each, and the firewall's own tag. Source: the published limits of Cloud Firewalls.
const (
	maxFirewallRules     = 50 - 3
	maxFirewallAddresses = 1000 - 6
	maxFirewallTags      = 5 - 1
)

const tagPattern = `^[a-zA-Z0-9_:-]{1,255}$`

// firewalls checks what may reach Droplets.
func (c *checker) firewalls() {
	if c.given.Spec.Network == nil {
		return
	}
	for _, name := range sorted(c.given.Spec.Network.Firewalls) {
		at, firewall := Join("spec.network.firewalls", name), c.given.Spec.Network.Firewalls[name]
		c.firewallTags(firewall.Tags, Join(at, "tags"))
		if n := len(firewall.Allow); n > maxFirewallRules {
			c.add(FieldError{Path: Join(at, "allow"), Code: CodeFirewall, What: fmt.Sprintf("%d rules are more than the %d that fit into a firewall", n, maxFirewallRules),
				Why: "DigitalOcean takes 50, and three let out what Droplets send", Fix: "join those of the same ports, or make a second firewall"})
		}
		addresses := 0
		for i, rule := range firewall.Allow {
			at := Join(Join(at, "allow"), i)
			c.firewallPorts(rule, at)
			for j, from := range rule.From {
				c.firewallSource(from, Join(Join(at, "from"), j))
			}
			addresses += len(rule.From)
		}
		if addresses > maxFirewallAddresses {
			c.add(FieldError{Path: Join(at, "allow"), Code: CodeFirewall, What: fmt.Sprintf("%d addresses are more than the %d that fit into a firewall", addresses, maxFirewallAddresses),
				Why: "DigitalOcean takes 1000, and six are those of what Droplets send", Fix: "join addresses into ranges, or make a second firewall"})
		}
	}
}

// firewallTags checks whose Droplets are guarded.
func (c *checker) firewallTags(tags []string, path string) {
	if len(tags) > maxFirewallTags {
		c.add(FieldError{Path: path, Code: CodeFirewallTags, What: fmt.Sprintf("%d tags are more than the %d that a firewall has room for", len(tags), maxFirewallTags),
			Why: "DigitalOcean takes 5, and one is the firewall's own", Fix: "give Droplets the firewall's own tag"})
	}
	for i, tag := range tags {
		wrong := func(what, why, fix string) {
			c.add(FieldError{Path: Join(path, i), Code: CodeFirewallTags, What: what, Why: why, Fix: fix})
		}
		first, _, _ := strings.Cut(strings.ToLower(tag), ":")
		switch {
		case !matches(tagPattern, tag):
			wrong(fmt.Sprintf("%q cannot be a tag", tag), "a tag is letters, digits, dashes, underscores and colons", "write it as DigitalOcean shows it")
		case first == "k8s" || strings.HasPrefix(first, "k8s-"):
			wrong(fmt.Sprintf("the tag %s is of the nodes of clusters", tag), "DigitalOcean keeps the firewall of a cluster's nodes itself, and rules of a second one would open more of them",
				"tag the Droplets that are meant with a word of your own")
		case first == "k8or":
			wrong(fmt.Sprintf("the tag %s is one that k8or sets", tag), "Droplets that bear the firewall's own tag are guarded without its being named", "remove it")
		}
	}
}

// firewallPorts checks that a rule's ports go with its protocol.
func (c *checker) firewallPorts(rule FirewallRule, path string) {
	at := Join(path, "ports")
	wrong := func(what, why, fix string) {
		c.add(FieldError{Path: at, Code: CodeFirewall, What: what, Why: why, Fix: fix})
	}
	if rule.Protocol == "icmp" {
		if rule.Ports != "" {
			wrong("icmp has no ports", "", "remove ports")
		}
		return
	}
	switch low, high, ok := portsOf(rule.Ports); {
	case rule.Ports == "":
		at = path
		wrong("the rule does not say which ports", "", "add `ports:` with a port, a range such as 8000-9000, or all")
	case rule.Ports == "all":
	case !ok:
		wrong(fmt.Sprintf("%q is neither a port nor a range of ports", rule.Ports), "ports are 1 to 65535", "write it such as 443 or 8000-9000, or all")
	case low > high:
		wrong(fmt.Sprintf("the range %s ends before it begins", rule.Ports), "", fmt.Sprintf("write %d-%d", high, low))
	}
}

// portsOf reads a port, or a range of ports as it stands.
func portsOf(text string) (low, high int, ok bool) {
	first, last, ranged := strings.Cut(text, "-")
	if !ranged {
		last = first
	}
	number := func(text string) int {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return 0
		}
		return int(n)
	}
	low, high = number(first), number(last)
	return low, high, low > 0 && high > 0
}

// firewallSource checks one address or range that is let in.
func (c *checker) firewallSource(text, path string) {
	prefix, err := rangeOf(text)
	switch {
	case err != nil:
		c.add(FieldError{Path: path, Code: CodeFirewall, What: fmt.Sprintf("%q is neither an address nor a range", text), Given: text,
			Fix: "write it as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32"})
	case prefix != prefix.Masked():
		c.add(FieldError{Path: path, Code: CodeFirewall, What: fmt.Sprintf("%s does not begin at its first address", text), Given: text,
			Fix: fmt.Sprintf("write %s, or %s for the one address", prefix.Masked(), prefix.Addr())})
	}
}

// reservedIPs checks that there is a project to find them again by.
func (c *checker) reservedIPs() {
	if c.given.Spec.Network == nil || len(c.given.Spec.Network.ReservedIPs) == 0 || c.filled.Spec.Cluster.Existing == "" {
		return
	}
	c.add(FieldError{Path: "spec.network.reservedIPs", Code: CodeExistingCluster, What: "addresses cannot be reserved beside an existing cluster",
		Why: "an address bears no name, so that one whose making was cut short is found by the platform's project, and beside an existing cluster there is none",
		Fix: "remove it, or remove existing to have a cluster made"})
}
