// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"fmt"
	"time"
)

// doctlEngines goes through what databases of every engine but PostgreSQL have of their own, and what keeps data beside them.
func doctlEngines(s *session) {
	d := &doctlRun{session: s}
	d.kafka()
	d.mysql()
	d.otherEngines()
	d.volumes()
	d.tellVersion()
}

// engine makes a database cluster and waits for it; the id is empty where that failed.
func (d *doctlRun) engine(engine, version, size, nodes string) (id string) {
	d.do(engine+": databases create --wait", func() error {
		got, err := d.one("databases", "create", "compat-"+engine, "--engine", engine, "--version", version, "--region", "nyc3", "--size", size, "--num-nodes", nodes, "--wait")
		if err != nil {
			return err
		}
		id = got.ID
		return want("status", got.Status, "online")
	})
	return id
}

// of runs a command about one database cluster.
func (d *doctlRun) of(engine, what string, args ...string) {
	d.do(engine+": databases "+what, func() error { return d.run(nil, append([]string{"databases"}, args...)...) })
}

func (d *doctlRun) kafka() {
	id := d.engine("kafka", "3.8", "db-s-2vcpu-2gb", "3")
	if id == "" {
		return
	}
	d.of("kafka", "topics create", "topics", "create", id, "clicks", "--partition-count", "3", "--replication-factor", "3", "--retention-ms", "3600000", "--min-insync-replicas", "2")
	topic := func(partitions int) func() error {
		return func() error {
			return d.until(time.Minute, "the topic has its partitions", func() error {
				var got struct { // one object
					Name, State string
					Partitions  []struct{ Size int }
				}
				if err := d.run(&got, "databases", "topics", "get", id, "clicks"); err != nil {
					return err
				}
				return want("topic", fmt.Sprint(got.Name, " ", got.State, " ", len(got.Partitions)), fmt.Sprint("clicks active ", partitions))
			})
		}
	}
	d.do("kafka: databases topics get, until it is there", topic(3))
	d.of("kafka", "topics partitions", "topics", "partitions", id, "clicks")
	d.of("kafka", "topics update", "topics", "update", id, "clicks", "--partition-count", "6", "--replication-factor", "3", "--retention-ms", "7200000")
	d.do("kafka: databases topics get, until it has grown", topic(6))
	d.do("kafka: databases topics list", func() error {
		var got []struct{ Name string }
		if err := d.run(&got, "databases", "topics", "list", id); err != nil {
			return err
		}
		return want("topics", fmt.Sprint(got), "[{clicks}]")
	})
	d.of("kafka", "user create --acl", "user", "create", id, "web", "--acl", "clicks:produceconsume")
	d.do("kafka: databases user get: what it may do", func() error {
		var got []struct {
			Settings struct {
				ACL []struct{ Topic, Permission string }
			}
		}
		if err := d.run(&got, "databases", "user", "get", id, "web"); err != nil {
			return err
		}
		return want("settings", fmt.Sprint(got[0].Settings.ACL), "[{clicks produceconsume}]")
	})
	d.of("kafka", "configuration update", "configuration", "update", id, "--engine", "kafka", "--config-json", `{"log_retention_hours": 48}`)
	d.of("kafka", "configuration get", "configuration", "get", id, "--engine", "kafka")
	d.of("kafka", "user delete", "user", "delete", id, "web", "--force")
	d.of("kafka", "topics delete", "topics", "delete", id, "clicks", "--force")
	d.of("kafka", "delete", "delete", id, "--force")
}

