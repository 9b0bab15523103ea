// SPDX-License-Identifier: Apache-2.0

package product

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
)

// Client is who uses an entry: an app that has it in its `uses` or `reads`, or another entry of the document, such as backups their bucket.
type Client struct {
	// Name is the app's: "web". Another entry's has a dot in it, which no app's has.
	Name      string
	Namespace string // where it runs
	// Entry is the other entry; empty for an app.
	Entry graph.ID
	// Privileges are what it may do: read, write, or administer the server itself (admin); empty for reading and writing, as an app
	// may that has it in its `uses`. Indexes are the patterns of the only ones that it may do that with, in a search engine.
	Privileges string
	Indexes    []string
	// Works are the custom resources by which it works with its credentials, as Velero does by Backups: one whose work goes on may have begun
	// with credentials that have changed since. None says that its pods do, from their start.
	Works []kube.ID
}

// ID is the node of who uses it.
func (c Client) ID() graph.ID {
	if c.Entry != "" {
		return c.Entry
	}
	return graph.ID("apps/" + c.Name)
}

// SecretName is the name of the Secret by which it uses an entry. Its dots keep it apart from the names of apps.
func (c Client) SecretName(entry graph.ID) string {
	return c.Name + "." + strings.ReplaceAll(string(entry), "/", ".")
}

// Clients are who uses an entry: apps by name, then the registry, backups, monitoring and logging.
func (p Platform) Clients(entry graph.ID) []Client {
	var out []Client
	for _, name := range slices.Sorted(maps.Keys(p.Spec.Apps)) {
		switch app := p.Spec.Apps[name]; {
		case slices.Contains(app.Uses, string(entry)):
			out = append(out, Client{Name: name, Namespace: app.Namespace})
		case slices.Contains(app.Reads, string(entry)):
			out = append(out, Client{Name: name, Namespace: app.Namespace, Privileges: Reads})
		}
	}
	if r := p.Spec.Registry; r != nil && r.Bucket == string(entry) {
		out = append(out, Client{Name: "registry.images", Namespace: "registry", Entry: "registry"})
	}
	if b := p.Spec.Backups; b != nil && b.Bucket == string(entry) {
		out = append(out, Client{Name: "backups.velero", Namespace: "backups", Entry: "backups", Works: []kube.ID{
			{Group: "velero.io", Version: "v1", Kind: "Backup", Namespace: "backups"}, {Group: "velero.io", Version: "v1", Kind: "Restore", Namespace: "backups"}}})
	}
	if m := p.Spec.Monitoring; m != nil && slices.Contains(m.Reads, string(entry)) {
		out = append(out, Client{Name: "monitoring.grafana", Namespace: "monitoring", Entry: "monitoring", Privileges: Reads})
	}
	if l := p.Spec.Logging; l != nil && l.Sink.Database != "" && l.Sink.Database == string(entry) {
		out = append(out, LogReader, LogSetup, LogWriter)
	}
	return out
}

// logIndexes are those of the data streams for logs, and of what is behind them: which of both a search engine holds a user's
// rights against is its own affair.
var logIndexes = []string{"logs-kubernetes-*", ".ds-logs-kubernetes-*"}

// Who uses a database that keeps logs: whoever searches them, what puts their template and retention in place, and what writes
// them.
var (
	LogReader = Client{Name: "logs.reader", Namespace: "logging-sink", Entry: "logging/sink", Privileges: "read", Indexes: logIndexes}
	LogSetup  = Client{Name: "logs.setup", Namespace: "logging-sink", Entry: "logging/sink", Privileges: "admin"}
	LogWriter = Client{Name: "logs.writer", Namespace: "logging", Entry: "logging", Privileges: "write", Indexes: logIndexes}
)

// Reads are the [Client.Privileges] of who may read and not write.
const Reads = "read"

// AllWrite are the refusals of an entry whose clients have credentials that k8or cannot narrow: who only reads could write.
func (p Platform) AllWrite(entry graph.ID, why string) []Refusal {
	var out []Refusal
	for _, c := range p.Clients(entry) {
		r := Refusal{What: fmt.Sprintf("%s would get credentials that may write too", c.ID()), Why: why, Fix: fmt.Sprintf("write %s in its `uses` if it may", entry)}
		switch {
		case c.Privileges != Reads || c.Name == LogReader.Name: // who keeps logs lets in whom it will
			continue
		case c.Entry != "":
			r.Fix = fmt.Sprintf("remove %s from its `reads`", entry)
		}
		out = append(out, r)
	}
	return out
}

// Bind makes the Secret by which a client uses an entry known to it. Keys are the Secret's, ready the node that writes it.
func (b *Building) Bind(entry graph.ID, c Client, kind string, keys []string, ready graph.ID) {
	keys = slices.Sorted(slices.Values(keys))
	Offer(b, Binding{Entry: entry, User: c.ID(), Namespace: c.Namespace, Secret: c.SecretName(entry), Type: kind, Keys: keys, Ready: ready})
}

// BindingSecret is a Secret by the servicebinding.io specification without its data, for [Building.Filled]; kind is what it is
// for: "postgresql".
func BindingSecret(namespace, name, kind string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "type": "servicebinding.io/" + kind}}
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}
