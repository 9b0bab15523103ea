// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"encoding/base64"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// defaults fill in what the real server fills in and clients read back. live is what the object replaces, or nil.
var defaults = map[schema.GroupResource]func(s *Server, live *record, o map[string]any){
	namespaces: func(_ *Server, live *record, o map[string]any) {
		childAt(o, "metadata", "labels")["kubernetes.io/metadata.name"] = meta(o).GetName()
		setDefault(childAt(o, "spec"), "finalizers", []any{"kubernetes"})
		if live == nil {
			o["status"] = map[string]any{"phase": "Active"}
		}
	},
	services: (*Server).completeService,
	pods: func(_ *Server, _ *record, o map[string]any) {
		completePod(childAt(o, "spec"))
		setDefault(childAt(o, "status"), "phase", "Pending")
	},
	deployments: func(_ *Server, _ *record, o map[string]any) {
		spec := childAt(o, "spec")
		setDefault(spec, "replicas", int64(1))
		setDefault(spec, "revisionHistoryLimit", int64(10))
		setDefault(spec, "progressDeadlineSeconds", int64(600))
		setDefault(childAt(spec, "strategy"), "type", "RollingUpdate")
		completePod(childAt(spec, "template", "spec"))
	},
	replicaSets: func(_ *Server, _ *record, o map[string]any) {
		setDefault(childAt(o, "spec"), "replicas", int64(1))
		completePod(childAt(o, "spec", "template", "spec"))
	},
	statefulSets: func(_ *Server, _ *record, o map[string]any) {
		spec := childAt(o, "spec")
		setDefault(spec, "replicas", int64(1))
		setDefault(spec, "podManagementPolicy", "OrderedReady")
		setDefault(childAt(spec, "updateStrategy"), "type", "RollingUpdate")
		completePod(childAt(spec, "template", "spec"))
	},
	daemonSets: func(_ *Server, _ *record, o map[string]any) {
		setDefault(childAt(o, "spec", "updateStrategy"), "type", "RollingUpdate")
		completePod(childAt(o, "spec", "template", "spec"))
	},
	jobs: func(_ *Server, _ *record, o map[string]any) {
		spec := childAt(o, "spec")
		setDefault(spec, "parallelism", int64(1))
		setDefault(spec, "completions", int64(1))
		setDefault(spec, "backoffLimit", int64(6))
		setDefault(spec, "suspend", false)
		completePod(childAt(spec, "template", "spec"))
	},
	claims: func(_ *Server, live *record, o map[string]any) {
		setDefault(childAt(o, "spec"), "volumeMode", "Filesystem")
		if live == nil {
			o["status"] = map[string]any{"phase": "Pending"}
		}
	},
	classes: func(_ *Server, _ *record, o map[string]any) {
		setDefault(o, "reclaimPolicy", "Delete")
		setDefault(o, "volumeBindingMode", "Immediate")
	},
	{Resource: "secrets"}: func(_ *Server, _ *record, o map[string]any) {
		setDefault(o, "type", "Opaque")
		for key, value := range mapAt(o, "stringData") {
			childAt(o, "data")[key] = base64.StdEncoding.EncodeToString([]byte(fmt.Sprint(value)))
		}
		delete(o, "stringData")
	},
}

func completePod(spec map[string]any) {
	setDefault(spec, "restartPolicy", "Always")
	setDefault(spec, "dnsPolicy", "ClusterFirst")
	setDefault(spec, "schedulerName", "default-scheduler")
	setDefault(spec, "terminationGracePeriodSeconds", int64(30))
	for _, c := range listAt(spec, "containers") {
		container, _ := c.(map[string]any)
		if container == nil {
			continue
		}
		setDefault(container, "imagePullPolicy", "IfNotPresent")
		for _, p := range listAt(container, "ports") {
			if port, ok := p.(map[string]any); ok {
				setDefault(port, "protocol", "TCP")
			}
		}
	}
}

// completeService gives a Service its type, ports in full and an address, which stays for life.
func (s *Server) completeService(live *record, o map[string]any) {
	spec := childAt(o, "spec")
	setDefault(spec, "type", "ClusterIP")
	setDefault(spec, "sessionAffinity", "None")
	for _, p := range listAt(spec, "ports") {
		if port, ok := p.(map[string]any); ok {
			setDefault(port, "protocol", "TCP")
			if to, ok := port["targetPort"]; !ok || to == int64(0) {
				port["targetPort"] = port["port"]
			}
		}
	}
	if text(spec, "type") == "ExternalName" {
		return
	}
	if live != nil {
		setDefault(spec, "clusterIP", mapAt(live.object, "spec")["clusterIP"])
	}
	if ip := text(spec, "clusterIP"); ip == "" {
		n := s.store.next()
		spec["clusterIP"] = fmt.Sprintf("10.112.%d.%d", n/254%32, n%254+1)
	}
	spec["clusterIPs"] = []any{spec["clusterIP"]}
}
