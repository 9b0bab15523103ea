// SPDX-License-Identifier: Apache-2.0

// Package suite is what the operators that the sandbox plays must do wherever they are played: claims made through an
// unchanged client, against what each project documents, that hold in memory and in the real control plane.
package suite

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

// limit is how long the slowest claim may wait, on a loaded machine.
const limit = 2 * time.Minute

// Cluster is where claims are made: one whose operators are played, with room for their pods: 8 CPUs, 48 GiB, 20 volumes.
type Cluster struct {
	context.Context
	dynamic   dynamic.Interface
	typed     kubernetes.Interface
	namespace string
	spaces    Spaces
}

// Spaces is where the cluster's operators keep things outside it, and the key to it.
type Spaces struct{ Endpoint, Region, AccessKey, Secret string }

// Run makes every claim. config is asked once for each.
func Run(t *testing.T, config func() *rest.Config, spaces Spaces) {
	prepare(t, config())
	for _, claim := range []struct {
		name string
		make func(*testing.T, *Cluster)
	}{
		{"NothingHappensWithoutTheOperator", nothingHappensWithoutTheOperator},
		{"CertificatesAreIssued", certificatesAreIssued},
		{"ACMECertificatesAreIssued", acmeCertificatesAreIssued},
		{"AuthoritiesAreInjected", authoritiesAreInjected},
		{"PrometheusRuns", prometheusRuns},
		{"AlertmanagerRuns", alertmanagerRuns},
		{"KafkaForms", kafkaForms},
		{"MirrorMakerConnects", mirrorMakerConnects},
		{"ElasticsearchForms", elasticsearchForms},
		{"GatewaysGetAddresses", gatewaysGetAddresses},
		{"ListenersWaitForTheirCertificate", listenersWaitForTheirCertificate},
		{"CiliumJudgesPolicies", ciliumJudgesPolicies},
		{"IngressesGetAddresses", ingressesGetAddresses},
		{"KongSaysWhatIsProgrammed", kongSaysWhatIsProgrammed},
		{"KongServesGateways", kongServesGateways},
		{"IstioHandsOutItsRoot", istioHandsOutItsRoot},
		{"RoutesAreHeldUntilNodesLetGo", routesAreHeldUntilNodesLetGo},
		{"SnapshotsAreTaken", snapshotsAreTaken},
		{"SnapshotsOutliveWhatRetainsThem", snapshotsOutliveWhatRetainsThem},
		{"SnapshotsAreTakenOnSchedule", snapshotsAreTakenOnSchedule},
		{"VeleroBacksUpAndRestores", veleroBacksUpAndRestores},
		{"VeleroRestoresWhatIsIncludedWhereItIsTold", veleroRestoresWhatIsIncludedWhereItIsTold},
		{"VeleroBacksUpByTheClockAndForgets", veleroBacksUpByTheClockAndForgets},
		{"VeleroRefusesWhatItCannotDo", veleroRefusesWhatItCannotDo},
	} {
		t.Run(claim.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, config())
			c.spaces = spaces
			claim.make(t, c)
		})
	}
}

func clients(t *testing.T, config *rest.Config) (dynamic.Interface, kubernetes.Interface) {
	t.Helper()
	d, err := dynamic.NewForConfig(config)
	must(t, err, "make a dynamic client")
	k, err := kubernetes.NewForConfig(config)
	must(t, err, "make a client")
	return d, k
}

func newCluster(t *testing.T, config *rest.Config) *Cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	c := &Cluster{Context: ctx}
	c.dynamic, c.typed = clients(t, config)
	ns, err := c.typed.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "played-"}}, metav1.CreateOptions{})
	must(t, err, "create a namespace")
	c.namespace = ns.Name
	return c
}

func must(t *testing.T, err error, doing string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", doing, err)
	}
}

