// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/http"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/sandbox/spaces"
)

// spacesKey is an access key of Spaces. Its secret is shown once, when it is made.
type spacesKey struct {
	born
	Name      string         `json:"name"`
	AccessKey string         `json:"accessKey"`
	Secret    string         `json:"secret"`
	Grants    []spaces.Grant `json:"grants"`
}

const (
	maxSpacesKeys = 200 // docs.digitalocean.com, Spaces limits
	fullAccess    = "fullaccess"
)

func (s *spacesState) key(accessKey string) *spacesKey {
	for _, k := range s.Keys {
		if k.AccessKey == accessKey {
			return k
		}
	}
	return nil
}

func (k *spacesKey) view() object {
	return object{"name": k.Name, "access_key": k.AccessKey, "grants": append([]spaces.Grant{}, k.Grants...), "created_at": k.Created}
}

func (c *Cloud) spacesRoutes() []route {
	read, update := []string{"spaces_key:read"}, []string{"spaces_key:update"}
	return []route{
		{"GET /v2/spaces/keys", 200, read, c.listSpacesKeys},
		{"POST /v2/spaces/keys", 201, []string{"spaces_key:create_credentials"}, c.createSpacesKey},
		{"GET /v2/spaces/keys/{key}", 200, read, c.onSpacesKey(c.getSpacesKey)},
		{"PUT /v2/spaces/keys/{key}", 200, update, c.onSpacesKey(c.updateSpacesKey)},
		{"PATCH /v2/spaces/keys/{key}", 200, update, c.onSpacesKey(c.updateSpacesKey)},
		{"DELETE /v2/spaces/keys/{key}", 204, []string{"spaces_key:delete"}, c.onSpacesKey(c.deleteSpacesKey)},
	}
}

func (c *Cloud) onSpacesKey(f func(*request, *spacesKey) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		k := q.account.Spaces.key(q.PathValue("key"))
		if k == nil {
			return nil, notFound()
		}
		return f(q, k)
	}
}

func bad(message string) error { return fail(http.StatusBadRequest, message) }

func (c *Cloud) listSpacesKeys(q *request) (any, error) {
	asked := q.URL.Query()
	all := slices.DeleteFunc(slices.Clone(q.account.Spaces.Keys), func(k *spacesKey) bool {
		granted := slices.ContainsFunc(k.Grants, func(g spaces.Grant) bool {
			return (!asked.Has("bucket") || g.Bucket == asked.Get("bucket")) && (!asked.Has("permission") || g.Permission == asked.Get("permission"))
		})
		return asked.Get("name") != "" && k.Name != asked.Get("name") || (asked.Has("bucket") || asked.Has("permission")) && !granted
	})
	field, direction := asked.Get("sort"), asked.Get("sort_direction")
	if (field == "") != (direction == "") {
		return nil, bad("sort must be used with sort_direction")
	}
	compare := func(x, y *spacesKey) int { return 0 }
	switch field {
	case "":
	case "name":
		compare = func(x, y *spacesKey) int { return strings.Compare(x.Name, y.Name) }
	case "created_at":
		compare = func(x, y *spacesKey) int { return x.Created.Compare(y.Created) }
	default:
		return nil, bad("sort may be name or created_at")
	}
	switch direction {
	case "", "asc":
		slices.SortStableFunc(all, compare)
	case "desc":
		slices.SortStableFunc(all, func(x, y *spacesKey) int { return compare(y, x) })
	default:
		return nil, bad("sort_direction may be asc or desc")
	}
	return page(q, "keys", all, func(k *spacesKey) any { return k.view() })
}

type spacesKeyInput struct {
	Name   *string         `json:"name"`
	Grants *[]spaces.Grant `json:"grants"`
	// read-only, ignored
	AccessKey string `json:"access_key"`
	CreatedAt string `json:"created_at"`
	SecretKey string `json:"secret_key"`
}

// check holds grants against the published rules: full access stands alone and names no bucket, everything else names one that
// the account has and that no policy governs.
func (c *Cloud) checkGrants(a *account, grants []spaces.Grant) error {
	full, limited := false, false
	for _, g := range grants {
		switch g.Permission {
		case fullAccess:
			full = true
			if g.Bucket != "" {
				return bad("a fullaccess grant is for all buckets: its bucket must be empty")
			}
			continue
		case "read", "readwrite", "":
			limited = true
		default:
			return bad("permission \"" + g.Permission + "\" is not one of read, readwrite, fullaccess")
		}
		if g.Bucket == "" {
			return bad("a grant of " + g.Permission + " must name its bucket")
		}
		if c.options.Spaces == nil {
			continue
		}
		if !slices.ContainsFunc(a.Spaces.Buckets, func(b *space) bool { return b.Name == g.Bucket }) {
			return bad("bucket " + g.Bucket + " is not a bucket of this account")
		}
		if c.options.Spaces.HasPolicy(g.Bucket) {
			return bad("bucket " + g.Bucket + " has a bucket policy; a limited-access key cannot have a grant on it")
		}
	}
	if full && limited {
		return bad("cannot mix fullaccess permission with scoped permissions.")
	}
	return nil
}

func (c *Cloud) createSpacesKey(q *request) (any, error) {
	var in spacesKeyInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Name == nil || *in.Name == "" {
		return nil, bad("name is required")
	}
	var grants []spaces.Grant
	if in.Grants != nil {
		grants = *in.Grants
	}
	if err := c.checkGrants(q.account, grants); err != nil {
		return nil, err
	}
	if len(q.account.Spaces.Keys) >= maxSpacesKeys {
		return nil, invalid("access key limit exceeded: an account may have %d", maxSpacesKeys)
	}
	k := &spacesKey{born: c.born(), Name: *in.Name, AccessKey: "DO00" + strings.ToUpper(c.newName(16)), Secret: c.newName(43), Grants: grants}
	q.account.Spaces.Keys = append(q.account.Spaces.Keys, k)
	c.created("spaces_key", k.AccessKey, k.Name)
	c.ready("spaces_key", k.AccessKey)
	view := k.view()
	view["secret_key"] = k.Secret
	return object{"key": view}, nil
}

// getSpacesKey answers under `key`, as godo reads it; the published description writes `keys`.
func (c *Cloud) getSpacesKey(_ *request, k *spacesKey) (any, error) {
	return object{"key": k.view()}, nil
}

func isFull(grants []spaces.Grant) bool { return len(grants) > 0 && grants[0].Permission == fullAccess }

// updateSpacesKey changes the name, and the grants of a key with limited access. Grants that are left out stay.
func (c *Cloud) updateSpacesKey(q *request, k *spacesKey) (any, error) {
	var in spacesKeyInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Name != nil && *in.Name == "" {
		return nil, bad("name can't be empty")
	}
	if in.Grants != nil {
		if err := c.checkGrants(q.account, *in.Grants); err != nil {
			return nil, err
		}
		if isFull(k.Grants) != isFull(*in.Grants) && len(k.Grants) > 0 {
			return nil, bad("cannot convert a fullaccess key to a scoped key or vice versa")
		}
		k.Grants = *in.Grants
	}
	if in.Name != nil {
		k.Name = *in.Name
	}
	return object{"key": k.view()}, nil
}

func (c *Cloud) deleteSpacesKey(q *request, k *spacesKey) (any, error) {
	q.account.Spaces.Keys = slices.DeleteFunc(q.account.Spaces.Keys, func(other *spacesKey) bool { return other == k })
	c.gone("spaces_key", k.AccessKey)
	return nil, nil
}
