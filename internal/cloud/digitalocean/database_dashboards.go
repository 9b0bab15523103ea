// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"

	"github.com/k8or/k8or/internal/graph"
)

// Dashboards is where the OpenSearch Dashboards of one of the platform's database clusters answer, an https address without
// credentials; false where the cluster is not there, or DigitalOcean tells of none.
func (e *Estate) Dashboards(ctx context.Context, c *graph.Call, cluster string) (string, bool, error) {
	ours, err := e.ourDatabases(ctx, c)
	if err != nil {
		return "", false, err
	}
	for _, d := range ours {
		if d.Name != cluster || d.UI.Host == "" {
			continue
		}
		if d.UI.Port == 0 || d.UI.Port == 443 {
			return fmt.Sprintf("https://%s/", d.UI.Host), true, nil
		}
		return fmt.Sprintf("https://%s:%d/", d.UI.Host, d.UI.Port), true, nil
	}
	return "", false, nil
}
