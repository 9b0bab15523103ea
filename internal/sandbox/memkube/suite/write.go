// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func discoveryMapsTheKindsInUse(t *testing.T, c cluster) {
	for gk, scope := range map[schema.GroupKind]string{
		{Kind: "Namespace"}: "root", {Kind: "Node"}: "root", {Kind: "Pod"}: "namespace", {Kind: "Secret"}: "namespace",
		{Group: "apps", Kind: "Deployment"}: "namespace", {Group: "batch", Kind: "CronJob"}: "namespace",
		{Group: "networking.k8s.io", Kind: "IngressClass"}: "root", {Group: "policy", Kind: "PodDisruptionBudget"}: "namespace",
		{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}: "namespace", {Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}: "root",
		{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}: "root", {Group: "apiregistration.k8s.io", Kind: "APIService"}: "root",
		{Group: "storage.k8s.io", Kind: "StorageClass"}: "root", {Group: "coordination.k8s.io", Kind: "Lease"}: "namespace",
	} {
		mapping, err := c.client.RESTMapper().RESTMapping(gk)
		if err != nil {
			t.Errorf("map %s: %v", gk, err)
			continue
		}
		if got := string(mapping.Scope.Name()); got != scope {
			t.Errorf("%s has scope %q, want %q", gk, got, scope)
		}
	}
	if _, resources, err := c.typed.Discovery().ServerGroupsAndResources(); err != nil || len(resources) == 0 {
		t.Errorf("list all resources: %d lists, %v", len(resources), err)
	}
	if v, err := c.typed.Discovery().ServerVersion(); err != nil || v.Minor == "" {
		t.Errorf("read the version: %+v, %v", v, err)
	}
}

func missingThingsAreNotFound(t *testing.T, c cluster) {
	maps := c.typed.CoreV1().ConfigMaps(c.namespace)
	_, err := maps.Get(c, "absent", metav1.GetOptions{})
	refused(t, err, apierrors.IsNotFound, "get of an absent object")
	refused(t, maps.Delete(c, "absent", metav1.DeleteOptions{}), apierrors.IsNotFound, "delete of an absent object")
	_, err = maps.Patch(c, "absent", types.MergePatchType, []byte(`{"data":{"a":"1"}}`), metav1.PatchOptions{})
	refused(t, err, apierrors.IsNotFound, "patch of an absent object")
	_, err = maps.Update(c, configMap(c.namespace, "absent", nil), metav1.UpdateOptions{})
	refused(t, err, apierrors.IsNotFound, "update of an absent object")
}

func createRefusesWhatIsThere(t *testing.T, c cluster) {
	maps := c.typed.CoreV1().ConfigMaps(c.namespace)
	made, err := maps.Create(c, configMap(c.namespace, "one", nil), metav1.CreateOptions{})
	must(t, err, "create a ConfigMap")
	if made.UID == "" || made.ResourceVersion == "" || made.CreationTimestamp.IsZero() {
		t.Errorf("a new object has uid %q, resourceVersion %q, creationTimestamp %v; want all of them", made.UID, made.ResourceVersion, made.CreationTimestamp)
	}
	_, err = maps.Create(c, configMap(c.namespace, "one", nil), metav1.CreateOptions{})
	refused(t, err, apierrors.IsAlreadyExists, "a second object of the same name")
}

func createNeedsAName(t *testing.T, c cluster) {
	_, err := c.typed.CoreV1().ConfigMaps(c.namespace).Create(c, configMap(c.namespace, "", nil), metav1.CreateOptions{})
	refused(t, err, apierrors.IsInvalid, "an object without a name")
	_, err = c.typed.CoreV1().ConfigMaps(c.namespace).Create(c, configMap(c.namespace, "Not_A_Name", nil), metav1.CreateOptions{})
	refused(t, err, apierrors.IsInvalid, "an object with a name that none may have")
}

func createNeedsTheNamespace(t *testing.T, c cluster) {
	absent := c.namespace + "-absent"
	_, err := c.typed.CoreV1().ConfigMaps(absent).Create(c, configMap(absent, "one", nil), metav1.CreateOptions{})
	refused(t, err, apierrors.IsNotFound, "create in a namespace that is not there")
	refused(t, c.apply(configMap(absent, "one", nil), "a"), apierrors.IsNotFound, "apply in a namespace that is not there")
}

