// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
)

// ReservedIP is a public IPv4 address kept for the platform, which a Droplet of its region may take and give back. Nobody chooses it,
// and once released it goes to whoever asks next. It has no name, no tags and no description, so that two tags that nothing carries
// are its mark: one that says that there is to be an address, made before it, and one that says which. An address of the platform's
// project that no tag names and no Droplet has is the one whose making was cut short in between.
type ReservedIP struct {
	On      *Estate
	Name    string // the document's: "mail"
	Region  string
	Project graph.Value[ProjectOut]
}

// ReservedIPOut is an address that is there.
type ReservedIPOut struct {
	Address, Region string
	// Droplet is the id of the one that has it; 0 is none, and then it is billed.
	Droplet int

	known bool // a tag names it
}

// Billed is what it costs: nothing while a Droplet has it.
func (o ReservedIPOut) Billed(name, _ string) []price.Item {
	it := price.Item{For: name, What: "reserved IP " + o.Told(), Kind: price.ReservedIP, Slug: price.Unassigned, Min: 1, Max: 1}
	if o.Droplet != 0 {
		it.Slug = price.Assigned
	}
	return []price.Item{it}
}

// Told is the address, and who has it.
func (o ReservedIPOut) Told() string {
	if o.Droplet == 0 {
		return o.Address + ", no Droplet has it"
	}
	return fmt.Sprintf("%s, of Droplet %d", o.Address, o.Droplet)
}

// URN is what the address is called in a project; empty while a Droplet has it, since it is then where the Droplet is.
func (o ReservedIPOut) URN() string {
	if o.Droplet != 0 {
		return ""
	}
	return "do:floatingip:" + o.Address
}

// reservedIP is an address as the API shows it.
type reservedIP struct {
	IP     string `json:"ip"`
	Region struct {
		Slug string `json:"slug"`
	} `json:"region"`
	Droplet *struct {
		ID int `json:"id"`
	} `json:"droplet"`
	Project string `json:"project_id"`
}

type reservedIPAnswer struct {
	ReservedIP reservedIP `json:"reserved_ip"`
}

func (r reservedIP) out(known bool) ReservedIPOut {
	o := ReservedIPOut{Address: r.IP, Region: r.Region.Slug, known: known}
	if r.Droplet != nil {
		o.Droplet = r.Droplet.ID
	}
	return o
}

var _ graph.Resource[ReservedIPOut] = (*ReservedIP)(nil)

// addressTag is the mark of an address: "k8or:shop-x7k2p9:ip:mail", and with the address "k8or:shop-x7k2p9:ip:mail:203_0_113_7".
func (m Mark) addressTag(name, address string) string {
	tag := m.Tag() + ":ip:" + name
	if address != "" {
		tag += ":" + strings.ReplaceAll(address, ".", "_")
	}
	return tag
}

// addressOf reads such a tag; the address is empty where the tag names none.
func (m Mark) addressOf(tag string) (name, address string, ok bool) {
	rest, ok := cutPrefixFold(tag, m.addressTag("", ""))
	if !ok {
		return "", "", false
	}
	name, address, _ = strings.Cut(rest, ":")
	return strings.ToLower(name), strings.ReplaceAll(address, "_", "."), true
}

// Kind is the kind of reserved addresses.
func (r *ReservedIP) Kind() *graph.Kind { return r.On.reservedIPs }

// Key is the document's name.
func (r *ReservedIP) Key() string { return r.Name }

// Observe finds the address by the tag that names it.
func (r *ReservedIP) Observe(ctx context.Context, c *graph.Call) (graph.Observed[ReservedIPOut], error) {
	ours, err := r.On.ourReservedIPs(ctx, c)
	if err != nil {
		return graph.Observed[ReservedIPOut]{}, err
	}
	out, there := ours.at[r.Name]
	if !there {
		return graph.Observed[ReservedIPOut]{}, r.offered(ctx, c)
	}
	return graph.Observed[ReservedIPOut]{State: graph.Ready, ID: out.Address, Out: out}, nil
}

// offered says that the region cannot be had.
func (r *ReservedIP) offered(ctx context.Context, c *graph.Call) error {
	all, err := r.On.client.Regions(ctx, c)
	if err != nil {
		return err
	}
	var slugs []string
	for _, region := range all {
		if region.Available {
			slugs = append(slugs, region.Slug)
		}
	}
	if slices.Contains(slugs, r.Region) {
		return nil
	}
	return graph.Permanent(&ErrNotOffered{What: "region", Wanted: r.Region, Offered: slugs, For: "reserved addresses"})
}

