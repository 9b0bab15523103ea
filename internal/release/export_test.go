// SPDX-License-Identifier: Apache-2.0

package release

import (
	"context"

	"helm.sh/helm/v4/pkg/release/common"

	"github.com/k8or/k8or/internal/kube"
)

// Cut leaves the last record of a release as a run that is killed does.
func Cut(ctx context.Context, cluster *kube.Cluster, namespace, name, status string) error {
	history, err := historyOf(ctx, cluster, namespace, name)
	if err != nil {
		return err
	}
	a, err := configure(ctx, cluster, namespace)
	if err != nil {
		return err
	}
	last := history[len(history)-1]
	last.Info.Status = common.Status(status)
	return a.Releases.Update(last)
}
