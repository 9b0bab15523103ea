// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	certificates  = "certificates.v1.cert-manager.io"
	prometheuses  = "prometheuses.v1.monitoring.coreos.com"
	alertmanagers = "alertmanagers.v1.monitoring.coreos.com"
	kafkas        = "kafkas.v1.kafka.strimzi.io"
	pools         = "kafkanodepools.v1.kafka.strimzi.io"
	searches      = "elasticsearches.v1.elasticsearch.k8s.elastic.co"
	kibanas       = "kibanas.v1.kibana.k8s.elastic.co"
	logstashes    = "logstashes.v1alpha1.logstash.k8s.elastic.co"
	statefulSets  = "statefulsets.v1.apps"
	deployments   = "deployments.v1.apps"
)

func certificate(namespace, name, issuer string) string {
	return fmt.Sprintf(`
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: %s, namespace: %s}
spec:
  secretName: %s-tls
  commonName: %s.example.com
  dnsNames: [%s.example.com, www.example.com]
  privateKey: {algorithm: ECDSA, size: 256}
  issuerRef: {name: %s, kind: Issuer}
`, name, namespace, name, name, name, issuer)
}

// early is where the certificate was made that was there before its operator.
var early *Cluster

func nothingHappensWithoutTheOperator(t *testing.T, c *Cluster) {
	c = &Cluster{Context: c.Context, dynamic: c.dynamic, typed: c.typed, namespace: early.namespace}
	got := c.becomes(t, certificates, "early", "seen", func(o *unstructured.Unstructured) bool { return o.Object["status"] != nil })
	if condition(got, "Ready") != "False" || condition(got, "Issuing") != "True" {
		t.Errorf("without an issuer its status is %v", got.Object["status"])
	}
}

func certificatesAreIssued(t *testing.T, c *Cluster) {
	c.create(t, "{apiVersion: cert-manager.io/v1, kind: Issuer, metadata: {name: self}, spec: {selfSigned: {}}}")
	c.create(t, `
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: root}
spec: {secretName: root, commonName: root, isCA: true, privateKey: {algorithm: ECDSA, size: 256}, issuerRef: {name: self}, duration: 87600h}
`)
	c.create(t, "{apiVersion: cert-manager.io/v1, kind: Issuer, metadata: {name: ca}, spec: {ca: {secretName: root}}}")
	c.create(t, certificate(c.namespace, "web", "ca"))
	c.becomes(t, "issuers.v1.cert-manager.io", "ca", "ready", is("Ready", "True"))
	got := c.becomes(t, certificates, "web", "ready", is("Ready", "True"))
	data := c.secret(t, "web-tls", "tls.crt", "tls.key", "ca.crt")
	pair, err := tls.X509KeyPair(data["tls.crt"], data["tls.key"])
	must(t, err, "read the key pair")
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data["ca.crt"]) {
		t.Fatal("ca.crt holds no certificate")
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	must(t, err, "read the certificate")
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: "www.example.com", Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		t.Errorf("the certificate does not hold for its name: %v", err)
	}
	has(t, got, "status.notAfter", leaf.NotAfter.UTC().Format("2006-01-02T15:04:05Z"))
	has(t, got, "status.revision", "1")
	if owners := c.get(t, "secrets.v1.", "web-tls").GetOwnerReferences(); len(owners) != 0 {
		t.Errorf("the Secret is owned by %v, and stays in life when its Certificate goes", owners)
	}
	c.patch(t, certificates, "web", `{"spec":{"dnsNames":["other.example.com"],"commonName":"other.example.com"}}`)
	got = c.becomes(t, certificates, "web", "issued anew", func(o *unstructured.Unstructured) bool { return field(o, "status.revision") == "2" })
	has(t, got, "status.revision", "2")
	next := c.secret(t, "web-tls", "tls.crt")
	if string(next["tls.crt"]) == string(data["tls.crt"]) {
		t.Error("the certificate was not issued anew for its other name")
	}
}

