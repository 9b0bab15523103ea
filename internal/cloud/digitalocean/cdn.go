// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/k8or/k8or/internal/graph"
)

// CDN is DigitalOcean's content delivery network in front of a bucket. It has no name and no tags, so its mark is a tag that nothing
// carries and that names the bucket.
type CDN struct {
	On     *Estate
	Bucket graph.Value[SpaceOut] `graph:"parent"`
	Name   string                // of the bucket
	Entry  string                // "storage/spaces/media"
	TTL    int                   // how long copies are kept, in seconds
	// Named says that a CDNName gives it a name. Otherwise one that the platform gave it is taken away, and one that somebody gave it by
	// hand stays.
	Named bool
}

// CDNOut is a CDN that is there.
type CDNOut struct {
	ID  string
	URL string // DigitalOcean's: "https://media.nyc3.cdn.digitaloceanspaces.com"
	TTL int

	domain string // a name beside that one, if it has any
	own    bool   // whether the platform gave it
}

// Told is where it is reached.
func (o CDNOut) Told() string { return o.URL }

type cdnEndpoint struct {
	ID          string `json:"id"`
	Origin      string `json:"origin"`
	Endpoint    string `json:"endpoint"`
	TTL         int    `json:"ttl"`
	Domain      string `json:"custom_domain"`
	Certificate string `json:"certificate_id"`
}

var _ graph.Resource[CDNOut] = (*CDN)(nil)

// Kind is the kind of CDNs.
func (d *CDN) Kind() *graph.Kind { return d.On.cdns }

// Key is the bucket's name.
func (d *CDN) Key() string { return d.Name }

// cdnTag is a CDN's mark: "k8or:shop-x7k2p9:cdn:shop-x7k2p9-media".
func (m Mark) cdnTag(bucket string) string { return m.Tag() + ":cdn:" + inTag(bucket) }

// origin is a bucket as a CDN knows it, wherever the S3 API is.
func origin(s SpaceOut) string { return s.Name + "." + s.Region + ".digitaloceanspaces.com" }

// cdnsFresh is how long a list of CDNs serves all passes of a process: DigitalOcean takes five calls about CDNs in ten seconds.
const cdnsFresh = 5 * time.Second

// cdnList is such a list.
type cdnList struct {
	mu  sync.Mutex
	all []cdnEndpoint
	at  time.Time
}

func (e *Estate) allCDNs(ctx context.Context, _ *graph.Call) ([]cdnEndpoint, error) {
	l := &e.cdnsSeen
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.at.IsZero() && time.Since(l.at) < e.client.scaled(cdnsFresh) {
		return l.all, nil
	}
	all, err := list[cdnEndpoint](ctx, e.client, "/v2/cdn/endpoints", "endpoints")
	if err == nil {
		l.all, l.at = all, time.Now()
	}
	return all, err
}

// forgetCDNs drops the list, after a write that it would not show.
func (e *Estate) forgetCDNs() {
	e.cdnsSeen.mu.Lock()
	defer e.cdnsSeen.mu.Unlock()
	e.cdnsSeen.at = time.Time{}
}

// hasTagNamed reports whether the account has a tag.
func (e *Estate) hasTagNamed(ctx context.Context, c *graph.Call, name string) (bool, error) {
	tags, err := e.allTags(ctx, c)
	if err != nil {
		return false, err
	}
	for _, t := range tags {
		if strings.EqualFold(t.Name, name) {
			return true, nil
		}
	}
	return false, nil
}

func cdnReady(w cdnEndpoint) graph.Observed[CDNOut] {
	return graph.Observed[CDNOut]{State: graph.Ready, ID: w.ID, Out: CDNOut{ID: w.ID, URL: "https://" + w.Endpoint, TTL: w.TTL, domain: w.Domain}}
}

// Observe finds the CDN by its bucket, where a tag says that this platform has one.
func (d *CDN) Observe(ctx context.Context, c *graph.Call) (graph.Observed[CDNOut], error) {
	bucket, ok := d.Bucket.Get(c)
	if !ok || bucket.Name == "" {
		return graph.Observed[CDNOut]{}, nil
	}
	marked, err := d.On.hasTagNamed(ctx, c, d.On.mark.cdnTag(d.Name))
	if err != nil || !marked {
		return graph.Observed[CDNOut]{}, err
	}
	all, err := d.On.allCDNs(ctx, c)
	if err != nil {
		return graph.Observed[CDNOut]{}, err
	}
	for _, w := range all {
		if w.Origin != origin(bucket) {
			continue
		}
		o := cdnReady(w)
		if w.Domain != "" {
			o.Out.own, err = d.On.tagged(ctx, c, d.On.mark.certificateTag(w.Domain))
		}
		return o, err
	}
	return graph.Observed[CDNOut]{}, nil
}

// Diff compares how long copies are kept, and whether it has a name that it should not have.
func (d *CDN) Diff(c *graph.Call, have graph.Observed[CDNOut]) []graph.Change {
	f := graph.Fields(c)
	f.Wanted("ttl", have.Out.TTL, d.TTL, graph.InPlace, "copies that are kept already stay as long as they were to")
	if have.Out.own && !d.Named {
		f.Wanted("domain", have.Out.domain, "", graph.InPlace, "it is reached by the name that DigitalOcean gives it alone")
	}
	return f.Changes()
}

