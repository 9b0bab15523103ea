// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"encoding/json"
	"fmt"
	"strings"
)

// managedConfiguration is what DigitalOcean runs beside clusters. Not in it is digitalocean_container_registry_docker_credentials:
// the provider revokes them at an address of DigitalOcean's that is built into it, and ends itself where that does not answer.
const managedConfiguration = `terraform {
  required_providers {
    digitalocean = { source = "digitalocean/digitalocean" }
  }
}

variable "ttl" { type = number }

resource "digitalocean_spaces_bucket" "media" {
  name   = "compat-media"
  region = "nyc3"
  acl    = "private"

  force_destroy = true

  versioning { enabled = true }

  lifecycle_rule {
    id      = "logs"
    prefix  = "logs/"
    enabled = true
    expiration { days = 7 }
  }
}

resource "digitalocean_spaces_bucket_cors_configuration" "media" {
  bucket = digitalocean_spaces_bucket.media.id
  region = "nyc3"
  cors_rule {
    allowed_methods = ["GET"]
    allowed_origins = ["https://www.compat.example.com"]
    max_age_seconds = 60
  }
}

resource "digitalocean_spaces_bucket_object" "hello" {
  bucket       = digitalocean_spaces_bucket.media.name
  region       = "nyc3"
  key          = "hello.txt"
  content      = "hello"
  content_type = "text/plain"
}

resource "digitalocean_spaces_key" "web" {
  name = "compat"
  grant {
    bucket     = digitalocean_spaces_bucket.media.name
    permission = "readwrite"
  }
}

resource "digitalocean_cdn" "media" {
  origin = digitalocean_spaces_bucket.media.bucket_domain_name
  ttl    = 3600
}

resource "digitalocean_container_registry" "main" {
  name                   = "compat"
  subscription_tier_slug = "basic"
  region                 = "nyc3"
}

resource "digitalocean_vpc" "one" {
  name   = "compat-one"
  region = "nyc3"
}

resource "digitalocean_vpc" "two" {
  name   = "compat-two"
  region = "nyc3"
}

resource "digitalocean_vpc_peering" "main" {
  name    = "compat"
  vpc_ids = [digitalocean_vpc.one.id, digitalocean_vpc.two.id]
}

resource "digitalocean_vpc_nat_gateway" "main" {
  name   = "compat"
  type   = "PUBLIC"
  region = "nyc3"
  size   = "1"
  vpcs {
    vpc_uuid        = digitalocean_vpc.one.id
    default_gateway = true
  }
}

resource "digitalocean_tag" "guarded" {
  name = "compat-guarded"
}

resource "digitalocean_firewall" "main" {
  name = "compat"
  tags = [digitalocean_tag.guarded.id]
  inbound_rule {
    protocol         = "tcp"
    port_range       = "22"
    source_addresses = ["203.0.113.7", "2001:db8::/32"]
  }
  inbound_rule {
    protocol         = "icmp"
    source_addresses = ["0.0.0.0/0"]
  }
  outbound_rule {
    protocol              = "tcp"
    port_range            = "1-65535"
    destination_addresses = ["0.0.0.0/0", "::/0"]
  }
}

resource "digitalocean_reserved_ip" "main" {
  region = "nyc3"
}

resource "digitalocean_domain" "main" {
  name = "compat.example.com"
}

resource "digitalocean_record" "www" {
  domain = digitalocean_domain.main.id
  type   = "A"
  name   = "www"
  value  = "192.0.2.1"
  ttl    = var.ttl
}

resource "digitalocean_certificate" "www" {
  name    = "compat"
  type    = "lets_encrypt"
  domains = ["www.${digitalocean_domain.main.name}"]
}

resource "digitalocean_monitor_alert" "cpu" {
  alerts { email = ["sandbox@example.com"] }
  window      = "5m"
  type        = "v1/insights/droplet/cpu"
  compare     = "GreaterThan"
  value       = 80
  enabled     = true
  tags        = ["compat"]
  description = "busy"
}
`

// managedTerraform applies the configuration, changes a record and takes everything down.
func managedTerraform(s *session) {
	provider := s.provide(managedConfiguration)
	s.write("terraform.tfvars.json", `{"ttl": 600}`)
	s.runs("apply: bucket, object, key, CDN, registry, peering, gateway, firewall, reserved IP, domain, record, certificate, alert", "apply", "-auto-approve")
	s.runs("plan: nothing to change", "plan", "-detailed-exitcode")
	s.write("terraform.tfvars.json", `{"ttl": 300}`)
	s.runs("apply: the record changes", "apply", "-auto-approve")
	s.do("the record has changed", func() error {
		text, err := s.call("GET", "/v2/domains/compat.example.com/records?type=A", "")
		if err == nil && !strings.Contains(string(text), `"ttl":300`) {
			err = fmt.Errorf("the records are %s", text)
		}
		return err
	})
	s.runs("destroy: everything goes", "destroy", "-auto-approve")
	s.do("nothing is left", func() error {
		for _, path := range []string{"/v2/registries", "/v2/domains", "/v2/certificates", "/v2/spaces/keys", "/v2/vpc_peerings", "/v2/firewalls", "/v2/monitoring/alerts"} {
			text, err := s.call("GET", path, "")
			if err != nil {
				return err
			}
			if strings.Contains(string(text), "compat") {
				return fmt.Errorf("%s still has %s", path, text)
			}
		}
		return nil
	})
	s.versions = []string{"terraform " + terraformVersion(s), "terraform-provider-digitalocean " + providerVersion(s, provider)}
}

func decode(text []byte, into any) error {
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	return nil
}
