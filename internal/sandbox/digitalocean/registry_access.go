// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"crypto/subtle"
	"fmt"

	docr "github.com/k8or/k8or/internal/sandbox/registry"
)

// The Cloud is what the registry server asks.
var _ docr.Cloud = (*Cloud)(nil)

// RegistryAccess says what the holder of a password may do: an API token as far as its scopes go, what docker-credentials gave
// out as far as it was asked for. Without a registry it says whether the password is known at all.
func (c *Cloud) RegistryAccess(registry, password string) (pull, push bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	owner, _ := c.registryNamed(registry)
	for _, t := range c.state.Tokens {
		if subtle.ConstantTimeCompare([]byte(t.Value), []byte(password)) == 1 {
			mine := registry == "" || owner != nil && owner.Team == t.Team
			return mine && t.may([]string{"registry:read"}), mine && t.may([]string{"registry:update"})
		}
	}
	for _, a := range c.state.Accounts {
		for _, given := range a.Registries.Credentials {
			if subtle.ConstantTimeCompare([]byte(given.Token), []byte(password)) != 1 {
				continue
			}
			alive := given.Expires.IsZero() || c.clock.Wall().Before(given.Expires)
			mine := alive && (registry == "" || owner == a && given.Registry == registry)
			return mine, mine && given.Write
		}
	}
	return false, false
}

// MayPush says why nothing may be pushed: a collection is under way, the tier's repositories are used up, or its storage is.
func (c *Cloud) MayPush(registry string, repositories int, known bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	a, r := c.registryNamed(registry)
	if r == nil {
		return fmt.Errorf("registry %s does not exist", registry)
	}
	if a.Registries.active(registry) != nil {
		return fmt.Errorf("registry %s is read-only while its garbage collection is active", registry)
	}
	t := tierOf(a.Registries.Tier)
	if !known && t.repositories > 0 && repositories >= t.repositories {
		return fmt.Errorf("registry contains %d repositories, limit is %d", repositories, t.repositories)
	}
	if !t.overage {
		// The starter's storage cannot be exceeded.
		if bytes, err := c.registryBytes(registry); err != nil || bytes >= t.storage {
			return fmt.Errorf("registry holds %d bytes, limit is %d", bytes, t.storage)
		}
	}
	return nil
}

// meetImages deletes what the registry server keeps for nobody, and makes room for registries that it does not know.
func (c *Cloud) meetImages() error {
	if c.options.Images == nil {
		return nil
	}
	var names []string
	for _, a := range c.state.Accounts {
		for _, r := range a.Registries.All {
			names = append(names, r.Name)
			if err := c.options.Images.Create(r.Name); err != nil {
				return err
			}
		}
	}
	return c.options.Images.Keep(names)
}
