// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/graph"
)

// Anchor is Linkerd's trust anchor, made by cert-manager, and what it signs. Each anchor keeps its key; for another key another anchor
// takes its turn beside it, under the next name: a Certificate, its Secret, and an Issuer that signs by it. What of the rotation is done
// is told by what is there, so that whoever comes next goes on from there:
//
//  1. the next anchor is made, and the bundle has both; what follows the bundle starts anew, so that its proxies trust both;
//  2. the authority of identities is signed by the next one as soon as no proxy is left that does not trust it;
//  3. the one before goes, and leaves the bundle, once no proxy has a certificate under it: these are renewed within a day.
//
// See https://linkerd.io/2/tasks/manually-rotating-control-plane-tls-credentials/ for the order.
type Anchor struct {
	Namespace string
	Name      string // of the first Certificate, its Secret and its Issuer
	Signed    string // the Certificate of the authority of identities, and its Secret
	Bundle    string // the ConfigMap of all anchors, the newest first
	Rotate    bool   // asks for the next one
}

const (
	// AnchorKey is the key of an anchors' bundle that names the newest of them.
	AnchorKey = "anchor"
	bundleKey = "ca-bundle.crt"

	// proxyLife is how long the certificate of a proxy is good for: the chart's identity.issuer.issuanceLifetime.
	proxyLife = 24 * time.Hour
	// mountLag is the longest that a pod goes on with what a Secret held that it mounts: the kubelet's period and its cache's.
	mountLag = 5 * time.Minute
)

// What Linkerd's injector and its chart mark pods with.
const (
	linkerdPlane     = "linkerd.io/control-plane-ns"
	linkerdComponent = "linkerd.io/control-plane-component"
	linkerdTrusts    = "linkerd.io/trust-root-sha256" // of the bundle that the proxy was given as it was made
)

// anchored is an anchor with what there is of it.
type anchored struct {
	Anchor
	turned
	signs int       // the turn that signs; 0 while nothing is signed
	since time.Time // since when it does
}

// anchors looks at what there is of an anchor.
func (c *Cluster) anchors(ctx context.Context, a Anchor) (anchored, error) {
	out := anchored{Anchor: a}
	all, err := c.Answers(ctx, ID{Group: "cert-manager.io", Version: "v1", Kind: "Certificate", Namespace: a.Namespace})
	if err != nil {
		return out, err
	}
	first := ID{Group: "cert-manager.io", Version: "v1", Kind: "Certificate", Namespace: a.Namespace, Name: a.Name}
	out.turned = c.turnsOf(Turn{Kind: first.Kind, Name: a.Name, Rotate: a.Rotate}, first, all)
	for i := range all {
		if all[i].GetName() == a.Signed {
			issuer, _, _ := unstructured.NestedString(all[i].Object, "spec", "issuerRef", "name")
			out.signs, out.since = turnOf(issuer, a.Name), lastWritten(&all[i])
		}
	}
	return out, nil
}

// newest is the youngest turn that is there.
func (a anchored) newest() int {
	if len(a.there) == 0 {
		return a.want
	}
	return a.there[len(a.there)-1]
}

// at is the name at a turn.
func (a anchored) at(turn int) string { return atTurn(a.Anchor.Name, turn) }

// atAnchor is a set with all turns of its anchor in the place of the first, its bundle made of them, and what is signed signed by
// the one whose turn it is.
func (c *Cluster) atAnchor(ctx context.Context, set Set) (Set, error) {
	a, err := c.anchors(ctx, *set.Anchor)
	if err != nil {
		return set, err
	}
	signer := a.newest()
	if a.signs > 0 && slices.Contains(a.there, a.signs) && a.signs != signer {
		distrusts, err := c.distrusts(ctx, a)
		if err != nil {
			return set, err
		}
		if distrusts != "" {
			signer = a.signs
		}
	}
	var objects []*unstructured.Unstructured
	for _, o := range set.Objects {
		switch {
		case o.GetName() == a.Anchor.Name && (o.GetKind() == "Certificate" || o.GetKind() == "Issuer"):
			secret := map[string][]string{"Certificate": {"spec", "secretName"}, "Issuer": {"spec", "ca", "secretName"}}[o.GetKind()]
			for _, n := range a.are() {
				one := o.DeepCopy()
				one.SetName(a.at(n))
				if err := unstructured.SetNestedField(one.Object, a.at(n), secret...); err != nil {
					return set, &RejectedError{IDOf(o), err}
				}
				objects = append(objects, one)
			}
		case o.GetName() == a.Signed && o.GetKind() == "Certificate":
			one := o.DeepCopy()
			if err := unstructured.SetNestedField(one.Object, a.at(signer), "spec", "issuerRef", "name"); err != nil {
				return set, &RejectedError{IDOf(o), err}
			}
			objects = append(objects, one)
		default:
			objects = append(objects, o)
		}
	}
	set.Objects, set.Derived = objects, slices.Clone(set.Derived)
	for i, d := range set.Derived {
		if d.Name == a.Bundle && d.ConfigMap {
			set.Derived[i].Fields = a.bundle()
		}
	}
	return set, nil
}

