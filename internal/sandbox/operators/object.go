// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/k8or/k8or/internal/sandbox/plain"
)

// The resources of Kubernetes' own that operators read.
var (
	secrets      = schema.GroupResource{Resource: "secrets"}
	services     = schema.GroupResource{Resource: "services"}
	configMaps   = schema.GroupResource{Resource: "configmaps"}
	pods         = schema.GroupResource{Resource: "pods"}
	claims       = schema.GroupResource{Resource: "persistentvolumeclaims"}
	namespaces   = schema.GroupResource{Resource: "namespaces"}
	deployments  = schema.GroupResource{Group: "apps", Resource: "deployments"}
	statefulSets = schema.GroupResource{Group: "apps", Resource: "statefulsets"}
	daemonSets   = schema.GroupResource{Group: "apps", Resource: "daemonsets"}
	budgets      = schema.GroupResource{Group: "policy", Resource: "poddisruptionbudgets"}
)

// plurals of the kinds that operators make.
var plurals = map[string]string{
	"Secret": "secrets", "Service": "services", "ConfigMap": "configmaps", "Pod": "pods", "ServiceAccount": "serviceaccounts",
	"PersistentVolumeClaim": "persistentvolumeclaims", "Deployment": "deployments", "StatefulSet": "statefulsets",
	"DaemonSet": "daemonsets", "PodDisruptionBudget": "poddisruptionbudgets", "NetworkPolicy": "networkpolicies",
	"CertificateRequest": "certificaterequests", "GatewayClass": "gatewayclasses", "Certificate": "certificates", "Namespace": "namespaces", "Job": "jobs",
	"Backup": "backups", "DeleteBackupRequest": "deletebackuprequests",
	"VolumeSnapshot": "volumesnapshots", "VolumeSnapshotClass": "volumesnapshotclasses", "VolumeSnapshotContent": "volumesnapshotcontents",
}

// ResourceOf says which resource an object is of that an operator makes.
func ResourceOf(o Object) schema.GroupVersionResource {
	gvk := o.GroupVersionKind()
	return schema.GroupVersionResource{Group: gvk.Group, Version: gvk.Version, Resource: plurals[gvk.Kind]}
}

// typed is an object of a Go type of Kubernetes' own. Its status is left out.
func typed(o runtime.Object) Object {
	content, err := plain.Of(o)
	if err != nil {
		panic("an operator made an object that does not convert: " + err.Error()) // a type of Kubernetes' own always does
	}
	delete(content, "status")
	out := &unstructured.Unstructured{Object: content}
	if kinds, _, err := scheme.Scheme.ObjectKinds(o); err == nil && len(kinds) > 0 {
		out.SetGroupVersionKind(kinds[0])
	}
	return out
}

// read fills a Go value from a part of an object. What does not fit stays as it is, as the server would have refused it.
func read(from map[string]any, into any) {
	_ = runtime.DefaultUnstructuredConverter.FromUnstructured(from, into) // see above
}

// owned makes an object's owner of a child. controller is whether it is the one that manages it.
func owned(child, owner Object, controller bool) Object {
	ref := metav1.OwnerReference{APIVersion: owner.GetAPIVersion(), Kind: owner.GetKind(), Name: owner.GetName(), UID: owner.GetUID()}
	if controller {
		ref.Controller, ref.BlockOwnerDeletion = new(true), new(true)
	} else {
		ref.Controller, ref.BlockOwnerDeletion = new(false), new(false)
	}
	child.SetOwnerReferences([]metav1.OwnerReference{ref})
	return child
}

// secret makes a Secret; its values are plain text.
func secret(namespace, name string, labels map[string]string, data map[string][]byte) Object {
	return typed(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels}, Type: corev1.SecretTypeOpaque, Data: data,
	})
}

// secretData is what a Secret holds, in plain text; nil when it is not there.
func secretData(w World, namespace, name string) map[string][]byte {
	o := w.Get(secrets, namespace, name)
	if o == nil {
		return nil
	}
	var s corev1.Secret
	read(o.Object, &s)
	if s.Data == nil {
		s.Data = map[string][]byte{}
	}
	return s.Data
}

// mapAt is the map at a path, or nil.
func mapAt(o map[string]any, path ...string) map[string]any {
	for _, step := range path {
		o, _ = o[step].(map[string]any)
	}
	return o
}

// listAt is the list at a path, or nil.
func listAt(o map[string]any, path ...string) []any {
	last := len(path) - 1
	l, _ := mapAt(o, path[:last]...)[path[last]].([]any)
	return l
}

// mapsAt is the list of maps at a path.
func mapsAt(o map[string]any, path ...string) []map[string]any {
	var out []map[string]any
	for _, item := range listAt(o, path...) {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// textAt is the text at a path, or none.
func textAt(o map[string]any, path ...string) string {
	last := len(path) - 1
	s, _ := mapAt(o, path[:last]...)[path[last]].(string)
	return s
}

// textsAt is the list of texts at a path.
func textsAt(o map[string]any, path ...string) []string {
	var out []string
	for _, item := range listAt(o, path...) {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// numberAt is the whole number at a path, or the one given when there is none.
func numberAt(o map[string]any, otherwise int64, path ...string) int64 {
	last := len(path) - 1
	switch n := mapAt(o, path[:last]...)[path[last]].(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return otherwise
}

// truthAt is the truth value at a path, or the one given when there is none.
func truthAt(o map[string]any, otherwise bool, path ...string) bool {
	last := len(path) - 1
	if b, ok := mapAt(o, path[:last]...)[path[last]].(bool); ok {
		return b
	}
	return otherwise
}

func nameOf(o Object) string { return strings.TrimPrefix(o.GetNamespace()+"/"+o.GetName(), "/") }

// stamp is a time as objects show it.
func stamp(t time.Time) string { return metav1.NewTime(t).UTC().Format(time.RFC3339) }

// all turns a list into one of any values, as unstructured objects need it.
func all[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// textMap is the map of texts at a path.
func textMap(o map[string]any, path ...string) map[string]string {
	var out map[string]string
	for k, v := range mapAt(o, path...) {
		if s, ok := v.(string); ok {
			out = with(out, map[string]string{k: s})
		}
	}
	return out
}
