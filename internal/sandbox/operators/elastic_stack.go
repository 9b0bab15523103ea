// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// eckRef is a reference to an Elasticsearch.
type eckRef struct {
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	ClusterName string `json:"clusterName"`
	SecretName  string `json:"secretName"`
}

// eckAssociation is what has come of a reference.
type eckAssociation struct {
	status   string // empty when there is no reference
	children []Object
	version  string // of what is referred to
}

// associate gives an object a user of its own in the Elasticsearch it refers to, and the authority to trust.
func associate(s *Scene, ref eckRef, kind string, selector map[string]string) eckAssociation {
	if ref.SecretName != "" {
		if s.Get(secrets, s.Object.GetNamespace(), ref.SecretName) == nil {
			return eckAssociation{status: "Pending"}
		}
		return eckAssociation{status: "Established"}
	}
	if ref.Name == "" {
		return eckAssociation{}
	}
	namespace := ref.Namespace
	if namespace == "" {
		namespace = s.Object.GetNamespace()
	}
	cluster := s.Get(elasticsearches, namespace, ref.Name)
	if cluster == nil {
		return eckAssociation{status: "Pending"}
	}
	var spec elasticsearchSpec
	read(mapAt(cluster.Object, "spec"), &spec)
	a := eckAssociation{status: "Pending", version: textAt(cluster.Object, "status", "version")}
	name, own := s.Object.GetName()+"-"+kind, s.Object.GetNamespace()
	if s.Get(secrets, own, name+"-user") == nil {
		user := fmt.Sprintf("%s-%s-%s-user", own, s.Object.GetName(), kind)
		a.children = append(a.children, owned(secret(own, name+"-user", with(selector, map[string]string{"eck.k8s.elastic.co/credentials": "true"}),
			map[string][]byte{user: password(24)}), s.Object, true))
	}
	if spec.HTTP.scheme() == "https" {
		public := secretData(s.World, namespace, ref.Name+"-es-http-certs-public")
		if public == nil {
			return a
		}
		a.children = append(a.children, owned(secret(own, name+"-es-ca", selector, public), s.Object, true))
	}
	if health := textAt(cluster.Object, "status", "health"); health == "green" || health == "yellow" {
		a.status = "Established"
	}
	return a
}

// playKibana keeps a Kibana's Deployment, once its Elasticsearch answers.
func playKibana(s *Scene) Outcome {
	var spec struct {
		Version  string                 `json:"version"`
		Image    string                 `json:"image"`
		Count    *int32                 `json:"count"`
		HTTP     eckService             `json:"http"`
		Ref      eckRef                 `json:"elasticsearchRef"`
		Template corev1.PodTemplateSpec `json:"podTemplate"`
	}
	read(mapAt(s.Object.Object, "spec"), &spec)
	if !s.Ripe(eckReconciles) {
		return Outcome{}
	}
	prefix := s.Object.GetName() + "-kb"
	selector := map[string]string{"common.k8s.elastic.co/type": "kibana", "kibana.k8s.elastic.co/name": s.Object.GetName()}
	meta := metav1.ObjectMeta{Namespace: s.Object.GetNamespace(), Name: prefix, Labels: selector}
	at := func(suffix string) metav1.ObjectMeta { m := meta; m.Name += suffix; return m }
	association := associate(s, spec.Ref, "kibana", selector)
	var out Outcome
	out.Children = append(association.children, owned(spec.HTTP.door(at("-http"), selector, 5601), s.Object, true),
		owned(typed(&corev1.Secret{ObjectMeta: at("-config"), Type: corev1.SecretTypeOpaque}), s.Object, true))
	out.Children = append(out.Children, eckCertificates(s, prefix, prefix+"-http", &spec.HTTP, selector)...)
	if association.status == "" || association.status == "Established" {
		image := spec.Image
		if image == "" {
			image = "docker.elastic.co/kibana/kibana:" + spec.Version
		}
		main := corev1.Container{
			Name: "kibana", Image: image, Resources: corev1.ResourceRequirements{Requests: memory("2Gi"), Limits: memory("2Gi")},
			Ports: []corev1.ContainerPort{{Name: spec.HTTP.scheme(), ContainerPort: 5601, Protocol: corev1.ProtocolTCP}},
		}
		out.Children = append(out.Children, owned(typed(&appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{
			Replicas: orElse(spec.Count, 1), Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: eckTemplate(spec.Template, with(selector, map[string]string{"kibana.k8s.elastic.co/version": spec.Version}), main),
		}}), s.Object, true))
	}
	deployed := s.Get(deployments, meta.Namespace, meta.Name)
	status := map[string]any{
		"count": int64(0), "availableNodes": int64(0), "health": "red", "observedGeneration": s.Object.GetGeneration(),
		"selector": labels.SelectorFromSet(selector).String(),
	}
	if deployed != nil {
		status["count"] = numberAt(deployed.Object, 0, "status", "replicas")
		status["availableNodes"] = numberAt(deployed.Object, 0, "status", "availableReplicas")
		was := textAt(s.Object.Object, "status", "health")
		if isReady(deployed) && (was == "green" || s.Ripe(eckKibanaAnswers)) {
			status["health"], status["version"] = "green", spec.Version
		} else if v := textAt(s.Object.Object, "status", "version"); v != "" {
			status["version"] = v
		}
	}
	if association.status != "" {
		status["associationStatus"], status["elasticsearchAssociationStatus"] = association.status, association.status
	}
	out.Status = status
	return out
}

