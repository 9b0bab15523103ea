// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"crypto/sha256"
	"fmt"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// watch hands monitoring, where the document has it, what DigitalOcean shows of the brokers' machines. Its API names the place for
// every database cluster, Kafka's among them; what is shown there it does not say: the names are those of Telegraf's plug-ins for
// machines, by which other engines are shown, and nobody has held them to a real endpoint yet.
func (m managed) watch(home graph.ID) error {
	if m.b.Platform().Spec.Monitoring == nil {
		return nil
	}
	if err := m.b.CloudMetrics(m.out, m.name, m.Namespace(), home); err != nil {
		return err
	}
	of := func(more string) string { return fmt.Sprintf("{%s=%q%s}", product.EntryLabel, m.ID, more) }
	alert := func(name, expression, summary string) {
		product.Offer(m.b, product.Alert{Entry: m.ID, Name: name, Severity: "warning", For: "15m", Expression: expression, Summary: string(m.ID) + ": " + summary})
	}
	alert("KafkaUnseen", "max(up"+of("")+") < 1", "DigitalOcean has shown no metrics of it for a quarter of an hour: it may be away, or its firewall keep Prometheus out")
	alert("KafkaDiskFills", "max(disk_used_percent"+of("")+") > 85", "a broker's disk is full but for 15 %; when it is full, nothing can be written: give it more by storage.size, or keep messages for a shorter time")
	uid := fmt.Sprintf("k8or-kafka-%x", sha256.Sum256([]byte(m.ID)))[:30]
	product.Offer(m.b, product.Dashboard{Entry: m.ID, Title: "Kafka " + m.Name, JSON: product.Panels(uid, "Kafka "+m.Name+" at DigitalOcean", "messaging", []product.Panel{
		{Title: "Processors in use", Unit: "percent", Legend: "{{instance}}", Expression: "100 - avg by (instance) (cpu_usage_idle" + of(`,cpu="cpu-total"`) + ")"},
		{Title: "Memory that is left", Unit: "percent", Legend: "{{instance}}", Expression: "min by (instance) (mem_available_percent" + of("") + ")"},
		{Title: "Disk in use", Unit: "percent", Legend: "{{instance}}", Expression: "max by (instance) (disk_used_percent" + of("") + ")"},
	})})
	return nil
}
