// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ineligible says why an account's registries do not fit a tier.
func (c *Cloud) ineligible(a *account, t *tier) ([]string, error) {
	reasons := []string{}
	repositories, bytes := 0, int64(0)
	for _, r := range a.Registries.All {
		stored, err := c.registryBytes(r.Name)
		if err != nil {
			return nil, err
		}
		repositories, bytes = repositories+len(c.imagesOf(r.Name)), bytes+stored
	}
	if t.repositories > 0 && repositories > t.repositories {
		reasons = append(reasons, "OverRepositoryLimit")
	}
	if !t.overage && bytes > t.storage {
		reasons = append(reasons, "OverStorageLimit")
	}
	if len(a.Registries.All) > t.registries {
		reasons = append(reasons, "OverRegistryLimit")
	}
	return reasons, nil
}

func (c *Cloud) registryOptions(q *request) (any, error) {
	views := []object{}
	for i := range tiers {
		reasons, err := c.ineligible(q.account, &tiers[i])
		if err != nil {
			return nil, err
		}
		view := tiers[i].view()
		view["eligible"] = len(reasons) == 0
		if len(reasons) > 0 {
			view["eligibility_reasons"] = reasons
		}
		views = append(views, view)
	}
	return object{"options": object{"available_regions": registryRegions, "subscription_tiers": views}}, nil
}

func (c *Cloud) getSubscription(q *request) (any, error) {
	if q.account.Registries.Tier == "" {
		return nil, notFound()
	}
	return object{"subscription": q.account.Registries.viewSubscription()}, nil
}

func (c *Cloud) updateSubscription(q *request) (any, error) {
	var in struct {
		Tier string `json:"tier_slug"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	t := tierOf(in.Tier)
	if t == nil {
		return nil, invalid("tier_slug %q is not one of starter, basic, professional", in.Tier)
	}
	if q.account.Registries.Tier == "" {
		return nil, notFound()
	}
	reasons, err := c.ineligible(q.account, t)
	if err != nil {
		return nil, err
	}
	if len(reasons) > 0 {
		return nil, fail(http.StatusPreconditionFailed, "registry is not eligible for tier because: ["+strings.Join(reasons, " ")+"]")
	}
	q.account.Registries.Tier, q.account.Registries.Changed = t.slug, c.born().Created
	return object{"subscription": q.account.Registries.viewSubscription()}, nil
}

// dockerCredentials gives out a password in the form of a Docker config.json, which names the registry's real host. Without an
// expiry it is good for ever; it lets push only when asked.
func (c *Cloud) dockerCredentials(q *request, r *imageRegistry) (any, error) {
	given := &registryCredential{Registry: r.Name}
	if text := q.URL.Query().Get("expiry_seconds"); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < 0 {
			return nil, bad("expiry_seconds must be a number from 0")
		}
		if seconds > 0 {
			given.Expires = c.clock.Wall().Add(time.Duration(seconds) * time.Second)
		}
	}
	if text := q.URL.Query().Get("read_write"); text != "" {
		var err error
		if given.Write, err = strconv.ParseBool(text); err != nil {
			return nil, bad("read_write must be true or false")
		}
	}
	c.addCredential(q.account, given)
	return given.config(), nil
}

// config is a Docker config.json with this password in it.
func (g *registryCredential) config() object {
	auth := base64.StdEncoding.EncodeToString([]byte(g.Token + ":" + g.Token))
	return object{"auths": object{"registry.digitalocean.com": object{"auth": auth}}}
}

// pulls are the Docker configurations of a cluster's registries.
func (s *registryState) pulls(cluster string) map[string][]byte {
	all := map[string][]byte{}
	for _, g := range s.Credentials {
		if g.Cluster == cluster {
			all[g.Registry], _ = json.Marshal(g.config()) // strings alone
		}
	}
	return all
}

// revoke forgets the password of a cluster's pull secret; with no registry named, all of the cluster's.
func (s *registryState) revoke(cluster, registry string) {
	s.Credentials = slices.DeleteFunc(s.Credentials, func(g *registryCredential) bool {
		return g.Cluster == cluster && (registry == "" || g.Registry == registry)
	})
}

func (c *Cloud) addCredential(a *account, given *registryCredential) {
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(c.random.UintN(256))
	}
	given.Token = "dop_v1_" + hex.EncodeToString(secret)
	a.Registries.Credentials = append(a.Registries.Credentials, given)
	c.changed() // although this is a GET
}
