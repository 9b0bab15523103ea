// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"slices"
	"strconv"
	"strings"
)

func (c *Cloud) dropletRoutes() []route {
	read, update, remove := []string{"droplet:read"}, []string{"droplet:update"}, []string{"droplet:delete"}
	destroy := []string{"droplet:delete", "block_storage:delete", "block_storage_snapshot:delete", "image:delete", "reserved_ip:delete"}
	associated := "/v2/droplets/{droplet}/destroy_with_associated_resources"
	return []route{
		{"GET /v2/droplets", 200, read, c.listDroplets},
		{"POST /v2/droplets", 202, []string{"droplet:create"}, c.createDroplets},
		{"DELETE /v2/droplets", 204, remove, c.deleteTagged},
		{"POST /v2/droplets/actions", 201, update, c.actOnTagged},
		{"GET /v2/droplets/backups/policies", 200, read, c.listBackupPolicies},
		{"GET /v2/droplets/backups/supported_policies", 200, read, c.supportedBackupPolicies},
		{"GET /v2/droplets/{droplet}", 200, read, c.onDroplet(c.getDroplet)},
		{"DELETE /v2/droplets/{droplet}", 204, remove, c.onDroplet(c.deleteDroplet)},
		{"GET /v2/droplets/{droplet}/actions", 200, read, c.onDroplet(c.listDropletActions)},
		{"POST /v2/droplets/{droplet}/actions", 201, update, c.onDroplet(c.actOnDroplet)},
		{"GET /v2/droplets/{droplet}/actions/{action}", 200, read, c.onDroplet(c.getDropletAction)},
		{"GET /v2/droplets/{droplet}/backups", 200, read, c.onDroplet(c.listNothing("backups"))},
		{"GET /v2/droplets/{droplet}/backups/policy", 200, read, c.onDroplet(c.getBackupPolicy)},
		{"GET /v2/droplets/{droplet}/firewalls", 200, []string{"firewall:read"}, c.onDroplet(c.listDropletFirewalls)},
		{"GET /v2/droplets/{droplet}/kernels", 200, read, c.onDroplet(c.listNothing("kernels"))},
		{"GET /v2/droplets/{droplet}/neighbors", 200, read, c.onDroplet(c.listNeighbors)},
		{"GET /v2/droplets/{droplet}/snapshots", 200, read, c.onDroplet(c.listDropletSnapshots)},
		{"GET " + associated, 200, read, c.onDroplet(c.listBelongings)},
		{"GET " + associated + "/status", 200, remove, c.destroyStatus},
		{"DELETE " + associated + "/selective", 202, destroy, c.onDroplet(c.destroySelective)},
		{"DELETE " + associated + "/dangerous", 202, destroy, c.onDroplet(c.destroyDangerous)},
		{"POST " + associated + "/retry", 202, destroy, c.retryDestroy},
	}
}

func (c *Cloud) onDroplet(f func(*request, *droplet) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		d := q.account.Droplets.find(q.PathValue("droplet"))
		if d == nil {
			return nil, notFound()
		}
		return f(q, d)
	}
}

// tagged lists the Droplets that carry a tag.
func (s *dropletState) tagged(name string) []*droplet {
	return slices.DeleteFunc(slices.Clone(s.All), func(d *droplet) bool { return !hasTag(d.Tags, name) })
}

func (c *Cloud) listDroplets(q *request) (any, error) {
	query := q.URL.Query()
	tag, name, kind := query.Get("tag_name"), query.Get("name"), query.Get("type")
	if !slices.Contains([]string{"", "droplets", "gpus"}, kind) {
		return nil, invalid("type %q is not one of droplets, gpus", kind)
	}
	if tag != "" && (name != "" || kind != "") {
		return nil, invalid("tag_name cannot be combined with name or type")
	}
	all := slices.DeleteFunc(slices.Clone(q.account.Droplets.All), func(d *droplet) bool {
		gpu := strings.HasPrefix(d.Size, "gpu-")
		return tag != "" && !hasTag(d.Tags, tag) || name != "" && !strings.EqualFold(d.Name, name) ||
			tag == "" && gpu != (kind == "gpus")
	})
	return page(q, "droplets", all, func(d *droplet) any { return d.view(q.account) })
}

