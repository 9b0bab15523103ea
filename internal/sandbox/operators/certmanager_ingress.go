// SPDX-License-Identifier: Apache-2.0

package operators

const (
	issuerAnnotation        = "cert-manager.io/issuer"
	clusterIssuerAnnotation = "cert-manager.io/cluster-issuer"
)

func asksForCertificates(o Object) bool {
	a := o.GetAnnotations()
	return a[issuerAnnotation] != "" || a[clusterIssuerAnnotation] != ""
}

// playIngressShim makes a Certificate for each of an Ingress's TLS entries, as its annotations ask. The same for gateways,
// which cert-manager does only when told to by a flag, is not played.
func playIngressShim(s *Scene) Outcome {
	kind, name := "Issuer", s.Object.GetAnnotations()[issuerAnnotation]
	if of := s.Object.GetAnnotations()[clusterIssuerAnnotation]; of != "" {
		kind, name = "ClusterIssuer", of
	}
	var out Outcome
	for _, entry := range mapsAt(s.Object.Object, "spec", "tls") {
		secret, hosts := textAt(entry, "secretName"), textsAt(entry, "hosts")
		if secret == "" || len(hosts) == 0 {
			continue
		}
		if there := s.Get(certificates, s.Object.GetNamespace(), secret); there != nil && !ownedBy(there, s.Object) {
			continue // somebody else's
		}
		o := &object{Object: map[string]any{
			"apiVersion": certManagerGroup + "/v1", "kind": "Certificate", "metadata": map[string]any{"name": secret, "namespace": s.Object.GetNamespace()},
			"spec": map[string]any{
				"secretName": secret, "dnsNames": all(hosts), "usages": []any{"digital signature", "key encipherment"},
				"issuerRef": map[string]any{"name": name, "kind": kind, "group": certManagerGroup},
			},
		}}
		if labels := s.Object.GetLabels(); labels != nil {
			o.SetLabels(labels)
		}
		out.Children = append(out.Children, owned(o, s.Object, true))
	}
	return out
}

// ownedBy is whether an object is among the owners of another.
func ownedBy(o, owner Object) bool {
	for _, ref := range o.GetOwnerReferences() {
		if ref.UID == owner.GetUID() {
			return true
		}
	}
	return false
}
