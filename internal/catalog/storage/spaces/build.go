// SPDX-License-Identifier: Apache-2.0

package spaces

import (
	"cmp"
	"maps"
	"net/url"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/secret"
)

// bindingType is what the Secrets of this product are for, in the word of the servicebinding.io specification.
const bindingType = "s3"

// keys are those of the Secret that an app gets; cdn only where there is one.
func keys(e entry) []string {
	out := []string{"type", "provider", "endpoint", "host", "region", "bucket", digitalocean.AccessKeyField, "secret-access-key"}
	if e.Spec.CDN != nil {
		out = append(out, "cdn")
	}
	return out
}

// place is where a bucket is, for what is written into Secrets.
type place struct{ endpoint, region, bucket, cdn string }

// data is what a Secret says of it.
func (p place) data() map[string]secret.Text {
	host := p.endpoint
	if u, err := url.Parse(p.endpoint); err == nil {
		host = u.Host
	}
	data := map[string]secret.Text{"type": secret.New(bindingType), "provider": secret.New("digitalocean"), "endpoint": secret.New(p.endpoint), "host": secret.New(host),
		"region": secret.New(p.region), "bucket": secret.New(p.bucket)}
	if p.cdn != "" {
		data["cdn"] = secret.New(p.cdn)
	}
	return data
}

func build(b *product.Building, e entry) error {
	base, err := b.Foundation()
	if err != nil {
		return err
	}
	name := cmp.Or(e.Spec.Name, b.Estate().NameOf(e.Name))
	at := graph.Known(place{endpoint: b.Estate().SpacesURL(region(b.Platform(), e)), region: region(b.Platform(), e), bucket: name})
	var after []graph.Option
	if !e.Spec.Existing {
		out := graph.Add(b.Graph(), e.ID, &digitalocean.Space{On: b.Estate(), Entry: string(e.ID), SpaceSpec: spec(b.Platform(), e, name), Project: base.Project})
		at = graph.Map(out, func(o digitalocean.SpaceOut) place {
			return place{endpoint: o.Endpoint, region: o.Region, bucket: o.Name}
		})
		after = append(after, graph.After(e.ID))
		b.Estate().WantSpace(name)
		if e.Spec.CDN != nil {
			cdn := buildCDN(b, e, base, out, name)
			at = graph.Map(graph.Join(at, graph.Map(cdn, func(url string) place { return place{cdn: url} })), func(parts []place) place {
				parts[0].cdn = parts[1].cdn
				return parts[0]
			})
		}
	}
	offered := product.Bucket{Entry: e.ID, Name: name, Region: region(b.Platform(), e), Endpoint: b.Estate().SpacesURL(region(b.Platform(), e)), Ready: e.ID}
	if e.Spec.Existing {
		offered.Ready = ""
	}
	product.Offer(b, offered)
	for _, c := range b.Platform().Clients(e.ID) {
		if err := client(b, e, c, name, at, after); err != nil {
			return err
		}
	}
	return nil
}

// client gives an app a key to the bucket, and the Secret that holds it.
func client(b *product.Building, e entry, c product.Client, bucket string, at graph.Value[place], after []graph.Option) error {
	before, err := b.ClientNamespace(c)
	if err != nil {
		return err
	}
	reads := c.Privileges == product.Reads
	held := product.BindingSecret(c.Namespace, c.SecretName(e.ID), bindingType)
	// The namespace comes first: between a key and the Secret that holds it nothing should have to be waited for.
	wanted := &digitalocean.SpacesKey{On: b.Estate(), Entry: string(e.ID), User: c.Name, Bucket: bucket, Own: !e.Spec.Existing, ReadOnly: reads, Rotate: b.Rotates(),
		HeldBy: digitalocean.SecretName{Namespace: held.GetNamespace(), Name: held.GetName()}}
	b.Estate().WantKey(wanted)
	key := graph.Add(b.Graph(), e.ID+graph.ID("/keys/"+c.Name), wanted, append(after, graph.After(before))...)
	id := e.ID + graph.ID("/apps/"+c.Name)
	secrets := graph.Map(key, func(k digitalocean.SpacesKeyOut) map[string]secret.Text {
		return map[string]secret.Text{digitalocean.AccessKeyField: secret.New(k.Access), "secret-access-key": k.Secret}
	})
	data := graph.Map(graph.Join(graph.Map(at, place.data), secrets), func(parts []map[string]secret.Text) map[string]secret.Text {
		all := map[string]secret.Text{}
		for _, part := range parts {
			maps.Copy(all, part)
		}
		return all
	})
	if err := b.Filled(id, held, data, graph.After(before)); err != nil {
		return err
	}
	b.Bind(e.ID, c, bindingType, keys(e), id)
	files := map[string]kube.SecretKey{}
	for _, key := range keys(e) {
		files["s3/"+key] = kube.SecretKey{Namespace: c.Namespace, Name: held.GetName(), Key: key}
	}
	proves := "an object can be put into the bucket, got again and deleted by the key of " + c.Name
	if reads {
		proves = "the bucket can be listed by the key of " + c.Name
	}
	product.Offer(b, product.Probe{Entry: e.ID, Name: "object-" + c.Name, Proves: proves,
		Spec: probe.Spec{Bucket: &probe.Bucket{Binding: "/probe/s3", Ask: reads}}, Namespace: c.Namespace, Files: files, Look: "the access key and the bucket in the control panel"})
	if app := b.Platform().Spec.Apps[c.Name]; c.Entry == "" && !app.FromImage() {
		b.Note("%s: app %s finds its key in the Secret %s/%s", e.ID, c.Name, c.Namespace, held.GetName())
	}
	return nil
}
