// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// managedDoctl goes through what DigitalOcean runs beside clusters: registry, Spaces keys, network, names, money, alerts.
func managedDoctl(s *session) {
	d := &doctlRun{session: s}
	d.registry()
	d.spacesKeys()
	d.gatewayAndPeering()
	d.firewall()
	d.reservedIP()
	d.names()
	d.cdn()
	d.money()
	d.alerts()
	d.tellVersion()
}

func (d *doctlRun) registry() {
	d.runs("registry", "options", "subscription-tiers") // one object with all tiers
	d.runs("registry", "create", "compat", "--subscription-tier", "basic", "--region", "nyc3")
	d.runs("registry", "get")
	d.do("registry docker-config", func() error {
		text, err := d.exec(os.Getenv("K8OR_DOCTL"), "registry", "docker-config", "--read-write", "--expiry-seconds", "600")
		if err == nil && !strings.Contains(text, "registry.digitalocean.com") {
			err = fmt.Errorf("the configuration names no registry")
		}
		return err
	})
	d.runs("registry", "kubernetes-manifest", "--name", "pull")
	d.lists(0, "registry", "repository", "list-v2")
	d.runs("registry", "garbage-collection", "start", "--force")
	d.do("registry garbage-collection list, until it has succeeded", func() error {
		return d.until(time.Minute, "the garbage collection succeeds", func() error {
			var all []struct{ Status string }
			if err := d.run(&all, "registry", "garbage-collection", "list"); err != nil {
				return err
			}
			if len(all) == 0 {
				return fmt.Errorf("none is listed")
			}
			return want("status", all[0].Status, "succeeded")
		})
	})
	d.runs("registry", "delete", "--force")
}

func (d *doctlRun) spacesKeys() {
	var made []struct {
		AccessKey string `json:"access_key"`
		SecretKey string `json:"secret_key"`
	}
	d.do("spaces keys create", func() error {
		err := d.run(&made, "spaces", "keys", "create", "compat", "--grants", "bucket=;permission=fullaccess")
		if err == nil && (len(made) == 0 || made[0].SecretKey == "") {
			err = fmt.Errorf("no secret was shown")
		}
		return err
	})
	if len(made) == 0 {
		return
	}
	d.runs("spaces", "keys", "get", made[0].AccessKey)
	d.lists(1, "spaces", "keys", "list")
	d.runs("spaces", "keys", "delete", made[0].AccessKey)
}

func (d *doctlRun) gatewayAndPeering() {
	vpc := func(name string) (id string) {
		d.do("vpcs create "+name, func() error {
			got, err := d.list(1, "vpcs", "create", "--name", name, "--region", "nyc3")
			if err == nil {
				id = got[0].ID
			}
			return err
		})
		return id
	}
	one, two := vpc("one"), vpc("two")
	var gateway string
	d.do("compute vpc-nat-gateway create", func() error {
		got, err := d.list(1, "compute", "vpc-nat-gateway", "create", "--name", "compat", "--region", "nyc3", "--type", "PUBLIC", "--size", "1", "--vpcs", one+":default")
		if err == nil {
			gateway = got[0].ID
		}
		return err
	})
	d.do("compute vpc-nat-gateway get, until it is active", func() error {
		return d.until(time.Minute, "the gateway is active", func() error {
			var got []struct{ State string }
			if err := d.run(&got, "compute", "vpc-nat-gateway", "get", gateway); err != nil {
				return err
			}
			return want("state", got[0].State, "ACTIVE")
		})
	})
	d.lists(1, "compute", "vpc-nat-gateway", "list")
	d.runs("compute", "vpc-nat-gateway", "update", gateway, "--name", "compat", "--region", "nyc3", "--size", "2", "--vpcs", one+":default")
	d.runs("vpcs", "peerings", "create", "compat", "--vpc-ids", one+","+two, "--wait")
	d.do("vpcs peerings list, delete", func() error {
		var got []struct{ ID string }
		if err := d.run(&got, "vpcs", "peerings", "list"); err != nil {
			return err
		}
		if len(got) != 1 {
			return fmt.Errorf("%d peerings are listed, want 1", len(got))
		}
		return d.run(nil, "vpcs", "peerings", "delete", got[0].ID, "--force", "--wait")
	})
	d.runs("compute", "vpc-nat-gateway", "delete", gateway, "--force")
	d.do("vpcs delete, once the gateway is gone", func() error {
		return d.until(time.Minute, "the VPC can be deleted", func() error { return d.run(nil, "vpcs", "delete", one, "--force") })
	})
	d.runs("vpcs", "delete", two, "--force")
}

