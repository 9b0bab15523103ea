// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/k8or/k8or/internal/probe"
)

// write puts messages into a partition of the topic orders, the same ones by their numbers: a mirror keeps value and time.
func write(t *testing.T, c *kfake.Cluster, partition int32, numbers ...int) {
	t.Helper()
	client := signedIn(t, c)
	for _, i := range numbers {
		r := &kgo.Record{Topic: "orders", Partition: partition, Value: fmt.Append(nil, i), Timestamp: time.UnixMilli(1_780_000_000_000 + int64(i))}
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func signedIn(t *testing.T, c *kfake.Cluster) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxVersions(kversion.V3_0_0()),
		kgo.SASL(scram.Auth{User: "web", Pass: "s3cret-of-web"}.AsSha512Mechanism()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// numbers are those from one to before another.
func numbers(from, to int) []int {
	var out []int
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

// commit puts a group of consumers at a position in the first partition of orders.
func commit(t *testing.T, c *kfake.Cluster, group string, position int64) {
	t.Helper()
	ask := kmsg.NewPtrOffsetCommitRequest()
	of, at := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	ask.Group, of.Topic, at.Offset = group, "orders", position
	of.Partitions = append(of.Partitions, at)
	ask.Topics = append(ask.Topics, of)
	answer, err := ask.RequestWith(t.Context(), signedIn(t, c))
	if err == nil {
		err = kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// mirroring is a probe of two Kafkas, and its files.
func mirroring(from, to *kfake.Cluster) (probe.Spec, map[string]string) {
	files := map[string]string{}
	for folder, c := range map[string]*kfake.Cluster{"source": from, "target": to} {
		files[folder+"/bootstrap-servers"], files[folder+"/username"], files[folder+"/password"] = strings.Join(c.ListenAddrs(), ","), "web", "s3cret-of-web"
	}
	return probe.Spec{Timeout: 20 * time.Second, Mirror: &probe.Mirror{Source: "source", Target: "target", Topics: []string{"orders"}}}, files
}

func TestMirrorCountsWhatIsMissingPartitionByPartition(t *testing.T) {
	t.Parallel()
	from, to := brokers(t), brokers(t)
	spec, files := mirroring(from, to)
	f, _ := run(t, spec, files)
	wants(t, f, probe.Passed, "orders: 0 of 0 messages", "no group of consumers")

	write(t, from, 0, 1, 2, 3)
	write(t, from, 2, 4, 5)
	write(t, to, 0, 1, 2, 3)
	write(t, to, 1, 70, 71, 72) // what is too many in one partition is not what lacks in another
	f, _ = run(t, spec, files)
	wants(t, f, probe.Failed, "2 messages are not here yet", "orders: 3 of 5 messages", "KafkaMirrorMaker2")
	write(t, to, 2, 4, 5)
	f, _ = run(t, spec, files)
	wants(t, f, probe.Passed, "orders: 5 of 5 messages and 3 that are not there", "with the newest of each partition")

	write(t, to, 0, 80, 81, 82) // messages of the target's own hide in their number what is missing, and do not stand in for it
	write(t, from, 0, 6, 7)
	f, _ = run(t, spec, files)
	wants(t, f, probe.Failed, "the newest message of orders (partition 0) is not here yet", "KafkaMirrorMaker2")
	write(t, to, 0, 6, 7, 83)
	f, _ = run(t, spec, files)
	wants(t, f, probe.Passed, "orders: 7 of 7 messages and 7 that are not there")

	spec.Mirror.Topics = []string{"orders", "missing"}
	f, _ = run(t, spec, files)
	wants(t, f, probe.Failed, "the topic missing is not there")
	files["target/password"] = "wrong"
	spec.Mirror.Topics = []string{"orders"}
	f, _ = run(t, spec, files)
	wants(t, f, probe.Failed, "the user of the Binding")
}

func TestMirrorComparesWhereGroupsGoOn(t *testing.T) {
	t.Parallel()
	from, to := brokers(t), brokers(t)
	spec, files := mirroring(from, to)
	soon := spec
	soon.Timeout = 2 * time.Second
	write(t, from, 0, numbers(0, 300)...)
	write(t, to, 0, numbers(0, 300)...)
	commit(t, from, "web", 300)
	commit(t, from, "slow", 100)
	commit(t, from, "console-consumer-1", 300) // which no mirror moves
	commit(t, to, "slow", 0)                   // within the steps by which what is behind is translated
	f, _ := run(t, soon, files)
	wants(t, f, probe.Failed, "web in orders (partition 0) has no position here", "every ten seconds")
	commit(t, to, "web", 150)
	f, _ = run(t, soon, files)
	wants(t, f, probe.Failed, "web in orders (partition 0) would get 150 messages again")

	var asked atomic.Int32
	looked := make(chan struct{})
	to.ControlKey(int16(kmsg.OffsetFetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		to.KeepControl()
		if asked.Add(1) == 2 {
			close(looked)
		}
		return nil, nil, false
	})
	found := make(chan probe.Finding, 1)
	go func() {
		f, _ := run(t, spec, files)
		found <- f
	}()
	<-looked // the mirror carries the position over while the probe looks
	commit(t, to, "web", 299)
	wants(t, <-found, probe.Passed, "orders: 300 of 300 messages", "go on from where they are: slow, web")

	write(t, to, 0, 900) // with messages of its own, nothing tells how far from its end a group should be
	commit(t, to, "web", 10)
	f, _ = run(t, spec, files)
	wants(t, f, probe.Passed, "not compared: slow in orders (partition 0), where there are more messages than there, web in orders (partition 0)")
}