// Diff compares the region, which cannot change, and finds an address that no tag names yet.
func (r *ReservedIP) Diff(c *graph.Call, have graph.Observed[ReservedIPOut]) []graph.Change {
	d := graph.Fields(c)
	d.Wanted("region", have.Out.Region, r.Region, graph.Refused, "an address stays where it is: reserve another one under another name, and give this one up once nobody uses it")
	if !have.Out.known {
		d.Wanted("tag", "", r.On.mark.addressTag(r.Name, have.Out.Address), graph.InPlace, "the run that reserved it was cut short")
	}
	return d.Changes()
}

// Create reserves an address, one of the platform's at a time, so that it is known for whom one without a tag was made.
func (r *ReservedIP) Create(ctx context.Context, c *graph.Call) (graph.Observed[ReservedIPOut], error) {
	var none graph.Observed[ReservedIPOut]
	back, err := r.On.reserving.take(ctx)
	if err != nil {
		return none, err
	}
	defer back()
	ours, err := r.On.ourReservedIPs(ctx, c)
	if err != nil {
		return none, err
	}
	project := r.Project.Read(c).ID
	if err := r.free(ctx, c, ours, project); err != nil {
		return none, err
	}
	if stale := ours.stale[r.Name]; stale != "" {
		var answer reservedIPAnswer
		switch err := r.On.client.get(ctx, "/v2/reserved_ips/"+stale, &answer); {
		case err == nil: // the list lags
			out := answer.ReservedIP.out(true)
			return graph.Observed[ReservedIPOut]{State: graph.Ready, ID: stale, Out: out}, nil
		case !notFound(err):
			return none, err
		}
		if err := r.On.untell(ctx, c, r.On.mark.addressTag(r.Name, stale)); err != nil { // somebody released it
			return none, err
		}
	}
	wish := r.On.mark.addressTag(r.Name, "")
	if err := r.On.tell(ctx, c, wish); err != nil {
		return none, err
	}
	r.On.asks(r.Name)
	var answer reservedIPAnswer
	err = r.On.client.send(ctx, http.MethodPost, "/v2/reserved_ips", map[string]string{"region": r.Region, "project_id": project}, &answer)
	if status := statusOf(err); status >= 400 && status < 500 && status != http.StatusTooManyRequests { // it said no
		r.On.asks("")
		err = errors.Join(err, r.On.untell(ctx, c, wish))
	}
	if err != nil {
		return none, fmt.Errorf("reserve an address in %s: %w", r.Region, err)
	}
	o, err := r.remember(ctx, c, answer.ReservedIP.out(true))
	if err != nil {
		return o, graph.Uncertain(err) // the address is there: the next look finds it without its tag
	}
	return o, nil
}

// free makes sure that no other address of the platform's is on its way, and that its project holds none that could be taken for one.
func (r *ReservedIP) free(ctx context.Context, c *graph.Call, ours reservedIPs, project string) error {
	for _, name := range append(ours.asked, r.On.asking()) {
		if name != "" && name != r.Name {
			return graph.Retry(fmt.Errorf("wait until it is known whether an address was reserved for network/reservedIPs/%s", name), 0)
		}
	}
	if len(ours.asked) > 0 || r.On.asking() != "" {
		return nil // an earlier call for this one, which was surely not carried out: the list would show it
	}
	all, err := r.On.allReservedIPs(ctx, c)
	if err != nil {
		return err
	}
	for _, a := range all {
		if a.Project == project && a.Droplet == nil && !ours.has(a.IP) {
			return graph.Permanent(fmt.Errorf("the platform's project holds the reserved IP %s, which k8or did not make and could take for its own: move it to another project", a.IP))
		}
	}
	return nil
}

// remember names the address in a tag.
func (r *ReservedIP) remember(ctx context.Context, c *graph.Call, out ReservedIPOut) (graph.Observed[ReservedIPOut], error) {
	o := graph.Observed[ReservedIPOut]{State: graph.Ready, ID: out.Address, Out: out}
	if err := r.On.tell(ctx, c, r.On.mark.addressTag(r.Name, out.Address)); err != nil {
		o.Out.known = false
		return o, err
	}
	r.On.asks("")
	o.Out.known = true
	return o, nil
}

