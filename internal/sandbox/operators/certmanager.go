// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const certManagerGroup = "cert-manager.io"

var (
	issuers        = schema.GroupResource{Group: certManagerGroup, Resource: "issuers"}
	clusterIssuers = schema.GroupResource{Group: certManagerGroup, Resource: "clusterissuers"}
	certificates   = schema.GroupResource{Group: certManagerGroup, Resource: "certificates"}
)

// How long cert-manager takes, in model time: what happens in the cluster is done at once, what asks an ACME server waits for
// the challenge to be seen. The figures for ACME are of the order that its documentation tells people to expect.
const (
	certManagerIssues   = 2 * time.Second
	certManagerAccount  = 3 * time.Second
	certManagerACMEHTTP = 30 * time.Second
	certManagerACMEDNS  = 80 * time.Second
)

// certManager plays cert-manager's controller (1.21). Certificates are issued without the CertificateRequests, Orders and
// Challenges in between, which come and go in life; ACME issuers are signed for by an authority of the sandbox's own. Not
// played: Vault, Venafi, and the keystores in PKCS #12 and JKS.
func certManager() *Operator {
	return &Operator{
		Name: "cert-manager-controller", Image: "cert-manager-controller",
		Kinds: []Kind{
			{Resource: clusterIssuers, Play: playIssuer},
			{Resource: issuers, Play: playIssuer},
			{Resource: certificates, Play: playCertificate},
			{Resource: schema.GroupResource{Group: certManagerGroup, Resource: "certificaterequests"}, Play: playCertificateRequest},
		},
	}
}