func (d *doctlRun) mysql() {
	id := d.engine("mysql", "8", "db-s-1vcpu-1gb", "1")
	if id == "" {
		return
	}
	d.of("mysql", "db create", "db", "create", id, "shop")
	d.do("mysql: databases user create --mysql-auth-plugin", func() error {
		var got []struct {
			MySQL struct {
				Plugin string `json:"auth_plugin"`
			} `json:"mysql_settings"`
		}
		if err := d.run(&got, "databases", "user", "create", id, "app", "--mysql-auth-plugin", "mysql_native_password"); err != nil {
			return err
		}
		return want("plug-in", got[0].MySQL.Plugin, "mysql_native_password")
	})
	d.of("mysql", "user reset, with another plug-in", "user", "reset", id, "app", "caching_sha2_password")
	d.of("mysql", "sql-mode set", "sql-mode", "set", id, "STRICT_ALL_TABLES", "ANSI")
	d.of("mysql", "sql-mode get", "sql-mode", "get", id)
	d.of("mysql", "configuration update", "configuration", "update", id, "--engine", "mysql", "--config-json", `{"wait_timeout": 600}`)
	d.of("mysql", "configuration get", "configuration", "get", id, "--engine", "mysql")
	d.do("mysql: databases replica create, until it is online", func() error {
		return d.until(time.Minute, "the cluster takes a replica", func() error {
			return d.run(nil, "databases", "replica", "create", id, "compat-mysql-read", "--region", "nyc3", "--size", "db-s-1vcpu-1gb")
		})
	})
	d.do("mysql: databases replica connection", func() error {
		return d.until(time.Minute, "the replica is there", func() error { return d.run(nil, "databases", "replica", "connection", id, "compat-mysql-read") })
	})
	d.do("mysql: databases replica promote", func() error {
		return d.until(2*time.Minute, "the replica can be promoted", func() error { return d.run(nil, "databases", "replica", "promote", id, "compat-mysql-read") })
	})
	d.do("mysql: databases delete, both", func() error {
		var all []managed
		if err := d.run(&all, "databases", "list"); err != nil {
			return err
		}
		for _, one := range all {
			if err := d.run(nil, "databases", "delete", one.ID, "--force"); err != nil {
				return err
			}
		}
		return want("clusters", fmt.Sprint(len(all)), "2")
	})
}

func (d *doctlRun) otherEngines() {
	if id := d.engine("mongodb", "8.0", "db-s-1vcpu-1gb", "1"); id != "" {
		d.of("mongodb", "db create", "db", "create", id, "shop")
		d.of("mongodb", "user create", "user", "create", id, "app")
		d.of("mongodb", "configuration update", "configuration", "update", id, "--engine", "mongodb", "--config-json", `{"verbosity": 1}`)
		d.of("mongodb", "configuration get", "configuration", "get", id, "--engine", "mongodb")
		d.of("mongodb", "delete", "delete", id, "--force")
	}
	if id := d.engine("opensearch", "2", "db-s-1vcpu-2gb", "1"); id != "" {
		d.of("opensearch", "user create --opensearch-acl", "user", "create", id, "app", "--opensearch-acl", "logs-*:readwrite")
		d.of("opensearch", "configuration update", "configuration", "update", id, "--engine", "opensearch", "--config-json", `{"http_max_content_length_bytes": 200000000}`)
		d.of("opensearch", "configuration get", "configuration", "get", id, "--engine", "opensearch")
		d.of("opensearch", "indexes list", "indexes", "list", id)
		d.of("opensearch", "delete", "delete", id, "--force")
	}
	if id := d.engine("valkey", "8", "db-s-1vcpu-1gb", "1"); id != "" {
		d.of("valkey", "configuration update", "configuration", "update", id, "--engine", "valkey", "--config-json", `{"valkey_maxmemory_policy": "allkeys_lru"}`)
		d.of("valkey", "configuration get", "configuration", "get", id, "--engine", "valkey")
		d.of("valkey", "delete", "delete", id, "--force")
	}
}

func (d *doctlRun) volumes() {
	var volume, snapshot string
	d.do("compute volume create", func() error {
		got, err := d.list(1, "compute", "volume", "create", "compat", "--region", "nyc3", "--size", "10GiB", "--fs-type", "ext4", "--tag", "compat")
		if err == nil {
			volume = got[0].ID
		}
		return err
	})
	if volume == "" {
		return
	}
	d.lists(1, "compute", "volume", "get", volume)
	d.runs("compute", "volume", "snapshot", volume, "--snapshot-name", "compat-first", "--tag", "compat")
	d.do("compute snapshot list --resource volume", func() error {
		got, err := d.list(1, "compute", "snapshot", "list", "--resource", "volume")
		if err == nil {
			snapshot = got[0].ID
			err = want("name", got[0].Name, "compat-first")
		}
		return err
	})
	d.lists(1, "compute", "snapshot", "get", snapshot)
	d.do("compute volume create --snapshot, and delete", func() error {
		got, err := d.list(1, "compute", "volume", "create", "compat-copy", "--snapshot", snapshot, "--size", "10GiB")
		if err != nil {
			return err
		}
		return d.run(nil, "compute", "volume", "delete", got[0].ID, "--force")
	})
	d.runs("compute", "volume", "delete", volume, "--force")
	d.lists(1, "compute", "snapshot", "list") // it outlives its volume
	d.runs("compute", "snapshot", "delete", snapshot, "--force")
}
