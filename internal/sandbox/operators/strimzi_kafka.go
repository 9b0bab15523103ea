// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// listener is a door of a Kafka.
type listener struct {
	Name           string `json:"name"`
	Port           int32  `json:"port"`
	Type           string `json:"type"` // internal, nodeport, loadbalancer, cluster-ip, ingress, route, tlsroute
	TLS            bool   `json:"tls"`
	Authentication struct {
		Type string `json:"type"`
	} `json:"authentication"`
	Configuration struct {
		Bootstrap struct {
			Annotations map[string]string `json:"annotations"`
			Labels      map[string]string `json:"labels"`
		} `json:"bootstrap"`
	} `json:"configuration"`
}

func listenersOf(kafka Object) []listener {
	var spec struct {
		Listeners []listener `json:"listeners"`
	}
	read(mapAt(kafka.Object, "spec", "kafka"), &spec)
	return spec.Listeners
}

// portName is what Strimzi calls a listener's port, in part for the sake of its older versions.
func (l *listener) portName() string {
	switch {
	case l.Port == 9092 && l.Name == "plain" && l.Type == "internal":
		return "tcp-clients"
	case l.Port == 9093 && l.Name == "tls" && l.Type == "internal":
		return "tcp-clientstls"
	case l.Port == 9094 && l.Name == "external":
		return "tcp-external"
	}
	return "tcp-" + l.Name
}

