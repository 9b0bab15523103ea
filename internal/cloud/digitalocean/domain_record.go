// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/k8or/k8or/internal/graph"
)

// Record is a record of a zone. Records have no mark of their own, so that a tag of the account's, made before the record, says
// which are the platform's. A record is known by its type, name and value: another value is another record, which comes before the
// old one goes; but of CNAME, of which a name has one, it is a change.
type Record struct {
	On     *Estate
	Domain graph.Value[DomainOut] `graph:"parent"`
	Zone   string
	RecordSpec
}

// RecordSpec is what a record says.
type RecordSpec struct {
	Type  string // A, AAAA, CNAME, MX, TXT, SRV, CAA, NS
	Name  string // within the zone, @ for the zone itself
	Value string // hosts without the dot at their end
	TTL   int    // in seconds
	// Priority is of MX and SRV, Port and Weight of SRV, Flags and Tag of CAA.
	Priority, Port, Weight, Flags int
	Tag                           string
}

// RecordOut is a record that is there.
type RecordOut struct {
	Zone, hash string
	wire       dnsRecord
	own        bool // whether the platform made it
}

// dnsRecord is a record as the API shows it.
type dnsRecord struct {
	ID       int    `json:"id"`
	Type     string `json:"type"`
	Name     string `json:"name"`
	Data     string `json:"data"`
	TTL      int    `json:"ttl"`
	Priority *int   `json:"priority"`
	Port     *int   `json:"port"`
	Weight   *int   `json:"weight"`
	Flags    *int   `json:"flags"`
	Tag      string `json:"tag"`
}

var _ graph.Resource[RecordOut] = (*Record)(nil)

// hosts are the types whose value is a host's name, which the API wants with a dot at its end and shows without.
var hosts = map[string]bool{"CNAME": true, "MX": true, "NS": true, "SRV": true}

// identity is what a record is known by within its zone, as 16 hexadecimal digits.
func identity(kind, name, value string) string {
	kind, name = strings.ToUpper(kind), strings.ToLower(name)
	switch {
	case kind == "CNAME":
		value = ""
	case hosts[kind]:
		value = strings.ToLower(strings.TrimSuffix(value, "."))
	}
	sum := sha256.Sum256([]byte(kind + " " + name + " " + value))
	return hex.EncodeToString(sum[:8])
}

func (m Mark) recordPrefix() string { return m.Tag() + ":record:" }

// recordTag says that a record of a zone is the platform's.
func (m Mark) recordTag(zone, hash string) string {
	return m.recordPrefix() + strings.ReplaceAll(strings.ToLower(zone), ".", "_") + ":" + hash
}

// recordOf reads such a tag.
func (m Mark) recordOf(tag string) (zone, hash string, ok bool) {
	rest, ok := cutPrefixFold(tag, m.recordPrefix())
	if !ok {
		return "", "", false
	}
	zone, hash, ok = strings.Cut(rest, ":")
	return strings.ReplaceAll(zone, "_", "."), strings.ToLower(hash), ok
}

// Kind is the kind of records.
func (r *Record) Kind() *graph.Kind { return r.On.records }

func (r *Record) hash() string { return identity(r.Type, r.Name, r.Value) }

// Key is the zone and what the record is known by.
func (r *Record) Key() string { return r.Zone + "/" + r.hash() }

// Observe finds the record. A CNAME of somebody else's that leads elsewhere is a stranger.
func (r *Record) Observe(ctx context.Context, c *graph.Call) (graph.Observed[RecordOut], error) {
	parent, ok := r.Domain.Get(c)
	if !ok || parent.Name == "" {
		return graph.Observed[RecordOut]{}, nil
	}
	all, err := r.On.recordsIn(ctx, c, r.Zone)
	if err != nil {
		return graph.Observed[RecordOut]{}, err
	}
	for _, have := range all {
		if identity(have.Type, have.Name, have.Data) != r.hash() {
			continue
		}
		own, err := r.On.tagged(ctx, c, r.On.mark.recordTag(r.Zone, r.hash()))
		if err != nil {
			return graph.Observed[RecordOut]{}, err
		}
		if !own && r.Type == "CNAME" && !strings.EqualFold(have.Data, r.Value) {
			return graph.Observed[RecordOut]{}, fmt.Errorf("the CNAME %s of %s, which leads to %s, %w: remove it, or take it out of the document", have.Name, r.Zone, have.Data, graph.ErrStranger)
		}
		return graph.Observed[RecordOut]{State: graph.Ready, ID: strconv.Itoa(have.ID), Out: RecordOut{Zone: r.Zone, hash: r.hash(), wire: have, own: own}}, nil
	}
	return graph.Observed[RecordOut]{}, nil
}

