// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// dropletActionInput is an action's body, the fields of all types together.
type dropletActionInput struct {
	Type         string          `json:"type"`
	Name         string          `json:"name"`
	Size         string          `json:"size"`
	Disk         bool            `json:"disk"`
	Image        json.RawMessage `json:"image"`
	Kernel       int             `json:"kernel"`
	BackupPolicy *backupPolicy   `json:"backup_policy"`
}

// dropletWish is what an action will change when it is done.
type dropletWish struct {
	Name   string        `json:"name,omitempty"`
	Size   string        `json:"size,omitempty"`
	Disk   bool          `json:"disk,omitempty"`
	Image  string        `json:"image,omitempty"`
	Policy *backupPolicy `json:"policy,omitempty"`
}

// dropletAction is one type of action: when it may be, how long it takes, and what is different then.
type dropletAction struct {
	takes time.Duration
	may   func(a *account, d *droplet, in *dropletActionInput) error
	does  func(c *Cloud, a *account, d *droplet)
}

const dropletActionSource = "seconds for switches, a minute for what moves disks; no figures are published"

func when(status, text string) func(*account, *droplet, *dropletActionInput) error {
	return func(_ *account, d *droplet, _ *dropletActionInput) error {
		if d.Status != status {
			return invalid("%s", text)
		}
		return nil
	}
}

func become(status string) func(*Cloud, *account, *droplet) {
	return func(_ *Cloud, _ *account, d *droplet) { d.Status = status }
}

var whenOn = when("active", "Droplet is already powered off.")

// dropletActions are the published types that mean something here; changing kernels is for Droplets of before 2017.
var dropletActions = map[string]dropletAction{
	"reboot":               {20 * time.Second, whenOn, become("active")},
	"power_cycle":          {20 * time.Second, nil, become("active")},
	"shutdown":             {15 * time.Second, whenOn, become("off")},
	"power_off":            {10 * time.Second, whenOn, become("off")},
	"power_on":             {20 * time.Second, when("off", "Droplet is already powered on."), become("active")},
	"password_reset":       {15 * time.Second, nil, become("active")},
	"enable_backups":       {5 * time.Second, wantPolicy(false), func(_ *Cloud, _ *account, d *droplet) { d.Backups = d.Wish.Policy }},
	"change_backup_policy": {5 * time.Second, wantPolicy(true), func(_ *Cloud, _ *account, d *droplet) { d.Backups = d.Wish.Policy }},
	"disable_backups":      {5 * time.Second, nil, func(_ *Cloud, _ *account, d *droplet) { d.Backups = nil }},
	"enable_ipv6":          {10 * time.Second, mayIPv6, func(_ *Cloud, _ *account, d *droplet) { d.IPv6 = sixOf(d.PublicIP) }},
	"rename":               {5 * time.Second, mayRename, func(_ *Cloud, _ *account, d *droplet) { d.Name = d.Wish.Name }},
	"resize":               {60 * time.Second, mayResize, resizeDroplet},
	"rebuild":              {60 * time.Second, mayRebuild, rebuildDroplet},
	"restore":              {60 * time.Second, mayRebuild, rebuildDroplet},
	"snapshot":             {60 * time.Second, maySnapshot, snapshotDroplet},
}

// dropletActionSteps has a row for each type.
func dropletActionSteps() map[string]step {
	steps := map[string]step{}
	for kind, action := range dropletActions {
		steps[kind] = step{takes: action.takes, spread: 0.3, do: endDropletAction, source: dropletActionSource}
	}
	return steps
}

func wantPolicy(required bool) func(*account, *droplet, *dropletActionInput) error {
	return func(_ *account, d *droplet, in *dropletActionInput) error {
		if in.BackupPolicy == nil && required {
			return invalid("backup_policy is required")
		}
		if in.BackupPolicy == nil {
			in.BackupPolicy = &backupPolicy{Plan: "weekly", Weekday: "SUN"}
		}
		if required && d.Backups == nil {
			return invalid("backups are not enabled for this Droplet")
		}
		return in.BackupPolicy.check()
	}
}

func mayIPv6(_ *account, d *droplet, _ *dropletActionInput) error {
	if d.PublicIP == "" {
		return invalid("a Droplet without public networking cannot have IPv6")
	}
	return nil
}

func mayRename(_ *account, _ *droplet, in *dropletActionInput) error {
	if len(in.Name) > 255 || !dropletName.MatchString(in.Name) {
		return invalid("Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)")
	}
	return nil
}