// clusterID is a Kafka's own, made of its uid as Kafka writes uuids.
func clusterID(kafka Object) string {
	sum := sha256.Sum256([]byte("cluster " + kafka.GetUID()))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// playKafka keeps what a cluster has besides its nodes, and says when it is ready.
func playKafka(s *Scene) Outcome {
	pools := poolsOf(s.World, s.Object.GetNamespace(), s.Object.GetName())
	generation := s.Object.GetGeneration()
	if len(pools) == 0 {
		return Outcome{Status: map[string]any{"observedGeneration": generation, "conditions": conditions(s.Object, s.Wall, condition{
			"NotReady", "True", "InvalidConfigurationException", "KRaft can only be used with a Kafka cluster that uses KafkaNodePool resources.", 0})}}
	}
	var out Outcome
	if s.Ripe(time.Second) {
		out.Children = strimziAuthorities(s)
	}
	if len(out.Children) == 0 && s.Ripe(strimziReconciles) {
		out.Children = strimziAround(s, pools)
	}
	nodes, ready := 0, 0
	for _, p := range pools {
		if numberAt(p.Object, 0, "status", "observedGeneration") != p.GetGeneration() {
			nodes++ // not counted yet
		}
		for _, id := range listAt(p.Object, "status", "nodeIds") {
			n, _ := id.(int64)
			nodes++
			pod := s.Get(pods, p.GetNamespace(), nodeName(s.Object.GetName(), p, n))
			if pod != nil && podReady(pod) && pod.GetAnnotations()[strimziRevision] == strimziNode(s, s.Object, p, n).GetAnnotations()[strimziRevision] {
				ready++
			}
		}
	}
	forms := strimziForms
	if textAt(s.Object.Object, "status", "clusterId") != "" {
		forms = strimziReconciles
	}
	up := nodes == ready && s.Ripe(forms)
	if up {
		out.Children = append(out.Children, strimziCompanions(s)...)
	}
	for _, name := range companionsOf(s.Object) {
		up = up && isReady(s.Get(deployments, s.Object.GetNamespace(), name))
	}
	switch {
	case up:
		out.Status = kafkaStatus(s, pools, condition{"Ready", "True", "", "", 0})
	case mapAt(s.Object.Object, "status") == nil:
		out.Status = map[string]any{"conditions": conditions(s.Object, s.Wall, condition{"NotReady", "True", "Creating", "Kafka cluster is being deployed", 0})}
	case numberAt(s.Object.Object, 0, "status", "observedGeneration") != generation && s.Ripe(strimziGivesUp):
		out.Status = kafkaStatus(s, pools, condition{"NotReady", "True", "TimeoutException", fmt.Sprintf(
			"Exceeded timeout of 300000ms while waiting for Pods resource in namespace %s to be ready", s.Object.GetNamespace()), 0})
	}
	return out
}

func kafkaStatus(s *Scene, pools []Object, is condition) map[string]any {
	kafka := s.Object
	status := map[string]any{
		"observedGeneration": kafka.GetGeneration(), "clusterId": clusterID(kafka), "kafkaVersion": kafkaVersion(kafka),
		"operatorLastSuccessfulVersion": strimziRelease(s.Controller), "conditions": conditions(kafka, s.Wall, append(warnings(s, pools), is)...),
	}
	if auto := autoRebalance(s, pools); auto != nil {
		status["autoRebalance"] = auto
	}
	metadata := textAt(kafka.Object, "spec", "kafka", "metadataVersion")
	if metadata == "" {
		var major, minor int
		fmt.Sscanf(kafkaVersion(kafka), "%d.%d", &major, &minor) //nolint:errcheck // what does not parse stays 0
		metadata = fmt.Sprintf("%d.%d-IV0", major, minor)
	}
	status["kafkaMetadataVersion"] = metadata
	var names, doors []any
	for _, p := range pools {
		names = append(names, map[string]any{"name": p.GetName()})
	}
	status["kafkaNodePools"] = names
	for _, l := range listenersOf(kafka) {
		host, port := bootstrapOf(s, &l)
		if host == "" {
			continue
		}
		door := map[string]any{
			"name": l.Name, "bootstrapServers": fmt.Sprintf("%s:%d", host, port), "addresses": []any{map[string]any{"host": host, "port": int64(port)}},
		}
		if l.TLS {
			door["certificates"] = []any{string(secretData(s.World, kafka.GetNamespace(), kafka.GetName()+"-cluster-ca-cert")["ca.crt"])}
		}
		doors = append(doors, door)
	}
	if doors != nil {
		status["listeners"] = doors
	}
	return status
}

// bootstrapOf is where clients of a listener begin; no host while that is not known.
func bootstrapOf(s *Scene, l *listener) (string, int32) {
	namespace := s.Object.GetNamespace()
	switch l.Type {
	case "internal":
		return s.Object.GetName() + "-kafka-bootstrap." + namespace + ".svc", l.Port
	case "cluster-ip":
		return s.Object.GetName() + "-kafka-" + l.Name + "-bootstrap." + namespace + ".svc", l.Port
	case "loadbalancer":
		if o := s.Get(services, namespace, s.Object.GetName()+"-kafka-"+l.Name+"-bootstrap"); o != nil {
			if at := mapsAt(o.Object, "status", "loadBalancer", "ingress"); len(at) > 0 {
				return cmp.Or(textAt(at[0], "hostname"), textAt(at[0], "ip")), l.Port
			}
		}
	}
	return "", 0 // by the nodes' own addresses or a route, which are not played
}

// strimziAuthorities makes the two authorities of a cluster where they are missing.
func strimziAuthorities(s *Scene) []Object {
	var out []Object
	namespace, kafka := s.Object.GetNamespace(), s.Object.GetName()
	for _, name := range []string{"cluster", "clients"} {
		if !truthAt(s.Object.Object, true, "spec", name+"Ca", "generateCertificateAuthority") || s.Get(secrets, namespace, kafka+"-"+name+"-ca-cert") != nil {
			continue
		}
		ca, err := newAuthority(pkix.Name{Organization: []string{"io.strimzi"}, CommonName: name + "-ca v0"}, s.Wall, 365*24*time.Hour)
		if err != nil {
			s.failed(err)
			continue
		}
		key, err := encodeKey(ca.key, true)
		if err != nil {
			s.failed(err)
			continue
		}
		labels := strimziLabels(kafka, "Kafka", "strimzi", "certificate-authority")
		cert := secret(namespace, kafka+"-"+name+"-ca-cert", labels, map[string][]byte{"ca.crt": encodeCertificate(ca.certificate)})
		cert.SetAnnotations(map[string]string{"strimzi.io/ca-cert-generation": "0"})
		private := secret(namespace, kafka+"-"+name+"-ca", labels, map[string][]byte{"ca.key": key})
		private.SetAnnotations(map[string]string{"strimzi.io/ca-key-generation": "0"})
		out = append(out, owned(private, s.Object, false), owned(cert, s.Object, false))
	}
	return out
}

// authorityIn reads one of the cluster's authorities; nil when it is not whole.
func authorityIn(w World, namespace, kafka, name string) *pair {
	ca, err := parsePair(secretData(w, namespace, kafka+"-"+name+"-ca-cert")["ca.crt"], secretData(w, namespace, kafka+"-"+name+"-ca")["ca.key"])
	if err != nil {
		return nil
	}
	return ca
}

// strimziAround is what stands around the nodes: account, Services, budget, certificates.
func strimziAround(s *Scene, pools []Object) []Object {
	namespace, kafka := s.Object.GetNamespace(), s.Object.GetName()
	labels := strimziLabels(kafka, "Kafka", kafka+"-kafka", "kafka")
	selector := strimziSelector(kafka, "Kafka", kafka+"-kafka")
	brokers := with(selector, map[string]string{"strimzi.io/broker-role": "true"})
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels}
	}
	inside := []corev1.ServicePort{port("tcp-replication", 9091)}
	var outside []listener
	for _, l := range listenersOf(s.Object) {
		if l.Type == "internal" {
			inside = append(inside, port(l.portName(), l.Port))
		} else {
			outside = append(outside, l)
		}
	}
	bootstrap := meta(kafka + "-kafka-bootstrap")
	bootstrap.Labels = with(labels, map[string]string{"strimzi.io/discovery": "true"})
	out := []Object{
		typed(&corev1.ServiceAccount{ObjectMeta: meta(kafka + "-kafka")}),
		typed(service(bootstrap, brokers, inside...)),
		typed(headless(meta(kafka+"-kafka-brokers"), selector,
			append([]corev1.ServicePort{port("tcp-ctrlplane", 9090), port("tcp-kafkaagent", 8443)}, inside...)...)),
	}
	nodes := int32(0)
	for _, p := range pools {
		nodes += int32(numberAt(p.Object, 0, "spec", "replicas"))
		out = append(out, strimziDoors(s, p, outside)...)
	}
	for _, l := range outside {
		if kind, ok := doorTypes[l.Type]; ok {
			m := meta(kafka + "-kafka-" + l.Name + "-bootstrap")
			m.Annotations, m.Labels = l.Configuration.Bootstrap.Annotations, with(m.Labels, l.Configuration.Bootstrap.Labels)
			svc := service(m, brokers, port(l.portName(), l.Port))
			svc.Spec.Type = kind
			out = append(out, typed(svc))
		}
	}
	missing := int32(numberAt(s.Object.Object, 1, "spec", "kafka", "template", "podDisruptionBudget", "maxUnavailable"))
	out = append(out, typed(&policyv1.PodDisruptionBudget{ObjectMeta: meta(kafka + "-kafka"), Spec: policyv1.PodDisruptionBudgetSpec{
		MinAvailable: new(intstr.FromInt32(max(0, nodes-missing))), Selector: &metav1.LabelSelector{MatchLabels: selector},
	}}))
	for i := range out {
		owned(out[i], s.Object, false)
	}
	return append(out, strimziCertificates(s, pools)...)
}

