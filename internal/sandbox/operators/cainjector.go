// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"encoding/base64"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	injectFrom       = "cert-manager.io/inject-ca-from"
	injectFromSecret = "cert-manager.io/inject-ca-from-secret"
	allowInjection   = "cert-manager.io/allow-direct-injection"
)

var (
	validatingWebhooks = schema.GroupResource{Group: "admissionregistration.k8s.io", Resource: "validatingwebhookconfigurations"}
	mutatingWebhooks   = schema.GroupResource{Group: "admissionregistration.k8s.io", Resource: "mutatingwebhookconfigurations"}
	definitions        = schema.GroupResource{Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions"}
	apiServices        = schema.GroupResource{Group: "apiregistration.k8s.io", Resource: "apiservices"}
)

// caInjector plays cert-manager's cainjector: it writes the authority of a Certificate or Secret into webhooks, definitions
// and APIServices that ask for it by annotation.
func caInjector() *Operator {
	asks := func(o Object) bool {
		a := o.GetAnnotations()
		return a[injectFrom] != "" || a[injectFromSecret] != ""
	}
	inEach := func(o Object, bundle string) {
		for _, hook := range mapsAt(o.Object, "webhooks") {
			setBundle(hook, "clientConfig", bundle)
		}
	}
	kind := func(resource schema.GroupResource, version string, write func(Object, string)) Kind {
		return Kind{Resource: resource, Version: version, Only: asks, Play: func(s *Scene) Outcome { return inject(s, write) }}
	}
	return &Operator{
		Name: "cert-manager-cainjector", Image: "cert-manager-cainjector", When: certificates,
		Kinds: []Kind{
			kind(validatingWebhooks, "v1", inEach), kind(mutatingWebhooks, "v1", inEach),
			kind(definitions, "v1", func(o Object, bundle string) {
				if conversion := mapAt(o.Object, "spec", "conversion", "webhook"); conversion != nil {
					setBundle(conversion, "clientConfig", bundle)
				}
			}),
			kind(apiServices, "v1", func(o Object, bundle string) {
				setBundle(o.Object, "spec", bundle)
			}),
		},
	}
}

// setBundle writes the bundle into a child, unless that is not there.
func setBundle(o map[string]any, child, bundle string) {
	if c := mapAt(o, child); c != nil {
		c["caBundle"] = bundle
	}
}

func inject(s *Scene, write func(Object, string)) Outcome {
	ca := injected(s)
	if len(ca) == 0 {
		return Outcome{}
	}
	self := s.Object.DeepCopy()
	write(self, base64.StdEncoding.EncodeToString(ca))
	return Outcome{Self: self}
}

// injected is the authority that an object asks for, nil while it cannot be had.
func injected(s *Scene) []byte {
	annotations := s.Object.GetAnnotations()
	if from := annotations[injectFrom]; from != "" {
		namespace, name, _ := strings.Cut(from, "/")
		certificate := s.Get(certificates, namespace, name)
		if certificate == nil {
			return nil
		}
		data := secretData(s.World, namespace, textAt(certificate.Object, "spec", "secretName"))
		if o := s.Get(secrets, namespace, textAt(certificate.Object, "spec", "secretName")); o == nil || o.GetAnnotations()["cert-manager.io/certificate-name"] != name {
			return nil
		}
		return data["ca.crt"]
	}
	namespace, name, _ := strings.Cut(annotations[injectFromSecret], "/")
	if o := s.Get(secrets, namespace, name); o == nil || o.GetAnnotations()[allowInjection] != "true" {
		return nil
	}
	return secretData(s.World, namespace, name)["ca.crt"]
}