func acmeCertificatesAreIssued(t *testing.T, c *Cluster) {
	c.create(t, `
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: letsencrypt}
spec:
  acme:
    server: https://acme-staging-v02.api.letsencrypt.org/directory
    email: me@example.com
    privateKeySecretRef: {name: account}
    solvers: [{http01: {ingress: {ingressClassName: nginx}}}]
`)
	c.create(t, certificate(c.namespace, "web", "letsencrypt"))
	got := c.becomes(t, "issuers.v1.cert-manager.io", "letsencrypt", "registered", is("Ready", "True"))
	has(t, got, "status.acme.lastRegisteredEmail", "me@example.com")
	c.secret(t, "account", "tls.key")
	c.becomes(t, certificates, "web", "ready", is("Ready", "True"))
	if n := strings.Count(string(c.secret(t, "web-tls", "tls.crt")["tls.crt"]), "BEGIN CERTIFICATE"); n != 2 {
		t.Errorf("tls.crt holds %d certificates, want the leaf and its intermediate", n)
	}
}

func authoritiesAreInjected(t *testing.T, c *Cluster) {
	c.create(t, "{apiVersion: cert-manager.io/v1, kind: Issuer, metadata: {name: self}, spec: {selfSigned: {}}}")
	c.create(t, certificate(c.namespace, "hook", "self"))
	c.create(t, fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: %s, annotations: {cert-manager.io/inject-ca-from: %s/hook}}
webhooks:
- name: a.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  clientConfig: {service: {name: hook, namespace: %s}}
`, c.namespace, c.namespace, c.namespace))
	want := base64.StdEncoding.EncodeToString(c.secret(t, "hook-tls", "ca.crt")["ca.crt"])
	c.until(t, "the authority is injected", func() (bool, error) {
		got, err := c.typed.AdmissionregistrationV1().ValidatingWebhookConfigurations().Get(c, c.namespace, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		return base64.StdEncoding.EncodeToString(got.Webhooks[0].ClientConfig.CABundle) == want, nil
	})
}

func prometheusRuns(t *testing.T, c *Cluster) {
	c.create(t, `
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: kps}
spec:
  replicas: 2
  retention: 15d
  resources: {requests: {cpu: 500m, memory: 2Gi}}
  storage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 50Gi}}}}}
`)
	got := c.becomes(t, prometheuses, "kps", "available", is("Available", "True"))
	if condition(got, "Reconciled") != "True" {
		t.Errorf("its status is %v", got.Object["status"])
	}
	has(t, got, "status.availableReplicas", "2")
	set := c.get(t, statefulSets, "prometheus-kps")
	has(t, set, "spec.serviceName", "prometheus-operated")
	containers, _, _ := unstructured.NestedSlice(set.Object, "spec", "template", "spec", "containers")
	if len(containers) != 2 || field(&unstructured.Unstructured{Object: containers[0].(map[string]any)}, "resources.requests.memory") != "2Gi" {
		t.Errorf("its containers are %v", containers)
	}
	has(t, c.get(t, "services.v1.", "prometheus-operated"), "spec.clusterIP", "None")
	has(t, c.get(t, "persistentvolumeclaims.v1.", "prometheus-kps-db-prometheus-kps-1"), "spec.resources.requests.storage", "50Gi")
	c.secret(t, "prometheus-kps", "prometheus.yaml.gz")
	c.patch(t, prometheuses, "kps", `{"spec":{"replicas":1}}`)
	c.becomes(t, statefulSets, "prometheus-kps", "smaller", func(o *unstructured.Unstructured) bool { return field(o, "status.replicas") == "1" })
	c.remove(t, prometheuses, "kps")
	c.gone(t, statefulSets, "prometheus-kps")
	c.gone(t, "services.v1.", "prometheus-operated")
	c.get(t, "persistentvolumeclaims.v1.", "prometheus-kps-db-prometheus-kps-1") // claims of a StatefulSet stay
}

func alertmanagerRuns(t *testing.T, c *Cluster) {
	c.create(t, "{apiVersion: monitoring.coreos.com/v1, kind: Alertmanager, metadata: {name: kps}, spec: {replicas: 1}}")
	c.becomes(t, alertmanagers, "kps", "available", is("Available", "True"))
	set := c.get(t, statefulSets, "alertmanager-kps")
	containers, _, _ := unstructured.NestedSlice(set.Object, "spec", "template", "spec", "containers")
	if field(&unstructured.Unstructured{Object: containers[0].(map[string]any)}, "resources.requests.memory") != "200Mi" {
		t.Errorf("without a word of its resources its container is %v", containers[0])
	}
	c.get(t, "services.v1.", "alertmanager-operated")
}

func kafkaForms(t *testing.T, c *Cluster) {
	for _, pool := range []string{"broker", "controller"} {
		c.create(t, fmt.Sprintf(`
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: %s, labels: {strimzi.io/cluster: events}}
spec:
  replicas: 3
  roles: [%s]
  storage: {type: jbod, volumes: [{id: 0, type: persistent-claim, size: 50Gi, kraftMetadata: shared}]}
  resources: {requests: {cpu: 500m, memory: 2Gi}}