// kinds are the custom resources of the claims: resource.group, version, kind, and whether they live in the cluster's scope.
var kinds = []struct {
	name, version, kind string
	cluster             bool
}{
	{"issuers.cert-manager.io", "v1", "Issuer", false},
	{"clusterissuers.cert-manager.io", "v1", "ClusterIssuer", true},
	{"certificates.cert-manager.io", "v1", "Certificate", false},
	{"prometheuses.monitoring.coreos.com", "v1", "Prometheus", false},
	{"alertmanagers.monitoring.coreos.com", "v1", "Alertmanager", false},
	{"kafkas.kafka.strimzi.io", "v1", "Kafka", false},
	{"kafkamirrormaker2s.kafka.strimzi.io", "v1", "KafkaMirrorMaker2", false},
	{"kafkanodepools.kafka.strimzi.io", "v1", "KafkaNodePool", false},
	{"kafkarebalances.kafka.strimzi.io", "v1", "KafkaRebalance", false},
	{"kafkatopics.kafka.strimzi.io", "v1", "KafkaTopic", false},
	{"kafkausers.kafka.strimzi.io", "v1", "KafkaUser", false},
	{"virtualservers.k8s.nginx.org", "v1", "VirtualServer", false},
	{"kongplugins.configuration.konghq.com", "v1", "KongPlugin", false},
	{"kongconsumers.configuration.konghq.com", "v1", "KongConsumer", false},
	{"peerauthentications.security.istio.io", "v1", "PeerAuthentication", false},
	{"gatewayclasses.gateway.networking.k8s.io", "v1", "GatewayClass", true},
	{"gateways.gateway.networking.k8s.io", "v1", "Gateway", false},
	{"httproutes.gateway.networking.k8s.io", "v1", "HTTPRoute", false},
	{"ciliumnetworkpolicies.cilium.io", "v2", "CiliumNetworkPolicy", false},
	{"routes.networking.doks.digitalocean.com", "v1alpha1", "Route", true},
	{"elasticsearches.elasticsearch.k8s.elastic.co", "v1", "Elasticsearch", false},
	{"kibanas.kibana.k8s.elastic.co", "v1", "Kibana", false},
	{"logstashes.logstash.k8s.elastic.co", "v1alpha1", "Logstash", false},
	{"backups.velero.io", "v1", "Backup", false},
	{"restores.velero.io", "v1", "Restore", false},
	{"schedules.velero.io", "v1", "Schedule", false},
	{"deletebackuprequests.velero.io", "v1", "DeleteBackupRequest", false},
	{"backupstoragelocations.velero.io", "v1", "BackupStorageLocation", false},
	{"volumesnapshots.snapshot.storage.k8s.io", "v1", "VolumeSnapshot", false},
	{"volumesnapshotcontents.snapshot.storage.k8s.io", "v1", "VolumeSnapshotContent", true},
	{"volumesnapshotclasses.snapshot.storage.k8s.io", "v1", "VolumeSnapshotClass", true},
}

// controllers are the operators' own workloads.
var controllers = map[string]string{
	"cert-manager":        "quay.io/jetstack/cert-manager-controller:v1.21.1",
	"cainjector":          "quay.io/jetstack/cert-manager-cainjector:v1.21.1",
	"prometheus-operator": "quay.io/prometheus-operator/prometheus-operator:v0.93.1",
	"strimzi":             "quay.io/strimzi/operator:1.2.0",
	"nginx-ingress":       "docker.io/nginx/nginx-ingress:5.5.4",
	"kong-controller":     "docker.io/kong/kubernetes-ingress-controller:3.5",
	"routing-agent":       "docker.io/digitalocean/routing-agent:v0.1.0",
	"istiod":              "registry.istio.io/release/pilot:1.30.3",
	"elastic-operator":    "docker.elastic.co/eck/eck-operator:3.5.0",
	"velero":              "docker.io/velero/velero:v1.18.1",
}

// crds names, by the environment, a folder of the projects' own definitions, as <plural>.<group>.yaml, to be used in place of
// open ones: then a status must fit its schema too.
const crds = "K8OR_CRDS"

