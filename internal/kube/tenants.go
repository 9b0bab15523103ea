// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// tenants are what is left in a namespace: one object of another set of the platform, and one of nobody's that counts.
type tenants struct {
	sibling string // the other set's name
	other   string // the object
}

func (t tenants) any() bool { return t.sibling != "" || t.other != "" }

// keepsNamespace says why a namespace must stay: deleting it would delete all that is in it, a kept claim with its data
// included. When only other sets of the platform live in it, one of them takes it over, and it goes with that.
func (c *Cluster) keepsNamespace(ctx context.Context, conn *connection, set string, id ID) (string, error) {
	found, err := c.tenantsOf(ctx, conn, id.Name)
	if err != nil || !found.any() {
		return "", err
	}
	if found.other != "" {
		return found.other + " is in it", nil
	}
	if found.sibling == set {
		return "objects of this set are in it that were kept", nil
	}
	heir, known, err := c.Inventory(ctx, found.sibling)
	if err != nil {
		return "", err
	}
	if known && !has(heir.Objects, id) && !has(heir.Left, id) {
		heir.Left = append(heir.Left, id)
		if err := c.save(ctx, &heir); err != nil {
			return "", err
		}
	}
	return "set " + found.sibling + " lives in it and takes it over", nil
}

// tenantsOf looks through every kind for objects that are left in a namespace and are nobody's byproduct.
func (c *Cluster) tenantsOf(ctx context.Context, conn *connection, namespace string) (tenants, error) {
	kinds, err := conn.namespacedKinds()
	if err != nil {
		return tenants{}, fmt.Errorf("list the kinds that live in a namespace: %w", err)
	}
	found := make([]tenants, len(kinds))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, gvk := range kinds {
		group.Go(func() error {
			list := &metav1.PartialObjectMetadataList{}
			list.SetGroupVersionKind(gvk)
			err := conn.client.List(ctx, list, client.InNamespace(namespace))
			switch {
			case apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err), isUnknownKind(err):
				return nil
			case err != nil:
				return fmt.Errorf("look for %s in namespace %s: %w", gvk.Kind, namespace, err)
			}
			for j := range list.Items {
				o := &list.Items[j]
				switch {
				case isByproduct(gvk.Kind, o):
				case o.Labels[PlatformLabel] == c.options.Platform && o.Labels[SetLabel] != "":
					found[i].sibling = o.Labels[SetLabel]
				default:
					found[i].other = ID{gvk.Group, gvk.Version, gvk.Kind, o.Namespace, o.Name}.String()
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return tenants{}, err
	}
	var all tenants
	for _, f := range found {
		if all.sibling == "" {
			all.sibling = f.sibling
		}
		if all.other == "" {
			all.other = f.other
		}
	}
	return all, nil
}

// isByproduct is true of what Kubernetes itself, Istio or DOKS puts into every namespace, of what goes with its owner, and of
// what controllers leave when theirs is gone: leases, and Secrets of cert-manager's: those of its Certificates, which are signed anew, and
// the authority that its webhook makes for itself.
func isByproduct(kind string, o *metav1.PartialObjectMetadata) bool {
	if len(o.OwnerReferences) > 0 || o.DeletionTimestamp != nil {
		return true
	}
	switch kind {
	case "ConfigMap":
		return o.Name == "kube-root-ca.crt" || o.Name == "istio-ca-root-cert" && o.Labels["istio.io/config"] == "true"
	case "ServiceAccount":
		return o.Name == "default"
	case "Secret":
		if _, pulls := o.Annotations["digitalocean.com/dosecret-identifier"]; pulls { // from a registry at DigitalOcean
			return true
		}
		if o.Name == "cert-manager-webhook-ca" && o.Annotations["cert-manager.io/allow-direct-injection"] == "true" {
			return true
		}
		if o.Labels["controller.cert-manager.io/fao"] == "true" && o.Annotations["cert-manager.io/certificate-name"] != "" {
			return true
		}
		return strings.HasPrefix(o.Name, "default-token-") && o.Annotations[corev1.ServiceAccountNameKey] == "default"
	case "Endpoints", "EndpointSlice", "Lease", "PodMetrics":
		return true
	}
	return false
}
