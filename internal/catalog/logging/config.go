// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// Section is one part of a configuration of Fluent Bit's: [INPUT] and its settings, in order.
type Section struct {
	Kind     string
	Settings [][2]string
}

// String is the section as Fluent Bit reads it.
func (s Section) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "[%s]\n", s.Kind)
	for _, kv := range s.Settings {
		fmt.Fprintf(&b, "    %-28s %s\n", kv[0], kv[1])
	}
	return b.String()
}

// Config is the configuration of the agents. Where they are up to in each file, and what nobody has taken in yet, they keep
// on the node's own disk, so that neither their restart nor that of whom they hand to loses a line.
func Config(sources []product.LogSource, namespace string, to Target) string {
	var b strings.Builder
	for i, s := range Sections(sources, namespace, to) {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(s.String())
	}
	return b.String()
}

// Sections are the parts of the configuration, in the order in which a record meets them.
func Sections(sources []product.LogSource, namespace string, to Target) []Section {
	out := []Section{
		{"SERVICE", [][2]string{{"Flush", "1"}, {"Log_Level", "info"}, {"Parsers_File", "/fluent-bit/etc/parsers.conf"},
			{"HTTP_Server", "On"}, {"HTTP_Listen", "0.0.0.0"}, {"HTTP_Port", "2020"}, {"Health_Check", "On"},
			{"storage.path", "/var/log/fluent-bit-storage"}, {"storage.max_chunks_up", "64"}, {"storage.backlog.mem_limit", "16M"}}},
		{"INPUT", [][2]string{{"Name", "tail"}, {"Tag", "kube.*"}, {"Path", "/var/log/containers/*.log"},
			// What reads logs does not read its own: a complaint that nobody takes logs in would be one more log.
			{"Exclude_Path", fmt.Sprintf("/var/log/containers/fluentd-*_%[1]s_*.log,/var/log/containers/fluent-bit-*_%[1]s_*.log", namespace)},
			{"multiline.parser", "cri"}, {"DB", "/var/log/fluent-bit-tail.db"}, {"Read_from_Head", "On"}, {"Skip_Long_Lines", "On"}, {"Refresh_Interval", "5"},
			{"storage.type", "filesystem"}}},
		{"INPUT", [][2]string{{"Name", "systemd"}, {"Tag", "node.*"}, {"Path", "/var/log/journal"}, {"DB", "/var/log/fluent-bit-journal.db"}, {"Read_From_Tail", "On"}, {"Strip_Underscores", "On"},
			{"storage.type", "filesystem"}}},
	}
	out = append(out, multiline(sources)...)
	out = append(out,
		Section{"FILTER", [][2]string{{"Name", "kubernetes"}, {"Match", "kube.*"}, {"Kube_Tag_Prefix", "kube.var.log.containers."}, {"Merge_Log", "On"}, {"Merge_Log_Key", "fields"},
			{"Keep_Log", "On"}, {"K8S-Logging.Parser", "On"}, {"K8S-Logging.Exclude", "On"}, {"Annotations", "Off"}}},
		Section{"FILTER", [][2]string{{"Name", "modify"}, {"Match", "kube.*"}, {"Rename", "log message"}, {"Remove", "_p"}}},
		Section{"FILTER", [][2]string{{"Name", "modify"}, {"Match", "node.*"}, {"Rename", "MESSAGE message"}}})
	forward := Section{"OUTPUT", [][2]string{{"Name", "forward"}, {"Match", "*"}, {"Host", to.Host}, {"Port", fmt.Sprint(to.Port)},
		{"Require_ack_response", "On"}, {"Retry_Limit", "no_limits"}, {"storage.total_limit_size", "512M"}}}
	if to.Key != "" {
		forward.Settings = append(forward.Settings, [2]string{"Self_Hostname", "${HOSTNAME}"}, [2]string{"Shared_Key", "${SHARED_KEY}"})
	}
	if to.TLS {
		forward.Settings = append(forward.Settings, [2]string{"tls", "On"}, [2]string{"tls.verify", "On"})
	}
	if to.CA != "" {
		forward.Settings = append(forward.Settings, [2]string{"tls.ca_file", authorityFolder + "/" + kube.AuthorityKey}, [2]string{"tls.vhost", to.Host}, [2]string{"tls.verify_hostname", "On"})
	}
	return append(out, forward)
}

// multiline joins the lines of stack traces, in the namespaces of those who say whose they write. The name of a log file has
// namespace and pod, and no labels: all pods of such a namespace are read so, which leaves lines alone that begin no trace.
func multiline(sources []product.LogSource) []Section {
	languages := map[string][]string{}
	for _, s := range sources {
		if s.Multiline != "" && !slices.Contains(languages[s.Namespace], s.Multiline) {
			languages[s.Namespace] = append(languages[s.Namespace], s.Multiline)
		}
	}
	var out []Section
	for _, namespace := range slices.Sorted(maps.Keys(languages)) {
		slices.Sort(languages[namespace])
		out = append(out, Section{"FILTER", [][2]string{{"Name", "multiline"}, {"Match", "kube.*_" + namespace + "_*"}, {"multiline.key_content", "log"},
			{"multiline.parser", strings.Join(languages[namespace], ", ")}}})
	}
	return out
}