// Diff compares what can change in place. What somebody else made and says the same is left as it is.
func (r *Record) Diff(c *graph.Call, have graph.Observed[RecordOut]) []graph.Change {
	if !have.Out.own {
		return nil
	}
	d, is := graph.Fields(c), have.Out.wire
	d.Wanted("value", is.Data, r.Value, graph.InPlace)
	d.Wanted("ttl", is.TTL, r.TTL, graph.InPlace)
	number := func(name string, is *int, want int) {
		if is != nil {
			d.Wanted(name, *is, want, graph.InPlace)
		}
	}
	number("priority", is.Priority, r.Priority)
	number("port", is.Port, r.Port)
	number("weight", is.Weight, r.Weight)
	number("flags", is.Flags, r.Flags)
	if r.Type == "CAA" {
		d.Wanted("tag", is.Tag, r.Tag, graph.InPlace)
	}
	return d.Changes()
}

// body is a record as the API takes it.
func (r *Record) body() map[string]any {
	value := r.Value
	if hosts[r.Type] && value != "@" || r.Type == "CAA" && r.Tag != "iodef" {
		value += "."
	}
	body := map[string]any{"type": r.Type, "name": r.Name, "data": value, "ttl": r.TTL}
	switch r.Type {
	case "MX":
		body["priority"] = r.Priority
	case "SRV":
		body["priority"], body["port"], body["weight"] = r.Priority, r.Port, r.Weight
	case "CAA":
		body["flags"], body["tag"] = r.Flags, r.Tag
	}
	return body
}

func recordsPath(zone string) string { return "/v2/domains/" + zone + "/records" }

// makeWay deletes records of the platform's that cannot stand beside this one, and which the document has no more: a name with a CNAME
// has nothing else (RFC 1034, section 3.6.2), so that this one could not be made before they are pruned.
func (r *Record) makeWay(ctx context.Context, c *graph.Call) error {
	ours, err := r.On.listRecords(ctx, c)
	if err != nil {
		return err
	}
	for _, item := range ours {
		out, _ := item.Ref.(RecordOut)
		if out.Zone != r.Zone || !strings.EqualFold(out.wire.Name, r.Name) || (out.wire.Type == "CNAME") == (r.Type == "CNAME") {
			continue
		}
		if _, err := r.On.deleteRecord(ctx, c, item); err != nil {
			return err
		}
	}
	return nil
}

// Create makes the record, after the tag that says whose it is. Where it is refused, the tag goes again.
func (r *Record) Create(ctx context.Context, c *graph.Call) (graph.Observed[RecordOut], error) {
	if err := r.makeWay(ctx, c); err != nil {
		return graph.Observed[RecordOut]{}, err
	}
	tag := r.On.mark.recordTag(r.Zone, r.hash())
	if err := r.On.tell(ctx, c, tag); err != nil {
		return graph.Observed[RecordOut]{}, err
	}
	var answer struct {
		Record dnsRecord `json:"domain_record"`
	}
	err := r.On.client.send(ctx, http.MethodPost, recordsPath(r.Zone), r.body(), &answer)
	if refused(err) {
		err = errors.Join(graph.Permanent(err), r.On.untell(ctx, c, tag))
	}
	if err != nil {
		return graph.Observed[RecordOut]{}, fmt.Errorf("create the record %s %s of %s: %w", r.Type, r.Name, r.Zone, err)
	}
	graph.Forget(c, "digitalocean/records/"+r.Zone)
	return graph.Observed[RecordOut]{State: graph.Ready, ID: strconv.Itoa(answer.Record.ID), Out: RecordOut{Zone: r.Zone, hash: r.hash(), wire: answer.Record, own: true}}, nil
}

