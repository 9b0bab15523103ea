// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/secret"
)

// DatabaseMetrics is where a database cluster shows its metrics, and by which credentials: DigitalOcean has one pair of them for all
// clusters of an account. It is read and never made, changed or deleted.
type DatabaseMetrics struct {
	On       *Estate
	Database graph.Value[DatabaseOut] `graph:"parent"`
	In       string                   // the cluster's name
}

// DatabaseMetricsOut is what somebody needs to read them.
type DatabaseMetricsOut struct {
	// Addresses are host:port, of the primary and of the standbys together, in order.
	Addresses []string
	Username  string
	Password  secret.Text
	// CA is the authority of the servers' certificates, in PEM.
	CA secret.Text
}

var _ graph.Resource[DatabaseMetricsOut] = (*DatabaseMetrics)(nil)

// endpoint is one place where metrics are shown.
type endpoint struct {
	Host string `json:"host"`
	Port int    `json:"port"`
}

// Kind is the kind of places of metrics.
func (m *DatabaseMetrics) Kind() *graph.Kind { return m.On.databaseMetrics }

// Key is the cluster's name.
func (m *DatabaseMetrics) Key() string { return m.In }

// Observe reads the addresses in the list of database clusters, and the credentials once for all of them.
func (m *DatabaseMetrics) Observe(ctx context.Context, c *graph.Call) (graph.Observed[DatabaseMetricsOut], error) {
	_, d, err := m.On.listed(ctx, c, m.Database)
	if err != nil || d == nil {
		return graph.Observed[DatabaseMetricsOut]{}, err
	}
	o := graph.Observed[DatabaseMetricsOut]{State: graph.Pending, ID: d.ID, Message: d.Status}
	if d.Status == databaseCreating {
		return o, nil
	}
	o.State, o.Message = graph.Ready, ""
	for _, e := range d.Metrics {
		o.Out.Addresses = append(o.Out.Addresses, net.JoinHostPort(e.Host, strconv.Itoa(e.Port)))
	}
	slices.Sort(o.Out.Addresses)
	given, err := m.On.metricsCredentials(ctx, c)
	if err != nil {
		return o, err
	}
	o.Out.Username, o.Out.Password = given.Username, given.Password
	o.Out.CA, err = m.On.authority(ctx, c, d.ID)
	return o, err
}

// metricsCredentials are those of the account.
func (e *Estate) metricsCredentials(ctx context.Context, c *graph.Call) (DatabaseMetricsOut, error) {
	return graph.Once(ctx, c, "digitalocean/databases/metrics", func(ctx context.Context) (DatabaseMetricsOut, error) {
		var answer struct {
			Credentials struct {
				Username string `json:"basic_auth_username"`
				Password string `json:"basic_auth_password"`
			} `json:"credentials"`
		}
		if err := e.client.get(ctx, "/v2/databases/metrics/credentials", &answer); err != nil {
			return DatabaseMetricsOut{}, fmt.Errorf("read the credentials of databases' metrics: %w", err)
		}
		return DatabaseMetricsOut{Username: answer.Credentials.Username, Password: secret.New(answer.Credentials.Password)}, nil
	})
}

// Diff has nothing to compare.
func (m *DatabaseMetrics) Diff(*graph.Call, graph.Observed[DatabaseMetricsOut]) []graph.Change {
	return nil
}

// Create looks once more: the cluster came after the last look.
func (m *DatabaseMetrics) Create(ctx context.Context, c *graph.Call) (graph.Observed[DatabaseMetricsOut], error) {
	return lookAgain(ctx, c, m.In, m.Observe)
}

// Update has nothing to change.
func (m *DatabaseMetrics) Update(_ context.Context, _ *graph.Call, have graph.Observed[DatabaseMetricsOut], _ []graph.Change) (graph.Observed[DatabaseMetricsOut], error) {
	return have, nil
}
