// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// doctlRun is doctl at work.
type doctlRun struct {
	*session
	vpc, cluster, pool string
}

var doctlAgent = regexp.MustCompile(`^doctl/([0-9.]+)`)

// doctl goes through the commands that a platform's owner uses.
func doctl(s *session) {
	d := &doctlRun{session: s}
	d.firstLook()
	d.network()
	d.clusterLives()
	d.poolsChange()
	d.clusterEnds()
	d.endsWithAll()
	d.endsSelectively()
	d.networkGoes()
	d.tellVersion()
}

// tellVersion reads doctl's version from what it said, since `doctl version` asks the internet.
func (d *doctlRun) tellVersion() {
	s := d.session
	for _, x := range s.proxy.exchanges() {
		if m := doctlAgent.FindStringSubmatch(x.agent); m != nil {
			s.versions = []string{"doctl " + m[1]}
			return
		}
	}
	s.Error("doctl never called the sandbox, or does not say its version")
}

// run runs doctl, and decodes what it prints as JSON into out, unless that is nil.
func (d *doctlRun) run(out any, args ...string) error {
	if out != nil {
		args = append(args, "--output", "json")
	}
	text, err := d.exec(os.Getenv("K8OR_DOCTL"), args...)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), out); err != nil {
		return fmt.Errorf("doctl %s printed no JSON: %w\n%s", strings.Join(args, " "), err, text)
	}
	return nil
}

// thing is what we read of whatever doctl lists.
type thing struct {
	ID     string
	Name   string
	Slug   string
	Tags   []string
	Status struct{ State string }
	Count  int
	Nodes  []struct {
		ID     string
		Status struct{ State string }
	}
	VPCUUID           string `json:"vpc_uuid"`
	MaintenancePolicy struct {
		Day       string
		StartTime string `json:"start_time"`
	} `json:"maintenance_policy"`
}

// list wants at least so many things of a command, and returns them.
func (d *doctlRun) list(least int, args ...string) ([]thing, error) {
	var got []thing
	if err := d.run(&got, args...); err != nil {
		return nil, err
	}
	if len(got) < least {
		return nil, fmt.Errorf("doctl %s lists %d, want at least %d", strings.Join(args, " "), len(got), least)
	}
	return got, nil
}

func (d *doctlRun) lists(least int, args ...string) {
	d.do(strings.Join(args, " "), func() error {
		_, err := d.list(least, args...)
		return err
	})
}

func (d *doctlRun) runs(args ...string) {
	d.do(strings.Join(args, " "), func() error { return d.run(nil, args...) })
}

func (d *doctlRun) firstLook() {
	d.do("account get", func() error {
		var a struct{ Email, Status string }
		if err := d.run(&a, "account", "get"); err != nil {
			return err
		}
		return want("status", a.Status, "active")
	})
	d.runs("account", "ratelimit")
	d.lists(10, "compute", "region", "list")
	d.lists(20, "compute", "size", "list")
	d.lists(1, "projects", "list")
	d.runs("projects", "get", "default")
	d.runs("compute", "tag", "create", "compat")
	d.lists(1, "compute", "tag", "list")
	d.lists(2, "kubernetes", "options", "versions")
	d.lists(3, "kubernetes", "options", "regions")
	d.lists(5, "kubernetes", "options", "sizes")
	d.lists(1, "kubernetes", "1-click", "list")
}

func (d *doctlRun) network() {
	d.do("vpcs create", func() error {
		got, err := d.list(1, "vpcs", "create", "--name", "compat", "--region", "nyc3", "--ip-range", "10.99.0.0/20", "--description", "for doctl")
		if err == nil {
			d.vpc = got[0].ID
		}
		return err
	})
	d.do("vpcs get", func() error {
		got, err := d.list(1, "vpcs", "get", d.vpc)
		if err != nil {
			return err
		}
		return want("name", got[0].Name, "compat")
	})
	d.do("vpcs update", func() error {
		return d.run(nil, "vpcs", "update", d.vpc, "--name", "compat", "--description", "for doctl, once more")
	})
	d.lists(2, "vpcs", "list")
}

