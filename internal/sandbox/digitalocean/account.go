// SPDX-License-Identifier: Apache-2.0

package digitalocean

func (c *Cloud) accountRoutes() []route {
	return []route{{"GET /v2/account", 200, []string{"account:read"}, c.getAccount}}
}

// getAccount shows more than the published description names: reserved_ip_limit and volume_limit are what godo 1.236 reads.
func (c *Cloud) getAccount(q *request) (any, error) {
	a := q.account
	return object{"account": object{
		"uuid": a.UUID, "email": a.Email, "name": "Sandbox", "email_verified": true,
		"status": "active", "status_message": "",
		"droplet_limit": a.DropletLimit, "floating_ip_limit": 3, "reserved_ip_limit": 3, "volume_limit": 100,
		"team": object{"uuid": a.teamUUID(), "name": a.teamName()},
	}}, nil
}

// OwnTeam is the uuid of the team that tokens without one belong to.
const OwnTeam = "5a5db0c5-0000-4000-8000-000000000001"

func (a *account) teamUUID() string {
	if a.Team == "" {
		return OwnTeam
	}
	return a.Team
}

func (a *account) teamName() string {
	if a.Team == "" {
		return "sandbox"
	}
	return "other"
}

// spareDroplets is how many more Droplets the account's limit allows.
func (a *account) spareDroplets() int { return a.DropletLimit - len(a.Droplets.All) }
