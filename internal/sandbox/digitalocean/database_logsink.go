// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/url"
	"slices"
)

// databaseLogsink sends a cluster's logs elsewhere. Nothing is sent here: the sandbox keeps what was asked.
type databaseLogsink struct {
	ID     string        `json:"id"`
	Name   string        `json:"name"`
	Type   string        `json:"type"`
	Config logsinkConfig `json:"config"`
}

// logsinkConfig is the union of all types' fields, as godo has it.
type logsinkConfig struct {
	Server  string   `json:"server,omitempty"`
	Port    int      `json:"port,omitempty"`
	TLS     *bool    `json:"tls,omitempty"`
	Format  string   `json:"format,omitempty"`
	Logline string   `json:"logline,omitempty"`
	SD      string   `json:"sd,omitempty"`
	CA      string   `json:"ca,omitempty"`
	Key     string   `json:"key,omitempty"`
	Cert    string   `json:"cert,omitempty"`
	URL     string   `json:"url,omitempty"`
	Prefix  string   `json:"index_prefix,omitempty"`
	Days    *int     `json:"index_days_max,omitempty"`
	Timeout *float64 `json:"timeout,omitempty"`
	Site    string   `json:"site,omitempty"`
	APIKey  string   `json:"datadog_api_key,omitempty"`
}

// check holds the config against its type.
func (in *logsinkConfig) check(kind string) error {
	if in == nil {
		return invalid("config is required")
	}
	switch kind {
	case "rsyslog":
		if in.Server == "" || in.Port < 1 || in.Port > 65535 || in.TLS == nil || !slices.Contains([]string{"rfc5424", "rfc3164", "custom"}, in.Format) {
			return invalid("config of rsyslog needs server, port, tls and a format of rfc5424, rfc3164 or custom")
		}
		if in.Format == "custom" && in.Logline == "" {
			return invalid("config of rsyslog needs logline when its format is custom")
		}
	case "elasticsearch", "opensearch":
		u, err := url.Parse(in.URL)
		if err != nil || u.Scheme != "https" || u.Host == "" || in.Prefix == "" {
			return invalid("config of %s needs url, which is https, and index_prefix", kind)
		}
		if in.Days != nil && (*in.Days < 1 || *in.Days > 10000) || in.Timeout != nil && (*in.Timeout < 10 || *in.Timeout > 120) {
			return invalid("config: index_days_max is from 1 to 10000 and timeout from 10 to 120")
		}
	case "datadog":
		if in.Site == "" || in.APIKey == "" {
			return invalid("config of datadog needs site and datadog_api_key")
		}
	default:
		return invalid("sink_type %q is not one of rsyslog, elasticsearch, opensearch, datadog", kind)
	}
	return nil
}

func (s *databaseLogsink) view() object {
	return object{"sink_id": s.ID, "sink_name": s.Name, "sink_type": s.Type, "config": s.Config}
}

func (c *Cloud) withLogsink(f func(*request, *database, *databaseLogsink) (any, error)) func(*request) (any, error) {
	return c.withDatabase(func(q *request, d *database) (any, error) {
		for _, s := range d.Logsinks {
			if s.ID == q.PathValue("logsink") {
				return f(q, d, s)
			}
		}
		return nil, notFound()
	})
}

func (c *Cloud) listLogsinks(_ *request, d *database) (any, error) {
	views := []object{}
	for _, s := range d.Logsinks {
		views = append(views, s.view())
	}
	return object{"sinks": views}, nil
}

func (c *Cloud) createLogsink(q *request, d *database) (any, error) {
	var in struct {
		Name   string         `json:"sink_name"`
		Type   string         `json:"sink_type"`
		Config *logsinkConfig `json:"config"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Name == "" {
		return nil, invalid("sink_name is required")
	}
	if err := in.Config.check(in.Type); err != nil {
		return nil, err
	}
	if err := d.made("create logsink"); err != nil {
		return nil, err
	}
	s := &databaseLogsink{c.newUUID(), in.Name, in.Type, *in.Config}
	d.Logsinks = append(d.Logsinks, s)
	return object{"sink": s.view()}, nil
}

// getLogsink has no key around it, unlike the answer to a creation; so it is published, and so godo reads it.
func (c *Cloud) getLogsink(_ *request, _ *database, s *databaseLogsink) (any, error) {
	return s.view(), nil
}

func (c *Cloud) updateLogsink(q *request, _ *database, s *databaseLogsink) (any, error) {
	var in struct {
		Config *logsinkConfig `json:"config"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := in.Config.check(s.Type); err != nil {
		return nil, err
	}
	s.Config = *in.Config
	return nil, nil
}

func (c *Cloud) deleteLogsink(_ *request, d *database, s *databaseLogsink) (any, error) {
	d.Logsinks = slices.DeleteFunc(d.Logsinks, func(other *databaseLogsink) bool { return other == s })
	return nil, nil
}

// databaseIndex is an index of an OpenSearch cluster.
type databaseIndex struct {
	born
	Name     string `json:"name"`
	Shards   int    `json:"shards"`
	Replicas int    `json:"replicas"`
}

// listIndexes shows what is there: the one that OpenSearch makes for its security plugin. Nobody writes into a simulated cluster.
func (c *Cloud) listIndexes(q *request, d *database) (any, error) {
	if err := d.only("indexes", "opensearch"); err != nil {
		return nil, err
	}
	views := []object{}
	for _, x := range visible(q, d.Indexes) {
		views = append(views, object{
			"index_name": x.Name, "number_of_shards": x.Shards, "number_of_replicas": x.Replicas, "size": 208,
			"created_time": x.Created, "status": "open", "health": "green",
		})
	}
	return object{"indexes": views}, nil
}

func (c *Cloud) deleteIndex(q *request, d *database) (any, error) {
	if err := d.only("indexes", "opensearch"); err != nil {
		return nil, err
	}
	before := len(d.Indexes)
	d.Indexes = slices.DeleteFunc(d.Indexes, func(x *databaseIndex) bool { return x.Name == q.PathValue("index") })
	if len(d.Indexes) == before {
		return nil, notFound()
	}
	return nil, nil
}