// Create puts the CDN in front of the bucket, its mark first. One that is there without the mark is somebody else's.
func (d *CDN) Create(ctx context.Context, c *graph.Call) (graph.Observed[CDNOut], error) {
	var none graph.Observed[CDNOut]
	from, tag := origin(d.Bucket.Read(c)), d.On.mark.cdnTag(d.Name)
	marked, err := d.On.hasTagNamed(ctx, c, tag)
	if err != nil {
		return none, err
	}
	if !marked {
		all, err := d.On.allCDNs(ctx, c)
		if err != nil {
			return none, err
		}
		if slices.ContainsFunc(all, func(w cdnEndpoint) bool { return w.Origin == from }) {
			return none, graph.Permanent(fmt.Errorf("the CDN in front of bucket %s %w: delete it in the control panel, or take cdn out of the document", d.Name, graph.ErrStranger))
		}
		if err := d.On.makeTag(ctx, c, tag); err != nil {
			return none, err
		}
	}
	var answer struct {
		Endpoint cdnEndpoint `json:"endpoint"`
	}
	if err := d.On.client.send(ctx, http.MethodPost, "/v2/cdn/endpoints", map[string]any{"origin": from, "ttl": d.TTL}, &answer); err != nil {
		return none, fmt.Errorf("put a CDN in front of bucket %s: %w", d.Name, err)
	}
	d.On.forgetCDNs()
	return cdnReady(answer.Endpoint), nil
}

// Update changes how long copies are kept, and takes a name away: with its certificate, by empty texts.
func (d *CDN) Update(ctx context.Context, _ *graph.Call, have graph.Observed[CDNOut], changes []graph.Change) (graph.Observed[CDNOut], error) {
	body := map[string]any{"ttl": d.TTL}
	if slices.ContainsFunc(changes, func(c graph.Change) bool { return c.Path == "domain" }) {
		body["custom_domain"], body["certificate_id"] = "", ""
		have.Out.domain, have.Out.own = "", false
	}
	if err := d.On.changeCDN(ctx, have.ID, body); err != nil {
		return have, fmt.Errorf("change the CDN in front of bucket %s: %w", d.Name, err)
	}
	have.Out.TTL = d.TTL
	return have, nil
}

// changeCDN changes fields of a CDN.
func (e *Estate) changeCDN(ctx context.Context, id string, body map[string]any) error {
	err := e.client.send(ctx, http.MethodPut, "/v2/cdn/endpoints/"+id, body, nil)
	if err == nil {
		e.forgetCDNs()
	}
	return err
}

// ownCDN is a CDN of the platform's and the bucket that it stands in front of.
type ownCDN struct {
	bucket markedSpace
	cdnEndpoint
	// data names the bucket's data where the document does not want the bucket: what is kept is served on.
	data string
}

// ourCDNs are the platform's CDNs that are there.
func (e *Estate) ourCDNs(ctx context.Context, c *graph.Call) ([]ownCDN, error) {
	marked, err := e.markedSpaces(ctx, c)
	if err != nil {
		return nil, err
	}
	var ours []ownCDN
	for _, s := range marked {
		has, err := e.hasTagNamed(ctx, c, e.mark.cdnTag(s.Name))
		if err != nil {
			return nil, err
		}
		if !has {
			continue
		}
		all, err := e.allCDNs(ctx, c)
		if err != nil {
			return nil, err
		}
		for _, w := range all {
			if w.Origin != origin(e.spaceOut(s)) {
				continue
			}
			own := ownCDN{bucket: s, cdnEndpoint: w}
			if c.Teardown || !e.wantsSpace(s.Name) {
				own.data = s.Entry
			}
			ours = append(ours, own)
		}
	}
	return ours, nil
}

// listCDNs finds the platform's CDNs. Of a bucket that the document does not want it counts as part of the bucket's data.
func (e *Estate) listCDNs(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	ours, err := e.ourCDNs(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, d := range ours {
		items = append(items, graph.Item{Key: d.bucket.Name, ID: d.ID, Data: d.data, Owner: graph.ID(d.bucket.Entry), Ref: d.bucket.Name, Title: "CDN in front of bucket " + d.bucket.Name})
	}
	return items, nil
}

// deleteCDN deletes a CDN, and then its mark.
func (e *Estate) deleteCDN(ctx context.Context, c *graph.Call, item graph.Item) (string, error) {
	if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/cdn/endpoints/"+item.ID, nil, nil)); err != nil {
		return "", fmt.Errorf("delete the %s: %w", item.Title, err)
	}
	e.forgetCDNs()
	name, _ := item.Ref.(string)
	return "", e.dropTag(ctx, c, e.mark.cdnTag(name))
}

// WantSpace says that the document wants a bucket of this name.
func (e *Estate) WantSpace(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.buckets = append(e.buckets, name)
}

func (e *Estate) wantsSpace(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Contains(e.buckets, name)
}