// bundle are the fields of the bundle: the anchors' certificates, the newest first, and its name.
func (a anchored) bundle() []Field {
	var fields []Field
	var names []string
	for _, n := range slices.Backward(a.are()) {
		names = append(names, a.at(n))
		fields = append(fields, Field{Key: a.at(n), Unwritten: true, From: &SecretKey{Namespace: a.Namespace, Name: a.at(n), Key: "tls.crt"}})
	}
	return append(fields, Field{Key: bundleKey, Compute: func(fields map[string][]byte, _ []byte) ([]byte, error) {
		var out [][]byte
		for _, name := range names {
			out = append(out, bytes.TrimSpace(fields[name]))
		}
		return append(bytes.Join(out, []byte("\n")), '\n'), nil
	}}, Field{Key: AnchorKey, Text: names[0]})
}

// proxies are the pods with a proxy of the anchor's mesh, its own control plane's among them. Those that have ended, or are told to, do
// not count: they open no connection to what starts after them.
func (c *Cluster) proxies(ctx context.Context, a anchored) ([]corev1.Pod, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	var pods corev1.PodList
	if err := conn.client.List(ctx, &pods, client.MatchingLabels{linkerdPlane: a.Namespace}); err != nil {
		return nil, fmt.Errorf("list the pods of the mesh: %w", err)
	}
	return slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool {
		return p.DeletionTimestamp != nil || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	}), nil
}

// distrusts says what keeps the newest anchor from signing: that the bundle does not have it yet, or a pod whose proxy was given
// the bundle before. The injector says of a pod which bundle that was; the control plane's own pods read it as they start.
func (c *Cluster) distrusts(ctx context.Context, a anchored) (string, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return "", err
	}
	var bundle corev1.ConfigMap
	err = conn.client.Get(ctx, client.ObjectKey{Namespace: a.Namespace, Name: a.Bundle}, &bundle)
	if err != nil && !apierrors.IsNotFound(err) {
		return "", fmt.Errorf("read ConfigMap %s/%s: %w", a.Namespace, a.Bundle, err)
	}
	if bundle.Data[AnchorKey] != a.at(a.newest()) {
		return fmt.Sprintf("ConfigMap %s/%s does not have %s yet", a.Namespace, a.Bundle, a.at(a.newest())), nil
	}
	sum := sha256.Sum256([]byte(bundle.Data[bundleKey]))
	trusts, written := hex.EncodeToString(sum[:]), lastWritten(&bundle)
	pods, err := c.proxies(ctx, a)
	if err != nil {
		return "", err
	}
	for _, pod := range pods {
		old := pod.Annotations[linkerdTrusts] != trusts
		if pod.Labels[linkerdComponent] != "" {
			old = pod.CreationTimestamp.Time.Before(written)
		}
		if old {
			return fmt.Sprintf("the proxy of pod %s/%s does not trust %s until the pod starts anew", pod.Namespace, pod.Name, a.at(a.newest())), nil
		}
	}
	return "", nil
}

// past are the turns before the newest of which something is left, if only the Secret, which cert-manager leaves behind.
func (c *Cluster) past(ctx context.Context, a anchored) ([]int, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	var out []int
	for n := 1; n < a.newest(); n++ {
		live, err := conn.get(ctx, a.secret(n))
		if err != nil {
			return nil, err
		}
		if live != nil || slices.Contains(a.there, n) {
			out = append(out, n)
		}
	}
	return out, nil
}

func (a anchored) secret(turn int) ID {
	return ID{Version: "v1", Kind: "Secret", Namespace: a.Namespace, Name: a.at(turn)}
}

// needed says why the anchors before the newest have to stay; empty when they may go.
func (c *Cluster) needed(ctx context.Context, a anchored) (string, error) {
	if a.signs != a.newest() {
		why, err := c.distrusts(ctx, a)
		if why == "" && err == nil {
			why = fmt.Sprintf("%s is to be signed by %s first", a.Signed, a.at(a.newest()))
		}
		return why, err
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return "", err
	}
	signed, err := conn.get(ctx, ID{Version: "v1", Kind: "Secret", Namespace: a.Namespace, Name: a.Signed})
	if err != nil {
		return "", err
	}
	if signed == nil || signed.GetAnnotations()["cert-manager.io/issuer-name"] != a.at(a.newest()) {
		return fmt.Sprintf("cert-manager is to sign %s by %s first", a.Signed, a.at(a.newest())), nil
	}
	renewed := a.since.Add(proxyLife + time.Hour) // an hour for clocks, and for what was signed meanwhile
	if !time.Now().Before(renewed) {
		return "", nil
	}
	data, _, err := conn.secret(ctx, a.Namespace, a.Signed)
	if err != nil {
		return "", err
	}
	from, err := validFrom(data["tls.crt"])
	if err != nil {
		return "", fmt.Errorf("read Secret %s/%s: %w", a.Namespace, a.Signed, err)
	}
	pods, err := c.proxies(ctx, a)
	if err != nil {
		return "", err
	}
	for _, pod := range pods {
		if pod.CreationTimestamp.Time.Before(from.Add(mountLag)) {
			return fmt.Sprintf("the proxy of pod %s/%s may have a certificate under it until %s, or until the pod starts anew", pod.Namespace, pod.Name, renewed.UTC().Format("2006-01-02 15:04 UTC")), nil
		}
	}
	return "", nil
}

