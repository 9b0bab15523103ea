// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// playIssuer says whether an Issuer or ClusterIssuer can sign.
func playIssuer(s *Scene) Outcome {
	spec := mapAt(s.Object.Object, "spec")
	generation := s.Object.GetGeneration()
	switch {
	case spec["selfSigned"] != nil:
		return Outcome{Status: map[string]any{"conditions": conditions(s.Object, s.Wall, condition{"Ready", "True", "IsReady", "", generation})}}
	case mapAt(spec, "ca") != nil:
		c := condition{"Ready", "True", "KeyPairVerified", "Signing CA verified", generation}
		if _, err := authorityOf(s, s.Object); err != nil {
			c = condition{"Ready", "False", "ErrGetKeyPair", "Error getting keypair for CA issuer: " + err.Error(), generation}
		}
		return Outcome{Status: map[string]any{"conditions": conditions(s.Object, s.Wall, c)}}
	case mapAt(spec, "acme") != nil:
		return playAccount(s)
	}
	return Outcome{} // another kind of issuer
}

// playAccount registers with an ACME server: it makes the account's key where there is none.
func playAccount(s *Scene) Outcome {
	acme := mapAt(s.Object.Object, "spec", "acme")
	if !s.Ripe(certManagerAccount) {
		return Outcome{}
	}
	out := Outcome{Status: map[string]any{
		"acme": map[string]any{"uri": textAt(acme, "server") + "/acct/1", "lastRegisteredEmail": textAt(acme, "email")},
		"conditions": conditions(s.Object, s.Wall,
			condition{"Ready", "True", "ACMEAccountRegistered", "The ACME account was registered with the ACME server", s.Object.GetGeneration()}),
	}}
	if textAt(acme, "email") == "" {
		delete(out.Status["acme"].(map[string]any), "lastRegisteredEmail")
	}
	name, namespace := textAt(acme, "privateKeySecretRef", "name"), issuerNamespace(s, s.Object)
	if name == "" || s.Get(secrets, namespace, name) != nil {
		return out
	}
	key, err := newKey("RSA", 2048)
	if err != nil {
		return s.failed(err)
	}
	text, err := encodeKey(key, false)
	if err != nil {
		return s.failed(err)
	}
	out.Children = []Object{secret(namespace, name, nil, map[string][]byte{"tls.key": text})}
	return out
}

// issuerNamespace is where an issuer's Secrets are: its own, or for a ClusterIssuer the controller's.
func issuerNamespace(s *Scene, issuer Object) string {
	if ns := issuer.GetNamespace(); ns != "" {
		return ns
	}
	return s.Controller.GetNamespace()
}

func findIssuer(w World, ref issuerRef, namespace string) Object {
	if ref.kind() == "ClusterIssuer" {
		return w.Get(clusterIssuers, "", ref.Name)
	}
	return w.Get(issuers, namespace, ref.Name)
}

// issueTime is how long an issuer takes.
func issueTime(issuer Object) time.Duration {
	solvers := mapsAt(issuer.Object, "spec", "acme", "solvers")
	for _, solver := range solvers {
		if solver["dns01"] != nil {
			return certManagerACMEDNS
		}
	}
	if mapAt(issuer.Object, "spec", "acme") != nil {
		return certManagerACMEHTTP
	}
	return certManagerIssues
}

// authorityOf is who signs for an issuer: nil when each certificate signs itself.
func authorityOf(s *Scene, issuer Object) (*pair, error) {
	spec := mapAt(issuer.Object, "spec")
	switch {
	case spec["selfSigned"] != nil:
		return nil, nil
	case mapAt(spec, "ca") != nil:
		name := textAt(spec, "ca", "secretName")
		data := secretData(s.World, issuerNamespace(s, issuer), name)
		if data == nil {
			return nil, fmt.Errorf("secrets %q not found", name)
		}
		p, err := parsePair(data["tls.crt"], data["tls.key"])
		if err != nil {
			return nil, fmt.Errorf("secret %q: %w", name, err)
		}
		if !p.certificate.IsCA {
			return nil, fmt.Errorf("secret %q: its certificate is not a CA's", name)
		}
		return p, nil
	case mapAt(spec, "acme") != nil:
		return acmeAuthority(s.Wall)
	}
	return nil, errors.New("the sandbox does not play this kind of issuer")
}

