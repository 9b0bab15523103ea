// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/k8or/k8or/internal/probe"
)

// write puts messages into a partition of the topic orders.
func write(t *testing.T, c *kfake.Cluster, partition int32, n int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.SASL(scram.Auth{User: "web", Pass: "s3cret-of-web"}.AsSha512Mechanism()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := range n {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Partition: partition, Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMirrorCountsWhatIsMissingPartitionByPartition(t *testing.T) {
	t.Parallel()
	from, to := brokers(t), brokers(t)
	files := map[string]string{}
	for folder, c := range map[string]*kfake.Cluster{"source": from, "target": to} {
		files[folder+"/bootstrap-servers"], files[folder+"/username"], files[folder+"/password"] = strings.Join(c.ListenAddrs(), ","), "web", "s3cret-of-web"
	}
	spec := probe.Spec{Timeout: 20 * time.Second, Mirror: &probe.Mirror{Source: "source", Target: "target", Topics: []string{"orders"}}}
	f, _ := run(t, spec, files)
	wants(t, f, probe.Passed, "orders: 0 of 0 messages")

	write(t, from, 0, 3)
	write(t, from, 2, 2)
	write(t, to, 0, 3)
	write(t, to, 1, 7) // what is too many in one partition is not what lacks in another
	f, _ = run(t, spec, files)
	wants(t, f, probe.Failed, "2 messages are not here yet", "orders: 3 of 5 messages", "KafkaMirrorMaker2")
	write(t, to, 2, 2)
	f, _ = run(t, spec, files)
	wants(t, f, probe.Passed, "orders: 5 of 5 messages")

	spec.Mirror.Topics = []string{"orders", "missing"}
	f, _ = run(t, spec, files)
	wants(t, f, probe.Failed, "the topic missing is not there")
	files["target/password"] = "wrong"
	spec.Mirror.Topics = []string{"orders"}
	f, _ = run(t, spec, files)
	wants(t, f, probe.Failed, "the user of the Binding")
}
