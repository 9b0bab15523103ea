// SPDX-License-Identifier: Apache-2.0

// Package compat holds the sandbox against clients that know nothing of it: doctl, Terraform with DigitalOcean's provider,
// kubectl and the AWS CLI, all unchanged.
//
// TestCompat runs those binaries that the environment names (K8OR_DOCTL, K8OR_TERRAFORM, K8OR_TERRAFORM_PROVIDER,
// K8OR_KUBECTL, K8OR_AWS) against a sandbox with real control planes. With `-args -write`, as `make compat` runs it, it writes
// docs/compat.md, and what the clients said to the DigitalOcean API into testdata, a file for each client and version.
//
// TestRecordedRequests needs no binary: it says the same requests to the simulated cloud again, in process and in virtual
// time, and wants the same answers.
package compat

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var write = flag.Bool("write", false, "write docs/compat.md and testdata from this run")

// part is one client's turn.
type part struct {
	name  string
	title string
	needs []string // environment variables that name its binaries
	run   func(*session)
}

var parts = []part{
	{"doctl", "doctl", []string{"K8OR_DOCTL"}, doctl},
	{"terraform-provider-digitalocean", "Terraform with DigitalOcean's provider", []string{"K8OR_TERRAFORM", "K8OR_TERRAFORM_PROVIDER"}, terraform},
	{"managed-doctl", "doctl, what DigitalOcean runs for its users", []string{"K8OR_DOCTL"}, managedDoctl},
	{"managed-terraform-provider-digitalocean", "Terraform, what DigitalOcean runs for its users", []string{"K8OR_TERRAFORM", "K8OR_TERRAFORM_PROVIDER"}, managedTerraform},
	{"doctl-databases", "doctl: databases", []string{"K8OR_DOCTL"}, doctlDatabases},
	{"terraform-databases", "Terraform: databases", []string{"K8OR_TERRAFORM", "K8OR_TERRAFORM_PROVIDER"}, terraformDatabases},
	{"doctl-engines", "doctl: databases of every engine, volumes and snapshots", []string{"K8OR_DOCTL"}, doctlEngines},
	{"terraform-engines", "Terraform: databases of every engine, copies, volumes and snapshots", []string{"K8OR_TERRAFORM", "K8OR_TERRAFORM_PROVIDER"}, terraformEngines},
	{"aws", "the AWS CLI, against Spaces", []string{"K8OR_AWS"}, amazon},
	{"kubectl", "kubectl", []string{"K8OR_KUBECTL"}, kubectl},
}

// TestCompat runs one client after the other, since each has control planes to boot.
func TestCompat(t *testing.T) {
	if os.Getenv("K8OR_DOCTL")+os.Getenv("K8OR_TERRAFORM")+os.Getenv("K8OR_KUBECTL")+os.Getenv("K8OR_AWS") == "" && !*write {
		t.Skip("no client to run: K8OR_DOCTL, K8OR_TERRAFORM with K8OR_TERRAFORM_PROVIDER, K8OR_KUBECTL and K8OR_AWS name their binaries")
	}
	controlPlane := findControlPlane(t)
	sandbox := buildSandbox(t)
	var all []result
	for _, p := range parts {
		got := result{part: p}
		t.Run(p.name, func(t *testing.T) {
			for _, name := range p.needs {
				if info, err := os.Stat(os.Getenv(name)); err != nil || !info.Mode().IsRegular() {
					t.Skipf("%s does not name a binary, so %s is not run", name, p.title)
				}
			}
			s := open(t, p, sandbox, controlPlane)
			p.run(s)
			got.versions, got.actions = s.versions, s.actions
			if *write && !t.Failed() && len(s.proxy.exchanges()) > 0 {
				s.save()
			}
		})
		all = append(all, got)
	}
	if *write {
		if err := os.WriteFile(filepath.Join("..", "..", "docs", "compat.md"), page(all), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