// Update replaces what the record says.
func (r *Record) Update(ctx context.Context, c *graph.Call, have graph.Observed[RecordOut], _ []graph.Change) (graph.Observed[RecordOut], error) {
	if err := r.On.client.send(ctx, http.MethodPut, recordsPath(r.Zone)+"/"+have.ID, r.body(), &struct{}{}); err != nil {
		return have, fmt.Errorf("change the record %s %s of %s: %w", r.Type, r.Name, r.Zone, err)
	}
	graph.Forget(c, "digitalocean/records/"+r.Zone)
	have.State = graph.Pending // what it says now is read
	have.Message = "changed"
	return have, nil
}

// recordsIn are a zone's records; none where the zone is gone.
func (e *Estate) recordsIn(ctx context.Context, c *graph.Call, zone string) ([]dnsRecord, error) {
	all, err := once[dnsRecord](ctx, c, e.client, "records/"+zone, recordsPath(zone), "domain_records")
	if notFound(err) {
		return nil, nil
	}
	return all, err
}

// ownRecords are what the platform's records are known by, by their zones.
func (e *Estate) ownRecords(ctx context.Context, c *graph.Call) (map[string]map[string]bool, error) {
	tags, err := e.allTags(ctx, c)
	if err != nil {
		return nil, err
	}
	own := map[string]map[string]bool{}
	for _, t := range tags {
		if zone, hash, ok := e.mark.recordOf(t.Name); ok {
			if own[zone] == nil {
				own[zone] = map[string]bool{}
			}
			own[zone][hash] = true
		}
	}
	return own, nil
}

// foreignRecords counts what of a zone neither k8or nor the platform's external-dns made, nor DigitalOcean with the zone itself.
func (e *Estate) foreignRecords(ctx context.Context, c *graph.Call, zone string) (int, error) {
	own, err := e.ownRecords(ctx, c)
	if err != nil {
		return 0, err
	}
	all, err := e.recordsIn(ctx, c, zone)
	if err != nil {
		return 0, err
	}
	written := map[int]bool{} // by the platform's external-dns
	for _, of := range e.mark.written(all) {
		for _, r := range of {
			written[r.ID] = true
		}
	}
	n := 0
	for _, r := range all {
		with := r.Type == "SOA" || r.Type == "NS" && r.Name == "@"
		if !with && !written[r.ID] && !own[zone][identity(r.Type, r.Name, r.Data)] {
			n++
		}
	}
	return n, nil
}

func (e *Estate) listRecords(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	own, err := e.ownRecords(ctx, c)
	if err != nil {
		return nil, err
	}
	served, err := e.servedNames(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for zone, hashes := range own {
		all, err := e.recordsIn(ctx, c, zone)
		if err != nil {
			return nil, err
		}
		for _, r := range all {
			if hash := identity(r.Type, r.Name, r.Data); hashes[hash] {
				items = append(items, graph.Item{Key: zone + "/" + hash, ID: strconv.Itoa(r.ID), Title: fmt.Sprintf("record %s %s of %s", r.Type, r.Name, zone),
					Data: served[strings.ToLower(r.Name+"."+zone)], Ref: RecordOut{Zone: zone, hash: hash, wire: r, own: true}})
			}
		}
	}
	return items, nil
}

// deleteRecord deletes a record, then the tag that says whose it was.
func (e *Estate) deleteRecord(ctx context.Context, c *graph.Call, item graph.Item) (string, error) {
	out, _ := item.Ref.(RecordOut)
	if err := gone(e.client.send(ctx, http.MethodDelete, recordsPath(out.Zone)+"/"+item.ID, nil, nil)); err != nil {
		return "", fmt.Errorf("delete the %s: %w", item.Title, err)
	}
	graph.Forget(c, "digitalocean/records/"+out.Zone) // in which it would be somebody else's, without its tag
	return "", e.untell(ctx, c, e.mark.recordTag(out.Zone, out.hash))
}
