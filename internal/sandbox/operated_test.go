// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"encoding/base64"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/k8or/k8or/internal/sandbox/operators/suite"
)

// config reaches a cluster with the credentials that the cloud gives out.
func (b *box) config(cluster string) *rest.Config {
	b.Helper()
	c := b.api(200, "GET", "/v2/kubernetes/clusters/"+cluster+"/credentials?expiry_seconds=3600", "")
	authority, err := base64.StdEncoding.DecodeString(c["certificate_authority_data"].(string))
	if err != nil {
		b.Fatal(err)
	}
	return &rest.Config{
		Host: c["server"].(string), BearerToken: c["token"].(string), TLSClientConfig: rest.TLSClientConfig{CAData: authority}, QPS: -1,
	}
}

func TestOperatorsArePlayedInTheRealControlPlane(t *testing.T) {
	t.Parallel()
	b := open(t, Options{Dir: t.TempDir(), ControlPlane: controlPlane(t), Speed: 60})
	out := b.api(201, "POST", "/v2/kubernetes/clusters", `{"name":"played","region":"nyc3","version":"1.36",
		"node_pools":[{"name":"general","size":"s-8vcpu-16gb","count":4}]}`)
	id := out["kubernetes_cluster"].(map[string]any)["id"].(string)
	b.until(180*time.Second, "the cluster runs", func() bool { return b.clusterState(id) == "running" })
	config := b.config(id)
	suite.Run(t, func() *rest.Config { return rest.CopyConfig(config) },
		suite.Spaces{Endpoint: b.info.Spaces, Region: "nyc3", AccessKey: b.info.SpacesKey, Secret: b.info.SpacesSecret})
}
