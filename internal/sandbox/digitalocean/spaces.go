// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"slices"

	"github.com/k8or/k8or/internal/sandbox/spaces"
)

// spacesState is an account's access keys, oldest first, and the buckets that the S3 server told of.
type spacesState struct {
	Keys    []*spacesKey `json:"keys"`
	Buckets []*space     `json:"buckets"`
}

// space is a bucket as a project holds it; what is in it, the S3 server knows.
type space struct {
	born
	Name   string `json:"name"`
	Region string `json:"region"`
}

func (b *space) urn() string { return "do:space:" + b.Name }

// SpacesAccess is a key with full access that no list shows, like the token.
type SpacesAccess struct {
	AccessKey string `json:"accessKey"`
	Secret    string `json:"secret"`
}

// The Cloud is what the S3 server asks about keys, and tells of buckets.
var _ spaces.Cloud = (*Cloud)(nil)

// SpacesKey is the access key with this id, of no matter which team.
func (c *Cloud) SpacesKey(accessKey string) (spaces.Key, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if own := c.options.SpacesAccess; own.AccessKey != "" && own.AccessKey == accessKey {
		return spaces.Key{Secret: own.Secret, Grants: []spaces.Grant{{Permission: fullAccess}}}, true
	}
	for _, a := range c.state.Accounts {
		if k := a.Spaces.key(accessKey); k != nil {
			return spaces.Key{Secret: k.Secret, Team: a.Team, Grants: slices.Clone(k.Grants)}, true
		}
	}
	return spaces.Key{}, false
}

// LimitedKey says whether any key has a grant on this bucket alone.
func (c *Cloud) LimitedKey(bucket string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.state.Accounts {
		for _, k := range a.Spaces.Keys {
			if slices.ContainsFunc(k.Grants, func(g spaces.Grant) bool { return g.Bucket == bucket }) {
				return true
			}
		}
	}
	return false
}

// SpaceCreated puts a new bucket into its team's default project.
func (c *Cloud) SpaceCreated(team, region, bucket string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addSpace(c.account(team), region, bucket)
	c.changed()
}

func (c *Cloud) addSpace(a *account, region, bucket string) {
	b := &space{born: c.born(), Name: bucket, Region: region}
	a.Spaces.Buckets = append(a.Spaces.Buckets, b)
	c.assign(a, b.urn(), "") //nolint:errcheck // the default project is always there
	c.created("space", bucket, bucket)
	c.ready("space", bucket)
}

// SpaceDeleted takes a bucket out of its project.
func (c *Cloud) SpaceDeleted(team, bucket string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removeSpace(c.account(team), bucket)
	c.changed()
}

func (c *Cloud) removeSpace(a *account, bucket string) {
	a.Spaces.Buckets = slices.DeleteFunc(a.Spaces.Buckets, func(b *space) bool { return b.Name == bucket })
	a.unassign("do:space:" + bucket)
	c.gone("space", bucket)
}

// meetSpaces brings what the accounts know of buckets level with the S3 server, whose folder outlives a kill by itself.
func (c *Cloud) meetSpaces() {
	if c.options.Spaces == nil {
		return
	}
	for team, a := range c.state.Accounts {
		there := map[string]string{}
		for _, b := range c.options.Spaces.Buckets(team) {
			there[b.Name] = b.Region
		}
		for _, b := range slices.Clone(a.Spaces.Buckets) {
			if _, ok := there[b.Name]; !ok {
				c.removeSpace(a, b.Name)
			}
			delete(there, b.Name)
		}
		for name, region := range there {
			c.addSpace(a, region, name)
		}
	}
}
