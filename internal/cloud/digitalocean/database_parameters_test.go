// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestAParameterThatDigitalOceanWouldNotTakeIsTold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ of, given, path, says string }{
		{"pg", `{"work_men": 8}`, "work_men", `did you mean "work_mem"?`},
		{"pg", `{"work_mem": 5000}`, "work_mem", "a whole number from 1 to 1024"},
		{"pg", `{"work_mem": 8.5}`, "work_mem", "a whole number from 1 to 1024"},
		{"pg", `{"work_mem": "8"}`, "work_mem", "a whole number from 1 to 1024"},
		{"pg", `{"pgbouncer": {"server_lifetimes": 60}}`, "pgbouncer server_lifetimes", `did you mean "pgbouncer.server_lifetime"?`},
		{"pg", `{"timescaledb": 3}`, "timescaledb", "write max_background_workers within it"},
		{"pg", `{"pg_partman_bgw.rule": "x"}`, "pg_partman_bgw.rule", `did you mean "pg_partman_bgw.role"?`},
		{"mysql", `{"sql_mode": true}`, "sql_mode", `in quotes: "true"`},
		{"mysql", `{"innodb_print_all_deadlocks": "on"}`, "innodb_print_all_deadlocks", "write true or false"},
		{"valkey", `{"valkey_persistence": "aof"}`, "valkey_persistence", "off or rdb"},
		{"mongodb", `{"verbosity": 9}`, "verbosity", "from 0 to 5"},
		{"opensearch", `{"reindex_remote_whitelist": "a:9200"}`, "reindex_remote_whitelist", "write a list"},
		{"topic", `{"retention_ms": 12.5}`, "retention_ms", "a whole number"},
		{"topic", `{"cleanup_policy": "compact,delete"}`, "cleanup_policy", "compact_delete"},
		{"topic", `{"colour": "blue"}`, "colour", "remove it"},
		{"pg", `{"work_mem": 8, "pgbouncer": {"server_lifetime": 3600}, "timescaledb": {"max_background_workers": 8}, "pg_partman_bgw.role": "x", "autovacuum_vacuum_scale_factor": 0.2}`, "", ""},
		{"mysql", `{"sql_mode": "ANSI", "long_query_time": 0.5, "slow_query_log": true, "mysql_incremental_backup": {"enabled": true}}`, "", ""},
		{"topic", `{"flush_ms": 9223372036854775807, "retention_bytes": -1, "compression_type": "lz4"}`, "", ""},
	} {
		var given map[string]any
		d := json.NewDecoder(strings.NewReader(tt.given))
		d.UseNumber()
		if err := d.Decode(&given); err != nil {
			t.Fatal(err)
		}
		wrong := WrongParameters(tt.of, given)
		if tt.path == "" && len(wrong) > 0 || tt.path != "" && (len(wrong) != 1 || strings.Join(wrong[0].Path, " ") != tt.path || !strings.Contains(wrong[0].Why+wrong[0].Fix, tt.says)) {
			t.Errorf("%s with %s: got %q, want %q to say %q", tt.of, tt.given, wrong, tt.path, tt.says)
		}
	}
}

// ours are lines of the table that the published description does not have, each for a reason.
var ours = map[string]string{
	"topic compression_type string producer|gzip|snappy|lz4|zstd|uncompressed": "it says Iz4, which no Kafka knows",
	"topic message_format_version string":                                      "its words end at 3.3, and DigitalOcean's Kafka does not",
	"topic message_timestamp_difference_max_ms integer 0..":                    "godo knows it",
	"topic segment_index_bytes integer 0..":                                    "godo knows it",
}

// TestParametersAreThePublishedOnes holds the table against the published description, where that is at hand beside the repository.
func TestParametersAreThePublishedOnes(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../../../shared/contract/digitalocean.openapi.json")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the published description is not at hand (../shared/contract/digitalocean.openapi.json)")
	}
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Components struct{ Schemas map[string]schema }
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		t.Fatal(err)
	}
	var published []string
	for of, name := range map[string]string{"pg": "postgres_advanced_config", "mysql": "mysql_advanced_config", "valkey": "valkey_advanced_config", "mongodb": "mongo_advanced_config",
		"opensearch": "opensearch_advanced_config", "topic": "kafka_topic_config"} {
		published = append(published, document.Components.Schemas[name].lines(document.Components.Schemas, of+" ")...)
	}
	var table []string
	section := ""
	for line := range strings.Lines(parameterTable) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]") + " "
		} else if line != "" && line[0] != '#' && ours[section+line] == "" {
			table = append(table, section+line)
		}
	}
	replaced := func(line string) bool {
		name := strings.Join(strings.Fields(line)[:2], " ")
		return slices.ContainsFunc(slices.Collect(maps.Keys(ours)), func(our string) bool { return strings.HasPrefix(our, name+" ") })
	}
	for _, line := range published {
		if !slices.Contains(table, line) && !replaced(line) {
			t.Errorf("the table lacks %s", line)
		}
	}
	for _, line := range table {
		if !slices.Contains(published, line) {
			t.Errorf("nobody published %s", line)
		}
	}
}

// schema is as much of one as a line of the table says.
type schema struct {
	Ref              string `json:"$ref"`
	Type             string
	Enum             []any
	Minimum, Maximum json.Number
	Properties       map[string]schema
}

func (s schema) lines(all map[string]schema, name string) []string {
	if s.Ref != "" {
		return all[strings.TrimPrefix(s.Ref, "#/components/schemas/")].lines(all, name)
	}
	var lines []string
	for _, part := range slices.Sorted(maps.Keys(s.Properties)) {
		dot := "."
		if strings.HasSuffix(name, " ") {
			dot = ""
		}
		lines = append(lines, s.Properties[part].lines(all, name+dot+part)...)
	}
	if lines != nil {
		return lines
	}
	line := name + " " + s.Type
	var words []string
	for _, word := range s.Enum {
		words = append(words, fmt.Sprint(word))
	}
	switch {
	case words != nil:
		line += " " + strings.Join(words, "|")
	case s.Minimum != "" || s.Maximum != "":
		line += fmt.Sprintf(" %s..%s", s.Minimum, s.Maximum)
	}
	return []string{line}
}
