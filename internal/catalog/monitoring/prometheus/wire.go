// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"github.com/k8or/k8or/internal/catalog/monitoring"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// wire joins what others offered: targets, alerts, dashboards and data sources, and proves that all targets are up.
func wire(w *product.Wiring, e entry) error {
	targets, err := monitoring.Join(w, watcher(e))
	if err != nil {
		return err
	}
	w.ProbeLate(targetsProbe(e, append(pools(e), targets...)))
	return nil
}

// watcher is this product's Prometheus, which selects everything whatever its labels.
func watcher(e entry) monitoring.Watcher {
	return monitoring.Watcher{Entry: e.ID, Ready: e.ID, Namespace: e.Namespace(), Pods: podsOf("prometheus"), Grafana: grafanaPods,
		Sources: func(s product.DataSource) kube.Derived { return source(e, s) }}
}
