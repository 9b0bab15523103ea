// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"crypto/x509/pkix"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var (
	elasticsearches = schema.GroupResource{Group: "elasticsearch.k8s.elastic.co", Resource: "elasticsearches"}
	kibanas         = schema.GroupResource{Group: "kibana.k8s.elastic.co", Resource: "kibanas"}
	logstashes      = schema.GroupResource{Group: "logstash.k8s.elastic.co", Resource: "logstashes"}
)

// How long ECK and what it runs take, in model time, besides the pods.
const (
	eckReconciles    = 3 * time.Second
	eckClusterForms  = 45 * time.Second // Elasticsearch elects a master and answers
	eckKibanaAnswers = 40 * time.Second // Kibana has made its indices
)

// eck plays Elastic Cloud on Kubernetes (3.5): Elasticsearch, Kibana and Logstash. A cluster of one node is yellow, as its
// replicas have nowhere to go. Not played: Beats, Agents, Fleet and the other kinds, autoscaling, and the moving of data before a node goes.
func eck() *Operator {
	return &Operator{
		Name: "elastic-operator", Image: "eck-operator",
		Kinds: []Kind{
			{Resource: elasticsearches, Play: playElasticsearch},
			{Resource: kibanas, Play: playKibana},
			{Resource: logstashes, Play: playLogstash},
		},
	}
}

