// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"cmp"
	"fmt"
	"time"

	"github.com/k8or/k8or/internal/catalog/messaging"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

// offer makes the Kafka known to monitoring, logging and verify.
func (m maker) offer(b *product.Building) {
	labels := map[string]string{"strimzi.io/cluster": m.Name, "strimzi.io/kind": "Kafka"}
	product.Offer(b, product.MetricsTarget{Entry: m.ID, Namespace: m.Namespace(), Labels: labels, Port: "tcp-prometheus", Path: "/metrics", Ready: m.ID})
	product.Offer(b, product.LogSource{Entry: m.ID, Namespace: m.Namespace(), Labels: labels, Multiline: "java"})
	for _, a := range m.alerts() {
		product.Offer(b, a)
	}
	product.Offer(b, product.Dashboard{Entry: m.ID, Title: "Kafka " + m.Name, JSON: m.dashboard()})
	files := map[string]kube.SecretKey{}
	for _, key := range []string{messaging.KeyBootstrap, messaging.KeyProtocol, messaging.KeyMechanism, messaging.KeyUsername, messaging.KeyPassword, messaging.KeyCA} {
		files["kafka/"+key] = kube.SecretKey{Namespace: m.Namespace(), Name: probeUser + ".binding", Key: key}
	}
	product.Offer(b, product.Probe{Entry: m.ID, Name: "message",
		Proves: "a message is written to all copies of a topic of k8or's own and read again, by a user who may do only that",
		Spec:   probe.Spec{Timeout: 2 * time.Minute, Kafka: &probe.Kafka{Binding: "/probe/kafka", Topic: probeTopic}},
		Files:  files, Namespace: m.Namespace(), Look: "k8or logs " + string(m.ID)})
}

// alerts are what somebody has to be told. The series are those of Strimzi's metrics reporter and of its exporter of lag.
func (m maker) alerts() []product.Alert {
	in := fmt.Sprintf("{namespace=%q}", m.Namespace())
	alert := func(name, severity, after, summary, expression string, args ...any) product.Alert {
		return product.Alert{Entry: m.ID, Name: name, Severity: severity, For: after, Summary: "Kafka " + m.Name + ": " + summary, Expression: fmt.Sprintf(expression, args...)}
	}
	return []product.Alert{
		alert("KafkaOfflinePartitions", "critical", "1m", "partitions have no leader and can be neither written nor read",
			"sum(kafka_controller_kafkacontroller_offlinepartitionscount%s) > 0", in),
		alert("KafkaUnderMinInSync", "critical", "5m", "partitions have too few copies in sync and refuse writes",
			"sum(kafka_cluster_partition_underminisr%s) > 0", in),
		alert("KafkaNoController", "critical", "5m", "there is not exactly one active controller",
			"sum(kafka_controller_kafkacontroller_activecontrollercount%s) != 1", in),
		alert("KafkaUnderReplicated", "warning", "10m", "partitions lack a copy; a broker is down or slow",
			"sum(kafka_server_replicamanager_underreplicatedpartitions%s) > 0", in),
		alert("KafkaDiskFills", "warning", "15m", "the disk {{ $labels.persistentvolumeclaim }} has less than 15 % free",
			"kubelet_volume_stats_available_bytes%[1]s / kubelet_volume_stats_capacity_bytes%[1]s < 0.15", in),
		alert("KafkaConsumersLag", "warning", "15m", "the group {{ $labels.consumergroup }} is behind on {{ $labels.topic }}",
			"sum by (consumergroup, topic) (kafka_consumergroup_lag%s) > %d", in, cmp.Or(m.Options.MaxLag, 10000)),
	}
}

// dashboard is a page of Grafana's: what a person looks at first when messages are late.
func (m maker) dashboard() []byte {
	in := fmt.Sprintf("namespace=%q", m.Namespace())
	panels := []product.Panel{
		{Title: "Messages in a second", Unit: "ops", Legend: "{{topic}}", Expression: `sum by (topic) (rate(kafka_server_brokertopicmetrics_messagesinpersec_total{%s,topic!=""}[5m]))`},
		{Title: "Bytes in a second", Unit: "Bps", Legend: "{{pod}}", Expression: `sum by (pod) (rate(kafka_server_brokertopicmetrics_bytesinpersec_total{%s,topic!=""}[5m]))`},
		{Title: "Bytes out a second", Unit: "Bps", Legend: "{{pod}}", Expression: `sum by (pod) (rate(kafka_server_brokertopicmetrics_bytesoutpersec_total{%s,topic!=""}[5m]))`},
		{Title: "Messages that consumers are behind", Unit: "short", Legend: "{{consumergroup}} {{topic}}", Expression: `sum by (consumergroup, topic) (kafka_consumergroup_lag{%s})`},
		{Title: "Partitions without a leader", Unit: "short", Legend: "offline", Expression: `sum(kafka_controller_kafkacontroller_offlinepartitionscount{%s})`},
		{Title: "Partitions that lack a copy", Unit: "short", Legend: "under-replicated", Expression: `sum(kafka_server_replicamanager_underreplicatedpartitions{%s})`},
		{Title: "Heap in use", Unit: "bytes", Legend: "{{pod}}", Expression: `sum by (pod) (jvm_memory_used_bytes{%s})`},
		{Title: "Free space of disks", Unit: "percentunit", Legend: "{{persistentvolumeclaim}}", Expression: `kubelet_volume_stats_available_bytes{%[1]s} / kubelet_volume_stats_capacity_bytes{%[1]s}`},
	}
	for i := range panels {
		panels[i].Expression = fmt.Sprintf(panels[i].Expression, in)
	}
	return product.Panels(uid(m.ID), "Kafka "+m.Name, "kafka", panels)
}

// uid is a dashboard's identity, at most 40 characters.
func uid(id graph.ID) string {
	s := "k8or-" + topicObject(string(id))
	return s[:min(40, len(s))]
}