// Update names an address in a tag that none names.
func (r *ReservedIP) Update(ctx context.Context, c *graph.Call, have graph.Observed[ReservedIPOut], _ []graph.Change) (graph.Observed[ReservedIPOut], error) {
	return r.remember(ctx, c, have.Out)
}

// asks notes for whom an address is being reserved, of which no tag tells yet; empty is nobody.
func (e *Estate) asks(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reserves = name
}

func (e *Estate) asking() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.reserves
}

func (e *Estate) allReservedIPs(ctx context.Context, c *graph.Call) ([]reservedIP, error) {
	return once[reservedIP](ctx, c, e.client, "reserved_ips", "/v2/reserved_ips", "reserved_ips")
}

// reservedIPs are a platform's addresses.
type reservedIPs struct {
	at    map[string]ReservedIPOut // by the document's names
	stale map[string]string        // addresses that tags name and that are there no more
	asked []string                 // names for which an address may be on its way
}

func (r reservedIPs) has(address string) bool {
	for _, out := range r.at {
		if out.Address == address {
			return true
		}
	}
	return false
}

// ourReservedIPs finds the platform's addresses by its tags. They cost a call only where it ever had one.
func (e *Estate) ourReservedIPs(ctx context.Context, c *graph.Call) (reservedIPs, error) {
	ours := reservedIPs{at: map[string]ReservedIPOut{}, stale: map[string]string{}}
	names, err := e.tagsLike(ctx, c, e.mark.addressTag("", ""))
	if err != nil || len(names) == 0 {
		return ours, err
	}
	all, err := e.allReservedIPs(ctx, c)
	if err != nil {
		return ours, err
	}
	for _, tag := range names {
		name, address, _ := e.mark.addressOf(tag)
		if address == "" {
			continue
		}
		i := slices.IndexFunc(all, func(r reservedIP) bool { return r.IP == address })
		if i < 0 {
			ours.stale[name] = address
			continue
		}
		ours.at[name] = all[i].out(true)
	}
	for _, tag := range names {
		if name, address, _ := e.mark.addressOf(tag); address == "" && ours.at[name].Address == "" && ours.stale[name] == "" {
			ours.asked = append(ours.asked, name)
		}
	}
	return ours, e.adopt(ctx, c, &ours, all)
}

// adopt finds the address whose making was cut short: the one of the platform's project that no tag names and no Droplet has.
func (e *Estate) adopt(ctx context.Context, c *graph.Call, ours *reservedIPs, all []reservedIP) error {
	if len(ours.asked) != 1 {
		return nil
	}
	projects, err := e.allProjects(ctx, c)
	if err != nil {
		return err
	}
	for _, p := range projects {
		if !e.mark.described(p.Description) {
			continue
		}
		for _, r := range all {
			if r.Project == p.ID && r.Droplet == nil && !ours.has(r.IP) {
				ours.at[ours.asked[0]], ours.asked = r.out(false), nil
				return nil
			}
		}
	}
	return nil
}

// listReservedIPs finds the platform's addresses. People have them on allow-lists and in records, so that none goes unasked.
func (e *Estate) listReservedIPs(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	ours, err := e.ourReservedIPs(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for name, out := range ours.at {
		title := "reserved IP " + out.Address
		if out.Droplet != 0 {
			title = "reserved IP " + out.Told()
		}
		items = append(items, graph.Item{Key: name, ID: out.Address, Title: title + " (nobody gets it back once it is released)", Data: "network/reservedIPs/" + name, Ref: out})
	}
	slices.SortFunc(items, func(a, b graph.Item) int { return strings.Compare(a.Key, b.Key) })
	return items, nil
}

// deleteReservedIP releases an address, and then takes back the tags that speak of it.
func (e *Estate) deleteReservedIP(ctx context.Context, c *graph.Call, item graph.Item) (string, error) {
	if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/reserved_ips/"+item.ID, nil, nil)); err != nil {
		return "", fmt.Errorf("release the reserved IP %s: %w", item.ID, err)
	}
	return "", errors.Join(e.untell(ctx, c, e.mark.addressTag(item.Key, item.ID)), e.untell(ctx, c, e.mark.addressTag(item.Key, "")))
}
