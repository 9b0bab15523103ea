// SPDX-License-Identifier: Apache-2.0

package digitalocean

import "slices"

// dbsAllowed refuses engines whose databases the API does not manage: in Redis and Valkey they are numbers, Kafka and OpenSearch have none.
func (d *database) dbsAllowed() error {
	return d.only("database management", "pg", "mysql", "mongodb", "advanced_pg", "advanced_mysql")
}

func (c *Cloud) listDBs(_ *request, d *database) (any, error) {
	if err := d.dbsAllowed(); err != nil {
		return nil, err
	}
	views := []object{}
	for _, name := range d.DBs {
		views = append(views, object{"name": name})
	}
	return object{"dbs": views}, nil
}

func (c *Cloud) getDB(q *request, d *database) (any, error) {
	name := q.PathValue("db")
	if !slices.Contains(d.DBs, name) {
		return nil, notFound()
	}
	return object{"db": object{"name": name}}, nil
}

func (c *Cloud) createDB(q *request, d *database) (any, error) {
	var in struct {
		Name string `json:"name"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := d.dbsAllowed(); err != nil {
		return nil, err
	}
	if err := d.made("create database"); err != nil {
		return nil, err
	}
	if !databaseWord.MatchString(in.Name) {
		return nil, invalid("invalid database name %q", in.Name)
	}
	if slices.Contains(d.DBs, in.Name) {
		return nil, invalid("database name is not available")
	}
	d.DBs = append(d.DBs, in.Name)
	return object{"db": object{"name": in.Name}}, nil
}

// deleteDB deletes a database with what is in it, at once.
func (c *Cloud) deleteDB(q *request, d *database) (any, error) {
	name := q.PathValue("db")
	if !slices.Contains(d.DBs, name) {
		return nil, notFound()
	}
	if err := d.made("delete database"); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(d.Pools, func(p *databasePool) bool { return p.DB == name }) {
		return nil, invalid("database %s is used by a connection pool", name)
	}
	d.DBs = slices.DeleteFunc(d.DBs, func(other string) bool { return other == name })
	return nil, nil
}
