// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/unit"
)

// What a Kafka in the cluster holds is told by the exporter that Strimzi runs beside it, as metrics: the position at which each
// partition begins and ends. Its pod is reached through the API server, so that a plan can look without writing anything.

// exporterPort is where it shows them, exporterAnswers how long it may take: it asks every broker first.
const (
	exporterPort    = 9404
	exporterAnswers = 10 * time.Second
)

// kafkaIsEmpty says of an unwanted set with a Kafka in it whether that is known to hold no message, and in words what is known. The
// words are empty of a set without a Kafka.
func (k *Kinds) kafkaIsEmpty(ctx context.Context, c *graph.Call, access Access, s Inventory) (empty bool, said string) {
	at := slices.IndexFunc(s.Objects, func(id ID) bool { return id.groupKind().String() == "Kafka.kafka.strimzi.io" })
	if at < 0 {
		return false, ""
	}
	topics, told := 0, 0
	for _, id := range s.Objects {
		if isTopic(id) && !v1alpha1.KafkasOwn(id.Name) {
			topics++
		}
	}
	held, err := graph.Once(ctx, c, "kubernetes/kafka/"+s.Name, func(ctx context.Context) (map[string]bool, error) {
		return k.Cluster(access.ID).kafkaHolds(ctx, s.Objects[at])
	})
	var full []string
	for topic, holds := range held {
		if v1alpha1.KafkasOwn(topic) {
			continue
		}
		if told++; holds {
			full = append(full, topic)
		}
	}
	if err == nil && told < topics {
		err = fmt.Errorf("its exporter tells of %d of its %s", told, unit.Count(topics, "topic"))
	}
	if err != nil {
		return false, "whether its topics hold messages is not known: " + err.Error()
	}
	if len(full) > 0 {
		slices.Sort(full)
		return false, "its topics hold messages: " + strings.Join(full, ", ")
	}
	return true, "no topic of it holds a message"
}

// kafkaHolds says of each topic whether it holds a message.
func (c *Cluster) kafkaHolds(ctx context.Context, kafka ID) (map[string]bool, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	pods, err := conn.podsOf(ctx, kafka.Namespace, map[string]string{"strimzi.io/name": kafka.Name + "-kafka-exporter"})
	if err != nil {
		return nil, err
	}
	for i := range pods {
		if isReady(&pods[i]) && pods[i].DeletionTimestamp == nil {
			text, err := c.shown(ctx, strings.TrimRight(conn.config.Host, "/"), kafka.Namespace, pods[i].Name)
			if err != nil {
				return nil, err
			}
			return holds(text)
		}
	}
	return nil, fmt.Errorf("its exporter: %w", ErrNoPod)
}

// shown are the metrics of a pod.
func (c *Cluster) shown(ctx context.Context, server, namespace, pod string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, exporterAnswers)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/api/v1/namespaces/%s/pods/%s:%d/proxy/metrics", server, namespace, pod, exporterPort), nil)
	if err != nil {
		return "", err
	}
	resp, err := (&http.Client{Transport: c.bearer}).Do(req)
	if err != nil {
		return "", fmt.Errorf("read the metrics of %s/%s: %w", namespace, pod, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("read the metrics of %s/%s: the cluster answers %s", namespace, pod, resp.Status)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("read the metrics of %s/%s: %w", namespace, pod, err)
	}
	return string(text), nil
}

var (
	// offsets are the exporter's series, with names as danielqsj/kafka_exporter has them. Its labels are sorted, and no topic's name has
	// a character that is escaped.
	offsets = regexp.MustCompile(`(?m)^kafka_topic_partition_(current|oldest)_offset\{partition="(\d+)",topic="([^"]+)"\} (\S+)$`)
	parts   = regexp.MustCompile(`(?m)^kafka_topic_partitions\{topic="([^"]+)"\} (\S+)$`)

	errHalfTold = errors.New("its exporter does not tell both ends of every partition")
)

// holds reads metrics: of each topic, whether any partition of it ends elsewhere than it begins. What is not told of every partition is
// an error, since one of which nothing is known may be full.
func holds(text string) (map[string]bool, error) {
	type end struct{ which, partition, topic string }
	at, out := map[end]string{}, map[string]bool{}
	for _, m := range offsets.FindAllStringSubmatch(text, -1) {
		at[end{m[1], m[2], m[3]}] = m[4]
	}
	for _, m := range parts.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return nil, fmt.Errorf("read the partitions of %s: %w", m[1], err)
		}
		out[m[1]] = false
		for i := range int(n) {
			first, last := at[end{"oldest", strconv.Itoa(i), m[1]}], at[end{"current", strconv.Itoa(i), m[1]}]
			if first == "" || last == "" {
				return nil, errHalfTold
			}
			out[m[1]] = out[m[1]] || first != last
		}
	}
	if len(out) == 0 {
		return nil, errHalfTold
	}
	return out, nil
}
