// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// prove produces one message, waits for all replicas to have it, and reads it back from where it was written. It uses no
// consumer group, so none is left behind; the message goes with the topic's retention. In topics that are others' it writes nothing.
func (k *Kafka) prove(ctx context.Context, g given) (string, error) {
	opts, err := k.options(g)
	if err != nil {
		return "", err
	}
	producer, err := kgo.NewClient(append(opts, kgo.RequiredAcks(kgo.AllISRAcks()), kgo.UnknownTopicRetries(1))...)
	if err != nil {
		return "", fmt.Errorf("make a client of Kafka: %w", err)
	}
	defer producer.Close()
	if err := producer.Ping(ctx); err != nil {
		return "", k.told("no broker answers", err)
	}
	if len(k.Topics) > 0 {
		return k.rights(ctx, producer)
	}
	if k.Topic == "" {
		return "a broker lets the user of the Binding in", nil
	}
	word := unique()
	sent, err := producer.ProduceSync(ctx, &kgo.Record{Topic: k.Topic, Key: []byte("k8or-probe"), Value: []byte(word)}).First()
	if err != nil {
		return "", k.told("a message cannot be produced to the topic "+k.Topic, err)
	}
	at := map[string]map[int32]kgo.Offset{k.Topic: {sent.Partition: kgo.NewOffset().At(sent.Offset)}}
	consumer, err := kgo.NewClient(append(opts, kgo.ConsumePartitions(at))...)
	if err != nil {
		return "", fmt.Errorf("make a client of Kafka: %w", err)
	}
	defer consumer.Close()
	for {
		got := consumer.PollFetches(ctx)
		if err := got.Err(); err != nil {
			return "", k.told("the message cannot be consumed again from the topic "+k.Topic, err)
		}
		for _, r := range got.Records() {
			if string(r.Value) == word {
				return fmt.Sprintf("a message was produced to %s (partition %d, offset %d) and consumed again", k.Topic, r.Partition, r.Offset), nil
			}
			if r.Offset > sent.Offset {
				return "", &trouble{what: fmt.Sprintf("the message was accepted by %s, and another stands in its place", k.Topic), look: "the topic's configuration, and whether brokers lost their volumes"}
			}
		}
	}
}

// options are how a client connects by what the Binding says. A Binding without a user connects without signing in.
func (k *Kafka) options(g given) ([]kgo.Opt, error) {
	read := func(key string) (string, error) {
		raw, err := g.file(path.Join(k.Binding, key))
		return string(raw), err
	}
	servers, err := read("bootstrap-servers")
	if err != nil {
		return nil, err
	}
	opts := []kgo.Opt{kgo.SeedBrokers(strings.Split(servers, ",")...), kgo.ClientID("k8or-probe"), kgo.RequestRetries(1), kgo.RecordRetries(2),
		kgo.MaxVersions(kversion.V3_0_0())} // later requests have numbers for topics in place of their names
	if user, err := read("username"); err == nil {
		password, err := read("password")
		if err != nil {
			return nil, err
		}
		mechanism, _ := read("sasl-mechanism") //nolint:errcheck // a Binding need not name it: SCRAM-SHA-512 is the usual one
		auth := scram.Auth{User: user, Pass: password}
		switch mechanism {
		case "", "SCRAM-SHA-512":
			opts = append(opts, kgo.SASL(auth.AsSha512Mechanism()))
		case "SCRAM-SHA-256":
			opts = append(opts, kgo.SASL(auth.AsSha256Mechanism()))
		case "PLAIN":
			opts = append(opts, kgo.SASL(plain.Auth{User: user, Pass: password}.AsMechanism()))
		default:
			return nil, &trouble{what: fmt.Sprintf("the Binding wants the SASL mechanism %s, which this probe does not speak", mechanism), look: "the Binding's sasl-mechanism"}
		}
	}
	authority := path.Join(k.Binding, "ca.crt")
	_, err = g.file(authority)
	if err != nil {
		authority = ""
	}
	protocol, _ := read("security-protocol") //nolint:errcheck // a Binding with an authority need not name it
	if authority != "" || strings.Contains(protocol, "SSL") {
		config, err := g.trust(authority)
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	return opts, nil
}

// told says what an error of Kafka's means.
func (k *Kafka) told(what string, err error) error {
	t := &trouble{what: what, look: "the brokers' logs, and whether all of them are ready", cause: err}
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		t.what, t.look = "Kafka refuses the user and password of the Binding", "the KafkaUser's status, and the Binding's Secret"
	case errors.Is(err, io.EOF):
		t.what, t.look = "a broker hangs up on the user of the Binding", "the KafkaUser's status and the Binding's Secret, and whether that listener speaks TLS and SASL"
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		t.look = "the user's ACLs"
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		t.what, t.look = "the topic "+k.Topic+" is not there", "the KafkaTopic's status"
	case errors.Is(err, kerr.NotEnoughReplicas), errors.Is(err, kerr.NotEnoughReplicasAfterAppend):
		t.look = "which brokers are down: fewer replicas are in sync than the topic wants"
	}
	if told := untrusted("Kafka", err); told != nil {
		return told
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.look += "; within the time there was no answer, which a network policy looks like too"
	}
	return t
}
