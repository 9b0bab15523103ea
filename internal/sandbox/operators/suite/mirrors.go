// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const mirrors = "kafkamirrormaker2s.v1.kafka.strimzi.io"

// mirrorMakerConnects holds a mirror to what it says of Secrets that are not there, of connectors, and of its end.
func mirrorMakerConnects(t *testing.T, c *Cluster) {
	c.create(t, `
apiVersion: kafka.strimzi.io/v1
kind: KafkaMirrorMaker2
metadata: {name: move}
spec:
  version: 4.3.1
  replicas: 1
  resources: {requests: {cpu: 100m, memory: 512Mi}}
  target:
    alias: new
    bootstrapServers: new.example.com:25073
    groupId: move
    configStorageTopic: move-config
    offsetStorageTopic: move-offset
    statusStorageTopic: move-status
    authentication: {type: scram-sha-256, username: mover, passwordSecret: {secretName: mover, password: password}}
  mirrors:
  - source: {alias: old, bootstrapServers: old.example.com:9093}
    topicsPattern: clicks
    sourceConnector: {tasksMax: 2}
    checkpointConnector: {tasksMax: 1}
`)
	got := c.becomes(t, mirrors, "move", "not ready for want of a Secret", is("NotReady", "True"))
	if !strings.Contains(field(got, "status.conditions"), "Secret mover") {
		t.Errorf("without the Secret its status is %v", got.Object["status"])
	}
	c.create(t, "{apiVersion: v1, kind: Secret, metadata: {name: mover}, stringData: {password: s3cret}}")
	got = c.becomes(t, mirrors, "move", "ready", is("Ready", "True"))
	for _, want := range []string{"old->new.MirrorSourceConnector", "old->new.MirrorCheckpointConnector", "RUNNING"} {
		if !strings.Contains(field(got, "status.connectors"), want) {
			t.Errorf("its connectors are %s, without %s", field(got, "status.connectors"), want)
		}
	}
	pod := c.get(t, deployments, "move-mirrormaker2")
	labels, _, _ := unstructured.NestedStringMap(pod.Object, "spec", "template", "metadata", "labels")
	if labels["strimzi.io/kind"] != "KafkaMirrorMaker2" || labels["strimzi.io/cluster"] != "move" {
		t.Errorf("its pods' labels are %v", labels)
	}
	c.remove(t, mirrors, "move")
	c.gone(t, deployments, "move-mirrormaker2")
	c.gone(t, "services.v1.", "move-mirrormaker2-api")
}
