// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

var (
	kafkaTopics = strimziKind("kafkatopics")
	kafkaUsers  = strimziKind("kafkausers")
)

const topicFinalizer = "strimzi.io/topic-operator"

// strimziEntities plays the entity operator (1.2), which runs beside each Kafka that asks for it: topics and users. It is
// looked for by its Deployment, so that a topic stays, held by its finalizer, when the operator went first, as in life.
func strimziEntities() *Operator {
	return &Operator{
		Name: "strimzi-entity-operator", Beside: true,
		Kinds: []Kind{
			{Resource: kafkaTopics, Play: playTopic, Bury: buryTopic},
			{Resource: kafkaUsers, Play: playUser},
		},
	}
}

// entityOperator finds the Kafka that an object belongs to, if a part of its entity operator runs.
func entityOperator(s *Scene, part string) Object {
	name := s.Object.GetLabels()["strimzi.io/cluster"]
	kafka := s.Get(kafkas, s.Object.GetNamespace(), name)
	deployed := s.Get(deployments, s.Object.GetNamespace(), name+"-entity-operator")
	if kafka == nil || deployed == nil || numberAt(deployed.Object, 0, "status", "readyReplicas") == 0 {
		return nil
	}
	for _, c := range mapsAt(deployed.Object, "spec", "template", "spec", "containers") {
		if c["name"] == part {
			return kafka
		}
	}
	return nil
}

// brokersOf is how many brokers a Kafka has.
func brokersOf(w World, kafka Object) int64 {
	var n int64
	for _, p := range poolsOf(w, kafka.GetNamespace(), kafka.GetName()) {
		if hasRole(p, "broker") {
			n += int64(len(listAt(p.Object, "status", "nodeIds")))
		}
	}
	return n
}

func topicName(topic Object) string {
	if n := textAt(topic.Object, "spec", "topicName"); n != "" {
		return n
	}
	return topic.GetName()
}

// playTopic makes a topic: there is no broker, so what is asked for is so, unless there are too few brokers for it.
func playTopic(s *Scene) Outcome {
	kafka := entityOperator(s, "topic-operator")
	if kafka == nil {
		return Outcome{}
	}
	if !slices.Contains(s.Object.GetFinalizers(), topicFinalizer) {
		self := s.Object.DeepCopy()
		self.SetFinalizers(append(self.GetFinalizers(), topicFinalizer))
		return Outcome{Self: self}
	}
	if !s.Ripe(strimziEntity) {
		return Outcome{}
	}
	sum := sha256.Sum256([]byte("topic " + s.Object.GetUID()))
	is := condition{"Ready", "True", "", "", 0}
	replicas, brokers := numberAt(s.Object.Object, 1, "spec", "replicas"), brokersOf(s.World, kafka)
	if replicas > brokers {
		is = condition{"Ready", "False", "KafkaError", fmt.Sprintf("org.apache.kafka.common.errors.InvalidReplicationFactorException: "+
			"Unable to replicate the partition %d time(s): The target replication factor of %d cannot be reached because only %d broker(s) are registered.",
			replicas, replicas, brokers), 0}
	}
	status := map[string]any{
		"observedGeneration": s.Object.GetGeneration(), "topicName": topicName(s.Object), "conditions": conditions(s.Object, s.Wall, is),
	}
	if is.status == "True" {
		status["topicId"] = base64.RawURLEncoding.EncodeToString(sum[:16])
	}
	return Outcome{Status: status}
}

// buryTopic deletes the topic and lets its object go, while the topic operator runs.
func buryTopic(s *Scene) Outcome {
	if entityOperator(s, "topic-operator") == nil || !s.Ripe(strimziEntity) || !slices.Contains(s.Object.GetFinalizers(), topicFinalizer) {
		return Outcome{}
	}
	self := s.Object.DeepCopy()
	self.SetFinalizers(slices.DeleteFunc(self.GetFinalizers(), func(f string) bool { return f == topicFinalizer }))
	return Outcome{Self: self}
}