func (d *doctlRun) clusterLives() {
	d.do("kubernetes cluster create --wait", func() error {
		got, err := d.list(1, "kubernetes", "cluster", "create", "compat", "--region", "nyc3", "--version", "1.35", "--vpc-uuid", d.vpc, "--tag", "compat",
			"--ha=false", "--maintenance-window", "sunday=04:00", "--node-pool", "name=general;size=s-2vcpu-4gb;count=2;tag=web;label=tier=front", "--wait")
		if err != nil {
			return err
		}
		d.cluster = got[0].ID
		return want("state", got[0].Status.State, "running")
	})
	d.do("kubernetes cluster get, by name", func() error {
		got, err := d.list(1, "kubernetes", "cluster", "get", "compat")
		if err != nil {
			return err
		}
		return want("VPC", got[0].VPCUUID, d.vpc)
	})
	d.lists(1, "kubernetes", "cluster", "list")
	d.do("kubernetes cluster kubeconfig show", func() error {
		text, err := d.exec(os.Getenv("K8OR_DOCTL"), "kubernetes", "cluster", "kubeconfig", "show", d.cluster)
		if err == nil && !strings.Contains(text, "current-context: do-nyc3-compat") {
			err = fmt.Errorf("the kubeconfig is %q", text)
		}
		return err
	})
	d.do("kubernetes cluster kubeconfig save", func() error {
		return d.run(nil, "kubernetes", "cluster", "kubeconfig", "save", "compat")
	})
	d.do("kubernetes cluster kubeconfig exec-credential", func() error {
		return d.run(nil, "kubernetes", "cluster", "kubeconfig", "exec-credential", d.cluster, "--version", "v1beta1")
	})
	if path := os.Getenv("K8OR_KUBECTL"); path != "" {
		d.do("kubectl get nodes, by the kubeconfig that doctl saved", func() error {
			text, err := d.exec(path, "get", "nodes")
			if err == nil && !strings.Contains(text, "general-") {
				err = fmt.Errorf("there are no nodes of ours in %q", text)
			}
			return err
		})
	}
	d.do("kubernetes cluster get-upgrades", func() error {
		_, err := d.list(1, "kubernetes", "cluster", "get-upgrades", "compat")
		return err
	})
	d.do("kubernetes cluster update", func() error {
		got, err := d.list(1, "kubernetes", "cluster", "update", "compat", "--maintenance-window", "tuesday=05:00", "--auto-upgrade=true", "--tag", "compat,changed")
		if err != nil {
			return err
		}
		return want("maintenance day", got[0].MaintenancePolicy.Day, "tuesday")
	})
}

func (d *doctlRun) poolsChange() {
	const command = "kubernetes cluster node-pool "
	pool := func(args ...string) []string {
		return append([]string{"kubernetes", "cluster", "node-pool"}, args...)
	}
	d.do(command+"create", func() error {
		got, err := d.list(1, pool("create", "compat", "--name", "extra", "--size", "s-2vcpu-4gb", "--count", "1", "--label", "tier=back", "--taint", "only=batch:NoSchedule")...)
		if err == nil {
			d.pool = got[0].ID
		}
		return err
	})
	d.do(command+"get, until its node runs", func() error { return d.poolRuns(1) })
	d.do(command+"list", func() error {
		_, err := d.list(2, pool("list", "compat")...)
		return err
	})
	d.do(command+"update", func() error { return d.run(nil, pool("update", "compat", "extra", "--count", "2")...) })
	d.do(command+"get, until both nodes run", func() error { return d.poolRuns(2) })
	d.do(command+"update to autoscale", func() error {
		return d.run(nil, pool("update", "compat", "extra", "--auto-scale", "--min-nodes", "1", "--max-nodes", "3")...)
	})
	d.do(command+"delete-node", func() error {
		got, err := d.list(1, pool("get", "compat", "general")...)
		if err != nil {
			return err
		}
		return d.run(nil, pool("delete-node", "compat", "general", got[0].Nodes[0].ID, "--force")...)
	})
	d.do(command+"delete", func() error { return d.run(nil, pool("delete", "compat", "extra", "--force")...) })
	d.do("compute droplet list", func() error {
		var droplets []struct{ ID int } // the one kind whose ids are numbers
		if err := d.run(&droplets, "compute", "droplet", "list"); err != nil || len(droplets) >= 2 {
			return err
		}
		return fmt.Errorf("there are %d Droplets, want at least the 2 workers", len(droplets))
	})
	d.lists(0, "compute", "load-balancer", "list")
	d.lists(0, "compute", "volume", "list")
}