`, pool, pool))
	}
	c.create(t, `
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: events}
spec:
  kafka:
    version: 4.3.1
    listeners:
    - {name: plain, port: 9092, type: internal, tls: false}
    - {name: tls, port: 9093, type: internal, tls: true}
  entityOperator: {topicOperator: {}, userOperator: {}}
`)
	got := c.becomes(t, kafkas, "events", "ready", is("Ready", "True"))
	has(t, got, "status.kafkaVersion", "4.3.1")
	if len(field(got, "status.clusterId")) != 22 || !strings.Contains(field(got, "status.listeners"), "events-kafka-bootstrap."+c.namespace+".svc:9093") {
		t.Errorf("its status is %v", got.Object["status"])
	}
	has(t, c.get(t, pools, "broker"), "status.nodeIds", "[0 1 2]")
	has(t, c.get(t, pools, "controller"), "status.nodeIds", "[3 4 5]")
	pod := c.get(t, "pods.v1.", "events-controller-5")
	has(t, pod, "metadata.labels", fmt.Sprint(pod.GetLabels()))
	if pod.GetLabels()["strimzi.io/cluster"] != "events" || pod.GetLabels()["strimzi.io/controller-role"] != "true" {
		t.Errorf("the pod's labels are %v", pod.GetLabels())
	}
	c.get(t, "persistentvolumeclaims.v1.", "data-0-events-broker-2")
	c.get(t, deployments, "events-entity-operator")
	ca := c.secret(t, "events-cluster-ca-cert", "ca.crt")["ca.crt"]
	node := c.secret(t, "events-broker-0", "events-broker-0.crt")["events-broker-0.crt"]
	verifies(t, node, ca, "events-kafka-bootstrap."+c.namespace+".svc")

	must(t, c.typed.CoreV1().Pods(c.namespace).Delete(c, "events-broker-1", metav1.DeleteOptions{}), "lose a pod")
	c.becomes(t, "pods.v1.", "events-broker-1", "there again", func(o *unstructured.Unstructured) bool {
		return o.GetDeletionTimestamp() == nil && condition(o, "Ready") == "True"
	})
	c.patch(t, pools, "broker", `{"spec":{"replicas":4}}`)
	c.becomes(t, pools, "broker", "larger", func(o *unstructured.Unstructured) bool { return field(o, "status.nodeIds") == "[0 1 2 6]" })
	c.patch(t, pools, "broker", `{"spec":{"replicas":3}}`)
	c.gone(t, "pods.v1.", "events-broker-6")
	c.get(t, "persistentvolumeclaims.v1.", "data-0-events-broker-6") // without deleteClaim it stays
	c.remove(t, kafkas, "events")
	for _, name := range []string{"events-broker-0", "events-controller-3"} {
		c.gone(t, "pods.v1.", name)
	}
	c.gone(t, deployments, "events-entity-operator")
	c.gone(t, "services.v1.", "events-kafka-bootstrap")
	c.get(t, "persistentvolumeclaims.v1.", "data-0-events-broker-0")
}

// verifies checks that a certificate holds for a name under an authority.
func verifies(t *testing.T, leaf, authority []byte, name string) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	x, err := parse(leaf)
	must(t, err, "read a certificate")
	if _, err := x.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
		t.Errorf("the certificate does not hold for %s: %v", name, err)
	}
}

func elasticsearchForms(t *testing.T, c *Cluster) {
	c.create(t, `
