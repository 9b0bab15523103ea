// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// dropletInput is a create's body: name makes one Droplet, names make several alike.
type dropletInput struct {
	Name              string            `json:"name"`
	Names             []string          `json:"names"`
	Region            string            `json:"region"`
	Size              string            `json:"size"`
	Image             json.RawMessage   `json:"image"`    // slug or number
	SSHKeys           []json.RawMessage `json:"ssh_keys"` // fingerprint or number
	Backups           bool              `json:"backups"`
	BackupPolicy      *backupPolicy     `json:"backup_policy"`
	IPv6              bool              `json:"ipv6"`
	Monitoring        bool              `json:"monitoring"`
	PrivateNetworking bool              `json:"private_networking"` // every Droplet has that by now
	Tags              []string          `json:"tags"`
	UserData          string            `json:"user_data"`
	Volumes           []json.RawMessage `json:"volumes"` // id, or godo's {"id":…} or {"name":…}
	VPC               string            `json:"vpc_uuid"`
	Subnet            string            `json:"subnet_uuid"`
	Agent             *bool             `json:"with_droplet_agent"`
	PublicNetworking  *bool             `json:"public_networking"`
	GPUPartitionMode  string            `json:"gpu_partition_mode"`
}

// backupPolicy says when backups are made.
type backupPolicy struct {
	Plan    string `json:"plan"`
	Weekday string `json:"weekday,omitempty"`
	Hour    int    `json:"hour"`
	// read-only, ignored
	Window    int `json:"window_length_hours,omitempty"`
	Retention int `json:"retention_period_days,omitempty"`
}

// backupWindow and the retentions are published.
const backupWindow = 4 * time.Hour

var backupRetention = map[string]int{"daily": 7, "weekly": 28}

func (p *backupPolicy) check() error {
	if p == nil {
		return nil
	}
	if backupRetention[p.Plan] == 0 {
		return invalid("backup_policy.plan %q is not one of daily, weekly", p.Plan)
	}
	if p.Plan == "weekly" && !slices.Contains(weekdays, p.Weekday) {
		return invalid("backup_policy.weekday %q is not one of SUN to SAT", p.Weekday)
	}
	if p.Hour < 0 || p.Hour > 20 || p.Hour%4 != 0 {
		return invalid("backup_policy.hour %d is not one of 0, 4, 8, 12, 16, 20", p.Hour)
	}
	return nil
}

var weekdays = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

// window is the first window for backups after a time; a Droplet without backups has none.
func (p *backupPolicy) window(after time.Time) any {
	if p == nil {
		return nil
	}
	start := time.Date(after.Year(), after.Month(), after.Day(), p.Hour, 0, 0, 0, time.UTC)
	for !start.After(after) || p.Plan == "weekly" && weekdays[start.Weekday()] != p.Weekday {
		start = start.AddDate(0, 0, 1)
	}
	return object{"start": start, "end": start.Add(backupWindow)}
}

// What DigitalOcean publishes of creating Droplets.
const (
	maxDropletsAtOnce = 10
	maxUserData       = 64 << 10
)

var dropletName = regexp.MustCompile(`^[a-zA-Z0-9]?[a-z0-9A-Z.\-]*[a-z0-9A-Z]$`)

// word is a JSON string's text or a number's digits; empty when it is neither.
func word(text json.RawMessage) string {
	var s string
	if json.Unmarshal(text, &s) == nil {
		return s
	}
	var n int
	if json.Unmarshal(text, &n) == nil {
		return strconv.Itoa(n)
	}
	return ""
}

func (c *Cloud) createDroplets(q *request) (any, error) {
	var in dropletInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	names := in.Names
	if in.Name != "" {
		names = []string{in.Name}
	}
	if err := in.check(q.account, names); err != nil {
		return nil, err
	}
	vpc, err := in.place(c, q.account)
	if err != nil {
		return nil, err
	}
	volumes, err := in.volumes(q.account)
	if err != nil {
		return nil, err
	}
	if err := c.ensureTags(q.account, in.Tags); err != nil {
		return nil, err
	}
	views, actions := []object{}, []object{}
	for _, name := range names {
		d := c.makeDroplet(q.account, in, name, vpc)
		for _, v := range volumes {
			v.Droplet = d.ID
			d.Volumes = append(d.Volumes, v.ID)
		}
		if q.effect.EndsError {
			q.account.cancel("droplet", d.id())
			c.begin(q.account, "droplet", d.id(), "break")
		}
		views = append(views, d.view(q.account))
		actions = append(actions, q.account.Actions.find(strconv.Itoa(d.CreateID)).link(q, "create"))
	}
	if in.Name != "" {
		return object{"droplet": views[0], "links": object{"actions": actions}}, nil
	}
	return object{"droplets": views, "links": object{"actions": actions}}, nil
}

