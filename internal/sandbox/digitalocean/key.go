// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// keyState is an account's SSH keys, oldest first.
type keyState struct {
	All []*sshKey `json:"all"`
}

type sshKey struct {
	born
	ID          int    `json:"id"`
	Fingerprint string `json:"fingerprint"`
	PublicKey   string `json:"publicKey"`
	Name        string `json:"name"`
}

func (c *Cloud) keyRoutes() []route {
	return []route{
		{"GET /v2/account/keys", 200, []string{"ssh_key:read"}, c.listKeys},
		{"POST /v2/account/keys", 201, []string{"ssh_key:create"}, c.createKey},
		{"GET /v2/account/keys/{key}", 200, []string{"ssh_key:read"}, c.getKey},
		{"PUT /v2/account/keys/{key}", 200, []string{"ssh_key:update"}, c.updateKey},
		{"DELETE /v2/account/keys/{key}", 204, []string{"ssh_key:delete"}, c.deleteKey},
	}
}

func (k *sshKey) view() object {
	return object{"id": k.ID, "fingerprint": k.Fingerprint, "public_key": k.PublicKey, "name": k.Name}
}

func (c *Cloud) listKeys(q *request) (any, error) {
	return page(q, "ssh_keys", q.account.Keys.All, func(k *sshKey) any { return k.view() })
}

func (c *Cloud) createKey(q *request) (any, error) {
	var in struct {
		Name      string `json:"name"`
		PublicKey string `json:"public_key"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	print, ok := fingerprint(in.PublicKey)
	if !ok {
		return nil, invalid("Key invalid, key should be of the format `type key [comment]`")
	}
	if in.Name == "" {
		return nil, invalid("Name can't be blank")
	}
	if q.account.Keys.find(print) != nil {
		return nil, invalid("SSH Key is already in use on your account")
	}
	k := &sshKey{born: c.born(), ID: c.newInt(), Fingerprint: print, PublicKey: in.PublicKey, Name: in.Name}
	q.account.Keys.All = append(q.account.Keys.All, k)
	return object{"ssh_key": k.view()}, nil
}

// fingerprint is the MD5 of the key's bytes, as DigitalOcean shows it.
func fingerprint(publicKey string) (string, bool) {
	fields := strings.Fields(publicKey)
	if len(fields) < 2 {
		return "", false
	}
	data, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil {
		return "", false
	}
	sum := md5.Sum(data)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02x", b)
	}
	return strings.Join(parts, ":"), true
}

// find knows a key by its id or its fingerprint.
func (s *keyState) find(key string) *sshKey {
	for _, k := range s.All {
		if k.Fingerprint == key || strconv.Itoa(k.ID) == key {
			return k
		}
	}
	return nil
}

func (c *Cloud) getKey(q *request) (any, error) {
	k := q.account.Keys.find(q.PathValue("key"))
	if k == nil {
		return nil, notFound()
	}
	return object{"ssh_key": k.view()}, nil
}

func (c *Cloud) updateKey(q *request) (any, error) {
	var in struct {
		Name string `json:"name"`
	}
	k := q.account.Keys.find(q.PathValue("key"))
	if k == nil {
		return nil, notFound()
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Name != "" {
		k.Name = in.Name
	}
	return object{"ssh_key": k.view()}, nil
}

func (c *Cloud) deleteKey(q *request) (any, error) {
	k := q.account.Keys.find(q.PathValue("key"))
	if k == nil {
		return nil, notFound()
	}
	q.account.Keys.All = slices.DeleteFunc(q.account.Keys.All, func(other *sshKey) bool { return other == k })
	return nil, nil
}
