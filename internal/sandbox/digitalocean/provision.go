// SPDX-License-Identifier: Apache-2.0

package digitalocean

import "time"

// What DigitalOcean itself makes inside a team's account, in Go, for whoever plays a part of it in this process. The exported
// methods take the cloud's lock: call them without it, so never from a handler, a step or Options.Changed; what runs with the
// lock held calls addLoadBalancer, addVolume, attachVolume, addDroplet and their like. They keep the API's rules and give its
// texts, and whoever wants limits, records and faults too speaks HTTP with Hands instead.

// ForwardingRule is where a load balancer takes traffic and where it sends it.
type ForwardingRule struct {
	EntryProtocol  string
	EntryPort      int
	TargetProtocol string
	TargetPort     int
	CertificateID  string
	TLSPassthrough bool
}

// LoadBalancerSpec is what a load balancer should be. What is empty gets the API's default.
type LoadBalancerSpec struct {
	Name     string // unique in the team
	Region   string
	VPC      string // "": the region's default
	Project  string // "": the default project
	Type     string // REGIONAL or REGIONAL_NETWORK
	Network  string // EXTERNAL or INTERNAL
	SizeUnit int
	Tags     []string // its own, like k8s:<cluster id>
	Droplets []int
	Rules    []ForwardingRule
}

// LoadBalancerStatus is what has come of a load balancer.
type LoadBalancerStatus struct {
	ID     string
	Status string // new, active, errored
	IP     string // empty until active
}

// EnsureLoadBalancer makes the team's load balancer of this name, or changes the one that is there into what the spec says.
func (c *Cloud) EnsureLoadBalancer(team string, spec LoadBalancerSpec) (LoadBalancerStatus, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	a := c.account(team)
	var self *loadBalancer
	for _, l := range a.LoadBalancers.All {
		if l.Name == spec.Name {
			self = l
		}
	}
	in := loadBalancerInput{
		Name: spec.Name, Region: spec.Region, VPC: spec.VPC, Type: spec.Type, Network: spec.Network,
		Tags: spec.Tags, DropletIDs: spec.Droplets, ProjectID: spec.Project,
	}
	if spec.SizeUnit != 0 {
		in.SizeUnit = &spec.SizeUnit
	}
	for _, r := range spec.Rules {
		in.ForwardingRules = append(in.ForwardingRules, forwardingRule(r))
	}
	full, err := c.loadBalancerSpec(a, true, in, self)
	if err != nil {
		return LoadBalancerStatus{}, err
	}
	if self == nil {
		self = c.addLoadBalancer(a, full, spec.Project, false)
	} else {
		c.updateLoadBalancer(a, self, full, spec.Project)
	}
	c.changed()
	return LoadBalancerStatus{self.ID, self.Status, self.IP}, nil
}

// VolumeSpec is what a volume should be.
type VolumeSpec struct {
	Name       string // pvc-<uid>; unique in its region
	Region     string
	GiB        int
	Filesystem string // ext4, xfs or none
	Snapshot   string // what it is made from; "": it is empty
	Tags       []string
}

// EnsureVolume finds the team's volume of this name in the region, or makes it, and says its id. A smaller one is made larger.
func (c *Cloud) EnsureVolume(team string, spec VolumeSpec) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	a := c.account(team)
	v := a.Volumes.named(spec.Name, spec.Region)
	var err error
	switch {
	case v == nil:
		v, err = c.addVolume(a, volumeInput{
			Name: spec.Name, Region: spec.Region, Size: spec.GiB, FilesystemType: spec.Filesystem, SnapshotID: spec.Snapshot, Tags: spec.Tags,
		})
	case v.Size < spec.GiB:
		_, err = c.resizeVolume(a, v, spec.GiB)
	}
	if err != nil {
		return "", err
	}
	c.changed()
	return v.ID, nil
}

// AttachVolume begins to attach a volume to a Droplet; attached to it already is fine.
func (c *Cloud) AttachVolume(team, id string, droplet int) error {
	return c.onVolumeOf(team, id, func(a *account, v *volume) error {
		if v.Droplet == droplet {
			return nil
		}
		_, err := c.attachVolume(a, v, droplet)
		return err
	})
}