// prepare makes the definitions and the operators' workloads.
func prepare(t *testing.T, config *rest.Config) {
	t.Helper()
	c := newCluster(t, config)
	for _, k := range kinds {
		plural, group, _ := strings.Cut(k.name, ".")
		if _, err := c.dynamic.Resource(definitions).Get(c, k.name, metav1.GetOptions{}); err == nil {
			continue // DOKS's own
		}
		if dir := os.Getenv(crds); dir != "" {
			if text, err := os.ReadFile(filepath.Join(dir, k.name+".yaml")); err == nil {
				c.create(t, string(text))
				continue
			}
			t.Logf("%s has no %s: its schema is left open", dir, k.name)
		}
		apart := "{status: {}}"
		if group == "velero.io" { // its definitions keep no status apart
			apart = "{}"
		}
		scope := "Namespaced"
		if k.cluster {
			scope = "Cluster"
		}
		c.create(t, fmt.Sprintf(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %s, annotations: {api-approved.kubernetes.io: unapproved}, labels: {doks.digitalocean.com/managed: "true"}}
spec:
  group: %s
  scope: %s
  names: {plural: %s, kind: %s, listKind: %sList, singular: %s}
  versions:
  - name: %s
    served: true
    storage: true
    subresources: %s
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`, k.name, group, scope, plural, k.kind, k.kind, strings.ToLower(k.kind), k.version, apart))
	}
	for _, k := range kinds {
		c.until(t, k.name+" is served", func() (bool, error) {
			o, err := c.dynamic.Resource(definitions).Get(c, k.name, metav1.GetOptions{})
			return err == nil && condition(o, "Established") == "True", nil
		})
	}
	early = c
	c.create(t, certificate(c.namespace, "early", "none"))
	if got := c.get(t, "certificates.v1.cert-manager.io", "early"); got.Object["status"] != nil {
		t.Errorf("before there was an operator the certificate's status is %v", got.Object["status"])
	}
	c.create(t, "{apiVersion: v1, kind: Service, metadata: {name: proxy}, spec: {type: LoadBalancer, ports: [{port: 80}]}}")
	for name, controller := range map[string]string{"nginx": "nginx.org/ingress-controller", "kong": "ingress-controllers.konghq.com/kong"} {
		c.create(t, "{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: "+name+"}, spec: {controller: "+controller+"}}")
	}
	for name, image := range controllers {
		c.create(t, fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %s, namespace: %s}
spec:
  selector: {matchLabels: {app: %s}}
  template:
    metadata: {labels: {app: %s}}
    spec: {containers: [{name: main, image: "%s"}]}
`, name, c.namespace, name, name, image))
	}
}

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// create makes an object from YAML, in its own namespace or the claim's.
func (c *Cluster) create(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	must(t, yaml.Unmarshal([]byte(text), &o.Object), "read an object")
	made, err := c.at(o).Create(c, o, metav1.CreateOptions{})
	must(t, err, "create "+o.GetKind()+" "+o.GetName())
	return made
}

// at is where an object lives.
func (c *Cluster) at(o *unstructured.Unstructured) dynamic.ResourceInterface {
	gvk := o.GroupVersionKind()
	plural := strings.ToLower(gvk.Kind) + "s"
	for _, k := range kinds {
		if name, group, _ := strings.Cut(k.name, "."); k.kind == gvk.Kind && group == gvk.Group {
			plural = name
			if k.cluster {
				return c.dynamic.Resource(gvk.GroupVersion().WithResource(plural))
			}
		}
	}
	if strings.HasSuffix(gvk.Kind, "Class") {
		plural = strings.ToLower(gvk.Kind) + "es"
	}
	if gvk.Kind == "Ingress" {
		plural = "ingresses"
	}
	r := c.dynamic.Resource(gvk.GroupVersion().WithResource(plural))
	if slices.Contains([]string{"CustomResourceDefinition", "ValidatingWebhookConfiguration", "IngressClass"}, gvk.Kind) {
		return r
	}
	if o.GetNamespace() == "" {
		o.SetNamespace(c.namespace)
	}
	return r.Namespace(o.GetNamespace())
}