func (c *Cloud) getDroplet(q *request, d *droplet) (any, error) {
	return object{"droplet": d.view(q.account)}, nil
}

func (c *Cloud) deleteDroplet(q *request, d *droplet) (any, error) {
	c.removeDroplet(q.account, d)
	return nil, nil
}

// deleteTagged destroys all Droplets with a tag.
func (c *Cloud) deleteTagged(q *request) (any, error) {
	name := q.URL.Query().Get("tag_name")
	if name == "" {
		return nil, invalid("tag_name is required")
	}
	for _, d := range q.account.Droplets.tagged(name) {
		c.removeDroplet(q.account, d)
	}
	return nil, nil
}

// listNothing answers with an empty page: no backups are played, and kernels are managed from within.
func (c *Cloud) listNothing(key string) func(*request, *droplet) (any, error) {
	return func(q *request, _ *droplet) (any, error) {
		return page(q, key, []listed{}, func(l listed) any { return l.view })
	}
}

// listNeighbors knows no hosts, so no two Droplets share one.
func (c *Cloud) listNeighbors(*request, *droplet) (any, error) {
	return object{"droplets": []object{}}, nil
}

func (c *Cloud) listDropletSnapshots(q *request, d *droplet) (any, error) {
	return page(q, "snapshots", q.account.Snapshots.of("droplet", d.id()), func(n *snapshot) any {
		o := n.view()
		o["id"], o["type"] = n.imageView()["id"], "snapshot"
		return o
	})
}

func (c *Cloud) listDropletFirewalls(q *request, d *droplet) (any, error) {
	all := slices.DeleteFunc(slices.Clone(q.account.Firewalls.All), func(f *firewall) bool { return !f.covers(d) })
	return page(q, "firewalls", all, func(f *firewall) any { return f.view() })
}

func (d *droplet) policyView() object {
	o := object{"droplet_id": d.ID, "backup_enabled": d.Backups != nil, "next_backup_window": d.Backups.window(d.Created)}
	if p := d.Backups; p != nil {
		view := object{
			"plan": p.Plan, "hour": p.Hour, "window_length_hours": int(backupWindow.Hours()), "retention_period_days": backupRetention[p.Plan],
		}
		if p.Weekday != "" {
			view["weekday"] = p.Weekday
		}
		o["backup_policy"] = view
	}
	return o
}

func (c *Cloud) getBackupPolicy(_ *request, d *droplet) (any, error) {
	return object{"policy": d.policyView()}, nil
}

// listBackupPolicies pages like any list, but its items are keyed by Droplet.
func (c *Cloud) listBackupPolicies(q *request) (any, error) {
	var numbers []string
	all := slices.DeleteFunc(slices.Clone(q.account.Droplets.All), func(d *droplet) bool { return d.Backups == nil })
	out, err := page(q, "policies", all, func(d *droplet) any {
		numbers = append(numbers, strconv.Itoa(d.ID))
		return d.policyView()
	})
	if err != nil {
		return nil, err
	}
	keyed := object{}
	for i, item := range out.(object)["policies"].([]any) {
		keyed[numbers[i]] = item
	}
	out.(object)["policies"] = keyed
	return out, nil
}

func (c *Cloud) supportedBackupPolicies(*request) (any, error) {
	hours, window := []int{0, 4, 8, 12, 16, 20}, int(backupWindow.Hours())
	return object{"supported_policies": []object{
		{"name": "weekly", "possible_window_starts": hours, "window_length_hours": window, "retention_period_days": backupRetention["weekly"], "possible_days": weekdays},
		{"name": "daily", "possible_window_starts": hours, "window_length_hours": window, "retention_period_days": backupRetention["daily"], "possible_days": []string{}},
	}}, nil
}
