// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"net"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// store is how Grafana is told of a kind of database: its plug-in, what the plug-in is told beside the database's name, and what
// it is told where there is an authority to believe.
type store struct {
	plugin         string
	settings, with dict
}

// stores are the databases that Grafana asks by plug-ins of its image, by the types of their Bindings. Source: Grafana's documentation of
// both data sources, v13.
var stores = map[string]store{
	"postgresql": {"grafana-postgresql-datasource", dict{"sslmode": "require"}, dict{"sslmode": "verify-ca", "tlsConfigurationMethod": "file-content"}},
	"mysql":      {"mysql", dict{}, dict{"tlsAuthWithCACert": true}},
}

// ask makes the data sources of what monitoring reads. They come once their databases stand, and nothing else waits for that.
func ask(b *product.Building, e entry) error {
	for _, binding := range b.Bindings(e.ID) {
		stored := stores[binding.Type]
		id := e.ID + "/reads/" + binding.Entry
		spec := product.SetSpec{Namespace: e.Namespace(), Derived: []kube.Derived{stored.source(e, binding)}, Sources: []graph.ID{binding.Ready}}
		if _, err := b.Set(id, spec, graph.After(e.ID+"/namespace", binding.Ready)); err != nil {
			return err
		}
		product.Offer(b, sourceProbe(e, string(binding.Entry), uidOf(binding.Entry), "Grafana signs in to "+string(binding.Entry)+" and is answered"))
		b.Note("whoever signs in to Grafana can read what is in %s, since %s reads it", binding.Entry, e.ID)
	}
	return nil
}

// uidOf is what Grafana calls the data source of an entry.
func uidOf(entry graph.ID) string {
	return strings.NewReplacer("/", "-", ".", "-").Replace(string(entry))
}

// source is the Secret of the data source, read by Grafana's sidecar.
func (s store) source(e entry, binding product.Binding) kube.Derived {
	uid := uidOf(binding.Entry)
	d := kube.Derived{Name: "datasource-" + uid, Namespace: e.Namespace(), Labels: map[string]string{"grafana_datasource": "1"}}
	for _, key := range []string{"host", "port", "database", "username", "password", "ca.crt"} {
		if from := binding.Key(key); from != nil {
			d.Fields = append(d.Fields, kube.Field{Key: key, From: from, Unwritten: true})
		}
	}
	d.Fields = append(d.Fields, kube.Field{Key: uid + ".yaml", Compute: func(held map[string][]byte, _ []byte) ([]byte, error) {
		of := func(key string) string { return string(held[key]) }
		settings, secure := product.Merge(s.settings, dict{"database": of("database")}), dict{"password": of("password")}
		if ca := of("ca.crt"); ca != "" {
			settings, secure["tlsCACert"] = product.Merge(settings, s.with), ca
		}
		return yaml.Marshal(dict{"apiVersion": 1, "datasources": list{dict{"name": string(binding.Entry), "type": s.plugin, "uid": uid, "access": "proxy",
			"url": net.JoinHostPort(of("host"), of("port")), "user": of("username"), "jsonData": settings, "secureJsonData": secure}}})
	}})
	return d
}
