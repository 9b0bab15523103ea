// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var kafkaMirrors = strimziKind("kafkamirrormaker2s")

// strimziConnects is how long Kafka Connect takes to start its workers and connectors once its pods are ready.
const strimziConnects = 30 * time.Second

// playMirrorMaker keeps a mirror's pods and Service, and says that its connectors run once both Kafkas can be reached. No message is
// copied: there are no brokers. Its pods are a Deployment's, where in life a StrimziPodSet has them.
func playMirrorMaker(s *Scene) Outcome {
	spec, namespace, name := mapAt(s.Object.Object, "spec"), s.Object.GetNamespace(), s.Object.GetName()+"-mirrormaker2"
	out := Outcome{}
	says := func(is condition, more map[string]any) Outcome {
		out.Status = map[string]any{"observedGeneration": s.Object.GetGeneration(), "conditions": conditions(s.Object, s.Wall, is),
			"replicas": numberAt(spec, 1, "replicas"), "labelSelector": fmt.Sprintf("strimzi.io/cluster=%s,strimzi.io/name=%s,strimzi.io/kind=KafkaMirrorMaker2", s.Object.GetName(), name),
			"url": fmt.Sprintf("http://%s-api.%s.svc:8083", name, namespace)}
		for key, value := range more {
			out.Status[key] = value
		}
		return out
	}
	ends := []map[string]any{mapAt(spec, "target")}
	for _, m := range mapsAt(spec, "mirrors") {
		ends = append(ends, mapAt(m, "source"))
	}
	for _, end := range ends {
		if lacks := s.lacks(end); lacks != "" {
			return says(condition{"NotReady", "True", "InvalidConfigurationException", lacks, 0}, nil)
		}
	}
	if !s.Ripe(strimziReconciles) {
		return out
	}
	out.Children = mirrorChildren(s, spec, name)
	if !isReady(s.Get(deployments, namespace, name)) || !s.Ripe(strimziConnects) {
		if mapAt(s.Object.Object, "status") == nil {
			return says(condition{"NotReady", "True", "Creating", "Kafka MirrorMaker 2 is being deployed", 0}, nil)
		}
		return out
	}
	for _, end := range ends {
		if host := s.unreachable(textAt(end, "bootstrapServers")); host != "" {
			return says(condition{"NotReady", "True", "ConnectRestException", "GET /connectors returned 500 (Internal Server Error): No resolvable bootstrap urls given in bootstrap.servers: " + host, 0}, nil)
		}
	}
	var connectors []any
	for _, m := range mapsAt(spec, "mirrors") {
		for _, field := range []string{"checkpointConnector", "sourceConnector"} {
			class := map[string]string{"checkpointConnector": "MirrorCheckpointConnector", "sourceConnector": "MirrorSourceConnector"}[field]
			if _, asked := m[field]; !asked {
				continue
			}
			worker := fmt.Sprintf("%s-0.%s.%s.svc:8083", name, name, namespace)
			var tasks []any
			for id := range numberAt(m, 1, field, "tasksMax") {
				tasks = append(tasks, map[string]any{"id": id, "state": "RUNNING", "worker_id": worker})
			}
			connectors = append(connectors, map[string]any{"name": fmt.Sprintf("%s->%s.%s", textAt(m, "source", "alias"), textAt(spec, "target", "alias"), class), "type": "source",
				"connector": map[string]any{"state": "RUNNING", "worker_id": worker}, "tasks": tasks})
		}
	}
	return says(condition{"Ready", "True", "", "", 0}, map[string]any{"connectors": connectors})
}

// lacks says which Secret of a Kafka's sign-in or authority is not there.
func (s *Scene) lacks(end map[string]any) string {
	need := func(secret, key string) string {
		if secret == "" {
			return ""
		}
		if len(secretData(s.World, s.Object.GetNamespace(), secret)[key]) == 0 {
			return fmt.Sprintf("Secret %s in namespace %s does not exist or has no key %s", secret, s.Object.GetNamespace(), key)
		}
		return ""
	}
	password := mapAt(end, "authentication", "passwordSecret")
	if why := need(textAt(password, "secretName"), textAt(password, "password")); why != "" {
		return why
	}
	for _, trusted := range mapsAt(end, "tls", "trustedCertificates") {
		if why := need(textAt(trusted, "secretName"), textAt(trusted, "certificate")); why != "" {
			return why
		}
	}
	return ""
}

// unreachable is the first of a Kafka's addresses that names a Service which is not there; what is outside the cluster is taken to be.
func (s *Scene) unreachable(servers string) string {
	for _, server := range strings.Split(servers, ",") {
		host, _, _ := strings.Cut(server, ":")
		parts := strings.Split(strings.TrimSuffix(host, ".cluster.local"), ".")
		if host == "" || len(parts) == 3 && parts[2] == "svc" && s.Get(services, parts[1], parts[0]) == nil {
			return server
		}
	}
	return ""
}

// mirrorChildren are a mirror's account, Service and pods.
func mirrorChildren(s *Scene, spec map[string]any, name string) []Object {
	labels := strimziLabels(s.Object.GetName(), "KafkaMirrorMaker2", name, "kafka-mirror-maker-2")
	selector := strimziSelector(s.Object.GetName(), "KafkaMirrorMaker2", name)
	var template strimziPod
	read(mapAt(spec, "template", "pod"), &template)
	meta := metav1.ObjectMeta{Namespace: s.Object.GetNamespace(), Name: name, Labels: labels}
	image := "quay.io/strimzi/kafka:" + strimziRelease(s.Controller) + "-kafka-" + textAt(spec, "version")
	d := &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{
		Replicas: new(int32(numberAt(spec, 1, "replicas"))), Selector: &metav1.LabelSelector{MatchLabels: selector},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: with(template.Metadata.Labels, labels), Annotations: template.Metadata.Annotations},
			Spec: corev1.PodSpec{ServiceAccountName: name, Containers: []corev1.Container{{Name: name, Image: image, Resources: resourcesAt(spec, "resources"),
				Ports: []corev1.ContainerPort{{Name: "rest-api", ContainerPort: 8083, Protocol: corev1.ProtocolTCP}}}}}}}}
	template.onto(&d.Spec.Template.Spec)
	api := metav1.ObjectMeta{Namespace: meta.Namespace, Name: name + "-api", Labels: labels}
	return []Object{owned(typed(&corev1.ServiceAccount{ObjectMeta: meta}), s.Object, false), owned(typed(service(api, selector, port("rest-api", 8083))), s.Object, false), owned(typed(d), s.Object, false)}
}
