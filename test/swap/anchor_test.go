// SPDX-License-Identifier: Apache-2.0

package swap

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/k8or/k8or/internal/producttest"
)

// identities play what the proxies of a cluster trust and show: a proxy trusts the bundle that it was given as its pod was made, and
// shows a certificate of the authority that there was then, which it renews by the one that there is when 70 % of its day are over.
type identities struct {
	*testing.T
	bundles map[string]*x509.CertPool // by their sum
	sums    []string                  // in the order in which they were seen
	shows   map[string]shown          // by pod
	rolls   map[string]bool           // pods of apps and gateways that ever were
}

type shown struct {
	authority *x509.Certificate
	since     time.Time
}

// look holds the proxies of a cluster against one another: each has to trust what each other one shows, and what it would get now.
func (i *identities) look(now time.Time, exported []byte) (anchors []string, bundle string, authority *x509.Certificate) {
	var all struct {
		Objects []struct {
			Resource string
			Object   json.RawMessage
		}
	}
	if err := json.Unmarshal(exported, &all); err != nil {
		i.Fatal(err)
	}
	var pods []corev1.Pod
	for _, o := range all.Objects {
		switch o.Resource {
		case "pods":
			var pod corev1.Pod
			i.read(o.Object, &pod)
			pods = append(pods, pod)
		case "configmaps":
			var m corev1.ConfigMap
			if i.read(o.Object, &m); m.Name == "linkerd-identity-trust-roots" {
				bundle = m.Data["ca-bundle.crt"]
			}
		case "secrets":
			var s corev1.Secret
			i.read(o.Object, &s)
			switch {
			case s.Name == "linkerd-identity-issuer" && len(s.Data["tls.crt"]) > 0:
				block, _ := pem.Decode(s.Data["tls.crt"])
				var err error
				if authority, err = x509.ParseCertificate(block.Bytes); err != nil {
					i.Fatal(err)
				}
			case strings.HasPrefix(s.Name, "linkerd-trust-anchor"):
				anchors = append(anchors, s.Name)
			}
		}
	}
	sum := sha256.Sum256([]byte(bundle))
	if name := hex.EncodeToString(sum[:]); i.bundles[name] == nil {
		i.bundles[name], i.sums = x509.NewCertPool(), append(i.sums, name)
		i.bundles[name].AppendCertsFromPEM([]byte(bundle))
	}
	there := map[string]string{} // what a pod trusts
	for _, pod := range pods {
		trusts := pod.Annotations["linkerd.io/trust-root-sha256"]
		if trusts == "" || pod.Labels["linkerd.io/control-plane-component"] != "" || pod.DeletionTimestamp != nil || authority == nil {
			continue
		}
		name := pod.Namespace + "/" + pod.Name
		there[name] = trusts
		i.rolls[name] = true
		if was, known := i.shows[name]; !known || now.Sub(was.since) > 17*time.Hour {
			i.shows[name] = shown{authority, now}
		}
	}
	for one, trusts := range there {
		if !i.under(authority, trusts) {
			i.Errorf("at %s, %s does not trust who starts or renews its certificate now", now.Format(time.TimeOnly), one)
		}
		for other := range there {
			if !i.under(i.shows[other].authority, trusts) {
				i.Errorf("at %s, %s does not trust %s", now.Format(time.TimeOnly), one, other)
			}
		}
	}
	slices.Sort(anchors)
	return anchors, bundle, authority
}

// under is whether one of a bundle's anchors signed an authority.
func (i *identities) under(authority *x509.Certificate, bundle string) bool {
	_, err := authority.Verify(x509.VerifyOptions{Roots: i.bundles[bundle], CurrentTime: authority.NotBefore, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err == nil
}

func (i *identities) read(raw []byte, into any) {
	if err := json.Unmarshal(raw, into); err != nil {
		i.Fatal(err)
	}
}

// Linkerd's trust anchor gets another key without a moment in which one proxy does not trust another: cut off and begun again, there is
// one next anchor and no second one; pods roll once; and the old key goes when no certificate is left under it.
func TestATrustAnchorGetsAnotherKeyWithoutDowntime(t *testing.T) {
	t.Parallel()
	linkerd := strings.Replace(meshed, "product: istio", "product: linkerd", 1)
	next := strings.Replace(linkerd, "http-echo:1.0.0", "http-echo:1.0.1", 1)
	i := &identities{T: t, bundles: map[string]*x509.CertPool{}, shows: map[string]shown{}, rolls: map[string]bool{}}
	var pods int
	var cut []string
	const old, anew = "linkerd-trust-anchor", "linkerd-trust-anchor.2"
	producttest.Rotated(t, linkerd, next, "mesh", func(step string, now time.Time, exported []byte) {
		anchors, bundle, authority := i.look(now, exported)
		certificates := bytes.Count([]byte(bundle), []byte("BEGIN CERTIFICATE"))
		signed := func() string {
			if i.under(authority, i.sums[0]) {
				return old
			}
			return anew
		}
		want := map[string]struct {
			anchors []string
			bundle  int
			signs   string
		}{
			"up": {[]string{old}, 1, old}, "rotate": {[]string{old, anew}, 2, anew}, "day": {[]string{anew}, 1, anew}, "next": {[]string{anew}, 1, anew},
		}[step]
		switch step {
		case "up":
			pods = len(i.rolls)
			i.sums = i.sums[len(i.sums)-1:] // the one before had nothing
		case "cut":
			cut = append(cut, fmt.Sprintf("%d anchors, %d of them in the bundle, %s signs", len(anchors), certificates, signed()))
		case "day":
			if len(i.rolls) != 2*pods {
				t.Errorf("%d pods were made in place of %d: they are to start anew once", len(i.rolls)-pods, pods)
			}
		}
		if want.bundle != 0 && (!slices.Equal(anchors, want.anchors) || certificates != want.bundle || signed() != want.signs) {
			t.Errorf("after %s there are the anchors %v, %d of them in the bundle, and %s signs; it should be %+v", step, anchors, certificates, signed(), want)
		}
	})
	if slices.Sort(cut); len(slices.Compact(cut)) < 3 || pods == 0 {
		t.Errorf("of %d pods, it was cut off at %q: that proves nothing", pods, cut)
	}
}
