// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// kind is one kind of object that is served.
type kind struct {
	group      string
	versions   []string // served ones, the preferred first
	storage    string   // the version objects are kept in
	kind       string
	plural     string
	namespaced bool
	status     bool // has a status subresource
	custom     bool // comes from a CustomResourceDefinition
	short      []string
	categories []string
}

func (k *kind) resource() schema.GroupResource {
	return schema.GroupResource{Group: k.group, Resource: k.plural}
}

func (k *kind) groupKind() schema.GroupKind { return schema.GroupKind{Group: k.group, Kind: k.kind} }

func (k *kind) at(version string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: k.group, Version: version, Kind: k.kind}
}

func (k *kind) serves(version string) bool { return slices.Contains(k.versions, version) }

// The resources that the server itself reads or writes.
var (
	namespaces             = schema.GroupResource{Resource: "namespaces"}
	services               = schema.GroupResource{Resource: "services"}
	serviceAccounts        = schema.GroupResource{Resource: "serviceaccounts"}
	configMaps             = schema.GroupResource{Resource: "configmaps"}
	claims                 = schema.GroupResource{Resource: "persistentvolumeclaims"}
	volumes                = schema.GroupResource{Resource: "persistentvolumes"}
	nodes                  = schema.GroupResource{Resource: "nodes"}
	pods                   = schema.GroupResource{Resource: "pods"}
	deployments            = schema.GroupResource{Group: "apps", Resource: "deployments"}
	replicaSets            = schema.GroupResource{Group: "apps", Resource: "replicasets"}
	statefulSets           = schema.GroupResource{Group: "apps", Resource: "statefulsets"}
	daemonSets             = schema.GroupResource{Group: "apps", Resource: "daemonsets"}
	jobs                   = schema.GroupResource{Group: "batch", Resource: "jobs"}
	budgets                = schema.GroupResource{Group: "policy", Resource: "poddisruptionbudgets"}
	classes                = schema.GroupResource{Group: "storage.k8s.io", Resource: "storageclasses"}
	leases                 = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}
	definitions            = schema.GroupResource{Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions"}
	apiServices            = schema.GroupResource{Group: "apiregistration.k8s.io", Resource: "apiservices"}
	clusterScoped, hasLife = false, true
)

// table is what is served from the start: group/version, then kind, plural, scope, status subresource, short names.
var table = []struct {
	groupVersion, kind, plural string
	namespaced, status         bool
	short                      string
}{
	{"v1", "ConfigMap", "configmaps", true, false, "cm"},
	{"v1", "Endpoints", "endpoints", true, false, "ep"},
	{"v1", "Event", "events", true, false, "ev"},
	{"v1", "LimitRange", "limitranges", true, false, "limits"},
	{"v1", "Namespace", "namespaces", clusterScoped, hasLife, "ns"},
	{"v1", "Node", "nodes", clusterScoped, hasLife, "no"},
	{"v1", "PersistentVolume", "persistentvolumes", clusterScoped, hasLife, "pv"},
	{"v1", "PersistentVolumeClaim", "persistentvolumeclaims", true, hasLife, "pvc"},
	{"v1", "Pod", "pods", true, hasLife, "po"},
	{"v1", "ResourceQuota", "resourcequotas", true, hasLife, "quota"},
	{"v1", "Secret", "secrets", true, false, ""},
	{"v1", "Service", "services", true, hasLife, "svc"},
	{"v1", "ServiceAccount", "serviceaccounts", true, false, "sa"},
	{"admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", clusterScoped, false, ""},
	{"admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", clusterScoped, false, ""},
	{"apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", clusterScoped, hasLife, "crd crds"},
	{"apiregistration.k8s.io/v1", "APIService", "apiservices", clusterScoped, hasLife, ""},
	{"apps/v1", "ControllerRevision", "controllerrevisions", true, false, ""},
	{"apps/v1", "DaemonSet", "daemonsets", true, hasLife, "ds"},
	{"apps/v1", "Deployment", "deployments", true, hasLife, "deploy"},
	{"apps/v1", "ReplicaSet", "replicasets", true, hasLife, "rs"},
	{"apps/v1", "StatefulSet", "statefulsets", true, hasLife, "sts"},
	{"autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true, hasLife, "hpa"},
	{"batch/v1", "CronJob", "cronjobs", true, hasLife, "cj"},
	{"batch/v1", "Job", "jobs", true, hasLife, ""},
	{"coordination.k8s.io/v1", "Lease", "leases", true, false, ""},
	{"discovery.k8s.io/v1", "EndpointSlice", "endpointslices", true, false, ""},
	{"events.k8s.io/v1", "Event", "events", true, false, "ev"},
	{"networking.k8s.io/v1", "Ingress", "ingresses", true, hasLife, "ing"},
	{"networking.k8s.io/v1", "IngressClass", "ingressclasses", clusterScoped, false, ""},
	{"networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", true, false, "netpol"},
	{"policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", true, hasLife, "pdb"},
	{"rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", clusterScoped, false, ""},
	{"rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", clusterScoped, false, ""},
	{"rbac.authorization.k8s.io/v1", "Role", "roles", true, false, ""},
	{"rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", true, false, ""},
	{"scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", clusterScoped, false, "pc"},
	{"storage.k8s.io/v1", "CSIDriver", "csidrivers", clusterScoped, false, ""},
	{"storage.k8s.io/v1", "StorageClass", "storageclasses", clusterScoped, false, "sc"},
}

func builtin() map[schema.GroupResource]*kind {
	kinds := map[schema.GroupResource]*kind{}
	for _, row := range table {
		group, version := "", row.groupVersion
		if g, v, ok := strings.Cut(row.groupVersion, "/"); ok {
			group, version = g, v
		}
		k := &kind{
			group: group, versions: []string{version}, storage: version, kind: row.kind, plural: row.plural,
			namespaced: row.namespaced, status: row.status, short: strings.Fields(row.short),
		}
		kinds[k.resource()] = k
	}
	return kinds
}

// serveDefinitions makes the served kinds those of the table and of the definitions at hand.
func (s *Server) serveDefinitions() {
	s.kinds = builtin()
	for _, r := range s.store.list(definitions) {
		spec := mapAt(r.object, "spec")
		names := mapAt(spec, "names")
		k := &kind{
			group: text(spec, "group"), kind: text(names, "kind"), plural: text(names, "plural"),
			namespaced: text(spec, "scope") == "Namespaced", custom: true,
			short: texts(names, "shortNames"), categories: texts(names, "categories"),
		}
		for _, v := range listAt(spec, "versions") {
			version, _ := v.(map[string]any)
			if served, _ := version["served"].(bool); served {
				k.versions = append(k.versions, text(version, "name"))
			}
			if storage, _ := version["storage"].(bool); storage {
				k.storage = text(version, "name")
			}
			if mapAt(version, "subresources", "status") != nil {
				k.status = true
			}
		}
		if _, taken := s.kinds[k.resource()]; !taken && k.storage != "" {
			s.kinds[k.resource()] = k
		}
	}
}