func updateNeedsTheLatestVersion(t *testing.T, c cluster) {
	maps := c.typed.CoreV1().ConfigMaps(c.namespace)
	first, err := maps.Create(c, configMap(c.namespace, "one", map[string]string{"a": "1"}), metav1.CreateOptions{})
	must(t, err, "create a ConfigMap")
	second := first.DeepCopy()
	second.Data["a"] = "2"
	second, err = maps.Update(c, second, metav1.UpdateOptions{})
	must(t, err, "update it")
	first.Data["a"] = "3"
	_, err = maps.Update(c, first, metav1.UpdateOptions{})
	refused(t, err, apierrors.IsConflict, "an update of a version that is no longer the latest")
	again, err := maps.Update(c, second, metav1.UpdateOptions{})
	must(t, err, "update it with what it is")
	if again.ResourceVersion != second.ResourceVersion {
		t.Errorf("an update that changes nothing went from version %s to %s", second.ResourceVersion, again.ResourceVersion)
	}
}

func patchesChangeWhatTheyName(t *testing.T, c cluster) {
	d, err := c.typed.AppsV1().Deployments(c.namespace).Create(c, deployment(c.namespace, "web", 0, nil), metav1.CreateOptions{})
	must(t, err, "create a Deployment")
	for kind, patch := range map[types.PatchType]string{
		types.JSONPatchType:           `[{"op":"add","path":"/metadata/labels/json","value":"yes"}]`,
		types.MergePatchType:          `{"metadata":{"labels":{"merge":"yes"}}}`,
		types.StrategicMergePatchType: `{"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"A","value":"1"}]}]}}}}`,
	} {
		d, err = c.typed.AppsV1().Deployments(c.namespace).Patch(c, "web", kind, []byte(patch), metav1.PatchOptions{})
		must(t, err, "patch by "+string(kind))
	}
	container := d.Spec.Template.Spec.Containers[0]
	if d.Labels["json"] != "yes" || d.Labels["merge"] != "yes" || d.Labels["app"] != "web" || len(container.Env) != 1 || container.Image == "" {
		t.Errorf("after three patches: labels %v, container %+v", d.Labels, container)
	}
	_, err = c.typed.AppsV1().Deployments(c.namespace).Patch(c, "web", types.MergePatchType,
		[]byte(`{"metadata":{"resourceVersion":"1","labels":{"late":"yes"}}}`), metav1.PatchOptions{})
	refused(t, err, apierrors.IsConflict, "a patch that names an old version")
}

func generationCountsChangesOfTheSpec(t *testing.T, c cluster) {
	d := deployment(c.namespace, "web", 0, nil)
	must(t, c.client.Create(c, d), "create a Deployment")
	first := d.Generation
	must(t, c.client.Patch(c, d, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"new":"label"}}}`))), "patch its labels")
	if d.Generation != first {
		t.Errorf("a new label went from generation %d to %d", first, d.Generation)
	}
	must(t, c.client.Patch(c, d, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"minReadySeconds":1}}`))), "patch its spec")
	if d.Generation != first+1 {
		t.Errorf("a changed spec went from generation %d to %d, want one more", first, d.Generation)
	}
}

func selectorsCannotChange(t *testing.T, c cluster) {
	d := deployment(c.namespace, "web", 0, nil)
	must(t, c.client.Create(c, d), "create a Deployment")
	other := deployment(c.namespace, "web", 0, nil)
	other.Spec.Selector.MatchLabels = map[string]string{"app": "other"}
	other.Spec.Template.Labels = other.Spec.Selector.MatchLabels
	err := c.client.Patch(c, other, client.Merge)
	refused(t, err, apierrors.IsInvalid, "a change of what pods a Deployment owns")
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "web"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
	must(t, c.client.Create(c, service), "create a Service")
	if service.Spec.ClusterIP == "" || service.Spec.Type != corev1.ServiceTypeClusterIP || service.Spec.Ports[0].Protocol != corev1.ProtocolTCP {
		t.Errorf("a new Service has address %q, type %q, ports %v", service.Spec.ClusterIP, service.Spec.Type, service.Spec.Ports)
	}
	service.Spec.ClusterIP, service.Spec.ClusterIPs = "10.112.17.200", []string{"10.112.17.200"}
	refused(t, c.client.Update(c, service), apierrors.IsInvalid, "a change of a Service's address")
	var now appsv1.Deployment
	must(t, c.client.Get(c, client.ObjectKeyFromObject(d), &now), "read the Deployment")
	if now.Spec.Selector.MatchLabels["app"] != "web" {
		t.Errorf("the refused change was made: %v", now.Spec.Selector)
	}
}

func secretsFoldTheirPlainText(t *testing.T, c cluster) {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "one"}, StringData: map[string]string{"key": "plain"}}
	must(t, c.client.Create(c, s), "create a Secret")
	var got corev1.Secret
	must(t, c.client.Get(c, client.ObjectKeyFromObject(s), &got), "read it")
	if string(got.Data["key"]) != "plain" || got.StringData != nil || got.Type != corev1.SecretTypeOpaque {
		t.Errorf("got data of %d keys, stringData of %d, type %q", len(got.Data), len(got.StringData), got.Type)
	}
}
