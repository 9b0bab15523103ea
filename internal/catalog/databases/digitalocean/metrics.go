// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"crypto/sha256"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/databases"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// measures are what Telegraf, which DigitalOcean shows metrics by, calls what is watched of an engine: its connections, and how far
// its copies are behind. The names are those that people who export these metrics pass on, and nobody has held them to a real
// endpoint yet. Limits of connections are taken to be 25 for each GB of PostgreSQL's memory but for 3 that it keeps, 75 for each GB of
// MySQL's, and 10,000 of Valkey: a wrong one moves an alert, and nothing else.
var measures = map[string]struct {
	connections     string
	perGB, but, all int
	lag, lagUnit    string
	lagLimit        int
	lagSays         string
}{
	databases.PostgreSQL: {"max(sum by (instance) (postgresql_pg_stat_activity_conn_count%s))", 25, 3, 0, "max(postgresql_pg_stat_replication_bytes_diff%s)", "bytes", 256 << 20, "256 MiB"},
	databases.MySQL:      {"max(mysql_threads_connected%s)", 75, 0, 0, "", "", 0, ""},
	databases.Valkey:     {"max(redis_clients%s)", 0, 0, 10000, "max(redis_replication_lag%s)", "s", 60, "a minute"},
}

// most is how many connections a database of a size takes; zero where that is not known.
func most(engine, size string) int {
	m := measures[engine]
	if m.all > 0 {
		return m.all
	}
	memory := digitalocean.SizeMemory(size)
	if m.perGB == 0 || memory == 0 {
		return 0
	}
	return memory*m.perGB - m.but
}

// home is the node of the entry's namespace, which is there where something of the entry's own is in the cluster.
func (m *maker) home() (graph.ID, error) {
	id := m.ID + "/namespace"
	if m.b.Graph().Has(id) {
		return id, nil
	}
	_, err := m.b.Objects(id, m.Namespace(), []*unstructured.Unstructured{m.b.EntryNamespace(m.Namespace())})
	return id, err
}

// watch hands monitoring, where the document has it, the place where DigitalOcean shows the database's metrics, with its
// credentials in a Secret, a page to look at, and what somebody has to be told of.
func (m *maker) watch() error {
	if m.b.Platform().Spec.Monitoring == nil {
		return nil
	}
	home, err := m.home()
	if err != nil {
		return err
	}
	if err := m.b.CloudMetrics(m.out, m.name, m.Namespace(), home); err != nil {
		return err
	}
	m.alerts()
	m.dashboard()
	return nil
}

// of are the series of the entry.
func (m *maker) of(more string) string {
	return fmt.Sprintf("{%s=%q%s}", product.EntryLabel, m.ID, more)
}

func (m *maker) alerts() {
	alert := func(name, severity, after, expression, summary string) {
		product.Offer(m.b, product.Alert{Entry: m.ID, Name: name, Severity: severity, For: after, Expression: expression, Summary: string(m.ID) + ": " + summary})
	}
	alert("DatabaseUnseen", "warning", "15m", "max(up"+m.of("")+") < 1", "DigitalOcean has shown no metrics of it for a quarter of an hour: it may be away, or its firewall keep Prometheus out")
	if m.kind.storage {
		alert("DatabaseDiskFills", "warning", "15m", "max(disk_used_percent"+m.of("")+") > 85", "its disk is full but for 15 %; when it is full, nothing can be written: give it more by storage.size")
	}
	measured := measures[m.Spec.Engine]
	if n := most(m.Spec.Engine, m.kind.sold(m.Spec.Size)); n > 0 {
		alert("DatabaseConnectionsRunOut", "warning", "10m", fmt.Sprintf(measured.connections+" > %d", m.of(""), n*9/10),
			fmt.Sprintf("more than nine tenths of its %d connections are taken; who comes after the last is turned away", n))
	}
	if measured.lag != "" && nodes(m.Spec)+len(m.Spec.Replicas) > 1 {
		alert("DatabaseCopyLags", "warning", "10m", fmt.Sprintf(measured.lag+" > %d", m.of(""), measured.lagLimit),
			"a copy has been more than "+measured.lagSays+" behind for ten minutes: who reads there reads what was, and a failover would lose that much")
	}
}

// dashboard is a page of Grafana's. What is drawn of every engine is by Telegraf's plug-ins for machines.
func (m *maker) dashboard() {
	panels := []product.Panel{
		{Title: "Processors in use", Unit: "percent", Legend: "{{instance}}", Expression: "100 - avg by (instance) (cpu_usage_idle" + m.of(`,cpu="cpu-total"`) + ")"},
		{Title: "Memory that is left", Unit: "percent", Legend: "{{instance}}", Expression: "min by (instance) (mem_available_percent" + m.of("") + ")"},
	}
	if m.kind.storage {
		panels = append(panels, product.Panel{Title: "Disk in use", Unit: "percent", Legend: "{{instance}}", Expression: "max by (instance) (disk_used_percent" + m.of("") + ")"})
	}
	measured := measures[m.Spec.Engine]
	if measured.connections != "" {
		panels = append(panels, product.Panel{Title: "Connections", Unit: "short", Legend: "connections", Expression: fmt.Sprintf(measured.connections, m.of(""))})
	}
	if measured.lag != "" {
		panels = append(panels, product.Panel{Title: "How far copies are behind", Unit: measured.lagUnit, Legend: "behind", Expression: fmt.Sprintf(measured.lag, m.of(""))})
	}
	uid := fmt.Sprintf("k8or-database-%x", sha256.Sum256([]byte(m.ID)))[:30]
	product.Offer(m.b, product.Dashboard{Entry: m.ID, Title: "Database " + m.Name, JSON: product.Panels(uid, "Database "+m.Name+" ("+m.Spec.Engine+")", "databases", panels)})
}
