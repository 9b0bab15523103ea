// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"slices"
	"strings"
)

// messaging checks the message brokers.
func (c *checker) messaging() {
	for _, name := range sorted(c.given.Spec.Messaging) {
		given, filled, at := c.given.Spec.Messaging[name], c.filled.Spec.Messaging[name], Join("spec.messaging", name)
		if given.Product == "existing" {
			c.existingBroker(given, at)
			continue
		}
		if given.Product != "kafka" {
			continue
		}
		if given.Storage != nil && given.Storage.Max != "" {
			c.add(FieldError{Path: at + ".storage.max", Code: CodeMessagingField, What: "a broker's disk does not grow by itself",
				Fix: "remove max; raise size when an alert says that the disk fills"})
		}
		for _, topic := range sorted(given.Topics) {
			c.topic(topic, filled.Topics[topic], *filled.Brokers, Join(at+".topics", topic), at+".brokers")
		}
		for _, user := range sorted(given.Users) {
			c.messagingUser(user, given, Join(at+".users", user))
		}
	}
}

// existingBroker checks what goes with a broker that somebody else runs.
func (c *checker) existingBroker(given Messaging, at string) {
	for _, f := range []struct {
		name  string
		given bool
	}{{"topics", len(given.Topics) > 0}, {"users", len(given.Users) > 0}, {"brokers", given.Brokers != nil}, {"storage", given.Storage != nil}, {"version", given.Version != ""},
		{"deletionProtection", given.DeletionProtection != nil}} {
		if f.given {
			c.add(FieldError{Path: at + "." + f.name, Code: CodeMessagingField, What: f.name + " does not go with product existing", Why: "k8or makes nothing there",
				Fix: "remove it"})
		}
	}
}

// KafkasOwn reports whether a topic is not its users': it is Kafka's own, Strimzi's, k8or's, or of a copying, whose names MirrorMaker ends in
// "internal". No topic of the document has such a name, and what is in one says nothing of whether a Kafka is used.
func KafkasOwn(topic string) bool {
	for _, prefix := range []string{"__", "strimzi.", "k8or-"} {
		if strings.HasPrefix(topic, prefix) {
			return true
		}
	}
	return strings.HasSuffix(topic, ".internal")
}

// topic checks one topic, with its defaults filled in.
func (c *checker) topic(name string, topic Topic, brokers int, at, see string) {
	switch {
	case !matches(`^[A-Za-z0-9._-]{1,249}$`, name) || name == "." || name == "..":
		c.add(FieldError{Path: at, Code: CodeTopicName, What: fmt.Sprintf("%q cannot be a topic's name", name),
			Why: "Kafka takes up to 249 letters, digits, dots, hyphens and underscores", Fix: "choose another name"})
	case KafkasOwn(name):
		c.add(FieldError{Path: at, Code: CodeTopicName, What: fmt.Sprintf("the topic's name %q is kept for Kafka or k8or", name), Fix: "choose another name"})
	}
	if topic.Replicas == nil || topic.MinInSync == nil {
		return
	}
	if *topic.Replicas > brokers {
		c.add(FieldError{Path: at + ".replicas", Code: CodeTopicReplicas, What: fmt.Sprintf("%d brokers cannot keep %d copies", brokers, *topic.Replicas),
			Why: "each copy is on a broker of its own", See: see, Fix: fmt.Sprintf("ask for %d or fewer, or for more brokers", brokers)})
	}
	if *topic.MinInSync > *topic.Replicas {
		c.add(FieldError{Path: at + ".minInSync", Code: CodeTopicReplicas, What: fmt.Sprintf("a message would wait for %d copies, and the topic has %d", *topic.MinInSync, *topic.Replicas),
			Why: "nothing could ever be written", Fix: fmt.Sprintf("ask for %d, so that one broker may be away", max(1, *topic.Replicas-1))})
	}
}

// messagingUser checks one user of a broker.
func (c *checker) messagingUser(name string, m Messaging, at string) {
	if strings.HasPrefix(name, "app-") || strings.HasPrefix(name, "k8or-") {
		c.add(FieldError{Path: at, Code: CodeReservedName, What: fmt.Sprintf("the user name %q is kept for k8or", name), Why: "apps' own users begin with app-", Fix: "choose another name"})
	}
	topics := sorted(m.Topics)
	for i, g := range m.Users[name].Grants {
		if g.Topic == "" || strings.HasSuffix(g.Topic, "*") || slices.Contains(topics, g.Topic) {
			continue
		}
		fix := "name a topic of this broker"
		if len(topics) > 0 {
			fix = "name one of " + strings.Join(topics, ", ")
		}
		c.add(FieldError{Path: Join(at+".grants", i) + ".topic", Code: CodeBadReference, What: fmt.Sprintf("there is no topic %q", g.Topic), Given: g.Topic, Choices: topics, Fix: fix})
	}
}