// doorTypes are the Services of listeners to the outside that are played.
var doorTypes = map[string]corev1.ServiceType{
	"nodeport": corev1.ServiceTypeNodePort, "loadbalancer": corev1.ServiceTypeLoadBalancer, "cluster-ip": corev1.ServiceTypeClusterIP,
}

// strimziDoors are the Services by which each broker is reached from outside.
func strimziDoors(s *Scene, pool Object, outside []listener) []Object {
	if !hasRole(pool, "broker") {
		return nil
	}
	var out []Object
	kafka := s.Object.GetName()
	for _, l := range outside {
		kind, ok := doorTypes[l.Type]
		if !ok {
			continue
		}
		for _, id := range nodeIDs(poolsOf(s.World, s.Object.GetNamespace(), kafka), never)[pool.GetName()] {
			node := nodeName(kafka, pool, id)
			svc := service(metav1.ObjectMeta{
				Namespace: s.Object.GetNamespace(), Name: fmt.Sprintf("%s-%s-%s-%d", kafka, pool.GetName(), l.Name, id), Labels: nodeLabels(s.Object, pool),
			}, with(strimziSelector(kafka, "Kafka", kafka+"-kafka"), map[string]string{"strimzi.io/pod-name": node}), port(l.portName(), l.Port))
			svc.Spec.Type = kind
			out = append(out, typed(svc))
		}
	}
	return out
}

// strimziCertificates give each node its certificate, once the authority can be read.
func strimziCertificates(s *Scene, pools []Object) []Object {
	namespace, kafka := s.Object.GetNamespace(), s.Object.GetName()
	ca := authorityIn(s.World, namespace, kafka, "cluster")
	if ca == nil {
		return nil
	}
	var out []Object
	for pool, ids := range nodeIDs(pools, never) {
		for _, id := range ids {
			name := fmt.Sprintf("%s-%s-%d", kafka, pool, id)
			if s.Get(secrets, namespace, name) != nil {
				continue
			}
			leaf, err := newLeaf(pkix.Name{Organization: []string{"io.strimzi"}, CommonName: kafka + "-kafka"}, []string{
				kafka + "-kafka-bootstrap", kafka + "-kafka-bootstrap." + namespace, kafka + "-kafka-bootstrap." + namespace + ".svc",
				kafka + "-kafka-bootstrap." + namespace + ".svc.cluster.local", kafka + "-kafka-brokers", kafka + "-kafka-brokers." + namespace + ".svc",
				name + "." + kafka + "-kafka-brokers." + namespace + ".svc", name + "." + kafka + "-kafka-brokers." + namespace + ".svc.cluster.local",
			}, ca, s.Wall, 365*24*time.Hour)
			if err != nil {
				s.failed(err)
				continue
			}
			key, err := encodeKey(leaf.key, true)
			if err != nil {
				s.failed(err)
				continue
			}
			out = append(out, owned(secret(namespace, name, strimziLabels(kafka, "Kafka", kafka+"-kafka", "kafka"), map[string][]byte{
				name + ".crt": encodeCertificate(leaf.certificate), name + ".key": key,
			}), s.Object, false))
		}
	}
	return out
}

