// SPDX-License-Identifier: Apache-2.0

// Package dockerregistry is the product "docker-registry" of the category registry: the Distribution project's registry on the
// platform's own nodes. Its objects are k8or's own: they are few, and the one chart for it is hardly maintained.
package dockerregistry

import (
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/unit"
)

//go:embed README.md
var page string

// The images, named in full.
const (
	image   = "docker.io/library/registry:3.0.0"
	kubectl = "registry.k8s.io/kubectl:v1.36.0" // restarts the registry, so that it collects garbage
)

// Product is a registry in the cluster.
var Product = &product.Definition[v1alpha1.Registry, Options]{
	Category:   "registry",
	Name:       "docker-registry",
	Title:      "Docker Registry (Distribution)",
	Version:    "3.0.0",
	Licence:    "Apache-2.0",
	Placements: []product.Placement{product.Cluster},
	Page:       page,
	Lacks: []product.Lack{product.NoGrowth,
		{Fields: []string{"tier"}, Why: "it is what DigitalOcean sells", Fix: "remove it, or use `product: digitalocean`"},
		{Fields: []string{"owner"}, Why: "it is an organisation at Docker Hub", Fix: "remove it; images are named by `host`"},
		{Fields: []string{"credentials"}, Why: "k8or makes up who pulls from it", Fix: "remove it; `users` are who may push"},
		{Fields: []string{"deletionProtection"}, Why: "its images are on a volume or in a bucket, and none is deleted unless you name it", Fix: "remove it, or use `product: digitalocean`"}},
	Check:  check,
	Select: choose,
	Build:  build,
	Wire:   wire,
}

// Options are the settings that only this product has.
type Options struct {
	// Gateway is the gateway that carries the registry's host. Left open it is the one whose domains name the host, or the
	// only one.
	Gateway string `json:"gateway,omitempty"`
	// Resources are what the registry, and a mirror, ask for and may use, each where it is to be another than the size's:
	// `{requests: {cpu: 250m}, limits: {memory: 1Gi}}`.
	Resources v1alpha1.Resources `json:"resources,omitzero"`
}

type entry = product.Entry[v1alpha1.Registry, Options]

// size is what one word of the document sets together.
type size struct {
	cpu           unit.MilliCPU
	memory, limit unit.MiB
	disk          string
}

var sizes = map[string]size{
	"small":  {cpu: 50, memory: 64, limit: 256, disk: "20Gi"},
	"medium": {cpu: 100, memory: 128, limit: 512, disk: "100Gi"},
	"large":  {cpu: 250, memory: 256, limit: 1024, disk: "500Gi"},
}

func sizeOf(r v1alpha1.Registry) size {
	z, ok := sizes[r.Size]
	if !ok {
		z = sizes["small"]
	}
	if r.Storage != nil && r.Storage.Size != "" {
		z.disk = string(r.Storage.Size)
	}
	return z
}

// resources are the size's, with what the options say over it.
func resources(e entry) corev1.ResourceRequirements {
	z, o := sizeOf(e.Spec), e.Options.Resources
	out := corev1.ResourceRequirements{Requests: corev1.ResourceList{}, Limits: corev1.ResourceList{}}
	for _, a := range []struct {
		to     corev1.ResourceList
		name   corev1.ResourceName
		amount string
	}{
		{out.Requests, corev1.ResourceCPU, cmp.Or(string(o.Requests.CPU), z.cpu.String())}, {out.Requests, corev1.ResourceMemory, cmp.Or(string(o.Requests.Memory), z.memory.String())},
		{out.Limits, corev1.ResourceCPU, string(o.Limits.CPU)}, {out.Limits, corev1.ResourceMemory, cmp.Or(string(o.Limits.Memory), z.limit.String())},
	} {
		if a.amount != "" {
			a.to[a.name] = resource.MustParse(a.amount) // check refuses what is no amount
		}
	}
	return out
}

