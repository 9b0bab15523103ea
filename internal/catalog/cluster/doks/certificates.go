// SPDX-License-Identifier: Apache-2.0

package doks

import (
	"maps"
	"slices"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/secret"
)

// certificates adds the document's certificates, each after the zones that its names are in.
func certificates(b *product.Building, zones map[string]graph.Value[digitalocean.DomainOut]) error {
	network := b.Platform().Spec.Network
	if network == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(network.Certificates)) {
		k := network.Certificates[name]
		own, err := ownCertificate(b.Platform(), k, "spec.network.certificates."+name)
		if err != nil {
			return err
		}
		var in []string
		for _, host := range k.Domains {
			if zone, ok := network.ZoneOf(strings.TrimPrefix(host, "*.")); ok && !slices.Contains(in, zone) {
				in = append(in, zone)
			}
		}
		var answered []graph.Value[digitalocean.DomainOut]
		for _, zone := range in {
			answered = append(answered, zones[zone])
		}
		graph.Add(b.Graph(), graph.ID("network/certificates/"+name), &digitalocean.Certificate{On: b.Estate(), Entry: name, Hosts: k.Domains, Zones: graph.Join(answered...), Own: own})
	}
	return nil
}

// ownCertificate reads one of somebody's own; it is empty where Let's Encrypt's is asked for.
func ownCertificate(p product.Platform, k v1alpha1.Certificate, at string) (digitalocean.OwnCertificate, error) {
	var own digitalocean.OwnCertificate
	for _, part := range []struct {
		field string
		from  *v1alpha1.Secret
		to    *secret.Text
	}{{"leafCertificate", k.LeafCertificate, &own.Leaf}, {"privateKey", k.PrivateKey, &own.Key}, {"certificateChain", k.CertificateChain, &own.Chain}} {
		if part.from == nil {
			continue
		}
		field, err := p.SecretField(part.field, *part.from, at+"."+part.field, "")
		if err != nil {
			return own, err
		}
		*part.to = secret.New(field.Text)
	}
	return own, nil
}
