// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"time"
)

// credentialsLife is how long a credential is good for when the caller names no time: 7 days.
const credentialsLife = 7 * 24 * time.Hour

// until reads expiry_seconds. Credentials live by the machine's time, since the control plane does.
func (q *request) until() (time.Time, error) {
	life := credentialsLife
	if text := q.URL.Query().Get("expiry_seconds"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return time.Time{}, fail(400, "expiry_seconds must be a number of seconds, not "+text)
		}
		if n > 0 {
			life = time.Duration(n) * time.Second
		}
	}
	return q.cloud.clock.Wall().Add(life).UTC().Truncate(time.Second), nil
}

// access makes a token; there is none until the control plane answers.
func (c *Cloud) access(q *request, k *cluster) (token string, until time.Time, err error) {
	if until, err = q.until(); err != nil {
		return "", until, err
	}
	if k.Endpoint.Server == "" || c.options.Runtime == nil || k.State == stateProvisioning {
		return "", until, fail(404, "The cluster's endpoint is not available yet.")
	}
	token, err = c.options.Runtime.Token(k.ID, q.account.Email, until)
	return token, until, err
}

func (c *Cloud) getCredentials(q *request, k *cluster) (any, error) {
	token, until, err := c.access(q, k)
	if err != nil {
		return nil, err
	}
	return object{
		"server": k.Endpoint.Server, "certificate_authority_data": base64.StdEncoding.EncodeToString(k.Endpoint.CertificateAuthority),
		"client_certificate_data": nil, "client_key_data": nil, "token": token, "expires_at": until,
	}, nil
}

func (c *Cloud) getKubeconfig(q *request, k *cluster) (any, error) {
	if kind := q.URL.Query().Get("type"); kind != "" && kind != "token" {
		return nil, invalid("kubeconfig type %q: this cluster has no single sign-on", kind)
	}
	token, _, err := c.access(q, k)
	if err != nil {
		return nil, err
	}
	name := "do-" + k.Region + "-" + k.Name
	return raw(fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority-data: %s
    server: %s
  name: %s
contexts:
- context:
    cluster: %s
    user: %s-admin
  name: %s
current-context: %s
preferences: {}
users:
- name: %s-admin
  user:
    token: %s
`, base64.StdEncoding.EncodeToString(k.Endpoint.CertificateAuthority), k.Endpoint.Server, name, name, name, name, name, name, token)), nil
}

func (c *Cloud) getClusterUser(q *request, _ *cluster) (any, error) {
	return object{"kubernetes_cluster_user": object{"username": q.account.Email, "groups": []string{"k8saas:authenticated"}}}, nil
}

func (c *Cloud) listStatusMessages(q *request, k *cluster) (any, error) {
	since := time.Time{}
	if text := q.URL.Query().Get("since"); text != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, text); err != nil {
			return nil, fail(400, "since must be a time like 2026-11-24T09:00:00Z, not "+text)
		}
	}
	messages := []object{}
	for _, m := range k.Messages {
		if !m.At.Before(since) {
			messages = append(messages, object{"message": m.Message, "timestamp": m.At})
		}
	}
	return object{"messages": messages}, nil
}