var acme struct {
	sync.Mutex
	authority *pair
}

// acmeAuthority signs in place of an ACME server's intermediate. It lives as long as the process.
func acmeAuthority(wall time.Time) (*pair, error) {
	acme.Lock()
	defer acme.Unlock()
	if acme.authority != nil {
		return acme.authority, nil
	}
	root, err := newAuthority(pkix.Name{Organization: []string{"k8or sandbox"}, CommonName: "(SIMULATED) Root X1"}, wall, 20*365*24*time.Hour)
	if err != nil {
		return nil, err
	}
	key, err := newKey("ECDSA", 256)
	if err != nil {
		return nil, err
	}
	acme.authority, err = sign(&x509.Certificate{
		Subject:   pkix.Name{Organization: []string{"k8or sandbox"}, CommonName: "(SIMULATED) Intermediate R1"},
		NotBefore: wall.Add(-time.Minute), NotAfter: wall.Add(3 * 365 * 24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}, key, root)
	return acme.authority, err
}

// playCertificateRequest signs requests that others than cert-manager make. One for an issuer that signs itself is not played.
func playCertificateRequest(s *Scene) Outcome {
	if conditionOf(s.Object, "Ready") == "True" {
		return Outcome{}
	}
	spec := mapAt(s.Object.Object, "spec")
	var ref issuerRef
	read(mapAt(spec, "issuerRef"), &ref)
	issuer := findIssuer(s.World, ref, s.Object.GetNamespace())
	approved := condition{"Approved", "True", "cert-manager.io", "Certificate request has been approved by cert-manager.io", 0}
	if issuer == nil || conditionOf(issuer, "Ready") != "True" || !s.Ripe(issueTime(issuer)) {
		return Outcome{Status: map[string]any{"conditions": conditions(s.Object, s.Wall, approved,
			condition{"Ready", "False", "Pending", "Waiting on certificate issuance", 0})}}
	}
	made, err := signRequest(s, issuer)
	if err != nil {
		return Outcome{Status: map[string]any{"failureTime": stamp(s.Wall), "conditions": conditions(s.Object, s.Wall, approved,
			condition{"Ready", "False", "Failed", err.Error(), 0})}}
	}
	return Outcome{Status: map[string]any{
		"certificate": base64.StdEncoding.EncodeToString(made.certificates()), "ca": base64.StdEncoding.EncodeToString(made.root()),
		"conditions": conditions(s.Object, s.Wall, approved, condition{"Ready", "True", "Issued", "Certificate fetched from issuer successfully", 0}),
	}}
}

func signRequest(s *Scene, issuer Object) (*pair, error) {
	text, err := base64.StdEncoding.DecodeString(textAt(s.Object.Object, "spec", "request"))
	if err != nil {
		return nil, fmt.Errorf("decode the request: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the request is not PEM")
	}
	asked, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	authority, err := authorityOf(s, issuer)
	if err != nil {
		return nil, err
	}
	if authority == nil {
		return nil, errors.New("the sandbox does not play requests to an issuer that signs itself")
	}
	spec := certificateSpec{IsCA: truthAt(s.Object.Object, false, "spec", "isCA"), Usages: textsAt(s.Object.Object, "spec", "usages")}
	var life struct {
		Duration *metav1.Duration `json:"duration"`
	}
	read(mapAt(s.Object.Object, "spec"), &life)
	spec.Duration = life.Duration
	t, err := spec.template(s.Wall)
	if err != nil {
		return nil, err
	}
	t.Subject, t.DNSNames, t.IPAddresses, t.URIs, t.EmailAddresses = asked.Subject, asked.DNSNames, asked.IPAddresses, asked.URIs, asked.EmailAddresses
	return signFor(t, asked.PublicKey, authority)
}