func mayResize(_ *account, d *droplet, in *dropletActionInput) error {
	s := sizeOf(in.Size)
	switch {
	case s == nil || !s.in(d.Region):
		return invalid("You specified an invalid size for Droplet resize.")
	case d.Status != "off":
		return invalid("Droplet must be powered off to resize it.")
	case s.Disk < d.disk():
		return invalid("This size is not available because it has a smaller disk.")
	case in.Size == d.Size:
		return invalid("The Droplet already has this size.")
	}
	return nil
}

func mayRebuild(a *account, d *droplet, in *dropletActionInput) error {
	if !a.imageIn(word(in.Image), d.Region) {
		return invalid("You specified an invalid image.")
	}
	return nil
}

func maySnapshot(_ *account, _ *droplet, in *dropletActionInput) error {
	if in.Name == "" {
		return invalid("name is required")
	}
	return nil
}

// resizeDroplet keeps the disk when only CPU and memory change.
func resizeDroplet(_ *Cloud, _ *account, d *droplet) {
	if !d.Wish.Disk {
		d.Disk = d.disk()
	} else {
		d.Disk = 0
	}
	d.Size = d.Wish.Size
}

func rebuildDroplet(_ *Cloud, _ *account, d *droplet) { d.Image, d.Status = d.Wish.Image, "active" }

func snapshotDroplet(c *Cloud, a *account, d *droplet) {
	c.addSnapshot(a, &snapshot{
		Kind: "droplet", Name: d.Wish.Name, Resource: d.id(), Region: d.Region, Size: d.disk(), Image: d.Image,
	})
}

func (c *Cloud) actOnDroplet(q *request, d *droplet) (any, error) {
	var in dropletActionInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := q.account.mayAct(d, &in); err != nil {
		return nil, err
	}
	n := c.beginDropletAction(q.account, d, in)
	if q.effect.EndsError {
		q.account.cancel("droplet-action", strconv.Itoa(n.ID))
		d.Pending, d.Wish = 0, dropletWish{}
		c.finish(n, "errored")
	}
	return object{"action": n.view()}, nil
}

// actOnTagged does one action on all Droplets with a tag, or on none when one of them cannot.
func (c *Cloud) actOnTagged(q *request) (any, error) {
	name := q.URL.Query().Get("tag_name")
	var in dropletActionInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"power_cycle", "power_on", "power_off", "shutdown", "enable_ipv6", "enable_backups", "disable_backups", "snapshot"}, in.Type) {
		return nil, invalid("type %q cannot be done by tag", in.Type)
	}
	found := q.account.Droplets.tagged(name)
	for _, d := range found {
		if err := q.account.mayAct(d, &in); err != nil {
			return nil, err
		}
	}
	views := []object{}
	for _, d := range found {
		views = append(views, c.beginDropletAction(q.account, d, in).view())
	}
	return object{"actions": views}, nil
}

func (a *account) mayAct(d *droplet, in *dropletActionInput) error {
	action, ok := dropletActions[in.Type]
	if !ok {
		return invalid("type %q is not an action that this Droplet can do", in.Type)
	}
	if a.busy(d) || d.Locked {
		return pendingEvent()
	}
	if action.may == nil {
		return nil
	}
	return action.may(a, d, in)
}

func (c *Cloud) beginDropletAction(a *account, d *droplet, in dropletActionInput) *action {
	n := c.act(a, in.Type, "droplet", d.ID, "", d.Region)
	d.Pending = n.ID
	d.Wish = dropletWish{Name: in.Name, Size: in.Size, Disk: in.Disk, Image: word(in.Image), Policy: in.BackupPolicy}
	c.begin(a, "droplet-action", strconv.Itoa(n.ID), in.Type)
	return n
}

// endDropletAction does what an action is for.
func endDropletAction(c *Cloud, a *account, id string) {
	n := a.Actions.find(id)
	if n == nil {
		return
	}
	d := a.Droplets.by(n.ResourceID)
	if d == nil {
		return
	}
	dropletActions[n.Type].does(c, a, d)
	d.Pending, d.Wish = 0, dropletWish{}
	c.finish(n, "completed")
}

func (c *Cloud) listDropletActions(q *request, d *droplet) (any, error) {
	all := slices.DeleteFunc(slices.Clone(q.account.Actions.All), func(n *action) bool {
		return n.ResourceType != "droplet" || n.ResourceID != d.ID
	})
	return page(q, "actions", all, func(n *action) any { return n.view() })
}

func (c *Cloud) getDropletAction(q *request, d *droplet) (any, error) {
	n := q.account.Actions.find(q.PathValue("action"))
	if n == nil || n.ResourceType != "droplet" || n.ResourceID != d.ID {
		return nil, notFound()
	}
	return object{"action": n.view()}, nil
}
