// SPDX-License-Identifier: Apache-2.0

package mesh

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// CiliumConfig is where a cluster's Cilium reads how it is to work.
var CiliumConfig = kube.ID{Version: "v1", Kind: "ConfigMap", Namespace: "kube-system", Name: "cilium-config"}

// CiliumSetting is one of Cilium's settings; empty where it says nothing of it, and Cilium's own default holds.
func CiliumSetting(live *unstructured.Unstructured, key string) string {
	value, _, _ := unstructured.NestedString(live.Object, "data", key)
	return value
}

// LookAtCilium reads how the cluster's Cilium is set, before anything of a mesh with a proxy in each pod is there. The settings are
// DigitalOcean's to make, who publishes none of them, so that each cluster has to be asked.
func LookAtCilium(b *product.Building) error {
	return b.Needs("mtls", kube.Needed{Object: CiliumConfig, Say: passesBy})
}

// PassesBy reports whether Cilium leads connections past the proxies of a mesh. Where it stands in for kube-proxy it
// chooses one of a Service's pods as soon as a pod connects, unless it does so for the nodes' own processes alone; a proxy is then
// shown that pod's address and not the Service's (Cilium's documentation, "Socket LoadBalancer Bypass in Pod Namespace", and its guide
// to Istio; https://github.com/cilium/cilium/issues/16583). Not everybody saw it happen (issue 28304).
func PassesBy(live *unstructured.Unstructured) bool {
	replaces := CiliumSetting(live, "kube-proxy-replacement")
	chooses := replaces == "true" || replaces == "strict" || CiliumSetting(live, "bpf-lb-sock") == "true"
	return chooses && CiliumSetting(live, "bpf-lb-sock-hostns-only") != "true"
}

// passesBy says so. Nobody is kept from trying.
func passesBy(live *unstructured.Unstructured) string {
	if live == nil || !PassesBy(live) {
		return ""
	}
	return fmt.Sprintf("Cilium may lead calls between apps past the mesh's proxies: kube-system/cilium-config has kube-proxy-replacement %q and not bpf-lb-sock-hostns-only \"true\", and DigitalOcean sets back who changes it. "+
		"`k8or verify mesh` proves whether calls are mutual TLS; if they are not, choose `mtls: permissive`, or a cluster with `vpcNative: false`, where kube-proxy does it",
		CiliumSetting(live, "kube-proxy-replacement"))
}
