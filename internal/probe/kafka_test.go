// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/k8or/k8or/internal/probe"
)

// brokers is a Kafka in this process with one user and one topic.
func brokers(t *testing.T, more ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(3, "orders"), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "web", "s3cret-of-web")}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func binding(c *kfake.Cluster, password string, more ...string) map[string]string {
	files := map[string]string{"kafka/bootstrap-servers": strings.Join(c.ListenAddrs(), ","), "kafka/username": "web", "kafka/password": password}
	for i := 0; i < len(more); i += 2 {
		files["kafka/"+more[i]] = more[i+1]
	}
	return files
}

func message(topic string) probe.Spec {
	return probe.Spec{Timeout: 20 * time.Second, Kafka: &probe.Kafka{Binding: "kafka", Topic: topic}}
}

func TestKafkaProducesAndConsumesAMessage(t *testing.T) {
	t.Parallel()
	c := brokers(t)
	for range 2 { // the second finds its own message among others
		f, _ := run(t, message("orders"), binding(c, "s3cret-of-web"))
		wants(t, f, probe.Passed, "produced to orders", "consumed again")
	}
}

func TestKafkaOnlySignsInWhereNoTopicIsNamed(t *testing.T) {
	t.Parallel()
	c := brokers(t)
	f, _ := run(t, message(""), binding(c, "s3cret-of-web"))
	wants(t, f, probe.Passed, "lets the user of the Binding in")
	f, _ = run(t, message(""), binding(c, "wrong-1d2e3f"))
	wants(t, f, probe.Failed, "the user of the Binding")
	f, _ = run(t, message(""), binding(c, "s3cret-of-web", "security-protocol", "SASL_SSL"))
	wants(t, f, probe.Failed) // it speaks no TLS
}

func TestKafkaSpeaksTLSWithTheBindingsAuthority(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	c := brokers(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{a.issue(t, "127.0.0.1", -time.Hour, time.Hour)}}))
	files := binding(c, "s3cret-of-web", "ca.crt", a.pem)
	f, _ := run(t, message("orders"), files)
	wants(t, f, probe.Passed)
	files["kafka/ca.crt"] = newAuthority(t).pem
	f, _ = run(t, message("orders"), files)
	wants(t, f, probe.Failed, "nobody who is trusted signed the certificate of Kafka")
}

func TestKafkaSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	c := brokers(t, kfake.EnableACLs(), kfake.User("SCRAM-SHA-512", "guest", "guest-9f8e7d"))
	f, _ := run(t, message("orders"), binding(c, "wrong-5a4b3c"))
	wants(t, f, probe.Failed, "the user of the Binding", "KafkaUser")
	f, _ = run(t, message("missing"), binding(c, "s3cret-of-web"))
	wants(t, f, probe.Failed, "the topic missing is not there", "KafkaTopic")
	guest := binding(c, "guest-9f8e7d")
	guest["kafka/username"] = "guest"
	f, _ = run(t, message("orders"), guest)
	wants(t, f, probe.Failed, "ACLs")
	f, _ = run(t, message("orders"), map[string]string{})
	wants(t, f, probe.Failed, "kafka/bootstrap-servers is not there")
	odd := binding(c, "s3cret-of-web", "sasl-mechanism", "GSSAPI")
	f, _ = run(t, message("orders"), odd)
	wants(t, f, probe.Failed, "GSSAPI")
}

// may is an ACL, as k8or writes it for an app.
func may(kind kmsg.ACLResourceType, name string, operation kmsg.ACLOperation) kfake.ACL {
	return kfake.ACL{Resource: kind, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: operation, Allow: true}
}

func TestKafkaProvesWhatAnAppMayAndWritesNothing(t *testing.T) {
	t.Parallel()
	topic, group := kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup
	reads := []kfake.ACL{may(topic, "orders", kmsg.ACLOperationDescribe), may(topic, "orders", kmsg.ACLOperationRead), may(group, "app", kmsg.ACLOperationDescribe), may(group, "app", kmsg.ACLOperationRead)}
	c := brokers(t, kfake.EnableACLs(), kfake.User("SCRAM-SHA-512", "app-reader", "s3cret-of-reader", reads...),
		kfake.User("SCRAM-SHA-512", "app-writer", "s3cret-of-writer", append(slices.Clone(reads), may(topic, "orders", kmsg.ACLOperationWrite))...),
		kfake.User("SCRAM-SHA-512", "app-blind", "s3cret-of-blind", may(topic, "orders", kmsg.ACLOperationDescribe), may(topic, "orders", kmsg.ACLOperationWrite)),
		kfake.User("SCRAM-SHA-512", "app-alone", "s3cret-of-alone", slices.Concat(reads[:2], []kfake.ACL{reads[2], may(topic, "orders", kmsg.ACLOperationWrite)})...))
	as := func(name string, writes bool) probe.Finding {
		files := binding(c, "s3cret-of-"+name)
		files["kafka/username"] = "app-" + name
		f, _ := run(t, probe.Spec{Timeout: 20 * time.Second, Kafka: &probe.Kafka{Binding: "kafka", Topics: []string{"orders"}, Writes: writes, Group: "app"}}, files)
		return f
	}
	wants(t, as("writer", true), probe.Passed, "orders can be read and written to, in the group app")
	wants(t, as("reader", false), probe.Passed, "orders can be read, in the group app")
	for _, p := range c.PartitionInfos("orders") {
		if p.HighWatermark != 0 {
			t.Errorf("something was written to partition %d of an app's topic", p.Partition)
		}
	}
	if c.GroupInfo("app") != nil {
		t.Error("a group is left behind")
	}
	write(t, c, 0, 1, 2, 3)
	wants(t, as("writer", true), probe.Passed)
	wants(t, as("reader", true), probe.Failed, "lacks the right WRITE of the topic orders", "ACLs")
	wants(t, as("blind", true), probe.Failed, "lacks the right READ of the topic orders", "ACLs")
	wants(t, as("alone", true), probe.Failed, "lacks the right READ of the group app", "ACLs")
	c.ControlKey(int16(kmsg.Fetch), func(asked kmsg.Request) (kmsg.Response, error, bool) {
		answer := asked.ResponseKind().(*kmsg.FetchResponse)
		answer.ErrorCode = kerr.KafkaStorageError.Code
		return answer, nil, true
	})
	wants(t, as("reader", false), probe.Failed, "the topic orders cannot be read")
}

func TestKafkaOutOfReachIsAFailureWithinItsTime(t *testing.T) {
	t.Parallel()
	spec := message("orders")
	spec.Timeout = short
	f, _ := run(t, spec, map[string]string{"kafka/bootstrap-servers": "127.0.0.1:1"})
	wants(t, f, probe.Failed, "no broker answers")
	if f.Elapsed > 10 {
		t.Errorf("it took %.1f s, and was given %s", f.Elapsed, short)
	}
}