func (c *Cloud) makeDroplet(a *account, in dropletInput, name string, vpc *vpc) *droplet {
	d := &droplet{
		Name: name, Region: in.Region, Size: in.Size, Image: word(in.Image), VPC: vpc.ID, Tags: slices.Clone(in.Tags),
		Monitoring: in.Monitoring, Agent: in.Agent == nil || *in.Agent,
	}
	if in.Backups || in.BackupPolicy != nil {
		d.Backups = in.BackupPolicy
		if d.Backups == nil {
			d.Backups = &backupPolicy{Plan: "weekly", Weekday: "SUN", Hour: 0}
		}
	}
	public := in.PublicNetworking == nil || *in.PublicNetworking
	c.addDroplet(a, d, public)
	if in.IPv6 && public {
		d.IPv6 = sixOf(d.PublicIP)
	}
	return d
}

// check holds what is the same for all names against the rules. The texts are those that people meet.
func (in *dropletInput) check(a *account, names []string) error {
	if in.Name != "" && in.Names != nil || len(names) == 0 {
		return invalid("say either name or names")
	}
	if len(names) > maxDropletsAtOnce {
		return invalid("at most %d Droplets can be created at once", maxDropletsAtOnce)
	}
	for _, name := range names {
		if len(name) > 255 || !dropletName.MatchString(name) {
			return invalid("Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)")
		}
	}
	if sizeOf(in.Size) == nil {
		return invalid("You specified an invalid size for Droplet creation.")
	}
	for _, key := range in.SSHKeys {
		if a.Keys.find(word(key)) == nil {
			return invalid("%s are invalid key identifiers for Droplet creation.", word(key))
		}
	}
	if len(in.UserData) > maxUserData {
		return invalid("user_data is too long (maximum is 64 KiB)")
	}
	if in.PublicNetworking != nil && !*in.PublicNetworking && in.IPv6 {
		return invalid("a Droplet without public networking cannot have IPv6")
	}
	if err := in.BackupPolicy.check(); err != nil {
		return err
	}
	if len(names) > 1 && len(in.Volumes) > 0 {
		return invalid("a volume can be attached to one Droplet only")
	}
	if len(names) > a.spareDroplets() {
		return invalid("creating this/these droplet(s) will exceed your droplet limit")
	}
	return nil
}

// place settles region, image and VPC. Without a region it is the VPC's, or the first that has the size.
func (in *dropletInput) place(c *Cloud, a *account) (*vpc, error) {
	s := sizeOf(in.Size)
	if in.Region == "" {
		in.Region = s.regions[0]
		if v := a.VPCs.find(in.VPC); v != nil {
			in.Region = v.Region
		}
	}
	if regionOf(in.Region) == nil {
		return nil, invalid("You specified an invalid region for Droplet creation.")
	}
	if !s.in(in.Region) {
		return nil, invalid("Size is not available in this region.")
	}
	if !a.imageIn(word(in.Image), in.Region) {
		return nil, invalid("You specified an invalid image for Droplet creation.")
	}
	return c.vpcInRegion(a, in.VPC, in.Region)
}

// volumes finds the volumes to attach: in the same region, and not attached yet.
func (in *dropletInput) volumes(a *account) ([]*volume, error) {
	if len(in.Volumes) > maxVolumesOfDroplet {
		return nil, invalid("cannot attach more volumes to the Droplet: at most %d", maxVolumesOfDroplet)
	}
	var all []*volume
	for _, text := range in.Volumes {
		id := word(text)
		var named struct{ ID, Name string }
		if id == "" && json.Unmarshal(text, &named) == nil {
			id = named.ID
		}
		v := a.Volumes.find(id)
		if v == nil && named.Name != "" {
			v = a.Volumes.named(named.Name, in.Region)
		}
		switch {
		case v == nil:
			return nil, fail(http.StatusNotFound, "volume "+string(text)+" was not found")
		case v.Region != in.Region:
			return nil, invalid("the volume %s is in region %s, the Droplet in %s", v.Name, v.Region, in.Region)
		case v.Droplet != 0 || v.Pending != 0 || slices.Contains(all, v):
			return nil, invalid("This volume is already attached to a Droplet.")
		}
		all = append(all, v)
	}
	return all, nil
}
