// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func metricsSimulated(t *testing.T, c *cluster, client kubernetes.Interface) {
	create(t, client, deployment("metrics-server", 1))
	if _, err := client.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "metrics-server"},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "metrics-server"}, Ports: []corev1.ServicePort{{Name: "https", Port: 443}}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	anything := dynamic.NewForConfigOrDie(c.admin(t))
	services := anything.Resource(schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"})
	register := func(group, version string, spec map[string]any) {
		t.Helper()
		spec["group"], spec["version"], spec["groupPriorityMinimum"], spec["versionPriority"] = group, version, int64(100), int64(100)
		spec["service"] = map[string]any{"name": "metrics-server", "namespace": "default"}
		if _, err := services.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": map[string]any{"name": version + "." + group}, "spec": spec,
		}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	register("metrics.k8s.io", "v1beta1", map[string]any{"insecureSkipTLSVerify": true})
	register("custom.example.com", "v1", map[string]any{"insecureSkipTLSVerify": true})

	for _, name := range []string{"v1beta1.metrics.k8s.io", "v1.custom.example.com"} {
		eventually(t, name+" is available", func(ctx context.Context) error {
			got, err := services.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			conditions, _, _ := unstructured.NestedSlice(got.Object, "status", "conditions")
			for _, condition := range conditions {
				if condition := condition.(map[string]any); condition["type"] == "Available" && condition["status"] == "True" {
					return nil
				}
			}
			return fmt.Errorf("its conditions are %v", conditions)
		})
	}
	eventually(t, "discovery is whole and lists the metrics API", func(context.Context) error {
		_, lists, err := client.Discovery().ServerGroupsAndResources()
		if err != nil {
			return err
		}
		for _, list := range lists {
			if list.GroupVersion == "metrics.k8s.io/v1beta1" && len(list.APIResources) == 2 {
				return nil
			}
		}
		return errors.New("metrics.k8s.io/v1beta1 with nodes and pods is not in it")
	})
	measured, err := anything.Resource(schema.GroupVersionResource{Group: "metrics.k8s.io", Version: "v1beta1", Resource: "pods"}).
		Namespace("default").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(measured.Items) != 0 {
		t.Errorf("the metrics API answered %v (%v), want an empty list", measured, err)
	}

	// One that checks certificates cannot be satisfied; it must not hold anything else up.
	register("strict.example.com", "v1", map[string]any{"caBundle": c.ready.CertificateAuthority})
	createNamespace(t, client, "unaffected")
	deleteNamespace(t, client, "unaffected")
}

func logsRefused(t *testing.T, _ *cluster, client kubernetes.Interface) {
	create(t, client, deployment("silent", 1))
	eventually(t, "deployment silent is available", deploymentIsAvailable(client, "silent"))
	pods, err := client.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{LabelSelector: "app=silent"})
	if err != nil || len(pods.Items) == 0 {
		t.Fatalf("pods of deployment silent: %v (%v)", pods, err)
	}
	_, err = client.CoreV1().Pods("default").GetLogs(pods.Items[0].Name, &corev1.PodLogOptions{}).Stream(t.Context())
	if err == nil || !strings.Contains(err.Error(), "simulated cluster") {
		t.Errorf("asking for logs was answered with %v, want words about a simulated cluster", err)
	}
}

func webhooksIgnored(t *testing.T, _ *cluster, client kubernetes.Interface) {
	fail, none, all := admissionv1.Fail, admissionv1.SideEffectClassNone, admissionv1.NamespacedScope
	if _, err := client.AdmissionregistrationV1().ValidatingWebhookConfigurations().Create(t.Context(), &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "strict"},
		Webhooks: []admissionv1.ValidatingWebhook{{
			Name: "strict.example.com", FailurePolicy: &fail, SideEffects: &none, AdmissionReviewVersions: []string{"v1"},
			ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: "default", Name: "strict"}},
			Rules: []admissionv1.RuleWithOperations{{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}, Scope: &all},
			}},
		}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().ConfigMaps("default").Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "watched"}}, metav1.CreateOptions{}); err != nil {
		t.Errorf("a webhook that no process answers stopped a create: %v", err)
	}
}

func serviceAccounts(t *testing.T, c *cluster, client kubernetes.Interface) {
	request, err := client.CoreV1().ServiceAccounts("default").CreateToken(t.Context(), "default", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config := c.admin(t)
	config.BearerToken = request.Status.Token
	me, err := kubernetes.NewForConfigOrDie(config).AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil || me.Status.UserInfo.Username != "system:serviceaccount:default:default" {
		t.Errorf("with a service account's token I am %v (%v)", me, err)
	}
	review, err := client.AuthenticationV1().TokenReviews().Create(t.Context(), &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: c.admin(t).BearerToken},
	}, metav1.CreateOptions{})
	if err != nil || review.Status.User.Username != "ada@example.com" {
		t.Errorf("a review of the sandbox's token says %v (%v), want ada@example.com", review, err)
	}
}

func anonymousHealth(t *testing.T, c *cluster, _ kubernetes.Interface) {
	config := c.admin(t)
	config.BearerToken = ""
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/readyz": 200, "/livez": 200, "/healthz": 200, "/version": 200, "/api/v1/pods": 403} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.ready.Server+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("GET %s without a token was answered with %d, want %d", path, answer.StatusCode, want)
		}
	}
}

func nodeDeleted(t *testing.T, _ *cluster, client kubernetes.Interface) {
	label := map[string]string{"pool": "short-lived"}
	createNode(t, client, "short-lived", "10.100.200.0/25", label)
	pod := podOf("lonely")
	pod.Spec.NodeSelector = label
	pod.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	if _, err := client.CoreV1().Pods("default").Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "lonely"}, Spec: pod.Spec}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "pod lonely runs", func(ctx context.Context) error {
		got, err := client.CoreV1().Pods("default").Get(ctx, "lonely", metav1.GetOptions{})
		if err == nil && got.Status.Phase != corev1.PodRunning {
			err = fmt.Errorf("it is %s", got.Status.Phase)
		}
		return err
	})
	if err := client.CoreV1().Nodes().Delete(t.Context(), "short-lived", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "pod lonely is gone with its node", func(ctx context.Context) error {
		_, err := client.CoreV1().Pods("default").Get(ctx, "lonely", metav1.GetOptions{})
		return gone(err)
	})
}

func namespaceDeleted(t *testing.T, _ *cluster, client kubernetes.Interface) {
	createNamespace(t, client, "short")
	if _, err := client.AppsV1().Deployments("short").Create(t.Context(), deployment("web", 1), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its pod is there", func(ctx context.Context) error {
		pods, err := client.CoreV1().Pods("short").List(ctx, metav1.ListOptions{})
		if err == nil && len(pods.Items) == 0 {
			err = errors.New("no pod yet")
		}
		return err
	})
	deleteNamespace(t, client, "short")
}

func createNamespace(t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func deleteNamespace(t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	if err := client.CoreV1().Namespaces().Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "namespace "+name+" is gone", func(ctx context.Context) error {
		_, err := client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		return gone(err)
	})
}

// podOf is a pod's template with one container and the label app.
func podOf(app string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": app}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: app, Image: app + ":1.0.0"}}},
	}
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Template: podOf(name),
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
		},
	}
}

func create(t *testing.T, client kubernetes.Interface, object *appsv1.Deployment) {
	t.Helper()
	if _, err := client.AppsV1().Deployments("default").Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// gone turns NotFound into success and success into an error.
func gone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		return errors.New("it is still there")
	}
	return err
}

func asStatus(err error, status *apierrors.APIStatus) bool { return errors.As(err, status) }