func (d *doctlRun) poolRuns(nodes int) error {
	return d.until(time.Minute, "the pool's nodes run", func() error {
		got, err := d.list(1, "kubernetes", "cluster", "node-pool", "get", d.cluster, d.pool)
		if err != nil {
			return err
		}
		running := 0
		for _, n := range got[0].Nodes {
			if n.Status.State == "running" {
				running++
			}
		}
		return want("nodes that run", fmt.Sprint(running), fmt.Sprint(nodes))
	})
}

func (d *doctlRun) clusterEnds() {
	d.do("kubernetes cluster delete", func() error { return d.run(nil, "kubernetes", "cluster", "delete", "compat", "--force") })
	d.do("kubernetes cluster list, until it is gone", func() error {
		return d.until(time.Minute, "the cluster is gone", func() error {
			got, err := d.list(0, "kubernetes", "cluster", "list")
			if err != nil {
				return err
			}
			return want("clusters", fmt.Sprint(len(got)), "0")
		})
	})
}

// leftovers makes a cluster without waiting for it, and what it would leave behind.
func (d *doctlRun) leftovers(name string) (cluster, volume string, err error) {
	got, err := d.list(1, "kubernetes", "cluster", "create", name, "--region", "nyc3", "--version", "latest", "--vpc-uuid", d.vpc, "--size", "s-2vcpu-4gb", "--count", "1",
		"--wait=false", "--update-kubeconfig=false")
	if err != nil {
		return "", "", err
	}
	cluster = got[0].ID
	if got, err = d.list(1, "compute", "volume", "create", "pvc-"+name, "--region", "nyc3", "--size", "1GiB", "--fs-type", "ext4", "--tag", "k8s:"+cluster); err != nil {
		return "", "", err
	}
	return cluster, got[0].ID, nil
}

// volumeIsThere says whether a volume is still listed.
func (d *doctlRun) volumeIsThere(id string) error {
	got, err := d.list(0, "compute", "volume", "list")
	if err != nil {
		return err
	}
	for _, v := range got {
		if v.ID == id {
			return nil
		}
	}
	return fmt.Errorf("volume %s is not listed", id)
}

func (d *doctlRun) endsWithAll() {
	var cluster, volume string
	d.do("kubernetes cluster create --wait=false, compute volume create", func() (err error) {
		cluster, volume, err = d.leftovers("all")
		return err
	})
	d.do("kubernetes cluster list-associated-resources", func() error {
		text, err := d.exec(os.Getenv("K8OR_DOCTL"), "kubernetes", "cluster", "list-associated-resources", cluster, "--output", "json")
		if err == nil && !strings.Contains(text, volume) {
			err = fmt.Errorf("volume %s is not among %s", volume, text)
		}
		return err
	})
	d.do("kubernetes cluster delete --dangerous", func() error {
		if err := d.run(nil, "kubernetes", "cluster", "delete", cluster, "--dangerous", "--force", "--update-kubeconfig=false"); err != nil {
			return err
		}
		if d.volumeIsThere(volume) == nil {
			return fmt.Errorf("volume %s stayed", volume)
		}
		return nil
	})
}

func (d *doctlRun) endsSelectively() {
	d.do("kubernetes cluster delete-selective", func() error {
		cluster, volume, err := d.leftovers("some")
		if err != nil {
			return err
		}
		kept, err := d.list(1, "compute", "volume", "create", "pvc-kept", "--region", "nyc3", "--size", "1GiB", "--tag", "k8s:"+cluster)
		if err != nil {
			return err
		}
		if err := d.run(nil, "kubernetes", "cluster", "delete-selective", cluster, "--volumes", volume, "--force", "--update-kubeconfig=false"); err != nil {
			return err
		}
		if d.volumeIsThere(volume) == nil {
			return fmt.Errorf("volume %s stayed", volume)
		}
		if err := d.volumeIsThere(kept[0].ID); err != nil {
			return err
		}
		return d.run(nil, "compute", "volume", "delete", kept[0].ID, "--force")
	})
}

func (d *doctlRun) networkGoes() {
	d.do("vpcs delete, refused while a cluster is in it, then done", func() error {
		return d.until(time.Minute, "the VPC is empty", func() error { return d.run(nil, "vpcs", "delete", d.vpc, "--force") })
	})
	d.runs("compute", "tag", "delete", "compat", "--force")
	if _, err := os.Stat(filepath.Join(d.dir, "kubeconfig")); err != nil {
		d.Errorf("doctl wrote no kubeconfig: %v", err)
	}
}

func want(what, got, want string) error {
	if got != want {
		return fmt.Errorf("%s is %q, want %q", what, got, want)
	}
	return nil
}
