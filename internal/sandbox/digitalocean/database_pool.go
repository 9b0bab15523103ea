// SPDX-License-Identifier: Apache-2.0

package digitalocean

import "slices"

// databasePool is a PgBouncer pool: a name under which few connections to a database serve many clients.
type databasePool struct {
	Name string `json:"name"`
	Mode string `json:"mode"` // session, transaction or statement
	Size int    `json:"size"` // connections to the database
	DB   string `json:"db"`
	User string `json:"user"` // empty: whoever connects
}

// maxPools and poolPort are published: docs.digitalocean.com, connection pools, 2025-11.
const (
	maxPools = 21
	poolPort = 25061
)

// backendConnections is how many connections to the database all pools of a cluster share: 25 for each GiB of memory, three of
// them kept for maintenance, at most 997.
func backendConnections(size string) int { return min(25*databaseMemory(size)-3, 997) }

// view shows the user's password where the pool has a user.
func (p *databasePool) view(q *request, d *database) object {
	show := func(front string) object {
		at := d.address(front)
		at.port, at.database = poolPort, p.Name
		if u := d.user(p.User); u != nil {
			at.user, at.password = u.Name, u.Password
		}
		return at.view(q)
	}
	o := object{
		"name": p.Name, "mode": p.Mode, "size": p.Size, "db": p.DB, "user": p.User,
		"connection": show(""), "private_connection": show("private-"),
	}
	if d.Nodes > 1 {
		o["standby_connection"], o["standby_private_connection"] = show("replica-"), show("private-replica-")
	}
	return o
}

func (d *database) poolsAllowed() error { return d.only("a connection pool", "pg", "advanced_pg") }

func (c *Cloud) listDatabasePools(q *request, d *database) (any, error) {
	if err := d.poolsAllowed(); err != nil {
		return nil, err
	}
	views := []object{}
	for _, p := range d.Pools {
		views = append(views, p.view(q, d))
	}
	return object{"pools": views}, nil
}

func (c *Cloud) withDatabasePool(f func(*request, *database, *databasePool) (any, error)) func(*request) (any, error) {
	return c.withDatabase(func(q *request, d *database) (any, error) {
		for _, p := range d.Pools {
			if p.Name == q.PathValue("pool") {
				return f(q, d, p)
			}
		}
		return nil, notFound()
	})
}

func (c *Cloud) getDatabasePool(q *request, d *database, p *databasePool) (any, error) {
	return object{"pool": p.view(q, d)}, nil
}

type databasePoolInput struct {
	Name string `json:"name"`
	Mode string `json:"mode"`
	Size int    `json:"size"`
	DB   string `json:"db"`
	User string `json:"user"`
	// read-only, ignored
	Connection               any `json:"connection"`
	PrivateConnection        any `json:"private_connection"`
	StandbyConnection        any `json:"standby_connection"`
	StandbyPrivateConnection any `json:"standby_private_connection"`
}

// check holds a pool against the cluster and its other pools; self is the one that is changed, if any.
func (in databasePoolInput) check(d *database, self *databasePool) error {
	used := in.Size
	for _, p := range d.Pools {
		if p != self {
			used += p.Size
		}
	}
	switch {
	case !slices.Contains([]string{"session", "transaction", "statement"}, in.Mode):
		return invalid("pool mode %q is not one of session, transaction, statement", in.Mode)
	case in.Size < 1:
		return invalid("pool size must be at least 1")
	case used > backendConnections(d.Size):
		return invalid("pool size is too large: all pools of a %s cluster share %d connections, with this one they would take %d", d.Size, backendConnections(d.Size), used)
	case !slices.Contains(d.DBs, in.DB):
		return invalid("database %q does not exist in this cluster", in.DB)
	case in.User != "" && d.user(in.User) == nil:
		return invalid("user %q does not exist in this cluster", in.User)
	}
	return nil
}

func (c *Cloud) createDatabasePool(q *request, d *database) (any, error) {
	var in databasePoolInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := d.poolsAllowed(); err != nil {
		return nil, err
	}
	if err := d.made("create pool"); err != nil {
		return nil, err
	}
	taken := slices.ContainsFunc(d.Pools, func(p *databasePool) bool { return p.Name == in.Name })
	switch {
	case len(in.Name) < 3 || len(in.Name) > 60 || !databaseWord.MatchString(in.Name):
		return nil, invalid("invalid pool name %q: it must have between 3 and 60 characters", in.Name)
	case taken:
		return nil, invalid("pool name is not available")
	case len(d.Pools) >= maxPools:
		return nil, invalid("a cluster may have %d connection pools", maxPools)
	}
	if err := in.check(d, nil); err != nil {
		return nil, err
	}
	p := &databasePool{in.Name, in.Mode, in.Size, in.DB, in.User}
	d.Pools = append(d.Pools, p)
	return object{"pool": p.view(q, d)}, nil
}

func (c *Cloud) updateDatabasePool(q *request, d *database, p *databasePool) (any, error) {
	var in databasePoolInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(d, p); err != nil {
		return nil, err
	}
	p.Mode, p.Size, p.DB, p.User = in.Mode, in.Size, in.DB, in.User
	return nil, nil
}

func (c *Cloud) deleteDatabasePool(_ *request, d *database, p *databasePool) (any, error) {
	d.Pools = slices.DeleteFunc(d.Pools, func(other *databasePool) bool { return other == p })
	return nil, nil
}