// companionsOf are the names of the Deployments that a Kafka asks for besides its nodes.
func companionsOf(kafka Object) []string {
	var out []string
	for field, suffix := range map[string]string{"entityOperator": "-entity-operator", "kafkaExporter": "-kafka-exporter", "cruiseControl": "-cruise-control"} {
		asked := mapAt(kafka.Object, "spec", field)
		if asked == nil || field == "entityOperator" && asked["topicOperator"] == nil && asked["userOperator"] == nil {
			continue
		}
		out = append(out, kafka.GetName()+suffix)
	}
	return out
}

// strimziCompanions are those Deployments, made once the brokers are there.
func strimziCompanions(s *Scene) []Object {
	spec, release := mapAt(s.Object.Object, "spec"), strimziRelease(s.Controller)
	own, broker := "quay.io/strimzi/operator:"+release, kafkaImage(s, s.Object)
	var out []Object
	deploy := func(field, suffix, component string, containers ...corev1.Container) {
		if _, asked := spec[field]; asked {
			out = append(out, strimziDeployment(s, suffix, component, mapAt(spec, field, "template", "pod"), containers)...)
		}
	}
	var entity []corev1.Container
	for _, part := range []struct{ field, name string }{{"topicOperator", "topic-operator"}, {"userOperator", "user-operator"}} {
		if _, asked := mapAt(spec, "entityOperator")[part.field]; asked {
			entity = append(entity, corev1.Container{Name: part.name, Image: own, Resources: resourcesAt(spec, "entityOperator", part.field, "resources")})
		}
	}
	if len(entity) > 0 {
		deploy("entityOperator", "entity-operator", "entity-operator", entity...)
	}
	deploy("kafkaExporter", "kafka-exporter", "kafka-exporter", corev1.Container{
		Name: s.Object.GetName() + "-kafka-exporter", Image: broker, Resources: resourcesAt(spec, "kafkaExporter", "resources"),
		Ports: []corev1.ContainerPort{{Name: "tcp-prometheus", ContainerPort: 9404, Protocol: corev1.ProtocolTCP}},
	})
	deploy("cruiseControl", "cruise-control", "cruise-control", corev1.Container{
		Name: "cruise-control", Image: broker, Resources: resourcesAt(spec, "cruiseControl", "resources"),
		Ports: []corev1.ContainerPort{{Name: "rest-api", ContainerPort: 9090, Protocol: corev1.ProtocolTCP}},
	})
	if _, asked := spec["cruiseControl"]; asked {
		name := s.Object.GetName() + "-cruise-control"
		out = append(out, owned(typed(service(metav1.ObjectMeta{
			Namespace: s.Object.GetNamespace(), Name: name, Labels: strimziLabels(s.Object.GetName(), "Kafka", name, "cruise-control"),
		}, strimziSelector(s.Object.GetName(), "Kafka", name), port("rest-api", 9090))), s.Object, false))
	}
	return out
}

func strimziDeployment(s *Scene, suffix, component string, pod map[string]any, containers []corev1.Container) []Object {
	kafka := s.Object.GetName()
	name := kafka + "-" + suffix
	labels := strimziLabels(kafka, "Kafka", name, component)
	var template strimziPod
	read(pod, &template)
	meta := metav1.ObjectMeta{Namespace: s.Object.GetNamespace(), Name: name, Labels: labels}
	d := &appsv1.Deployment{
		ObjectMeta: meta,
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(1)), Strategy: appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
			Selector: &metav1.LabelSelector{MatchLabels: strimziSelector(kafka, "Kafka", name)},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: with(template.Metadata.Labels, labels), Annotations: template.Metadata.Annotations},
				Spec:       corev1.PodSpec{ServiceAccountName: name, Containers: containers},
			},
		},
	}
	template.onto(&d.Spec.Template.Spec)
	return []Object{owned(typed(&corev1.ServiceAccount{ObjectMeta: meta}), s.Object, false), owned(typed(d), s.Object, false)}
}
