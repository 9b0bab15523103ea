// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/secret"
)

// CredentialsLife is how long cluster credentials are good for when the caller names no time.
const CredentialsLife = 15 * time.Minute

// Credentials open one cluster for a short time. They live in memory only.
type Credentials struct {
	Server  string // https://…
	CA      []byte // PEM
	Token   secret.Text
	Expires time.Time
}

// Credentials asks for short-lived credentials of a cluster; zero is [CredentialsLife]. While the cluster is provisioning
// the error asks to come back.
func (c *Client) Credentials(ctx context.Context, clusterID string, life time.Duration) (Credentials, error) {
	if life <= 0 {
		life = CredentialsLife
	}
	var answer struct {
		Server  string    `json:"server"`
		CA      string    `json:"certificate_authority_data"`
		Token   string    `json:"token"`
		Expires time.Time `json:"expires_at"`
	}
	path := "/v2/kubernetes/clusters/" + clusterID + "/credentials?expiry_seconds=" + strconv.Itoa(int(life.Seconds()))
	if err := c.get(ctx, path, &answer); err != nil {
		if notFound(err) {
			err = graph.Retry(err, 0)
		}
		return Credentials{}, fmt.Errorf("ask for credentials of cluster %s: %w", clusterID, err)
	}
	ca, err := base64.StdEncoding.DecodeString(answer.CA)
	if err != nil || answer.Server == "" || answer.Token == "" {
		return Credentials{}, graph.Retry(errors.Join(fmt.Errorf("the credentials of cluster %s are not complete yet", clusterID), err), 0)
	}
	return Credentials{Server: answer.Server, CA: ca, Token: secret.New(answer.Token), Expires: answer.Expires}, nil
}
