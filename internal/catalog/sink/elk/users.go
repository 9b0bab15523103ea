// SPDX-License-Identifier: Apache-2.0

package elk

import (
	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/internal/catalog/sink"
	"github.com/k8or/k8or/internal/kube"
)

const rolesSecret = "logs-roles"

// users are the users of Elasticsearch's file realm beside its own "elastic": each with a Secret of type basic-auth, from which
// ECK makes the salted hash that Elasticsearch reads. The passwords are made up in the cluster.
var users = []struct{ secret, name, roles string }{
	{"logs-writer", "k8or-writer", "k8or_writer"},           // Fluentd: appends, and nothing else
	{"logs-reader", "k8or-reader", "k8or_reader"},           // Grafana and probes: search, and nothing else
	{exporterName, "k8or-exporter", "k8or_exporter"},        // its exporter: statistics, and no record
	{"logs-setup", "k8or-setup", "k8or_setup,kibana_admin"}, // the Job of setup.go
}

// roles are what they may do.
var roles = map[string]any{
	"k8or_writer":   role([]string{"monitor"}, "auto_configure", "create_doc", "view_index_metadata"),
	"k8or_reader":   role([]string{"monitor"}, "read", "view_index_metadata"),
	"k8or_exporter": map[string]any{"cluster": []string{"monitor"}, "indices": []any{map[string]any{"names": []string{"*"}, "privileges": []string{"monitor"}}}},
	"k8or_setup":    role([]string{"monitor", "manage_ilm", "manage_index_templates"}, "manage"),
}

func role(cluster []string, privileges ...string) map[string]any {
	return map[string]any{"cluster": cluster, "indices": []any{map[string]any{"names": []string{sink.Pattern}, "privileges": privileges}}}
}

// secrets are the users' Secrets and the roles'.
func secrets(namespace string) ([]kube.Derived, error) {
	text, err := yaml.Marshal(roles)
	if err != nil {
		return nil, err
	}
	out := []kube.Derived{{Name: rolesSecret, Namespace: namespace, Fields: []kube.Field{{Key: "roles.yml", Text: string(text)}}}}
	for _, u := range users {
		out = append(out, kube.Derived{Name: u.secret, Namespace: namespace, Type: "kubernetes.io/basic-auth",
			Fields: []kube.Field{{Key: "username", Text: u.name}, {Key: "password", Random: 32}, {Key: "roles", Text: u.roles}}})
	}
	return out, nil
}