// get reads an object of the claim's namespace by a resource like services.v1. or kafkas.v1.kafka.strimzi.io.
func (c *Cluster) get(t *testing.T, what, name string) *unstructured.Unstructured {
	t.Helper()
	o, err := c.look(what, name)
	must(t, err, "read "+what+" "+name)
	return o
}

func (c *Cluster) look(what, name string) (*unstructured.Unstructured, error) {
	gvr, _ := schema.ParseResourceArg(what)
	return c.dynamic.Resource(*gvr).Namespace(c.namespace).Get(c, name, metav1.GetOptions{})
}

// becomes waits until an object is there and is as wanted, and returns it.
func (c *Cluster) becomes(t *testing.T, what, name, how string, is func(*unstructured.Unstructured) bool) *unstructured.Unstructured {
	t.Helper()
	var last *unstructured.Unstructured
	c.until(t, fmt.Sprintf("%s %s is %s", what, name, how), func() (bool, error) {
		o, err := c.look(what, name)
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		last = o
		return err == nil && is(o), err
	})
	return last
}

// gone waits until there is no such object.
func (c *Cluster) gone(t *testing.T, what, name string) {
	t.Helper()
	c.until(t, what+" "+name+" is gone", func() (bool, error) {
		_, err := c.look(what, name)
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
}

func (c *Cluster) until(t *testing.T, what string, done func() (bool, error)) {
	t.Helper()
	err := wait.PollUntilContextCancel(c, 50*time.Millisecond, true, func(context.Context) (bool, error) { return done() })
	if err != nil {
		t.Fatalf("wait until %s: %v", what, err)
	}
}

// patch changes an object of a claim by a merge patch.
func (c *Cluster) patch(t *testing.T, what, name, change string) {
	t.Helper()
	gvr, _ := schema.ParseResourceArg(what)
	_, err := c.dynamic.Resource(*gvr).Namespace(c.namespace).Patch(c, name, "application/merge-patch+json", []byte(change), metav1.PatchOptions{})
	must(t, err, "change "+what+" "+name)
}

// remove deletes an object of a claim.
func (c *Cluster) remove(t *testing.T, what, name string) {
	t.Helper()
	gvr, _ := schema.ParseResourceArg(what)
	background := metav1.DeletePropagationBackground
	must(t, c.dynamic.Resource(*gvr).Namespace(c.namespace).Delete(c, name, metav1.DeleteOptions{PropagationPolicy: &background}), "delete "+what+" "+name)
}

// secret reads a Secret's values once all of these are there.
func (c *Cluster) secret(t *testing.T, name string, keys ...string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	c.becomes(t, "secrets.v1.", name, "whole", func(o *unstructured.Unstructured) bool {
		for _, key := range keys {
			text, _, _ := unstructured.NestedString(o.Object, "data", key)
			value, err := base64.StdEncoding.DecodeString(text)
			if err != nil || len(value) == 0 {
				return false
			}
			out[key] = value
		}
		return true
	})
	return out
}

// condition is the status of one of an object's conditions.
func condition(o *unstructured.Unstructured, kind string) string {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, item := range list {
		if c, ok := item.(map[string]any); ok && c["type"] == kind {
			s, _ := c["status"].(string)
			return s
		}
	}
	return ""
}

// is waits for a condition's status, at the object's own generation where the status tells it.
func is(kind, status string) func(*unstructured.Unstructured) bool {
	return func(o *unstructured.Unstructured) bool {
		seen, told, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
		return condition(o, kind) == status && (!told || seen == o.GetGeneration())
	}
}

// field is the text at a path like status.phase.
func field(o *unstructured.Unstructured, path string) string {
	v, _, _ := unstructured.NestedFieldNoCopy(o.Object, strings.Split(path, ".")...)
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// has checks a field of an object.
func has(t *testing.T, o *unstructured.Unstructured, path, want string) {
	t.Helper()
	if got := field(o, path); got != want {
		t.Errorf("%s %s has %s %q, want %q", o.GetKind(), o.GetName(), path, got, want)
	}
}