// DetachVolume begins to detach a volume from the Droplet that has it; attached to none is fine.
func (c *Cloud) DetachVolume(team, id string) error {
	return c.onVolumeOf(team, id, func(a *account, v *volume) error {
		if v.Droplet == 0 {
			return nil
		}
		_, err := c.detachVolume(a, v, 0)
		return err
	})
}

func (c *Cloud) onVolumeOf(team, id string, f func(*account, *volume) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	a := c.account(team)
	v := a.Volumes.find(id)
	if v == nil {
		return notFound()
	}
	if err := f(a, v); err != nil {
		return err
	}
	c.changed()
	return nil
}

// VolumeSnapshot is a snapshot of a volume.
type VolumeSnapshot struct {
	ID    string
	GiB   int // of its volume
	Taken time.Time
}

// EnsureSnapshot finds the snapshot of this name of a volume, or takes it.
func (c *Cloud) EnsureSnapshot(team, volume, name string, tags []string) (VolumeSnapshot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	a := c.account(team)
	for _, s := range a.Snapshots.of("volume", volume) {
		if s.Name == name {
			return s.known(), nil
		}
	}
	v := a.Volumes.find(volume)
	if v == nil {
		return VolumeSnapshot{}, notFound()
	}
	if err := c.ensureTags(a, tags); err != nil {
		return VolumeSnapshot{}, err
	}
	s := c.snapshotVolume(a, v, name, tags)
	c.changed()
	return s.known(), nil
}

// FindSnapshot finds a snapshot of a volume by its id; false when there is none.
func (c *Cloud) FindSnapshot(team, id string) (VolumeSnapshot, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.account(team).Snapshots.find(id)
	if s == nil || s.Kind != "volume" {
		return VolumeSnapshot{}, false
	}
	return s.known(), true
}

func (n *snapshot) known() VolumeSnapshot {
	return VolumeSnapshot{ID: n.ID, GiB: n.Size, Taken: n.Created}
}

// DropletSpec is what a worker node's Droplet should be.
type DropletSpec struct {
	Name    string
	Region  string
	Size    string
	Image   string
	VPC     string // "": the region's default
	Project string // "": the default project
	Cluster string // whose node it is; such a Droplet takes no reserved IP
	Tags    []string
	Private bool // no public address
}

// AddDroplet makes a Droplet, which boots by itself, and says its id. Names and images are not checked, since DOKS has its own.
func (c *Cloud) AddDroplet(team string, spec DropletSpec) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	a := c.account(team)
	s := sizeOf(spec.Size)
	switch {
	case s == nil || !s.in(spec.Region):
		return 0, invalid("size %q cannot be had in region %q", spec.Size, spec.Region)
	case a.spareDroplets() < 1:
		return 0, invalid("creating this/these droplet(s) will exceed your droplet limit")
	case spec.Project != "" && a.Projects.find(spec.Project) == nil:
		return 0, invalid("project_id %q is not a project of this account", spec.Project)
	}
	v, err := c.vpcInRegion(a, spec.VPC, spec.Region)
	if err != nil {
		return 0, err
	}
	if err := c.ensureTags(a, spec.Tags); err != nil {
		return 0, err
	}
	d := c.addDroplet(a, &droplet{
		Name: spec.Name, Region: spec.Region, Size: spec.Size, Image: spec.Image, VPC: v.ID, Cluster: spec.Cluster, Tags: spec.Tags,
	}, !spec.Private)
	c.assign(a, d.urn(), spec.Project) //nolint:errcheck // checked before
	c.changed()
	return d.ID, nil
}

// Destroy deletes one thing of a team, whatever it is attached to: a droplet, load_balancer, volume, volume_snapshot or image.
// What is not there is fine.
func (c *Cloud) Destroy(team, kind, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	c.destroy(c.account(team), kind, id)
	c.changed()
}