// certificateSpec is what of a Certificate is played.
type certificateSpec struct {
	SecretName     string           `json:"secretName"`
	CommonName     string           `json:"commonName"`
	DNSNames       []string         `json:"dnsNames"`
	IPAddresses    []string         `json:"ipAddresses"`
	URIs           []string         `json:"uris"`
	EmailAddresses []string         `json:"emailAddresses"`
	Duration       *metav1.Duration `json:"duration"`
	RenewBefore    *metav1.Duration `json:"renewBefore"`
	IsCA           bool             `json:"isCA"`
	Usages         []string         `json:"usages"`
	IssuerRef      issuerRef        `json:"issuerRef"`
	Subject        struct {
		Organizations       []string `json:"organizations"`
		OrganizationalUnits []string `json:"organizationalUnits"`
		Countries           []string `json:"countries"`
	} `json:"subject"`
	PrivateKey struct {
		Algorithm      string `json:"algorithm"`
		Encoding       string `json:"encoding"`
		RotationPolicy string `json:"rotationPolicy"`
		Size           int    `json:"size"`
	} `json:"privateKey"`
	SecretTemplate struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"secretTemplate"`
}

type issuerRef struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Group string `json:"group"`
}

func (r issuerRef) kind() string {
	if r.Kind == "" {
		return "Issuer"
	}
	return r.Kind
}

// playCertificate keeps a Certificate's Secret: issues it, and issues it again when it is not what is wanted or grows old.
func playCertificate(s *Scene) Outcome {
	var spec certificateSpec
	read(mapAt(s.Object.Object, "spec"), &spec)
	namespace := s.Object.GetNamespace()
	have := secretData(s.World, namespace, spec.SecretName)
	current, why, says := spec.current(s, have)
	if current != nil {
		return Outcome{Status: certificateStatus(s, spec, current.certificate), Children: []Object{spec.secret(s, have)}}
	}
	waiting := func(says string) Outcome {
		status := map[string]any{"conditions": conditions(s.Object, s.Wall,
			condition{"Ready", "False", why, says, s.Object.GetGeneration()}, condition{"Issuing", "True", why, says, s.Object.GetGeneration()})}
		for _, kept := range []string{"revision", "notAfter"} {
			if v := mapAt(s.Object.Object, "status")[kept]; v != nil {
				status[kept] = v
			}
		}
		return Outcome{Status: status}
	}
	issuer := findIssuer(s.World, spec.IssuerRef, namespace)
	if spec.IssuerRef.Group != "" && spec.IssuerRef.Group != certManagerGroup || issuer == nil || conditionOf(issuer, "Ready") != "True" {
		return waiting(says)
	}
	if !s.Ripe(issueTime(issuer)) {
		return waiting(says)
	}
	made, err := spec.issue(s, issuer, have)
	if err != nil {
		return waiting(fmt.Sprintf("The certificate request has failed to complete and will be retried: %v", err))
	}
	key, err := encodeKey(made.key, spec.PrivateKey.Encoding == "PKCS8")
	if err != nil {
		return waiting(err.Error())
	}
	// The status follows once the Secret is seen, so that it never speaks of a certificate that was not kept.
	return Outcome{Children: []Object{spec.secret(s, map[string][]byte{"tls.crt": made.certificates(), "tls.key": key, "ca.crt": made.root()})}}
}

// current is the pair that a Secret holds if it is what the Certificate asks for; otherwise why not, in cert-manager's words.
func (c *certificateSpec) current(s *Scene, have map[string][]byte) (p *pair, reason, message string) {
	if have == nil {
		return nil, "DoesNotExist", "Issuing certificate as Secret does not exist"
	}
	if len(have["tls.crt"]) == 0 || len(have["tls.key"]) == 0 {
		return nil, "MissingData", "Issuing certificate as Secret does not contain a certificate and a private key"
	}
	p, err := parsePair(have["tls.crt"], have["tls.key"])
	if err != nil {
		return nil, "InvalidKeyPair", "Issuing certificate as Secret contains an invalid key-pair: " + err.Error()
	}
	was := s.Get(secrets, s.Object.GetNamespace(), c.SecretName).GetAnnotations()
	if was["cert-manager.io/issuer-name"] != c.IssuerRef.Name || was["cert-manager.io/issuer-kind"] != c.IssuerRef.kind() {
		return nil, "IncorrectIssuer", "Issuing certificate as Secret was previously issued by " + strconv.Quote(was["cert-manager.io/issuer-kind"]+"/"+was["cert-manager.io/issuer-name"])
	}
	x := p.certificate
	if x.Subject.CommonName != c.CommonName || !sameSet(x.DNSNames, c.DNSNames) || !sameSet(addresses(x.IPAddresses), c.IPAddresses) || x.IsCA != c.IsCA || !sameSet(links(x.URIs), c.URIs) {
		return nil, "RequestChanged", "Fields on existing CertificateRequest resource not up to date"
	}
	if !s.Wall.Before(x.NotAfter) {
		return nil, "Expired", "Certificate expired on " + x.NotAfter.UTC().Format(time.RFC1123)
	}
	if !s.Wall.Before(c.renewal(x)) {
		return nil, "Renewing", "Renewing certificate as renewal was scheduled at " + stamp(c.renewal(x))
	}
	return p, "", ""
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func addresses(ips []net.IP) []string {
	var out []string
	for _, ip := range ips {
		out = append(out, ip.String())
	}
	return out
}

func links(uris []*url.URL) []string {
	var out []string
	for _, u := range uris {
		out = append(out, u.String())
	}
	return out
}

// renewal is when a certificate is to be renewed: renewBefore its end, or after two thirds of its life.
func (c *certificateSpec) renewal(x *x509.Certificate) time.Time {
	life := x.NotAfter.Sub(x.NotBefore)
	before := life / 3
	if c.RenewBefore != nil && c.RenewBefore.Duration < life {
		before = c.RenewBefore.Duration
	}
	return x.NotAfter.Add(-before).Truncate(time.Second)
}

func certificateStatus(s *Scene, spec certificateSpec, x *x509.Certificate) map[string]any {
	revision := numberAt(s.Object.Object, 0, "status", "revision")
	if revision == 0 || conditionOf(s.Object, "Issuing") == "True" {
		revision++ // this one has just been issued
	}
	return map[string]any{
		"conditions": conditions(s.Object, s.Wall, condition{"Ready", "True", "Ready", "Certificate is up to date and has not expired", s.Object.GetGeneration()}),
		"notBefore":  stamp(x.NotBefore), "notAfter": stamp(x.NotAfter), "renewalTime": stamp(spec.renewal(x)),
		"revision": revision,
	}
}

// secret is the Secret with what it holds. It has no owner: by default it stays when the Certificate goes.
func (c *certificateSpec) secret(s *Scene, data map[string][]byte) Object {
	annotations := map[string]string{
		"cert-manager.io/certificate-name": s.Object.GetName(), "cert-manager.io/common-name": c.CommonName,
		"cert-manager.io/alt-names": strings.Join(c.DNSNames, ","), "cert-manager.io/ip-sans": strings.Join(c.IPAddresses, ","),
		"cert-manager.io/uri-sans": strings.Join(c.URIs, ","), "cert-manager.io/issuer-name": c.IssuerRef.Name,
		"cert-manager.io/issuer-kind": c.IssuerRef.kind(), "cert-manager.io/issuer-group": certManagerGroup,
	}
	maps.Copy(annotations, c.SecretTemplate.Annotations)
	labels := map[string]string{"controller.cert-manager.io/fao": "true"}
	maps.Copy(labels, c.SecretTemplate.Labels)
	return typed(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Object.GetNamespace(), Name: c.SecretName, Labels: labels, Annotations: annotations},
		Type:       corev1.SecretTypeTLS, Data: data,
	})
}

// issue makes the key, unless the one that is there is to be kept, and the certificate.
func (c *certificateSpec) issue(s *Scene, issuer Object, have map[string][]byte) (*pair, error) {
	key, err := parseKey(have["tls.key"])
	if err != nil || c.PrivateKey.RotationPolicy != "Never" {
		if key, err = newKey(c.PrivateKey.Algorithm, c.PrivateKey.Size); err != nil {
			return nil, err
		}
	}
	template, err := c.template(s.Wall)
	if err != nil {
		return nil, err
	}
	authority, err := authorityOf(s, issuer)
	if err != nil {
		return nil, err
	}
	if textAt(issuer.Object, "spec", "acme", "server") != "" {
		template.NotAfter = template.NotBefore.Add(90 * 24 * time.Hour) // Let's Encrypt's, whatever was asked for
	}
	return sign(template, key, authority)
}

func (c *certificateSpec) template(wall time.Time) (*x509.Certificate, error) {
	life := 90 * 24 * time.Hour
	if c.Duration != nil {
		life = c.Duration.Duration
	}
	t := &x509.Certificate{
		Subject: pkix.Name{
			CommonName: c.CommonName, Organization: c.Subject.Organizations, OrganizationalUnit: c.Subject.OrganizationalUnits, Country: c.Subject.Countries,
		},
		DNSNames: c.DNSNames, EmailAddresses: c.EmailAddresses, NotBefore: wall, NotAfter: wall.Add(life), IsCA: c.IsCA, BasicConstraintsValid: true,
	}
	for _, ip := range c.IPAddresses {
		t.IPAddresses = append(t.IPAddresses, net.ParseIP(ip))
	}
	for _, u := range c.URIs {
		link, err := url.Parse(u)
		if err != nil {
			return nil, fmt.Errorf("the uris: %w", err)
		}
		t.URIs = append(t.URIs, link)
	}
	usages := c.Usages
	if len(usages) == 0 {
		usages = []string{"digital signature", "key encipherment"}
	}
	if c.IsCA {
		usages = append(slices.Clone(usages), "cert sign")
	}
	for _, u := range usages {
		t.KeyUsage |= keyUsages[u]
		if extended, ok := extendedUsages[u]; ok {
			t.ExtKeyUsage = append(t.ExtKeyUsage, extended)
		}
	}
	return t, nil
}

var keyUsages = map[string]x509.KeyUsage{
	"signing": x509.KeyUsageDigitalSignature, "digital signature": x509.KeyUsageDigitalSignature,
	"key encipherment": x509.KeyUsageKeyEncipherment, "key agreement": x509.KeyUsageKeyAgreement, "cert sign": x509.KeyUsageCertSign,
	"crl sign": x509.KeyUsageCRLSign, "content commitment": x509.KeyUsageContentCommitment, "data encipherment": x509.KeyUsageDataEncipherment,
}

var extendedUsages = map[string]x509.ExtKeyUsage{
	"server auth": x509.ExtKeyUsageServerAuth, "client auth": x509.ExtKeyUsageClientAuth, "any": x509.ExtKeyUsageAny,
	"code signing": x509.ExtKeyUsageCodeSigning, "email protection": x509.ExtKeyUsageEmailProtection,
}
