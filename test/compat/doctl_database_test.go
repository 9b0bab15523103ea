// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// managed is what we read of a cluster.
type managed struct {
	ID, Name, Status string
	Nodes            int `json:"num_nodes"`
}

// one wants exactly one cluster of a command.
func (d *doctlRun) one(args ...string) (managed, error) {
	var got []managed
	if err := d.run(&got, args...); err != nil {
		return managed{}, err
	}
	if len(got) != 1 {
		return managed{}, fmt.Errorf("doctl %s lists %d clusters, want one", strings.Join(args, " "), len(got))
	}
	return got[0], nil
}

// doctlDatabases goes through a managed database's life by doctl.
func doctlDatabases(s *session) {
	d := &doctlRun{session: s}
	const name = "compat-db"
	var id string
	database := func(args ...string) []string { return append([]string{"databases"}, args...) }
	for _, what := range [][]string{{"engines"}, {"regions", "--engine", "pg"}, {"versions", "--engine", "pg"}, {"slugs", "--engine", "pg"}} {
		args := database(append([]string{"options"}, what...)...)
		d.do(strings.Join(args, " "), func() error { return d.run(nil, args...) })
	}
	d.do("databases create --wait", func() error {
		got, err := d.one(database("create", name, "--engine", "pg", "--version", "16", "--region", "nyc3", "--size", "db-s-1vcpu-2gb", "--num-nodes", "1", "--tag", "compat", "--wait")...)
		if err != nil {
			return err
		}
		id = got.ID
		return want("status", got.Status, "online")
	})
	if id == "" {
		return
	}
	d.do("databases get", func() error {
		got, err := d.one(database("get", id)...)
		if err != nil {
			return err
		}
		return want("name", got.Name, name)
	})
	d.do("databases list", func() error {
		_, err := d.one(database("list")...)
		return err
	})
	d.do("databases connection", func() error {
		text, err := d.exec(os.Getenv("K8OR_DOCTL"), database("connection", id, "--private", "--format", "Host", "--no-header")...)
		if err == nil && !strings.HasPrefix(text, "private-"+name) {
			err = fmt.Errorf("the private host is %q", text)
		}
		return err
	})
	runs := func(what string, args ...string) {
		d.do("databases "+what, func() error { return d.run(nil, database(args...)...) })
	}
	runs("get-ca", "get-ca", id)
	runs("db create", "db", "create", id, "shop")
	runs("db list", "db", "list", id)
	runs("user create", "user", "create", id, "app")
	runs("user get", "user", "get", id, "app")
	runs("user reset", "user", "reset", id, "app")
	runs("user list", "user", "list", id)
	runs("pool create", "pool", "create", id, "app-pool", "--db", "shop", "--mode", "transaction", "--size", "5", "--user", "app")
	runs("pool get", "pool", "get", id, "app-pool")
	runs("pool delete", "pool", "delete", id, "app-pool", "--force")
	runs("firewalls append", "firewalls", "append", id, "--rule", "ip_addr:203.0.113.7")
	runs("firewalls append, once more", "firewalls", "append", id, "--rule", "ip_addr:203.0.113.7")
	runs("firewalls replace", "firewalls", "replace", id, "--rule", "ip_addr:203.0.113.0/24,tag:compat")
	d.do("databases firewalls list: two rules", func() error {
		var rules []struct{ Type, Value string }
		if err := d.run(&rules, database("firewalls", "list", id)...); err != nil {
			return err
		}
		return want("rules", fmt.Sprint(len(rules)), "2")
	})
	runs("maintenance-window update", "maintenance-window", "update", id, "--day", "sunday", "--hour", "04:00")
	runs("configuration update", "configuration", "update", id, "--engine", "pg", "--config-json", `{"work_mem": 16}`)
	runs("configuration get", "configuration", "get", id, "--engine", "pg")
	d.do("databases backups, until there is one", func() error {
		return d.until(time.Minute, "there is a backup", func() error {
			var got []any
			err := d.run(&got, database("backups", id)...)
			if err == nil && len(got) == 0 {
				err = errors.New("there is none")
			}
			return err
		})
	})
	runs("resize --wait", "resize", id, "--num-nodes", "2", "--size", "db-s-2vcpu-4gb", "--wait")
	d.do("databases get, until it has two nodes", func() error {
		return d.until(time.Minute, "it is resized", func() error {
			got, err := d.one(database("get", id)...)
			if err != nil {
				return err
			}
			return want("nodes and status", fmt.Sprint(got.Nodes, " ", got.Status), "2 online")
		})
	})
	runs("replica create", "replica", "create", id, "compat-read", "--region", "nyc3", "--size", "db-s-2vcpu-4gb")
	d.do("databases replica get, until it is online", func() error {
		return d.until(time.Minute, "the replica is online", func() error {
			var got []struct{ Status string }
			if err := d.run(&got, database("replica", "get", id, "compat-read")...); err != nil {
				return err
			}
			return want("status", got[0].Status, "online")
		})
	})
	runs("replica delete", "replica", "delete", id, "compat-read", "--force")
	d.do("databases fork --wait, and delete", func() error {
		got, err := d.one(database("fork", "compat-copy", "--restore-from-cluster-id", id, "--wait")...)
		if err != nil {
			return err
		}
		return d.run(nil, database("delete", got.ID, "--force")...)
	})
	runs("events list", "events", "list", id)
	runs("user delete", "user", "delete", id, "app", "--force")
	runs("db delete", "db", "delete", id, "shop", "--force")
	runs("delete", "delete", id, "--force")
	d.do("databases list: nothing is left", func() error {
		var got []managed
		if err := d.run(&got, database("list")...); err != nil {
			return err
		}
		return want("clusters", fmt.Sprint(len(got)), "0")
	})
	d.tellVersion()
}