// playLogstash keeps a Logstash's StatefulSet.
func playLogstash(s *Scene) Outcome {
	var spec struct {
		Version  string                         `json:"version"`
		Image    string                         `json:"image"`
		Count    *int32                         `json:"count"`
		Refs     []eckRef                       `json:"elasticsearchRefs"`
		Template corev1.PodTemplateSpec         `json:"podTemplate"`
		Claims   []corev1.PersistentVolumeClaim `json:"volumeClaimTemplates"`
		Services []struct {
			Name       string `json:"name"`
			eckService `json:",inline"`
		} `json:"services"`
	}
	read(mapAt(s.Object.Object, "spec"), &spec)
	if !s.Ripe(eckReconciles) {
		return Outcome{}
	}
	prefix := s.Object.GetName() + "-ls"
	selector := map[string]string{"common.k8s.elastic.co/type": "logstash", "logstash.k8s.elastic.co/name": s.Object.GetName()}
	meta := metav1.ObjectMeta{Namespace: s.Object.GetNamespace(), Name: prefix, Labels: selector}
	at := func(suffix string) metav1.ObjectMeta { m := meta; m.Name += suffix; return m }
	var out Outcome
	associations, pending := map[string]any{}, false
	for _, ref := range spec.Refs {
		a := associate(s, ref, "logstash-"+ref.ClusterName, selector)
		out.Children = append(out.Children, a.children...)
		pending = pending || a.status != "Established"
		namespace := ref.Namespace
		if namespace == "" {
			namespace = meta.Namespace
		}
		associations[namespace+"/"+ref.Name] = a.status
	}
	api := eckService{}
	made := []Object{
		typed(headless(at("-api"), selector, portTo("api", 9600))), typed(&corev1.Secret{ObjectMeta: at("-config"), Type: corev1.SecretTypeOpaque}),
		typed(&corev1.Secret{ObjectMeta: at("-pipeline"), Type: corev1.SecretTypeOpaque}),
	}
	for _, svc := range spec.Services {
		if svc.Name != "api" {
			made = append(made, svc.door(at("-"+svc.Name), selector, 5044))
		} else {
			api = svc.eckService
		}
	}
	if !pending {
		image := spec.Image
		if image == "" {
			image = "docker.elastic.co/logstash/logstash:" + spec.Version
		}
		main := corev1.Container{
			Name: "logstash", Image: image,
			Resources:    corev1.ResourceRequirements{Requests: requests("1", "2Gi"), Limits: requests("2", "2Gi")},
			Ports:        []corev1.ContainerPort{{Name: "http", ContainerPort: 9600, Protocol: corev1.ProtocolTCP}},
			VolumeMounts: []corev1.VolumeMount{{Name: "logstash-data", MountPath: "/usr/share/logstash/data"}},
		}
		made = append(made, typed(&appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{
			Replicas: orElse(spec.Count, 1), ServiceName: prefix + "-api", PodManagementPolicy: appsv1.ParallelPodManagement,
			Selector:             &metav1.LabelSelector{MatchLabels: selector},
			Template:             eckTemplate(spec.Template, with(selector, map[string]string{"logstash.k8s.elastic.co/version": spec.Version}), main),
			VolumeClaimTemplates: eckClaims(spec.Claims, spec.Template, "logstash-data", "1.5Gi"),
		}}))
	}
	for i := range made {
		owned(made[i], s.Object, true)
	}
	out.Children = append(append(out.Children, made...), eckCertificates(s, prefix, prefix+"-api", &api, selector)...)
	set := s.Get(statefulSets, meta.Namespace, meta.Name)
	status := map[string]any{
		"expectedNodes": int64(*orElse(spec.Count, 1)), "availableNodes": int64(0), "health": "red", "observedGeneration": s.Object.GetGeneration(),
		"selector": labels.SelectorFromSet(selector).String(),
	}
	if set != nil {
		status["availableNodes"] = numberAt(set.Object, 0, "status", "readyReplicas")
		if isReady(set) {
			status["health"], status["version"] = "green", spec.Version
		} else if numberAt(set.Object, 0, "status", "readyReplicas") > 0 {
			status["health"] = "yellow"
		}
	}
	if len(associations) > 0 {
		status["elasticsearchAssociationsStatus"] = associations
	}
	out.Status = status
	return out
}
