// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// configuration is a network, a cluster and a second node pool, all of which change afterwards.
const configuration = `terraform {
  required_providers {
    digitalocean = { source = "digitalocean/digitalocean" }
  }
}

variable "pool_nodes" { type = number }
variable "tags" { type = list(string) }
variable "start_time" { type = string }

data "digitalocean_kubernetes_versions" "offered" {
  version_prefix = "1.35."
}

resource "digitalocean_vpc" "main" {
  name     = "compat"
  region   = "nyc3"
  ip_range = "10.98.0.0/20"
}

resource "digitalocean_kubernetes_cluster" "main" {
  name         = "compat"
  region       = "nyc3"
  version      = data.digitalocean_kubernetes_versions.offered.latest_version
  vpc_uuid     = digitalocean_vpc.main.id
  ha           = false
  auto_upgrade = false
  tags         = var.tags

  maintenance_policy {
    day        = "sunday"
    start_time = var.start_time
  }

  node_pool {
    name       = "general"
    size       = "s-2vcpu-4gb"
    node_count = 2
    labels     = { tier = "front" }
  }
}

resource "digitalocean_kubernetes_node_pool" "extra" {
  cluster_id = digitalocean_kubernetes_cluster.main.id
  name       = "extra"
  size       = "s-2vcpu-4gb"
  node_count = var.pool_nodes
  tags       = ["batch"]
  labels     = { tier = "back" }

  taint {
    key    = "only"
    value  = "batch"
    effect = "NoSchedule"
  }
}

output "endpoint" { value = digitalocean_kubernetes_cluster.main.endpoint }
`

type wishes struct {
	PoolNodes int      `json:"pool_nodes"`
	Tags      []string `json:"tags"`
	StartTime string   `json:"start_time"`
}

// terraform applies a configuration, changes it, and takes it down. The provider is put in by dev_overrides, so that
// `terraform init`, which asks a registry, is not needed.
func terraform(s *session) {
	provider := s.provide(configuration)
	s.wish(wishes{1, []string{"compat"}, "04:00"})
	s.runs("apply: a VPC, a cluster and a node pool are made", "apply", "-auto-approve")
	s.do("state: the cluster has an endpoint", func() error {
		text, err := s.exec(os.Getenv("K8OR_TERRAFORM"), "output", "-raw", "endpoint")
		if err == nil && !strings.HasPrefix(text, "https://") {
			err = fmt.Errorf("the endpoint is %q", text)
		}
		return err
	})
	s.runs("plan: nothing to change", "plan", "-detailed-exitcode")
	s.wish(wishes{2, []string{"compat", "changed"}, "05:00"})
	s.do("plan: two changes in place, nothing replaced", func() error {
		text, err := s.exec(os.Getenv("K8OR_TERRAFORM"), "plan", "-detailed-exitcode", "-no-color")
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 2) {
			return err
		}
		if !strings.Contains(text, "0 to add, 2 to change, 0 to destroy") {
			return fmt.Errorf("the plan is\n%s", text)
		}
		return nil
	})
	s.runs("apply: the pool grows, tags and maintenance window change", "apply", "-auto-approve")
	s.runs("plan: nothing to change once more", "plan", "-detailed-exitcode")
	s.runs("destroy: pool, cluster and VPC go", "destroy", "-auto-approve")
	s.do("nothing is left", func() error {
		for path, key := range map[string]string{"/v2/kubernetes/clusters": "kubernetes_clusters", "/v2/vpcs?per_page=200": "vpcs"} {
			text, err := s.call("GET", path, "")
			if err != nil {
				return err
			}
			if strings.Contains(string(text), `"compat"`) {
				return fmt.Errorf("among %s there is still ours: %s", key, text)
			}
		}
		return nil
	})
	s.versions = []string{"terraform " + terraformVersion(s), "terraform-provider-digitalocean " + providerVersion(s, provider)}
}

// provide writes a configuration and lets Terraform find the provider. It returns the provider's path.
func (s *session) provide(configuration string) string {
	s.Helper()
	provider, err := filepath.Abs(os.Getenv("K8OR_TERRAFORM_PROVIDER"))
	if err != nil {
		s.Fatal(err)
	}
	s.write("main.tf", configuration)
	s.write("cli.tfrc", fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"digitalocean/digitalocean\" = %q\n  }\n  direct {}\n}\n", filepath.ToSlash(filepath.Dir(provider))))
	s.env = append(s.env, "TF_CLI_CONFIG_FILE="+filepath.Join(s.dir, "cli.tfrc"), "TF_IN_AUTOMATION=1", "TF_INPUT=0")
	return provider
}

func (s *session) write(name, text string) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
}

func (s *session) wish(w wishes) {
	s.Helper()
	text, err := json.Marshal(w)
	if err != nil {
		s.Fatal(err)
	}
	s.write("terraform.tfvars.json", string(text))
}

func (s *session) runs(what string, args ...string) {
	s.do(what, func() error {
		_, err := s.exec(os.Getenv("K8OR_TERRAFORM"), append(args, "-no-color")...)
		return err
	})
}

func terraformVersion(s *session) string {
	text, err := s.exec(os.Getenv("K8OR_TERRAFORM"), "version", "-json")
	if err != nil {
		s.Fatal(err)
	}
	var v struct {
		Version string `json:"terraform_version"`
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		s.Fatal(err)
	}
	return v.Version
}

var releaseName = regexp.MustCompile(`_v([0-9]+\.[0-9]+\.[0-9]+)`)

// providerVersion is in the file's name, as in the releases, or in the binary when Go built it as a module.
func providerVersion(s *session, path string) string {
	if m := releaseName.FindStringSubmatch(filepath.Base(path)); m != nil {
		return m[1]
	}
	if info, err := buildinfo.ReadFile(path); err == nil && strings.HasPrefix(info.Main.Version, "v") {
		return strings.TrimPrefix(info.Main.Version, "v")
	}
	s.Error("the provider's version cannot be told: name the binary terraform-provider-digitalocean_v<version>")
	return "unknown"
}