// eckService is what a custom resource says of a Service.
type eckService struct {
	Service struct {
		Metadata struct {
			Labels      map[string]string `json:"labels"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec corev1.ServiceSpec `json:"spec"`
	} `json:"service"`
	TLS struct {
		Certificate struct {
			SecretName string `json:"secretName"`
		} `json:"certificate"`
		SelfSignedCertificate *struct {
			Disabled bool `json:"disabled"`
			Names    []struct {
				DNS string `json:"dns"`
			} `json:"subjectAltNames"`
		} `json:"selfSignedCertificate"`
	} `json:"tls"`
}

// scheme is how the door is spoken to.
func (e *eckService) scheme() string {
	if s := e.TLS.SelfSignedCertificate; s != nil && s.Disabled && e.TLS.Certificate.SecretName == "" {
		return "http"
	}
	return "https"
}

// door makes the Service that a custom resource may shape.
func (e *eckService) door(meta metav1.ObjectMeta, selector map[string]string, number int32) Object {
	meta.Labels, meta.Annotations = with(e.Service.Metadata.Labels, meta.Labels), e.Service.Metadata.Annotations
	svc := service(meta, selector, portTo(e.scheme(), number))
	if ports := svc.Spec.Ports; e.Service.Spec.Type != "" || len(e.Service.Spec.Ports) > 0 {
		svc.Spec = e.Service.Spec
		if len(svc.Spec.Ports) == 0 {
			svc.Spec.Ports = ports
		}
		if svc.Spec.Selector == nil {
			svc.Spec.Selector = selector
		}
		if svc.Spec.Type == "" {
			svc.Spec.Type = corev1.ServiceTypeClusterIP
		}
	}
	return typed(svc)
}

// eckTemplate is a pod template with what ECK puts into every pod.
func eckTemplate(given corev1.PodTemplateSpec, labels map[string]string, main corev1.Container) corev1.PodTemplateSpec {
	t := *given.DeepCopy()
	t.Labels = with(t.Labels, labels)
	for _, c := range t.Spec.Containers {
		if r := c.Resources; c.Name == main.Name && (r.Requests != nil || r.Limits != nil) { // its own are a default for the whole
			main.Resources = corev1.ResourceRequirements{}
		}
	}
	t.Spec.Containers = overlay([]corev1.Container{main}, t.Spec.Containers)
	t.Spec.AutomountServiceAccountToken = new(false)
	if t.Spec.TerminationGracePeriodSeconds == nil {
		t.Spec.TerminationGracePeriodSeconds = new(int64(180))
	}
	return t
}

// eckAuthority makes an authority's Secret, <prefix>-ca-internal, or reads it: the pair is nil until it can be read.
func eckAuthority(s *Scene, prefix string, labels map[string]string) (*pair, []Object) {
	name := prefix + "-ca-internal"
	if data := secretData(s.World, s.Object.GetNamespace(), name); data != nil {
		ca, err := parsePair(data["tls.crt"], data["tls.key"])
		if err != nil {
			s.failed(err)
			return nil, nil
		}
		return ca, nil
	}
	ca, err := newAuthority(pkix.Name{CommonName: prefix, OrganizationalUnit: []string{s.Object.GetName()}}, s.Wall, 365*24*time.Hour)
	if err != nil {
		s.failed(err)
		return nil, nil
	}
	key, err := encodeKey(ca.key, false)
	if err != nil {
		s.failed(err)
		return nil, nil
	}
	o := secret(s.Object.GetNamespace(), name, labels, map[string][]byte{"tls.crt": encodeCertificate(ca.certificate), "tls.key": key})
	return nil, []Object{owned(o, s.Object, true)}
}

// eckCertificates makes the Secrets of a door: <prefix>-http-ca-internal, <prefix>-http-certs-internal and -public.
func eckCertificates(s *Scene, prefix, service string, e *eckService, labels map[string]string) []Object {
	namespace := s.Object.GetNamespace()
	if e.scheme() == "http" {
		return nil
	}
	public := func(crt, ca []byte) Object {
		data := map[string][]byte{"tls.crt": crt}
		if len(ca) > 0 {
			data["ca.crt"] = ca
		}
		return owned(secret(namespace, prefix+"-http-certs-public", labels, data), s.Object, true)
	}
	if own := e.TLS.Certificate.SecretName; own != "" {
		data := secretData(s.World, namespace, own)
		if data == nil {
			return nil
		}
		return []Object{public(data["tls.crt"], data["ca.crt"])}
	}
	ca, made := eckAuthority(s, prefix+"-http", labels)
	if ca == nil {
		return made
	}
	internal := secretData(s.World, namespace, prefix+"-http-certs-internal")
	names := []string{service + "." + namespace + ".svc", service, service + "." + namespace, "localhost"}
	if own := e.TLS.SelfSignedCertificate; own != nil {
		for _, n := range own.Names {
			if n.DNS != "" {
				names = append(names, n.DNS)
			}
		}
	}
	if has, err := parsePair(internal["tls.crt"], internal["tls.key"]); err == nil && sameSet(has.certificate.DNSNames, names) {
		return []Object{public(internal["tls.crt"], internal["ca.crt"])}
	}
	leaf, err := newLeaf(pkix.Name{CommonName: prefix + "-http." + namespace + ".es.local", OrganizationalUnit: []string{s.Object.GetName()}}, names, ca, s.Wall, 365*24*time.Hour)
	if err != nil {
		s.failed(err)
		return nil
	}
	key, err := encodeKey(leaf.key, false)
	if err != nil {
		s.failed(err)
		return nil
	}
	crt := append(encodeCertificate(leaf.certificate), encodeCertificate(ca.certificate)...)
	o := secret(namespace, prefix+"-http-certs-internal", labels, map[string][]byte{"tls.crt": crt, "tls.key": key, "ca.crt": encodeCertificate(ca.certificate)})
	return []Object{owned(o, s.Object, true)}
}

// nodeSet is one part of an Elasticsearch.
type nodeSet struct {
	Name        string                         `json:"name"`
	Count       int32                          `json:"count"`
	Config      map[string]any                 `json:"config"`
	PodTemplate corev1.PodTemplateSpec         `json:"podTemplate"`
	Claims      []corev1.PersistentVolumeClaim `json:"volumeClaimTemplates"`
}

type elasticsearchSpec struct {
	Version  string     `json:"version"`
	Image    string     `json:"image"`
	HTTP     eckService `json:"http"`
	NodeSets []nodeSet  `json:"nodeSets"`
	Claims   string     `json:"volumeClaimDeletePolicy"`
}

// playElasticsearch keeps a cluster's StatefulSets and what belongs to them.
func playElasticsearch(s *Scene) Outcome {
	var spec elasticsearchSpec
	read(mapAt(s.Object.Object, "spec"), &spec)
	namespace, name := s.Object.GetNamespace(), s.Object.GetName()
	prefix := name + "-es"
	selector := map[string]string{"common.k8s.elastic.co/type": "elasticsearch", "elasticsearch.k8s.elastic.co/cluster-name": name}
	meta := func(suffix string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: prefix + suffix, Labels: selector}
	}
	var out Outcome
	if s.Ripe(eckReconciles) {
		made := []Object{
			spec.HTTP.door(meta("-http"), selector, 9200),
			typed(service(meta("-internal-http"), selector, portTo(spec.HTTP.scheme(), 9200))),
			typed(headless(meta("-transport"), selector, portTo("tls-transport", 9300))),
			typed(&corev1.ConfigMap{ObjectMeta: meta("-scripts")}), typed(&corev1.ConfigMap{ObjectMeta: meta("-unicast-hosts")}),
		}
		if user := meta("-elastic-user"); s.Get(secrets, namespace, user.Name) == nil {
			made = append(made, secret(namespace, user.Name, with(selector, map[string]string{"eck.k8s.elastic.co/credentials": "true"}), map[string][]byte{"elastic": password(24)}))
		}
		if ca, authority := eckAuthority(s, prefix+"-transport", selector); ca != nil {
			made = append(made, secret(namespace, prefix+"-transport-certs-public", selector, map[string][]byte{"ca.crt": encodeCertificate(ca.certificate)}))
		} else {
			made = append(made, authority...)
		}
		total := int32(0)
		for _, n := range spec.NodeSets {
			total += n.Count
			made = append(made, n.around(s, &spec, meta("-"+n.Name), selector)...)
		}
		least := total
		if health := textAt(s.Object.Object, "status", "health"); total == 1 || health == "green" {
			least-- // one may go while the cluster can do without it; a single one may always go
		}
		made = append(made, typed(&policyv1.PodDisruptionBudget{ObjectMeta: meta("-default"), Spec: policyv1.PodDisruptionBudgetSpec{
			MinAvailable: new(intstr.FromInt32(max(0, least))), Selector: &metav1.LabelSelector{MatchLabels: selector},
		}}))
		for i := range made {
			owned(made[i], s.Object, true)
		}
		made = append(made, ownClaims(s, spec.Claims)...)
		out.Children = append(made, eckCertificates(s, prefix, prefix+"-http", &spec.HTTP, selector)...)
	}
	out.Gone = spec.gone(s, prefix)
	out.Status = spec.status(s, prefix)
	return out
}

// roleLabels say which roles a node set's nodes have: all but voting_only, unless its configuration names them.
func (n *nodeSet) roleLabels() map[string]string {
	given := textsAt(map[string]any{"r": n.Config["node.roles"]}, "r")
	if nested, ok := n.Config["node"].(map[string]any); ok && given == nil {
		given = textsAt(nested, "roles")
	}
	out := map[string]string{}
	for _, role := range []string{"master", "data", "ingest", "ml", "transform", "remote_cluster_client", "data_cold", "data_content", "data_hot", "data_warm", "data_frozen", "voting_only"} {
		has := slices.Contains(given, role) || given == nil && role != "voting_only"
		out["elasticsearch.k8s.elastic.co/node-"+role] = fmt.Sprint(has)
	}
	return out
}

// around is a node set's StatefulSet with its Service and Secrets.
func (n *nodeSet) around(s *Scene, spec *elasticsearchSpec, meta metav1.ObjectMeta, cluster map[string]string) []Object {
	selector := with(cluster, map[string]string{"elasticsearch.k8s.elastic.co/statefulset-name": meta.Name})
	labels := with(selector, n.roleLabels(), map[string]string{
		"elasticsearch.k8s.elastic.co/version": spec.Version, "elasticsearch.k8s.elastic.co/http-scheme": spec.HTTP.scheme(),
	})
	image := spec.Image
	if image == "" {
		image = "docker.elastic.co/elasticsearch/elasticsearch:" + spec.Version
	}
	main := corev1.Container{
		Name: "elasticsearch", Image: image, Resources: corev1.ResourceRequirements{Requests: memory("2Gi"), Limits: memory("2Gi")},
		Ports: []corev1.ContainerPort{
			{Name: spec.HTTP.scheme(), ContainerPort: 9200, Protocol: corev1.ProtocolTCP}, {Name: "transport", ContainerPort: 9300, Protocol: corev1.ProtocolTCP},
		},
	}
	claims := eckClaims(n.Claims, n.PodTemplate, "elasticsearch-data", "1Gi")
	main.VolumeMounts = []corev1.VolumeMount{{Name: "elasticsearch-data", MountPath: "/usr/share/elasticsearch/data"}}
	meta.Labels = selector
	set := &appsv1.StatefulSet{
		ObjectMeta: meta,
		Spec: appsv1.StatefulSetSpec{
			Replicas: &n.Count, ServiceName: meta.Name, PodManagementPolicy: appsv1.ParallelPodManagement,
			Selector: &metav1.LabelSelector{MatchLabels: selector}, Template: eckTemplate(n.PodTemplate, labels, main), VolumeClaimTemplates: claims,
		},
	}
	own := func(suffix string) metav1.ObjectMeta {
		m := meta
		m.Name += suffix
		return m
	}
	return []Object{
		typed(headless(meta, selector, portTo(spec.HTTP.scheme(), 9200))), typed(set),
		typed(&corev1.Secret{ObjectMeta: own("-es-config"), Type: corev1.SecretTypeOpaque}),
	}
}

// eckClaims are the claim templates, with the default one for the data unless it or a volume of its name is given.
func eckClaims(given []corev1.PersistentVolumeClaim, template corev1.PodTemplateSpec, name, size string) []corev1.PersistentVolumeClaim {
	for _, c := range given {
		if c.Name == name {
			return given
		}
	}
	for _, v := range template.Spec.Volumes {
		if v.Name == name {
			return given
		}
	}
	return append(slices.Clone(given), corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}},
		},
	})
}

// gone are the StatefulSets of node sets that are not asked for any more, and by either policy the claims of nodes that went.
func (e *elasticsearchSpec) gone(s *Scene, prefix string) []Reference {
	namespace := s.Object.GetNamespace()
	want := map[string]int64{}
	for _, n := range e.NodeSets {
		want[prefix+"-"+n.Name] = int64(n.Count)
	}
	var out []Reference
	for _, set := range s.List(statefulSets) {
		if c := metav1.GetControllerOf(set); c == nil || c.UID != s.Object.GetUID() {
			continue
		}
		if _, asked := want[set.GetName()]; !asked {
			out = append(out, Reference{statefulSets, namespace, set.GetName()}, Reference{services, namespace, set.GetName()},
				Reference{secrets, namespace, set.GetName() + "-es-config"})
		}
	}
	for _, c := range s.List(claims) {
		set := c.GetLabels()["elasticsearch.k8s.elastic.co/statefulset-name"]
		if c.GetNamespace() != namespace || c.GetLabels()["elasticsearch.k8s.elastic.co/cluster-name"] != s.Object.GetName() {
			continue
		}
		var ordinal int64
		pod := afterLast(c.GetName(), set+"-")
		if _, err := fmt.Sscanf(pod, "%d", &ordinal); err != nil || ordinal < want[set] {
			continue
		}
		if s.Get(pods, namespace, fmt.Sprintf("%s-%d", set, ordinal)) == nil {
			out = append(out, Reference{claims, namespace, c.GetName()})
		}
	}
	return out
}