apiVersion: elasticsearch.k8s.elastic.co/v1
kind: Elasticsearch
metadata: {name: logs}
spec:
  version: 9.5.0
  volumeClaimDeletePolicy: DeleteOnScaledownOnly
  nodeSets:
  - name: default
    count: 3
    podTemplate: {spec: {containers: [{name: elasticsearch, resources: {requests: {cpu: 500m, memory: 4Gi}, limits: {memory: 4Gi}}}]}}
    volumeClaimTemplates:
    - metadata: {name: elasticsearch-data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 100Gi}}}
`)
	c.create(t, `
apiVersion: kibana.k8s.elastic.co/v1
kind: Kibana
metadata: {name: logs}
spec: {version: 9.5.0, count: 1, elasticsearchRef: {name: logs}}
`)
	c.create(t, `
apiVersion: logstash.k8s.elastic.co/v1alpha1
kind: Logstash
metadata: {name: logs}
spec: {version: 9.5.0, count: 1, elasticsearchRefs: [{clusterName: main, name: logs}]}
`)
	got := c.becomes(t, searches, "logs", "ready", func(o *unstructured.Unstructured) bool { return field(o, "status.phase") == "Ready" })
	has(t, got, "status.health", "green")
	has(t, got, "status.version", "9.5.0")
	for _, kind := range []string{"ReconciliationComplete", "ElasticsearchIsReachable", "RunningDesiredVersion"} {
		if condition(got, kind) != "True" {
			t.Errorf("condition %s is %q", kind, condition(got, kind))
		}
	}
	c.secret(t, "logs-es-elastic-user", "elastic")
	public := c.secret(t, "logs-es-http-certs-public", "ca.crt", "tls.crt")
	verifies(t, public["tls.crt"], public["ca.crt"], "logs-es-http."+c.namespace+".svc")
	kibana := c.becomes(t, kibanas, "logs", "green", func(o *unstructured.Unstructured) bool { return field(o, "status.health") == "green" })
	has(t, kibana, "status.associationStatus", "Established")
	c.get(t, deployments, "logs-kb")
	c.becomes(t, logstashes, "logs", "green", func(o *unstructured.Unstructured) bool { return field(o, "status.health") == "green" })

	c.patch(t, searches, "logs", `{"spec":{"nodeSets":[{"name":"default","count":2}]}}`)
	c.gone(t, "persistentvolumeclaims.v1.", "elasticsearch-data-logs-es-default-2") // a scale-down takes its data along
	c.becomes(t, searches, "logs", "ready again", func(o *unstructured.Unstructured) bool {
		return field(o, "status.phase") == "Ready" && field(o, "status.availableNodes") == "2"
	})
	c.remove(t, searches, "logs")
	c.gone(t, statefulSets, "logs-es-default")
	c.gone(t, "secrets.v1.", "logs-es-elastic-user")
	c.get(t, "persistentvolumeclaims.v1.", "elasticsearch-data-logs-es-default-0") // by its policy the data stay
}

func parse(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("there is no PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}