func (d *doctlRun) firewall() {
	const out = "protocol:tcp,ports:all,address:0.0.0.0/0,address:::/0 protocol:icmp,address:0.0.0.0/0"
	d.runs("compute", "tag", "create", "compat-guarded")
	var made []struct{ ID string }
	d.do("compute firewall create, list", func() error {
		if err := d.run(nil, "compute", "firewall", "create", "--name", "compat", "--tag-names", "compat-guarded",
			"--inbound-rules", "protocol:tcp,ports:22,address:203.0.113.7 protocol:udp,ports:60000-61000,address:203.0.113.0/24", "--outbound-rules", out); err != nil {
			return err
		}
		if err := d.run(&made, "compute", "firewall", "list"); err != nil {
			return err
		}
		return want("firewalls", fmt.Sprint(len(made)), "1")
	})
	if len(made) != 1 {
		return
	}
	id := made[0].ID
	d.do("compute firewall update, add-rules, remove-rules, get", func() error {
		if err := d.run(nil, "compute", "firewall", "update", id, "--name", "compat", "--tag-names", "compat-guarded", "--inbound-rules", "protocol:tcp,ports:22,address:203.0.113.8", "--outbound-rules", out); err != nil {
			return err
		}
		for _, verb := range []string{"add-rules", "remove-rules"} {
			if err := d.run(nil, "compute", "firewall", verb, id, "--inbound-rules", "protocol:tcp,ports:443,address:0.0.0.0/0"); err != nil {
				return err
			}
		}
		var got []struct {
			Inbound []struct{ Ports string } `json:"inbound_rules"`
		}
		if err := d.run(&got, "compute", "firewall", "get", id); err != nil {
			return err
		}
		return want("inbound rules", fmt.Sprint(got[0].Inbound), "[{22}]")
	})
	d.do("compute firewall delete", func() error { return d.run(nil, "compute", "firewall", "delete", id, "--force") })
	d.runs("compute", "tag", "delete", "compat-guarded", "--force")
}

func (d *doctlRun) reservedIP() {
	d.do("compute reserved-ip create, get, list, delete", func() error {
		var got []struct {
			IP      string `json:"ip"`
			Project string `json:"project_id"`
		}
		if err := d.run(&got, "compute", "reserved-ip", "create", "--region", "nyc3"); err != nil {
			return err
		}
		ip := got[0].IP
		for _, args := range [][]string{{"get", ip}, {"list"}} {
			if err := d.run(&got, append([]string{"compute", "reserved-ip"}, args...)...); err != nil {
				return err
			}
			if len(got) != 1 || got[0].IP != ip || got[0].Project == "" {
				return fmt.Errorf("%s shows %v, want %s in a project", args[0], got, ip)
			}
		}
		return d.run(nil, "compute", "reserved-ip", "delete", ip, "--force")
	})
}