// checkResources refuses what is no amount, and requests beyond the limits.
func checkResources(e entry) []product.Refusal {
	var out []product.Refusal
	const field = "options.resources"
	for at, q := range map[string]v1alpha1.Quantity{"requests.cpu": e.Options.Resources.Requests.CPU, "requests.memory": e.Options.Resources.Requests.Memory,
		"limits.cpu": e.Options.Resources.Limits.CPU, "limits.memory": e.Options.Resources.Limits.Memory} {
		if _, ok := q.Float(); q != "" && !ok {
			out = append(out, product.Refusal{Field: field + "." + at, What: fmt.Sprintf("%q is no amount", q), Fix: "write it as Kubernetes does, such as 250m or 512Mi"})
		}
	}
	if out != nil {
		slices.SortFunc(out, func(a, b product.Refusal) int { return cmp.Compare(a.Field, b.Field) })
		return out
	}
	r := resources(e)
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		asked, most := r.Requests[name], r.Limits[name]
		if _, limited := r.Limits[name]; limited && asked.Cmp(most) > 0 {
			out = append(out, product.Refusal{Field: field, What: fmt.Sprintf("%s of %s is requested, and the limit is %s", name, asked.String(), most.String()), Fix: "raise the limit or lower the request"})
		}
	}
	return out
}

// class is the disk's storage class; the default keeps the volume when its claim goes.
func class(r v1alpha1.Registry) string {
	if r.Storage != nil && r.Storage.Class != "" {
		return r.Storage.Class
	}
	return "do-block-storage-retain"
}

func on(b *bool) bool { return b != nil && *b }

func choose(s *product.Selecting, e entry) {
	if e.Spec.Bucket != "" {
		return // what it holds is billed as the bucket's
	}
	disk := resource.MustParse(sizeOf(e.Spec).disk) // the document's rules refuse what is no amount
	gib := int(disk.Value() >> 30)
	s.Bill(price.Item{What: "volume of images", Kind: price.Volume, Min: gib, Max: gib})
	if on(e.Spec.Mirror) {
		s.Bill(price.Item{For: string(e.ID) + "/mirror", What: "volume of copies", Kind: price.Volume, Min: gib, Max: gib})
	}
}

// check says what this product cannot do of what is asked.
func check(p product.Platform, e entry) []product.Refusal {
	out := append(checkBucket(p, e), checkResources(e)...)
	if name := gatewayOf(p, e); p.Spec.Gateways[name].ProxyProtocol() {
		out = append(out, product.Refusal{Field: "host", What: fmt.Sprintf("nodes cannot pull from %s through gateways/%s", e.Spec.Host, name),
			Why: "its load balancer is of type proxy and speaks the PROXY protocol; within the cluster Kubernetes leads past it, and the gateway takes nobody who does not speak it",
			Fix: fmt.Sprintf("use `loadBalancer: {type: network}` for spec.%s, or lead the host to another gateway", v1alpha1.Join("gateways", name))})
	}
	if p.Rotates(e.ID) {
		out = append(out, product.Refusal{What: "what pods pull images with from a registry in the cluster is not changed by k8or", Why: "the registry knows one password of theirs, which is void as soon as there is another",
			Fix: "at a quiet hour delete the Secret " + authSecret + " of the namespace " + e.Namespace() + " and run `k8or up` at once: another is made up and written into every namespace"})
	}
	return out
}

// checkBucket says what keeps images from being kept in a bucket.
func checkBucket(p product.Platform, e entry) []product.Refusal {
	if e.Spec.Bucket == "" {
		return nil
	}
	name, own := strings.CutPrefix(e.Spec.Bucket, "storage/spaces/")
	there := false
	if own && p.Spec.Storage != nil {
		_, there = p.Spec.Storage.Spaces[name]
	}
	var out []product.Refusal
	if !there {
		out = append(out, product.Refusal{Field: "bucket", What: fmt.Sprintf("%q is no bucket of this document", e.Spec.Bucket), Why: "k8or gives the registry a key to a bucket that the document knows",
			Fix: "add `images: {}` below storage.spaces, and say `bucket: storage/spaces/images`"})
	}
	if e.Spec.Storage != nil {
		out = append(out, product.Refusal{Field: "storage", What: "a registry that keeps images in a bucket has no volume", Why: "they are kept in one place", Fix: "remove `storage`, or `bucket`"})
	}
	return out
}

// gatewayOf is the gateway that carries a host.
func gatewayOf(p product.Platform, e entry) string {
	if e.Options.Gateway != "" {
		return e.Options.Gateway
	}
	names := slices.Sorted(maps.Keys(p.Spec.Gateways))
	for _, name := range names {
		if slices.Contains(p.Spec.Gateways[name].Domains, e.Spec.Host) {
			return name
		}
	}
	if len(names) == 1 {
		return names[0]
	}
	return ""
}
