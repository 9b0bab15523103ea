// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func strimziKind(resource string) schema.GroupResource {
	return schema.GroupResource{Group: "kafka.strimzi.io", Resource: resource}
}

var (
	kafkas     = strimziKind("kafkas")
	kafkaPools = strimziKind("kafkanodepools")

	kafkaRebalances = strimziKind("kafkarebalances")
)

// How long Strimzi and Kafka take, in model time: of the order that its own system tests wait for.
const (
	strimziReconciles = 4 * time.Second   // certificates and Services
	strimziForms      = 40 * time.Second  // a new cluster's brokers find each other
	strimziRebalances = 90 * time.Second  // Cruise Control proposes, and moves what there is to move
	strimziEntity     = 2 * time.Second   // a topic or a user
	strimziGivesUp    = 300 * time.Second // STRIMZI_OPERATION_TIMEOUT_MS
)

// strimzi plays Strimzi's cluster operator (1.2). A pool's pods are bare pods owned by the KafkaNodePool, without the
// StrimziPodSet that stands between them in life: they have its names, whose numbers a StatefulSet could not give, they are
// rolled one at a time while the others are ready, and one that was evicted is made again. Trust stores in PKCS #12 are not made.
func strimzi() *Operator {
	return &Operator{
		Name: "strimzi-cluster-operator", Image: "strimzi/operator",
		Kinds: []Kind{
			{Resource: kafkas, Play: playKafka},
			{Resource: kafkaPools, Play: playKafkaPool},
			{Resource: kafkaMirrors, Play: playMirrorMaker},
			{Resource: kafkaRebalances, Play: playRebalance},
		},
		Within: strimziWithin,
	}
}

// strimziWithin reads from the operator's environment which namespaces it watches: its own unless it says others.
func strimziWithin(controller Object, namespace string) bool {
	value, field, ok := environment(controller, "STRIMZI_NAMESPACE")
	switch {
	case !ok:
		return true // a stand-in for the chart says nothing
	case field == "metadata.namespace":
		return namespace == controller.GetNamespace()
	}
	return value == "*" || slices.Contains(strings.Split(strings.ReplaceAll(value, " ", ""), ","), namespace)
}

// strimziRelease is the operator's own version.
func strimziRelease(controller Object) string {
	for _, c := range mapsAt(controller.Object, "spec", "template", "spec", "containers") {
		image, _, _ := strings.Cut(textAt(c, "image"), "@")
		if repository := repositoryOf(image); strings.HasSuffix(repository, "strimzi/operator") && len(image) > len(repository) {
			return image[len(repository)+1:]
		}
	}
	return "1.2.0"
}

// kafkaVersion and kafkaImage are what a Kafka runs: what it says, or the newest that the operator knows.
func kafkaVersion(kafka Object) string {
	if v := textAt(kafka.Object, "spec", "kafka", "version"); v != "" {
		return v
	}
	return "4.3.1"
}

func kafkaImage(s *Scene, kafka Object) string {
	if image := textAt(kafka.Object, "spec", "kafka", "image"); image != "" {
		return image
	}
	version := kafkaVersion(kafka)
	images, _, _ := environment(s.Controller, "STRIMZI_KAFKA_IMAGES")
	for _, line := range strings.Fields(images) {
		if of, image, _ := strings.Cut(line, "="); of == version {
			return image
		}
	}
	return "quay.io/strimzi/kafka:" + strimziRelease(s.Controller) + "-kafka-" + version
}

// strimziLabels are those of everything that belongs to a cluster's part.
func strimziLabels(kafka, kind, name, component string) map[string]string {
	return map[string]string{
		"strimzi.io/cluster": kafka, "strimzi.io/kind": kind, "strimzi.io/name": name, "strimzi.io/component-type": component,
		"app.kubernetes.io/name": component, "app.kubernetes.io/instance": kafka, "app.kubernetes.io/managed-by": "strimzi-cluster-operator",
		"app.kubernetes.io/part-of": "strimzi-" + kafka,
	}
}

// strimziSelector is by what a part's pods are found.
func strimziSelector(kafka, kind, name string) map[string]string {
	return map[string]string{"strimzi.io/cluster": kafka, "strimzi.io/kind": kind, "strimzi.io/name": name}
}

// strimziPod is what a template says of pods.
type strimziPod struct {
	Metadata struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Affinity           *corev1.Affinity                  `json:"affinity"`
	Tolerations        []corev1.Toleration               `json:"tolerations"`
	Spread             []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints"`
	PriorityClass      string                            `json:"priorityClassName"`
	SecurityContext    *corev1.PodSecurityContext        `json:"securityContext"`
	ImagePullSecrets   []corev1.LocalObjectReference     `json:"imagePullSecrets"`
	TerminationSeconds *int64                            `json:"terminationGracePeriodSeconds"`
}

// onto writes a template's wishes into a pod.
func (t *strimziPod) onto(spec *corev1.PodSpec) {
	spec.Affinity, spec.Tolerations, spec.TopologySpreadConstraints = t.Affinity, t.Tolerations, t.Spread
	spec.PriorityClassName, spec.SecurityContext, spec.ImagePullSecrets = t.PriorityClass, t.SecurityContext, t.ImagePullSecrets
	spec.TerminationGracePeriodSeconds = t.TerminationSeconds
	if spec.TerminationGracePeriodSeconds == nil {
		spec.TerminationGracePeriodSeconds = new(int64(30))
	}
}

// resourcesAt reads the requests and limits at a path.
func resourcesAt(o map[string]any, path ...string) corev1.ResourceRequirements {
	var r corev1.ResourceRequirements
	read(mapAt(o, path...), &r)
	return r
}
