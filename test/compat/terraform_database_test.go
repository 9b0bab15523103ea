// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// databaseConfiguration is a PostgreSQL cluster with what belongs to it, some of which changes afterwards.
const databaseConfiguration = `terraform {
  required_providers {
    digitalocean = { source = "digitalocean/digitalocean" }
  }
}

variable "size" { type = string }
variable "tags" { type = list(string) }
variable "hour" { type = string }

resource "digitalocean_vpc" "main" {
  name     = "compat-databases"
  region   = "nyc3"
  ip_range = "10.97.0.0/20"
}

resource "digitalocean_database_cluster" "orders" {
  name                 = "compat-orders"
  engine               = "pg"
  version              = "16"
  size                 = var.size
  region               = "nyc3"
  node_count           = 1
  private_network_uuid = digitalocean_vpc.main.id
  tags                 = var.tags

  maintenance_window {
    day  = "sunday"
    hour = var.hour
  }

  storage_autoscale {
    enabled           = true
    threshold_percent = 80
    increment_gib     = 10
  }
}

resource "digitalocean_database_db" "shop" {
  cluster_id = digitalocean_database_cluster.orders.id
  name       = "shop"
}

resource "digitalocean_database_user" "app" {
  cluster_id = digitalocean_database_cluster.orders.id
  name       = "app"
}

resource "digitalocean_database_connection_pool" "app" {
  cluster_id = digitalocean_database_cluster.orders.id
  name       = "app-pool"
  mode       = "transaction"
  size       = 5
  db_name    = digitalocean_database_db.shop.name
  user       = digitalocean_database_user.app.name
}

resource "digitalocean_database_firewall" "orders" {
  cluster_id = digitalocean_database_cluster.orders.id

  rule {
    type  = "ip_addr"
    value = "203.0.113.7"
  }
}

resource "digitalocean_database_postgresql_config" "orders" {
  cluster_id = digitalocean_database_cluster.orders.id
  timezone   = "UTC"
}

resource "digitalocean_database_cluster" "cache" {
  name                 = "compat-cache"
  engine               = "valkey"
  version              = "8"
  size                 = "db-s-1vcpu-1gb"
  region               = "nyc3"
  node_count           = 1
  private_network_uuid = digitalocean_vpc.main.id
  eviction_policy      = "allkeys_lru"
}

data "digitalocean_database_ca" "orders" {
  cluster_id = digitalocean_database_cluster.orders.id
}

output "private_host" { value = digitalocean_database_cluster.orders.private_host }
output "certificate" { value = data.digitalocean_database_ca.orders.certificate }
`

type databaseWishes struct {
	Size string   `json:"size"`
	Tags []string `json:"tags"`
	Hour string   `json:"hour"`
}

// terraformDatabases applies a configuration of databases, changes it, and takes it down.
func terraformDatabases(s *session) {
	provider := s.provide(databaseConfiguration)
	s.wish(databaseWishes{"db-s-1vcpu-2gb", []string{"compat"}, "04:00"})
	s.runs("apply: two clusters, a database, a user, a pool, a firewall and parameters are made", "apply", "-auto-approve")
	s.do("state: the cluster has a private host, and its CA is a certificate", func() error {
		host, err := s.exec(os.Getenv("K8OR_TERRAFORM"), "output", "-raw", "private_host")
		if err != nil {
			return err
		}
		certificate, err := s.exec(os.Getenv("K8OR_TERRAFORM"), "output", "-raw", "certificate")
		if err == nil && (!strings.HasPrefix(host, "private-compat-orders") || !strings.Contains(certificate, "BEGIN CERTIFICATE")) {
			err = fmt.Errorf("host %q, certificate %q", host, certificate)
		}
		return err
	})
	s.runs("plan: nothing to change", "plan", "-detailed-exitcode")
	s.wish(databaseWishes{"db-s-2vcpu-4gb", []string{"compat", "changed"}, "05:00"})
	s.do("plan: a change in place, nothing replaced", func() error {
		text, err := s.exec(os.Getenv("K8OR_TERRAFORM"), "plan", "-detailed-exitcode", "-no-color")
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 2) {
			return err
		}
		if !strings.Contains(text, "0 to add, 1 to change, 0 to destroy") {
			return fmt.Errorf("the plan is\n%s", text)
		}
		return nil
	})
	s.runs("apply: the cluster grows, tags and maintenance window change", "apply", "-auto-approve")
	s.runs("plan: nothing to change once more", "plan", "-detailed-exitcode")
	s.runs("destroy: all of it goes", "destroy", "-auto-approve")
	s.do("nothing is left", func() error {
		text, err := s.call("GET", "/v2/databases", "")
		if err == nil && strings.Contains(string(text), `"compat-`) {
			err = fmt.Errorf("there is still %s", text)
		}
		return err
	})
	s.versions = []string{"terraform " + terraformVersion(s), "terraform-provider-digitalocean " + providerVersion(s, provider)}
}
