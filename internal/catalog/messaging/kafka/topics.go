// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/messaging"
	"github.com/k8or/k8or/internal/product"
)

// probeTopic is where `k8or verify` sends its message, and probeUser who sends it.
const probeTopic, probeUser = "k8or-probe", "k8or-probe"

// topicNames are the topics of the document, sorted.
func (m maker) topicNames() []string { return slices.Sorted(maps.Keys(m.Spec.Topics)) }

// topics are the topics of the document, and the one that probes use.
func (m maker) topics() ([]*unstructured.Unstructured, error) {
	copies := copiesOf(brokersOf(m.Spec))
	var out []*unstructured.Unstructured
	add := func(name string, partitions, replicas int, config map[string]any) error {
		spec := map[string]any{"partitions": partitions, "replicas": replicas, "config": config}
		if topicObject(name) != name {
			spec["topicName"] = name
		}
		o, err := object("KafkaTopic", topicObject(name), m.Name, spec)
		out = append(out, o)
		return err
	}
	for _, name := range m.topicNames() {
		t := m.Spec.Topics[name]
		replicas := or(t.Replicas, copies)
		config := map[string]any{"min.insync.replicas": or(t.MinInSync, inSyncOf(replicas))}
		if t.Retention != "" {
			config["retention.ms"] = retention(t).Milliseconds()
		}
		if err := add(name, messaging.Partitions(t), replicas, product.Merge(config, t.Config)); err != nil {
			return nil, err
		}
	}
	err := add(probeTopic, 1, copies, map[string]any{"retention.ms": time.Hour.Milliseconds()})
	return out, err
}

func or(n *int, otherwise int) int {
	if n == nil {
		return otherwise
	}
	return *n
}

// retention reads 12h or 7d; the document's rules made sure that it is one.
func retention(t v1alpha1.Topic) time.Duration {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	last := len(t.Retention) - 1
	n, err := strconv.Atoi(t.Retention[:last])
	if err != nil {
		return 0
	}
	return time.Duration(n) * units[t.Retention[last]]
}

var (
	objectName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
	oddity     = regexp.MustCompile(`[^a-z0-9]+`)
)

// topicObject is the name of a topic's object. Kafka allows what Kubernetes does not, such as capitals and underscores: then
// it is made of the letters that both allow and a hash of the whole.
func topicObject(name string) string {
	if len(name) <= 200 && objectName.MatchString(name) && !strings.Contains(name, "..") && !strings.Contains(name, ".-") && !strings.Contains(name, "-.") {
		return name
	}
	plain := strings.Trim(oddity.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if len(plain) > 100 {
		plain = strings.TrimRight(plain[:100], "-")
	}
	return strings.TrimLeft(fmt.Sprintf("%s-%.4x", plain, sha256.Sum256([]byte(name))), "-")
}