// validFrom is when a certificate in PEM was signed.
func validFrom(text []byte) (time.Time, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return time.Time{}, fmt.Errorf("there is no certificate in PEM")
	}
	x, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}, err
	}
	return x.NotBefore, nil
}

// keepsAnchor says of a set whose anchor has one before it why that one is still there; empty where there is none.
func (c *Cluster) keepsAnchor(ctx context.Context, set Set) (string, error) {
	if !set.anchors() {
		return "", nil
	}
	a, err := c.anchors(ctx, *set.Anchor)
	if err != nil || len(a.there) < 2 {
		return "", err
	}
	why, err := c.needed(ctx, a)
	if why == "" || err != nil {
		return "", err
	}
	return fmt.Sprintf("%s stays beside %s: %s. `k8or up` takes it away after that", a.at(a.there[0]), a.at(a.newest()), why), nil
}

// anchors reports whether a set makes its anchor, and not only what that signs.
func (s Set) anchors() bool {
	return s.Anchor != nil && slices.ContainsFunc(s.Objects, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "Certificate" && o.GetName() == s.Anchor.Name
	})
}

// resigned is what a plan does not see change yet: that the next anchor signs, once it is there and trusted.
func (r *Objects) resigned(c *graph.Call) []graph.Change {
	a := r.set.Anchor
	if a == nil || !a.Rotate || r.set.anchors() || !slices.ContainsFunc(r.Sources, func(v graph.Value[Output]) bool { _, known := v.Get(c); return !known }) {
		return nil
	}
	return []graph.Change{{Path: fmt.Sprintf("Certificate %s/%s spec.issuerRef.name", a.Namespace, a.Signed), Unknown: true, Note: "by the new trust anchor, once no proxy is left that does not trust it"}}
}

// pastAnchor is an anchor whose turn is over.
type pastAnchor struct {
	access Access
	set    Set
	turn   int
}

// pastAnchors are the anchors whose turn is over and that nobody needs any more.
func (k *Kinds) pastAnchors(ctx context.Context, access Access, sets []Inventory) ([]graph.Item, error) {
	cluster := k.Cluster(access.ID)
	var items []graph.Item
	for _, s := range sets {
		k.mu.Lock()
		set := k.turning[s.Name]
		k.mu.Unlock()
		if !set.anchors() {
			continue
		}
		a, err := cluster.anchors(ctx, *set.Anchor)
		if err != nil {
			return nil, err
		}
		past, err := cluster.past(ctx, a)
		if err != nil || len(past) == 0 {
			return items, err
		}
		if why, err := cluster.needed(ctx, a); err != nil || why != "" {
			return items, err
		}
		for _, n := range past {
			key := s.Name + " " + a.at(n) + " (old)"
			items = append(items, graph.Item{Key: key, ID: key, Title: fmt.Sprintf("the trust anchor %s, under which no proxy has a certificate any more", a.at(n)),
				Owner: graph.ID(s.Known["node"]), Ref: pastAnchor{access, set, n}})
		}
	}
	return items, nil
}

// endAnchor deletes an anchor whose turn is over, its key at last.
func (c *Cluster) endAnchor(ctx context.Context, past pastAnchor) (string, error) {
	a, err := c.anchors(ctx, *past.set.Anchor)
	if err != nil {
		return "", err
	}
	if why, err := c.needed(ctx, a); err != nil || why != "" {
		return why, err
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return "", err
	}
	issuer := ID{Group: "cert-manager.io", Version: "v1", Kind: "Issuer", Namespace: a.Namespace, Name: a.at(past.turn)}
	certificate := issuer
	certificate.Kind = "Certificate"
	for _, id := range []ID{issuer, certificate, a.secret(past.turn)} {
		live, err := conn.get(ctx, id)
		if err != nil {
			return "", err
		}
		if live == nil {
			continue
		}
		if err := conn.delete(ctx, live); err != nil {
			return "", err
		}
	}
	inventory, known, err := c.Inventory(ctx, past.set.Name)
	if err != nil || !known {
		return "", err
	}
	inventory.Objects = slices.DeleteFunc(inventory.Objects, func(id ID) bool { return id.same() == issuer.same() || id.same() == certificate.same() })
	return "", c.save(ctx, &inventory)
}
