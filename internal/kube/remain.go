// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// remains says, while planning, what of a set is left for as long as something else is there: CRDs of custom resources that do not go,
// and the Secrets that cert-manager made for Certificates, which outlive these until their namespace goes. Ends says of a set that it goes
// too. What is made or goes between plan and run makes another of it, so the run tells once more.
func (c *Cluster) remains(ctx context.Context, s Inventory, sets []Inventory, ends func(set string) bool) ([]string, error) {
	var crds, certificates []ID
	for _, id := range slices.Concat(s.Left, s.Objects) {
		elsewhere := slices.ContainsFunc(sets, func(o Inventory) bool {
			return o.Name != s.Name && !ends(o.Name) && has(slices.Concat(o.Left, o.Objects), id)
		})
		spaceGoes := slices.ContainsFunc(sets, func(o Inventory) bool {
			return ends(o.Name) && has(o.Objects, ID{Kind: "Namespace", Name: id.Namespace})
		})
		switch {
		case elsewhere:
		case id.isCRD():
			crds = append(crds, id)
		case id.groupKind() == certificateKind && !spaceGoes:
			certificates = append(certificates, id)
		}
	}
	if len(crds)+len(certificates) == 0 {
		return nil, nil
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	said := make([]string, len(crds), len(crds)+len(certificates))
	group, ctx2 := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, crd := range crds {
		group.Go(func() error {
			tenant, err := c.tenantThatStays(ctx2, conn, crd, func(set string, _ ID) bool { return ends(set) })
			if tenant != "" {
				said[i] = fmt.Sprintf("%s stays as long as there is %s", crd, tenant)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, id := range certificates {
		secrets, err := conn.signedFor(ctx, id)
		if err != nil {
			return nil, err
		}
		for _, secret := range secrets {
			said = append(said, fmt.Sprintf("%s stays until its namespace goes", secret))
		}
	}
	return slices.DeleteFunc(said, func(one string) bool { return one == "" }), nil
}

// tenantThatStays names a custom resource for which a CRD stays; empty where there is none. Ends says of what the platform has in a set that
// it goes before.
func (c *Cluster) tenantThatStays(ctx context.Context, conn *connection, crd ID, ends func(set string, id ID) bool) (string, error) {
	live, err := conn.get(ctx, crd)
	if err != nil || live == nil || c.strangerTo(live) != "" {
		return "", err
	}
	all, err := conn.customResourcesOf(ctx, live)
	for _, o := range all {
		id := IDOf(&o)
		ours := o.Labels[PlatformLabel] == c.options.Platform && ends(o.Labels[SetLabel], id) && !holdsData(id)
		if ours || len(o.OwnerReferences) > 0 || o.DeletionTimestamp != nil {
			continue // it goes, by itself or with its owner
		}
		return id.String(), nil
	}
	return "", err
}

// certificateKind is cert-manager's.
var certificateKind = ID{Group: "cert-manager.io", Kind: "Certificate"}.groupKind()

// signedFor are the Secrets that cert-manager keeps a Certificate in, by its own marks on them.
func (conn *connection) signedFor(ctx context.Context, certificate ID) ([]ID, error) {
	found := &metav1.PartialObjectMetadataList{}
	found.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	if err := conn.client.List(ctx, found, client.InNamespace(certificate.Namespace), client.MatchingLabels{"controller.cert-manager.io/fao": "true"}); err != nil {
		return nil, fmt.Errorf("list the Secrets of %s: %w", certificate, err)
	}
	var out []ID
	for _, o := range found.Items {
		if o.Annotations["cert-manager.io/certificate-name"] == certificate.Name && len(o.OwnerReferences) == 0 {
			out = append(out, ID{Version: "v1", Kind: "Secret", Namespace: o.Namespace, Name: o.Name})
		}
	}
	return out, nil
}

// definitions are how many CRDs a set has.
func (i Inventory) definitions() int {
	n := 0
	for _, id := range i.Objects {
		if id.isCRD() {
			n++
		}
	}
	return n
}
