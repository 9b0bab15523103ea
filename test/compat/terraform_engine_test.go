// SPDX-License-Identifier: Apache-2.0

package compat

import "strings"

// engineConfiguration is a database cluster of every engine that databaseConfiguration has not, a copy to read from, and what keeps
// data beside them.
const engineConfiguration = `terraform {
  required_providers {
    digitalocean = { source = "digitalocean/digitalocean" }
  }
}

variable "partitions" { type = number }
variable "wait_timeout" { type = number }

locals {
  engines = {
    pg         = { version = "16", size = "db-s-1vcpu-2gb", nodes = 1 }
    mysql      = { version = "8", size = "db-s-1vcpu-1gb", nodes = 1 }
    mongodb    = { version = "8.0", size = "db-s-1vcpu-1gb", nodes = 1 }
    opensearch = { version = "2", size = "db-s-1vcpu-2gb", nodes = 1 }
    kafka      = { version = "3.8", size = "db-s-2vcpu-2gb", nodes = 3 }
  }
}

resource "digitalocean_database_cluster" "of" {
  for_each   = local.engines
  name       = "compat-${each.key}"
  engine     = each.key
  version    = each.value.version
  size       = each.value.size
  region     = "nyc3"
  node_count = each.value.nodes
}

resource "digitalocean_database_replica" "reading" {
  cluster_id = digitalocean_database_cluster.of["pg"].id
  name       = "compat-reading"
  size       = "db-s-1vcpu-2gb"
  region     = "nyc3"
}

resource "digitalocean_database_firewall" "reading" {
  cluster_id = digitalocean_database_replica.reading.uuid

  rule {
    type  = "ip_addr"
    value = "203.0.113.7"
  }
}

resource "digitalocean_database_kafka_topic" "clicks" {
  cluster_id         = digitalocean_database_cluster.of["kafka"].id
  name               = "clicks"
  partition_count    = var.partitions
  replication_factor = 3

  config {
    retention_ms        = 3600000
    min_insync_replicas = 2
  }
}

resource "digitalocean_database_user" "consumer" {
  cluster_id = digitalocean_database_cluster.of["kafka"].id
  name       = "consumer"

  settings {
    acl {
      topic      = digitalocean_database_kafka_topic.clicks.name
      permission = "consume"
    }
  }
}

resource "digitalocean_database_kafka_config" "main" {
  cluster_id          = digitalocean_database_cluster.of["kafka"].id
  log_retention_hours = 48
}

resource "digitalocean_database_db" "shop" {
  for_each   = toset(["mysql", "mongodb"])
  cluster_id = digitalocean_database_cluster.of[each.key].id
  name       = "shop"
}

resource "digitalocean_database_user" "app" {
  cluster_id        = digitalocean_database_cluster.of["mysql"].id
  name              = "app"
  mysql_auth_plugin = "caching_sha2_password"
}

resource "digitalocean_database_mysql_config" "main" {
  cluster_id   = digitalocean_database_cluster.of["mysql"].id
  wait_timeout = var.wait_timeout
}

resource "digitalocean_database_mongodb_config" "main" {
  cluster_id = digitalocean_database_cluster.of["mongodb"].id
  verbosity  = 1
}

resource "digitalocean_database_user" "searcher" {
  cluster_id = digitalocean_database_cluster.of["opensearch"].id
  name       = "searcher"

  settings {
    opensearch_acl {
      index      = "logs-*"
      permission = "read"
    }
  }
}

resource "digitalocean_database_opensearch_config" "main" {
  cluster_id                    = digitalocean_database_cluster.of["opensearch"].id
  http_max_content_length_bytes = 200000000
}

resource "digitalocean_volume" "data" {
  region                  = "nyc3"
  name                    = "compat"
  size                    = 10
  initial_filesystem_type = "ext4"
}

resource "digitalocean_volume_snapshot" "data" {
  name      = "compat-first"
  volume_id = digitalocean_volume.data.id
}
`

type engineWishes struct {
	Partitions  int `json:"partitions"`
	WaitTimeout int `json:"wait_timeout"`
}

// terraformEngines applies a configuration of every engine, changes it in place, and takes it down.
func terraformEngines(s *session) {
	provider := s.provide(engineConfiguration)
	s.wish(engineWishes{3, 600})
	s.runs("apply: PostgreSQL with a copy to read from, MySQL, MongoDB, OpenSearch, Kafka with a topic, users, parameters, a volume and its snapshot are made", "apply", "-auto-approve")
	s.runs("plan: nothing to change", "plan", "-detailed-exitcode")
	s.wish(engineWishes{6, 900})
	s.runs("apply: the topic grows, and a parameter of MySQL's changes", "apply", "-auto-approve")
	s.runs("plan: nothing to change once more", "plan", "-detailed-exitcode")
	s.runs("destroy: all of it goes", "destroy", "-auto-approve")
	s.do("nothing is left", func() error {
		for _, path := range []string{"/v2/databases", "/v2/volumes", "/v2/snapshots"} {
			text, err := s.call("GET", path, "")
			if err != nil {
				return err
			}
			if strings.Contains(string(text), "compat") {
				return want(path, string(text), "nothing of ours")
			}
		}
		return nil
	})
	s.versions = []string{"terraform " + terraformVersion(s), "terraform-provider-digitalocean " + providerVersion(s, provider)}
}