// playUser gives a user its credentials.
func playUser(s *Scene) Outcome {
	kafka := entityOperator(s, "user-operator")
	if kafka == nil || !s.Ripe(strimziEntity) {
		return Outcome{}
	}
	spec, name := mapAt(s.Object.Object, "spec"), s.Object.GetName()
	failed := func(reason, why string) Outcome {
		return Outcome{Status: map[string]any{
			"observedGeneration": s.Object.GetGeneration(), "conditions": conditions(s.Object, s.Wall, condition{"NotReady", "True", reason, why, 0}),
		}}
	}
	if mapAt(spec, "authorization") != nil && textAt(kafka.Object, "spec", "kafka", "authorization", "type") != "simple" {
		return failed("InvalidResourceException", "Simple authorization ACL rules are configured but not supported in the Kafka cluster configuration.")
	}
	prefix, _, _ := environment(s.Get(deployments, s.Object.GetNamespace(), kafka.GetName()+"-entity-operator"), "STRIMZI_SECRET_PREFIX")
	at := prefix + name
	have := secretData(s.World, s.Object.GetNamespace(), at)
	user, data := name, map[string][]byte{}
	switch textAt(spec, "authentication", "type") {
	case "scram-sha-512":
		secret, why := scramPassword(s, have)
		if why != "" {
			return failed("InvalidResourceException", why)
		}
		data["password"] = secret
		data["sasl.jaas.config"] = fmt.Appendf(nil, `org.apache.kafka.common.security.scram.ScramLoginModule required username="%s" password="%s";`, name, secret)
	case "tls":
		user = "CN=" + name
		if data = userCertificate(s, kafka.GetName(), have); data == nil {
			return Outcome{}
		}
	case "tls-external":
		user = "CN=" + name
	}
	status := map[string]any{
		"observedGeneration": s.Object.GetGeneration(), "username": user, "conditions": conditions(s.Object, s.Wall, condition{"Ready", "True", "", "", 0}),
	}
	if len(data) == 0 {
		return Outcome{Status: status}
	}
	status["secret"] = at
	labels := with(strimziLabels(kafka.GetName(), "KafkaUser", "strimzi-user-operator", "kafka-user"), map[string]string{
		"app.kubernetes.io/instance": name, "app.kubernetes.io/managed-by": "strimzi-user-operator", "app.kubernetes.io/part-of": "strimzi-" + name,
	}, textMap(spec, "template", "secret", "metadata", "labels"))
	o := secret(s.Object.GetNamespace(), at, labels, data)
	o.SetAnnotations(textMap(spec, "template", "secret", "metadata", "annotations"))
	return Outcome{Children: []Object{owned(o, s.Object, false)}, Status: status}
}

// scramPassword is the one asked for, the one there is, or a new one; or why it cannot be had.
func scramPassword(s *Scene, have map[string][]byte) (secret []byte, why string) {
	var ref corev1.SecretKeySelector
	if from := mapAt(s.Object.Object, "spec", "authentication", "password", "valueFrom", "secretKeyRef"); from != nil {
		read(from, &ref)
		given := secretData(s.World, s.Object.GetNamespace(), ref.Name)
		if len(given[ref.Key]) == 0 {
			return nil, fmt.Sprintf("Secret %s with requested user password does not exist.", ref.Name)
		}
		return given[ref.Key], ""
	}
	if len(have["password"]) > 0 {
		return have["password"], ""
	}
	return password(32), ""
}

// userCertificate is what a user's Secret holds that authenticates by TLS; nil while the authority cannot be read.
func userCertificate(s *Scene, kafka string, have map[string][]byte) map[string][]byte {
	ca := authorityIn(s.World, s.Object.GetNamespace(), kafka, "clients")
	if ca == nil {
		return nil
	}
	public := encodeCertificate(ca.certificate)
	if has, err := parsePair(have["user.crt"], have["user.key"]); err == nil && has.certificate.CheckSignatureFrom(ca.certificate) == nil {
		return map[string][]byte{"ca.crt": public, "user.crt": have["user.crt"], "user.key": have["user.key"]}
	}
	leaf, err := newLeaf(pkix.Name{CommonName: s.Object.GetName()}, nil, ca, s.Wall, 365*24*time.Hour)
	if err != nil {
		s.failed(err)
		return nil
	}
	key, err := encodeKey(leaf.key, true)
	if err != nil {
		s.failed(err)
		return nil
	}
	return map[string][]byte{"ca.crt": public, "user.crt": encodeCertificate(leaf.certificate), "user.key": key}
}
