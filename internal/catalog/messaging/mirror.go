// SPDX-License-Identifier: Apache-2.0

package messaging

import (
	"fmt"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// MirrorUser is the user of k8or's own that copies messages from one Kafka to another, and MirrorSecret what it signs in with: both
// Kafkas have one while messages move. MirroredSecret is the source's, beside the target.
const (
	MirrorUser     = "k8or-mirror"
	MirrorSecret   = MirrorUser + ".binding"
	MirroredSecret = MirrorUser + "-source.binding"
)

// Mirrored is a Kafka that messages are copied from, or to. It is a capability within this category.
type Mirrored struct {
	Entry graph.ID
	// Namespace is where its MirrorSecret is, once Ready is.
	Namespace string
	Ready     graph.ID
	// Bootstrap is where a client begins, Username the mirror's name there.
	Bootstrap, Username graph.Value[string]
	// Mechanism is how it signs in, in Strimzi's words.
	Mechanism string
}

// MirroredTo are the entries that take their messages from an entry, by name.
func MirroredTo(p product.Platform, from graph.ID) []string {
	var out []string
	for name, m := range p.Spec.Messaging {
		if m.MigrateFrom == string(from) {
			out = append(out, name)
		}
	}
	return out
}

// CheckMirror says what cannot be mirrored, of an entry that messages are to be mirrored into. The document's rules made sure that the
// source is another entry.
func CheckMirror[O any](p product.Platform, e product.Entry[v1alpha1.Messaging, O]) []product.Refusal {
	name := strings.TrimPrefix(e.Spec.MigrateFrom, "messaging/")
	source, ok := p.Spec.Messaging[name]
	if e.Spec.MigrateFrom == "" || !ok {
		return nil
	}
	if source.Product != "kafka" {
		return []product.Refusal{{Field: "migrateFrom", What: fmt.Sprintf("k8or cannot mirror from %s", e.Spec.MigrateFrom), Why: "it makes a user for that in both Kafkas, and changes nothing of what somebody else runs",
			Fix: "remove it, and mirror the topics with a KafkaMirrorMaker2 of your own"}}
	}
	var out []product.Refusal
	common := false
	for topic, t := range e.Spec.Topics {
		from, both := source.Topics[topic]
		common = common || both
		if have, want := Partitions(from), Partitions(t); both && want < have {
			out = append(out, product.Refusal{Field: "topics." + topic + ".partitions", What: fmt.Sprintf("the topic %s has %d partitions in %s and %d here", topic, have, e.Spec.MigrateFrom, want),
				Why: "a message goes to the partition that it came from", Fix: fmt.Sprintf("write partitions: %d", have)})
		}
	}
	if !common {
		out = append(out, product.Refusal{Field: "migrateFrom", What: fmt.Sprintf("no topic is in both %s and %s", e.ID, e.Spec.MigrateFrom), Why: "topics keep their names, and those are mirrored that the document names in both",
			Fix: "name the topics of the old one here too"})
	}
	return out
}

// Partitions are how many parts a topic has: three where the document does not say.
func Partitions(t v1alpha1.Topic) int {
	if t.Partitions == nil {
		return 3
	}
	return *t.Partitions
}
