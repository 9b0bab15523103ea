// SPDX-License-Identifier: Apache-2.0

package product

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/probe"
)

// Where a probe asks Kubernetes, and the files that it has by its Account: see [Probe].
const (
	APIServer     = "https://kubernetes.default.svc"
	AccountToken  = probe.Folder + "/token"
	AccountTrusts = probe.Folder + "/ca.crt"
)

// Reader is the account of probes that read objects of Kubernetes', and its rights: everywhere, under the name by which they are known in the
// whole cluster, or where that is empty in its own namespace alone. Pods get its token only where they ask for it.
func Reader(account, namespace, everywhere string, rules ...rbacv1.PolicyRule) ([]*unstructured.Unstructured, error) {
	kind := func(apiVersion, kind string) metav1.TypeMeta {
		return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
	}
	const rbac = "rbac.authorization.k8s.io/v1"
	inside := metav1.ObjectMeta{Name: account, Namespace: namespace}
	who := []rbacv1.Subject{{Kind: "ServiceAccount", Name: account, Namespace: namespace}}
	sa := &corev1.ServiceAccount{TypeMeta: kind("v1", "ServiceAccount"), ObjectMeta: inside, AutomountServiceAccountToken: new(false)}
	if everywhere == "" {
		return Objects(sa, &rbacv1.Role{TypeMeta: kind(rbac, "Role"), ObjectMeta: inside, Rules: rules},
			&rbacv1.RoleBinding{TypeMeta: kind(rbac, "RoleBinding"), ObjectMeta: inside, Subjects: who, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: account}})
	}
	meta := metav1.ObjectMeta{Name: everywhere}
	return Objects(sa, &rbacv1.ClusterRole{TypeMeta: kind(rbac, "ClusterRole"), ObjectMeta: meta, Rules: rules},
		&rbacv1.ClusterRoleBinding{TypeMeta: kind(rbac, "ClusterRoleBinding"), ObjectMeta: meta, Subjects: who, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: everywhere}})
}