func (d *doctlRun) names() {
	d.runs("compute", "domain", "create", "compat.example.com", "--ip-address", "192.0.2.1")
	d.runs("compute", "domain", "get", "compat.example.com")
	d.runs("compute", "domain", "records", "create", "compat.example.com", "--record-type", "CNAME", "--record-name", "www", "--record-data", "@", "--record-ttl", "300")
	d.do("compute domain records list", func() error {
		var all []struct{ Type string }
		if err := d.run(&all, "compute", "domain", "records", "list", "compat.example.com"); err != nil {
			return err
		}
		return want("records", fmt.Sprint(len(all)), "6")
	})
	d.do("compute certificate create, until it is verified, and delete", func() error {
		var got []struct{ ID, State string }
		if err := d.run(&got, "compute", "certificate", "create", "--name", "compat", "--type", "lets_encrypt", "--dns-names", "www.compat.example.com"); err != nil {
			return err
		}
		id := got[0].ID
		if err := d.until(time.Minute, "the certificate is verified", func() error {
			if err := d.run(&got, "compute", "certificate", "get", id); err != nil {
				return err
			}
			return want("state", got[0].State, "verified")
		}); err != nil {
			return err
		}
		return d.run(nil, "compute", "certificate", "delete", id, "--force")
	})
	d.runs("compute", "domain", "delete", "compat.example.com", "--force")
}

// cdn stands before a bucket, which doctl cannot make.
func (d *doctlRun) cdn() {
	var id string
	store := s3.New(s3.Options{BaseEndpoint: new(d.variable("AWS_ENDPOINT_URL_S3")), UsePathStyle: true, Region: "nyc3",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: d.variable("AWS_ACCESS_KEY_ID"), SecretAccessKey: d.variable("AWS_SECRET_ACCESS_KEY")}, nil
		})})
	if _, err := store.CreateBucket(d.Context(), &s3.CreateBucketInput{Bucket: new("compat-cdn")}); err != nil {
		d.Fatal(err)
	}
	d.do("compute cdn create", func() error {
		got, err := d.list(1, "compute", "cdn", "create", "compat-cdn.nyc3.digitaloceanspaces.com", "--ttl", "3600")
		if err == nil {
			id = got[0].ID
		}
		return err
	})
	if id == "" {
		return
	}
	d.do("compute cdn update --ttl, get", func() error {
		if err := d.run(nil, "compute", "cdn", "update", id, "--ttl", "600"); err != nil {
			return err
		}
		var got []struct{ TTL int }
		if err := d.run(&got, "compute", "cdn", "get", id); err != nil {
			return err
		}
		return want("ttl", fmt.Sprint(got), "[{600}]")
	})
	d.runs("compute", "cdn", "flush", id, "--files", "*")
	d.lists(1, "compute", "cdn", "list")
	d.runs("compute", "cdn", "delete", id, "--force")
}

func (d *doctlRun) money() {
	d.runs("balance", "get")
	d.runs("billing-history", "list")
	d.do("invoice list, get, summary, csv of the preview", func() error {
		var list struct {
			Preview struct {
				UUID string `json:"invoice_uuid"`
			} `json:"invoice_preview"`
		}
		text, err := d.call("GET", "/v2/customers/my/invoices", "")
		if err != nil {
			return err
		}
		if err := decode(text, &list); err != nil {
			return err
		}
		for _, args := range [][]string{{"list"}, {"get", list.Preview.UUID}, {"summary", list.Preview.UUID}, {"csv", list.Preview.UUID, "invoice.csv"}, {"pdf", list.Preview.UUID, "invoice.pdf"}} {
			if err := d.run(nil, append([]string{"invoice"}, args...)...); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *doctlRun) alerts() {
	d.runs("monitoring", "alert", "create", "--type", "v1/insights/droplet/cpu", "--compare", "GreaterThan", "--value", "80", "--window", "5m",
		"--description", "busy", "--emails", "sandbox@example.com", "--tags", "compat", "--enabled=true")
	d.do("monitoring alert list, delete", func() error {
		var all []struct{ UUID string }
		if err := d.run(&all, "monitoring", "alert", "list"); err != nil {
			return err
		}
		if len(all) != 1 {
			return fmt.Errorf("%d policies are listed, want 1", len(all))
		}
		return d.run(nil, "monitoring", "alert", "delete", all[0].UUID, "--force")
	})
}
